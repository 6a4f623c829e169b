//! Rust source of kernels, for the models that are compiled in.

use std::fmt::Write as _;

use super::kernel::{Kernel, Op};

/// A type that implements `Tick`.
pub struct Generated {
    /// Name of the type.
    pub name: String,
    /// Number of state variables.
    pub states: usize,
    /// Number of constants.
    pub constants: usize,
    /// Its source.
    pub source: String,
}

impl Kernel {
    /// A unit type that computes this kernel, called after the model and `variant`. The source
    /// needs `Tick`, `Vector` and `settle` in scope.
    pub fn rust(&self, variant: &str) -> Generated {
        let name = camel(&format!("{}_{variant}", self.model));
        let (states, constants) = (self.states.len(), self.constants);
        let mut body = String::new();
        let (needed, truths) = (self.needed(false), self.truths());
        for (index, op) in self.ops.iter().enumerate() {
            if needed[index] {
                let value = expression(*op, truths[index]);
                line(&mut body, format_args!("        let x{index} = {value};"));
            }
        }
        let next: Vec<String> =
            self.next.iter().map(|op| format!("settle::<V, GRID>(x{op}, fault)")).collect();
        let fired = self.spike.map_or("V::none()".to_owned(), |spike| format!("x{}", spike.fired));
        let mut source = String::new();
        let w = &mut source;
        line(w, format_args!("/// `{}`, {}.", self.model, variant.replace('_', ", ")));
        line(w, format_args!("#[derive(Clone, Copy, Debug)]\npub struct {name};\n"));
        line(w, format_args!("impl Tick<{states}, {constants}> for {name} {{"));
        line(w, format_args!("    #[inline(always)]\n    fn tick<V: Vector, const GRID: bool>("));
        line(w, format_args!("        c: &[V; {constants}],\n        forward: V,\n        recurrent: V,"));
        line(w, format_args!("        s: [V; {states}],\n        fault: &mut V::Mask,"));
        line(w, format_args!("    ) -> ([V; {states}], V::Mask) {{"));
        w.push_str(&body);
        line(w, format_args!("        ([{}], {fired})\n    }}\n}}\n", next.join(", ")));
        Generated { name, states, constants, source }
    }

    /// Which operations are truths.
    fn truths(&self) -> Vec<bool> {
        let mut truths: Vec<bool> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            truths.push(match *op {
                Op::Less(..) | Op::LessEqual(..) | Op::Equal(..) => true,
                Op::And(..) | Op::Or(..) | Op::Not(..) => true,
                Op::Select(_, a, _) => truths[a as usize],
                _ => false,
            });
        }
        truths
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a String does not fail");
}

/// `cuba_lif_zero` → `CubaLifZero`.
fn camel(name: &str) -> String {
    let mut result = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        result.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        result.extend(letters);
    }
    result
}

/// The operation over vectors; `truth` if its result is one.
fn expression(op: Op, truth: bool) -> String {
    match op {
        Op::Literal(bits) => format!("V::splat({})", literal(f32::from_bits(bits))),
        Op::Constant(index) => format!("c[{index}]"),
        Op::Forward => "forward".into(),
        Op::Recurrent => "recurrent".into(),
        Op::State(index) => format!("s[{index}]"),
        Op::Add(a, b) => format!("x{a} + x{b}"),
        Op::Sub(a, b) => format!("x{a} - x{b}"),
        Op::Mul(a, b) => format!("x{a} * x{b}"),
        Op::Neg(a) => format!("-x{a}"),
        Op::Abs(a) => format!("x{a}.abs()"),
        Op::Floor(a) => format!("x{a}.floor()"),
        Op::Less(a, b) => format!("x{a}.lt(x{b})"),
        Op::LessEqual(a, b) => format!("x{a}.le(x{b})"),
        Op::Equal(a, b) => format!("x{a}.eq(x{b})"),
        Op::And(a, b) => format!("V::and(x{a}, x{b})"),
        Op::Or(a, b) => format!("V::or(x{a}, x{b})"),
        Op::Not(a) => format!("V::not(x{a})"),
        Op::Select(c, a, b) if truth => format!("V::choose(x{c}, x{a}, x{b})"),
        Op::Select(c, a, b) => format!("V::select(x{c}, x{a}, x{b})"),
        Op::PowerOfTwo(a) => format!("x{a}.power_of_two()"),
        Op::Exponent(a) => format!("x{a}.exponent()"),
        Op::Mantissa(a) => format!("x{a}.mantissa()"),
        Op::ReciprocalSeed(a) => format!("x{a}.reciprocal_seed()"),
        Op::RootSeed(a) => format!("x{a}.root_seed()"),
    }
}

