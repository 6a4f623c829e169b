//! The language: what is valid, and what wrong models are told.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::kernel::Op;
use super::{Constants, EquationError, Kernel, Model, Scope, Scratch, interpret};

const LIF: &str = "model lif \"leaky\"
param decay = 0.7 in [0, 1] \"share kept\"
param threshold = 1 in (0, inf) evolve neuron \"limit\"
state v = 0 \"potential\"
v = decay*v + (1 - decay)*I
spike v > threshold
reset zero: v = 0
reset subtract: v = v - threshold
";

/// Ticks of one neuron from its start: state and spike after each.
fn run(kernel: &Kernel, parameters: &[f64], inputs: &[[f32; 2]]) -> Vec<(Vec<f32>, bool)> {
    let constants = kernel.constants(parameters);
    let initial = kernel.initial(parameters);
    let mut states: Vec<f32> = initial.iter().flat_map(|&s| [s; 16]).collect();
    let mut scratch = Scratch::new(kernel);
    let mut tick = |[forward, recurrent]: &[f32; 2]| {
        let (forward, recurrent) = ([*forward; 16], [*recurrent; 16]);
        let mut spikes = [0];
        let shared = Constants::Shared(&constants);
        interpret::<true>(kernel, &mut scratch, shared, &forward, &recurrent, &mut states, &mut spikes);
        (states.iter().step_by(16).copied().collect(), spikes[0] & 1 == 1)
    };
    inputs.iter().map(&mut tick).collect()
}

fn defaults(model: &Model) -> Vec<f64> {
    model.parameters.iter().map(|parameter| parameter.default).collect()
}

/// Final state of a model without input.
fn after(text: &str, ticks: usize) -> Vec<f32> {
    let model = Model::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let kernel = model.kernel(None, false).unwrap();
    run(&kernel, &defaults(&model), &vec![[0.0; 2]; ticks]).pop().unwrap().0
}

#[test]
fn declarations_are_read() {
    let model = Model::parse(LIF).unwrap();
    assert_eq!((model.name.as_str(), model.summary.as_str()), ("lif", "leaky"));
    assert_eq!(model.resets, ["zero", "subtract"]);
    assert_eq!(model.parameters[0].range(), "[0, 1]");
    assert_eq!(model.parameters[1].range(), "(0, inf)");
    assert_eq!(model.parameters[1].evolve, Scope::Neuron);
    let allowed: Vec<bool> = [0.0, 1e-9, 1e30, f64::INFINITY, f64::NAN, -1.0]
        .map(|value| model.parameters[1].allows(value))
        .to_vec();
    assert_eq!(allowed, [false, true, true, false, false, false]);
    assert_eq!(model.states[0].meaning, "potential");
    assert!(model.spikes());
}

#[test]
fn lif_by_hand() {
    // decay 1/2: all values are exact. v = 1 is not above the threshold.
    let model = Model::parse(LIF).unwrap();
    let currents = [1.0, 1.25, 3.0, -1.0, 2.75, 0.0].map(|current| [current, 0.0]);
    let trace = |reset| {
        let kernel = model.kernel(Some(reset), false).unwrap();
        let trace = run(&kernel, &[0.5, 1.0], &currents).into_iter();
        trace.map(|(states, spike)| (states[0], spike)).collect::<Vec<_>>()
    };
    let zero = [(0.5, false), (0.875, false), (0.0, true), (-0.5, false), (0.0, true), (0.0, false)];
    assert_eq!(trace("zero"), zero);
    let subtract = [
        (0.5, false),
        (0.875, false),
        (0.9375, true), // 1.9375
        (-0.03125, false),
        (0.359375, true), // 1.359375
        (0.1796875, false),
    ];
    assert_eq!(trace("subtract"), subtract);
}

#[test]
fn refractory_neurons_hold() {
    let model = Model::parse(LIF).unwrap();
    let kernel = model.kernel(Some("subtract"), true).unwrap();
    assert_eq!(kernel.states, ["v", "refractory"]);
    // decay 1/2, threshold 1: a current of 4 spikes in each free tick.
    let trace = run(&kernel, &[0.5, 1.0, 2.0], &[[4.0, 0.0]; 7]);
    let spikes: Vec<bool> = trace.iter().map(|(_, spike)| *spike).collect();
    assert_eq!(spikes, [true, false, false, true, false, false, true]);
    let states: Vec<[f32; 2]> = trace.iter().map(|(states, _)| [states[0], states[1]]).collect();
    assert_eq!(states[..4], [[1.0, 2.0], [1.0, 1.0], [1.0, 0.0], [1.5, 2.0]]);
    // A period of 0 changes nothing.
    let free = model.kernel(Some("subtract"), false).unwrap();
    let inputs: Vec<[f32; 2]> = (0..50).map(|i| [(i % 7) as f32 * 0.6, 0.0]).collect();
    let (with, without) = (run(&kernel, &[0.5, 1.0, 0.0], &inputs), run(&free, &[0.5, 1.0], &inputs));
    for (with, without) in with.iter().zip(&without) {
        assert_eq!((with.0[0], with.1), (without.0[0], without.1));
    }
}