fn literal(value: f32) -> String {
    if value.is_finite() {
        format!("{value:?}_f32")
    } else {
        format!("f32::from_bits({:#x})", value.to_bits())
    }
}

/// One Rust file: the types of all kernels of `models` (texts), `MODELS` with their names and
/// texts, the enum `Compiled` of the kernels, `Compiled::find`, and the macro `with_compiled`.
///
/// # Errors
///
/// `NAME: line L, column C: …` for a wrong model.
pub fn module(texts: &[(String, String)]) -> Result<String, String> {
    let (mut types, mut variants, mut find, mut arms, mut models) =
        (String::new(), String::new(), String::new(), String::new(), String::new());
    for (name, text) in texts {
        let model = super::Model::parse(text).map_err(|error| format!("{name}: {error}"))?;
        if model.name != *name {
            return Err(format!("{name}: the model calls itself `{}`", model.name));
        }
        line(&mut models, format_args!("    ({name:?}, {text:?}),"));
        let resets: Vec<Option<&str>> = match model.resets.is_empty() {
            true => vec![None],
            false => model.resets.iter().map(|reset| Some(reset.as_str())).collect(),
        };
        for reset in resets {
            for refractory in [false, true] {
                if refractory && !model.spikes() {
                    continue;
                }
                let kernel = model.kernel(reset, refractory).map_err(|error| format!("{name}: {error}"))?;
                let words: Vec<&str> = reset.into_iter().chain(refractory.then_some("refractory")).collect();
                let Generated { name: kind, states, constants, source } = kernel.rust(&words.join("_"));
                types.push_str(&source);
                let words = format!("`{name}` {}", words.join(" "));
                line(&mut variants, format_args!("    /// {}.\n    {kind},", words.trim_end()));
                let key = format!("({name:?}, {:?}, {refractory})", reset.unwrap_or(""));
                line(&mut find, format_args!("            {key} => Some(Self::{kind}),"));
                line(
                    &mut arms,
                    format_args!(
                        "            $crate::compiled::Compiled::{kind} => {{\n                \
                         type $kernel = $crate::compiled::{kind};\n                \
                         const $states: usize = {states};\n                \
                         const $constants: usize = {constants};\n                $body\n            }}"
                    ),
                );
            }
        }
    }
    Ok(format!(
        "{types}/// Names and texts of the built-in models.\n\
         pub const MODELS: &[(&str, &str)] = &[\n{models}];\n\n\
         /// A kernel of a built-in model that is compiled in.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum Compiled {{\n{variants}}}\n\n\
         impl Compiled {{\n    \
         /// The kernel of a built-in model; `reset` is empty for a model without resets.\n    \
         pub fn find(model: &str, reset: &str, refractory: bool) -> Option<Self> {{\n        \
         match (model, reset, refractory) {{\n{find}            _ => None,\n        }}\n    }}\n}}\n\n\
         /// Evaluates `$body` for the kernel of a [`Compiled`]: `$kernel` is its type, `$states` and\n\
         /// `$constants` are its numbers of state variables and constants.\n\
         macro_rules! with_compiled {{\n    \
         ($compiled:expr, |$kernel:ident, $states:ident, $constants:ident| $body:expr) => {{\n        \
         match $compiled {{\n{arms}        }}\n    }};\n}}\n"
    ))
}