#[test]
fn operators_bind_as_in_mathematics() {
    let value = |expression: &str| {
        // Once over parameters, once over state: folded and computed each tick.
        let text = format!(
            "model m\nparam a = 2\nparam b = 3\nparam c = 5\nstate x = 2\nstate y = 3\nstate z = 5\n\
             state p = 0\nstate q = 0\np = {}\nq = {}",
            expression,
            expression.replace('a', "x").replace('b', "y").replace('c', "z")
        );
        let states = after(&text, 1);
        assert_eq!(states[3], states[4], "{expression}");
        states[3]
    };
    for (expression, expected) in [
        ("a + b*c", 17.0),
        ("a - b - c", -6.0),
        ("-a^2", -4.0),
        ("(-a)^2", 4.0),
        ("2*a^3", 16.0),
        ("a^-1", 0.5),
        ("a*-b", -6.0),
        ("--a", 2.0),
        ("c - (b - a)", 4.0),
        ("1/2/2", 0.25),
        (".5*a", 1.0),
        ("1e1*a", 20.0),
        ("2.5E-1*a", 0.5),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
    for (condition, expected) in [
        ("x < y", true),
        ("x >= y", false),
        ("x <= 2", true),
        ("x == 2", true),
        ("x != 2", false),
        ("not x > y", true),
        ("x > y or y > x and z > y", true),
        ("(x > y or y > x) and z < y", false),
        ("not not x < y", true),
        ("k > 0 and x < y", true),
        ("k < 0 or k > 1", false),
    ] {
        let text = format!(
            "model m\nparam k = 1\nstate x = 2\nstate y = 3\nstate z = 5\nstate r = 0\nr = if({condition}, 1, 2)"
        );
        assert_eq!(after(&text, 1)[3], if expected { 1.0 } else { 2.0 }, "{condition}");
    }
}

#[test]
fn lines_and_comments() {
    let text = "# first a comment\n\n  model m  # name\n\tstate x = 1 \r\n x = (x +\n   # inside\n 1)\nx = max(x,\n5)";
    assert_eq!(after(text, 1), [5.0]);
}

#[test]
fn input_is_split_only_on_request() {
    let kernel = |input: &str| {
        let text = format!("model m\nstate x = 0\nx = {input}");
        Model::parse(&text).unwrap().kernel(None, false).unwrap()
    };
    let x = |kernel: &Kernel| run(kernel, &[], &[[2.0, 8.0]])[0].0[0];
    let all = kernel("I");
    assert!(!all.recurrent && x(&all) == 2.0);
    for (input, expected) in [("I_in", 2.0), ("I_rec", 8.0), ("I + I_rec", 18.0), ("I_in - 2*I", -18.0)] {
        let kernel = kernel(input);
        assert!(kernel.recurrent && x(&kernel) == expected, "{input}");
    }
}

#[test]
fn spike_is_a_number_and_a_truth() {
    let text = "model m\nstate n = 0\nstate x = 0\nx = I\nspike 1 < x\nlet s = spike\n\
                n = n + 2*spike + if(s and not (spike), 100, if(spike, 10, 0))";
    let kernel = Model::parse(text).unwrap().kernel(None, false).unwrap();
    let trace = run(&kernel, &[], &[[1.0, 0.0], [1.5, 0.0], [0.0, 0.0]]);
    let n: Vec<(f32, bool)> = trace.iter().map(|(states, spike)| (states[0], *spike)).collect();
    assert_eq!(n, [(0.0, false), (12.0, true), (12.0, false)]);
}

#[test]
fn spikes_may_look_at_the_state_before_the_update() {
    // Spyx: spike from the old membrane potential, reset by subtraction.
    let text = "model m\nstate v = 0\nspike v > 1\nv = 0.5*v + I - spike";
    let kernel = Model::parse(text).unwrap().kernel(None, false).unwrap();
    let trace = run(&kernel, &[], &[[1.5, 0.0]; 3]);
    let trace: Vec<(f32, bool)> = trace.iter().map(|(states, spike)| (states[0], *spike)).collect();
    assert_eq!(trace, [(1.5, false), (1.25, true), (1.125, true)]);
}

#[test]
fn exploding_states_are_faults() {
    for text in [
        "model m\nstate x = 1\nx = x*x*1e9*(x*x*1e9)*(x*x*1e9)*(x*x*1e9)*(x*x*1e9)",
        "model m\nstate x = 1\nx = 1/(x - x)",
    ] {
        let model = Model::parse(text).unwrap();
        let kernel = model.kernel(None, false).unwrap();
        let mut states = [1.0_f32; 16];
        let mut scratch = Scratch::new(&kernel);
        let constants = Constants::Shared(&[]);
        let fault =
            interpret::<true>(&kernel, &mut scratch, constants, &[0.0; 16], &[], &mut states, &mut [0]);
        assert_eq!((fault, states), (0xffff, [0.0; 16]), "{text}");
    }
}

#[test]
fn constants_are_computed_once() {
    let model = Model::parse(
        "model m\nparam tau = 20\nparam dt = 0.5\nstate v = 0\n\
         let keep = exp(-dt/tau)\nv = keep*v + (1 - exp(-dt/tau))*I + 0*tau + v/tau",
    );
    let kernel = model.unwrap().kernel(None, false).unwrap();
    // keep, 1 - keep, 0·tau, 1/tau: each once.
    assert_eq!(kernel.constants, 4);
    let multiplications = kernel.ops.iter().filter(|op| matches!(op, Op::Mul(..))).count();
    assert_eq!((multiplications, kernel.ops.len()), (3, 4 + 2 + 3 + 3));
    let constants = kernel.constants(&[20.0, 0.5]);
    let keep = libm::exp(-0.025);
    assert_eq!(constants, [keep as f32, (1.0 - keep) as f32, 0.0, 0.05]);
    // Same expressions are one, unused ones none.
    let text = "model m\nstate v = 0\nlet a = (v + I)*(v + I)\nlet b = v*v > 1\nv = (I + v)*(v + I)";
    let kernel = Model::parse(text).unwrap().kernel(None, false).unwrap();
    assert_eq!(kernel.ops.len(), 4, "{:?}", kernel.ops);
}

#[test]
fn constants_that_are_no_numbers_are_found() {
    let text = "model m\nparam tau = 1\nstate v = 0\nv = v +\u{20}\u{20}I/tau";
    let kernel = Model::parse(text).unwrap().kernel(None, false).unwrap();
    assert!(kernel.check(&[2.0]).is_ok());
    let error = kernel.check(&[0.0]).unwrap_err();
    assert_eq!((error.line, error.column), (4, 12));
    assert!(error.message.contains("inf"), "{error}");
    // A model must at least work with its defaults.
    let error = Model::parse(&text.replace("tau = 1", "tau = 0")).unwrap_err();
    assert_eq!(error.line, 4, "{error}");
}

/// A wrong model, the place of the mistake, and words that the message holds.
#[test]
fn wrong_models_are_told_where_and_what() {
    let head = "model m\nparam decay = 0.5\nstate v = 0\n";
    let cases: &[(&str, (u32, u32), &[&str])] = &[
        ("", (1, 1), &["model lif"]),
        ("param a = 1", (1, 1), &["model lif"]),
        ("model", (1, 6), &["the name of the model", "end of the text"]),
        ("model m\nmodel n", (2, 7), &["second `model`"]),
        ("model m", (1, 7), &["neither"]),
        ("model m\nsource", (2, 7), &["quotes"]),
        ("model m \"open\nx", (1, 9), &["not closed"]),
        ("model m\nparam a = 2 in [0, 1]\nstate v = 0", (2, 11), &["outside its range [0, 1]"]),
        ("model m\nparam a = 0 in (0, 1]\nstate v = 0", (2, 11), &["(0, 1]"]),
        ("model m\nparam a = 0 in [1, 0]", (2, 17), &["empty"]),
        ("model m\nparam a = 0 in 1", (2, 16), &["range such as"]),
        ("model m\nparam a = 0 in [0; 1]", (2, 18), &["`,`"]),
        ("model m\nparam a = 0 in [0, 1", (2, 21), &["end of the range"]),
        ("model m\nparam a = inf", (2, 11), &["expected a number"]),
        ("model m\nparam a = 1 evolve layers", (2, 20), &["layers", "did you mean `layer`?", "neuron"]),
        ("model m\nparam a = 1\nstate a = 0", (3, 7), &["already declared in line 2"]),
        ("model m\nstate I = 0", (2, 7), &["the input current"]),
        ("model m\nstate exp = 0", (2, 7), &["a function"]),
        ("model m\nstate spike = 0", (2, 7), &["a word of the language"]),
        ("model m\nparam a = 1\nstate v = b", (3, 11), &["unknown parameter", "`b`", "valid: a"]),
        ("model m\nstate v = I", (2, 11), &["start value"]),
        ("model m\nstate v = 1 2", (2, 13), &["end of the line"]),
        ("@", (1, 1), &["'@'"]),
        ("model m\nstate v = 1e999", (2, 11), &["too large"]),
        ("model m\nstate v = 1.2.3", (2, 11), &["1.2.3"]),
        ("+v = 0.5*dcay", (4, 9), &["unknown symbol `dcay`", "did you mean `decay`?", "v, I, I_in, I_rec"]),
        ("+v = thr", (4, 5), &["unknown symbol `thr`; valid: decay, v, I"]),
        ("+w = 1", (4, 1), &["unknown state `w`; valid: v", "let w"]),
        ("+decay = 1", (4, 1), &["`decay` is a parameter"]),
        ("+I = 1", (4, 1), &["`I` is the input current"]),
        ("+let a = 1\na = 2", (5, 1), &["local"]),
        ("+v = b\nlet b = 1", (4, 5), &["before its `let`"]),
        ("+v = spike", (4, 5), &["only after the `spike` line"]),
        ("+spike = v > 1", (4, 1), &["`spike` is not assigned"]),
        ("+spike v", (4, 7), &["one comparison"]),
        ("+spike v > 1 and v > 2", (4, 13), &["one comparison"]),
        ("+spike v > 1\nspike v > 2", (5, 1), &["the first is line 4"]),
        ("+reset zero: v = 0", (4, 7), &["after the `spike` line"]),
        ("+spike v > 1\nreset v = 0", (5, 9), &["`:`", "reset zero"]),
        ("+spike v > 1\nreset zero: v = 0\nreset zero: v = 1", (6, 7), &["second reset `zero`"]),
        ("+spike v > 1\nreset zero: v = 0; x = 1", (5, 20), &["unknown state `x`"]),
        ("+spike v > 1\nreset zero: v = v - thr", (5, 21), &["unknown symbol `thr`"]),
        ("+v = foo(v)", (4, 5), &["unknown function `foo`", "exp"]),
        ("+v = sqr(v)", (4, 5), &["did you mean `sqrt`?"]),
        ("+v = exp(v, v)", (4, 5), &["takes 1 argument, not 2"]),
        ("+v = clamp(v)", (4, 5), &["takes 3 arguments, not 1"]),
        ("+v = exp", (4, 5), &["`exp` is a function"]),
        ("+v = v > 1", (4, 7), &["condition", "if(condition, 1, 0)"]),
        ("+v = if(v, 1, 0)", (4, 8), &["a number stands where a condition is due"]),
        ("+v = not v", (4, 9), &["a number stands"]),
        ("+v = 0 < v < 1", (4, 11), &["do not chain"]),
        ("+v = (v + 1", (4, 11), &["`(` of line 4, column 5 is not closed"]),
        ("+v = v +", (4, 8), &["expected a value"]),
        ("+v = 2v", (4, 5), &["`2*v`"]),
        ("+v = v = 1", (4, 7), &["end of the line"]),
        ("+v == 1", (4, 1), &["does not start a line"]),
        ("+v = = 1", (4, 5), &["expected a value", "`==`"]),
        ("+v = v^0.5", (4, 7), &["whole exponent"]),
        ("+v = v^v", (4, 7), &["whole exponent"]),
        ("+v = v^17", (4, 7), &["-16 to 16"]),
        ("+v = v/0", (4, 6), &["division by zero"]),
        ("+v = v + 1/0", (4, 10), &["inf"]),
        ("+v = v + ln(-1)", (4, 9), &["NaN"]),
        ("+v = v*1e39", (4, 7), &["this is 1e39, which is not a finite 32-bit number"]),
        ("+spke v > 1", (4, 1), &["`spke` does not start a line", "spike"]),
        ("+3 = v", (4, 1), &["cannot start with the number 3"]),
        ("+v = and", (4, 5), &["the word `and`"]),
        ("+v = 0 \u{2212} 1", (4, 7), &["\u{2212}"]),
    ];
    let mut wrong = Vec::new();
    for (text, place, words) in cases {
        let text = text.strip_prefix('+').map_or((*text).to_owned(), |rest| format!("{head}{rest}"));
        let error = Model::parse(&text).expect_err(&text);
        let told = words.iter().all(|word| error.message.contains(word));
        let shown = format!("line {}, column {}: {}", place.0, place.1, error.message);
        if !told || error.to_string() != shown {
            wrong.push(format!("{text}\n{error}\nexpected {place:?} {words:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn wrong_choices_are_told() {
    let model = Model::parse(LIF).unwrap();
    let error = model.kernel(Some("zreo"), false).unwrap_err();
    assert!(error.message.contains("`zreo` (did you mean `zero`?); valid: zero, subtract"), "{error}");
    let readout = Model::parse("model r\nstate x = 0\nx = I").unwrap();
    assert!(readout.kernel(Some("zero"), false).unwrap_err().message.contains("there is none"));
    assert!(readout.kernel(None, true).unwrap_err().message.contains("never spikes"));
}

#[test]
fn size_is_limited() {
    let head = "model m\nstate v = 0\n";
    let parse = |rest: String| Model::parse(&format!("{head}{rest}"));
    let message = |rest: String| parse(rest).unwrap_err().message;
    assert!(message(format!("# {}", "x".repeat(65_536))).contains("65"));
    assert!(message(format!("v = {}v{}", "(".repeat(80), ")".repeat(80))).contains("nested deeper"));
    assert!(message(format!("v = {}v", "-".repeat(80))).contains("nested deeper"));
    assert!(message(format!("v = {}v > 1", "not ".repeat(80))).contains("nested deeper"));
    assert!(message(format!("v = v{}", "^2".repeat(80))).contains("nested deeper"));
    assert!(message(format!("v = v{}", " + v".repeat(300))).contains("terms"));
    assert!(parse(format!("v = v{}", " + v".repeat(200))).is_ok());
    let names = |word: &str, n: usize| (0..n).map(|i| format!("{word} x{i} = 0\n")).collect::<String>();
    assert!(message(names("param", 65)).contains("more than 64"));
    assert!(message(names("state", 16)).contains("more than 16"));
    assert!(message((0..300).map(|i| format!("v = v + {i}\n")).collect()).contains("lines"));
    let tanh = "v = tanh(tanh(tanh(tanh(tanh(tanh(v + tanh(2*v))))))) + 1\n".repeat(200);
    assert!(message(tanh).contains("at most 1024"));
}

/// Words of the language in any order, to reach deep into it.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "model m\n",
        "param p = ",
        "state s = ",
        "let x = ",
        "spike ",
        "reset zero: ",
        "\n",
        "\n",
        " ",
        "s",
        "p",
        "x",
        "v",
        "I",
        "I_rec",
        "spike",
        " = ",
        "+",
        "-",
        "*",
        "/",
        "^",
        "(",
        ")",
        "[",
        "]",
        ",",
        ";",
        ":",
        "<",
        ">=",
        "==",
        " and ",
        " or ",
        " not ",
        "exp(",
        "if(",
        "clamp(",
        "ln(",
        "sqrt(",
        "1",
        "0",
        "2.5",
        "1e9",
        "-3",
        " in ",
        "inf",
        " evolve ",
        "neuron",
        "\"text\"",
        "# note",
        "\u{3b1}",
        "\"",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| format!("model m\nstate s = 0\n{}", words.concat()))
}

fn total(text: &str) {
    let lines = text.lines().count() as u32;
    match Model::parse(text) {
        Err(EquationError { line, column, message }) => {
            assert!(line >= 1 && line <= lines.max(1) + 1 && column >= 1 && !message.is_empty());
        }
        Ok(model) => {
            for reset in model.resets.iter().map(Some).chain([None]) {
                let kernel = model.kernel(reset.map(String::as_str), model.spikes()).unwrap();
                let parameters = vec![1.0; kernel.parameters];
                let trace = run(&kernel, &parameters, &[[0.5, -0.5]; 3]);
                assert!(trace.iter().all(|(states, _)| states.iter().all(|s| s.abs() <= 128.0)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_model_or_an_error(text in any::<String>()) {
        total(&text);
    }

    #[test]
    fn any_bytes_after_a_head(text in "[ -~\n]{0,200}") {
        total(&format!("model m\nstate v = 0\n{text}"));
    }

    #[test]
    fn any_words_are_a_model_or_an_error(text in soup()) {
        total(&text);
    }

    #[test]
    fn a_damaged_model_is_a_model_or_an_error(at in 0..LIF.len(), length in 0_usize..8, other in "[ -~\n]{0,4}") {
        let end = (at + length).min(LIF.len());
        total(&format!("{}{other}{}", &LIF[..at], &LIF[end..]));
    }
}
