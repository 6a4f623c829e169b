//! Running a graph tick by tick.
//!
//! Rules: forward Euler in `f32` with the time step `dt`; in a tick each node is visited once, from
//! inputs to outputs, and spikes cross the whole graph; what arrives over several edges is summed in
//! their order; an edge that closes a cycle delivers the previous tick, and before the first tick
//! what its source makes of silence. A neuron adds its input to the current and the current to the
//! potential in the same tick, fires if `v > v_threshold`, and is reset in that tick. `I` and `IF`
//! add `r·x` per tick, as all libraries do; `Delay` holds back `round(delay/dt)` ticks. Sums run in
//! ascending order of the source without fused multiplication, so results have the same bits
//! everywhere.

use super::cell::{Cell, Rules, numbers};
use super::check::{At, Budget, MAX_SIGNAL, check_graph};
use super::error::{NirError, list};
use super::graph::{Array, Field, Graph, NodeKind, Value, count};
use super::perceptron::Nonlinearity;
use super::plan::{Plan, Unit};
use super::reset::ResetMode;
use super::spatial::{Correlation, Pooling};

/// What NIR leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Seconds (or the file's unit of time) per tick. Default: `dt` of the graph's metadata.
    pub dt: Option<f64>,
    /// What a spike does. Default: `reset` of the graph's metadata, else [`ResetMode::ToVReset`].
    pub reset: Option<ResetMode>,
    /// Membrane potentials start at `v_leak`, as in Norse, instead of 0. Default false.
    pub start_at_leak: bool,
    /// `I` and `IF` add `dt·r·x` per tick, as their equations say, instead of `r·x`. Default false.
    pub if_dt: bool,
}

/// Where a signal enters or leaves a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name of the node.
    pub name: String,
    /// Shape of one tick's signal.
    pub shape: Vec<usize>,
}

impl Port {
    /// Values per tick.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no values; never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A graph with its state.
pub struct Executor {
    /// In the order of visits.
    steps: Vec<Step>,
    /// Output of each step.
    values: Vec<Vec<f32>>,
    inputs: Vec<(Port, usize)>,
    outputs: Vec<(Port, usize)>,
    /// Sum of what arrives at a step.
    arriving: Vec<f32>,
}

struct Step {
    name: String,
    operation: Operation,
    /// What follows it.
    activation: Option<Nonlinearity>,
    /// Steps that feed it.
    sources: Vec<usize>,
    /// Number of values that arrive.
    width: usize,
}

enum Operation {
    /// Hands its input on.
    Pass,
    Dense(Dense),
    Scale(Vec<f32>),
    Threshold(Vec<f32>),
    Correlation(Correlation),
    Pooling(Pooling),
    Delay(Delay),
    Cell(Box<Cell>),
}

impl Executor {
    /// Prepares a graph, in its start state.
    ///
    /// # Errors
    /// What is wrong with the graph or what it lacks, by node and parameter; [`NirError::NoTimeStep`] if
    /// it needs a time step.
    pub fn new(graph: &Graph, options: &Options) -> Result<Self, NirError> {
        check_graph("", graph, 0)?;
        let plan = Plan::new(graph)?;
        let rules = rules(graph, options, &plan)?;
        let mut place = vec![0; plan.units.len()];
        for (step, &unit) in plan.order.iter().enumerate() {
            place[unit] = step;
        }
        let port = |&unit: &usize| {
            let Unit { name, shapes, .. } = &plan.units[unit];
            (Port { name: name.clone(), shape: shapes.0.clone() }, place[unit])
        };
        let (inputs, outputs) =
            (plan.inputs.iter().map(port).collect(), plan.outputs.iter().map(port).collect());
        let (mut steps, mut values, mut budget) = (Vec::new(), Vec::new(), Budget::new());
        for &unit in &plan.order {
            let unit = &plan.units[unit];
            let size = |shape: &[usize]| count(shape).expect("shapes have been checked");
            // Parameters, state and output, before any of it is made.
            let arrays = unit.kind.fields().into_iter().map(|(_, field)| match field {
                Field::Array(array) => array.data().len(),
                _ => 0,
            });
            let kept = arrays.fold(size(&unit.shapes.1), usize::saturating_add);
            budget.take(Some(kept)).map_err(|problem| unit.at().node(problem))?;
            steps.push(Step {
                name: unit.name.clone(),
                operation: operation(unit, rules, &mut budget)?,
                activation: unit.activation,
                sources: unit.sources.iter().map(|&source| place[source]).collect(),
                width: size(&unit.shapes.0),
            });
            values.push(vec![0.0; size(&unit.shapes.1)]);
        }
        let mut executor = Self { steps, values, inputs, outputs, arriving: Vec::new() };
        executor.reset();
        Ok(executor)
    }

    /// Where signals enter, by name.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = &Port> {
        self.inputs.iter().map(|(port, _)| port)
    }

    /// Where signals leave, by name.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = &Port> {
        self.outputs.iter().map(|(port, _)| port)
    }

    /// The only input and output.
    ///
    /// # Errors
    /// If there are several of either.
    pub fn ends(&self) -> Result<(&Port, &Port), NirError> {
        match (self.inputs.as_slice(), self.outputs.as_slice()) {
            ([(input, _)], [(output, _)]) => Ok((input, output)),
            (inputs, outputs) => {
                let names = |ports: &[(Port, usize)]| list(ports.iter().map(|(port, _)| &port.name));
                let problem = format!(
                    "the graph has inputs {} and outputs {}; expected one of each",
                    names(inputs),
                    names(outputs)
                );
                Err(NirError::Graph { problem })
            }
        }
    }

    /// Names of all nodes in the order in which a tick visits them; those of nested graphs with dots.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.steps.iter().map(|step| step.name.as_str())
    }

    /// Goes back to the start: silence, all currents 0, all potentials at their start value.
    pub fn reset(&mut self) {
        for (step, values) in self.steps.iter_mut().zip(&mut self.values) {
            match &mut step.operation {
                Operation::Cell(cell) => cell.reset(values),
                Operation::Delay(delay) => {
                    delay.reset();
                    values.fill(0.0);
                }
                _ => values.fill(0.0),
            }
        }
        // What the others make of silence; neurons and delays keep still.
        for step in 0..self.steps.len() {
            if !matches!(self.steps[step].operation, Operation::Cell(_) | Operation::Delay(_)) {
                self.visit(step, None);
            }
        }
    }

    /// One tick; `inputs` has the values of each input, in the order of [`inputs`](Self::inputs).
    ///
    /// # Panics
    /// If the number of inputs or of their values does not fit.
    pub fn tick(&mut self, inputs: &[&[f32]]) {
        assert_eq!(inputs.len(), self.inputs.len(), "one slice per input");
        for step in 0..self.steps.len() {
            let input = self.inputs.iter().position(|(_, at)| *at == step).map(|index| inputs[index]);
            self.visit(step, input);
        }
    }

    /// Sums what arrives at a step, or takes `input`, and computes its output.
    fn visit(&mut self, index: usize, input: Option<&[f32]>) {
        let step = &mut self.steps[index];
        self.arriving.clear();
        match (input, step.sources.split_first()) {
            (Some(input), _) => {
                assert_eq!(input.len(), step.width, "values of input '{}'", step.name);
                self.arriving.extend_from_slice(input);
            }
            (None, Some((first, rest))) => {
                self.arriving.extend_from_slice(&self.values[*first]);
                for &source in rest {
                    for (sum, value) in self.arriving.iter_mut().zip(&self.values[source]) {
                        *sum += value;
                    }
                }
            }
            (None, None) => self.arriving.resize(step.width, 0.0),
        }
        step.operation.apply(&self.arriving, &mut self.values[index]);
        if let Some(activation) = step.activation {
            activation.apply(&mut self.values[index]);
        }
    }

    /// Values of output `index` in the last tick.
    ///
    /// # Panics
    /// If there is no such output.
    #[must_use]
    pub fn output(&self, index: usize) -> &[f32] {
        &self.values[self.outputs[index].1]
    }

    /// What a node gave in the last tick.
    #[must_use]
    pub fn value(&self, node: &str) -> Option<&[f32]> {
        Some(&self.values[self.find(node)?])
    }

    /// A state of a neuron node after the last tick: `v`, or the current `i`.
    #[must_use]
    pub fn state(&self, node: &str, name: &str) -> Option<&[f32]> {
        match &self.steps[self.find(node)?].operation {
            Operation::Cell(cell) => cell.state(name),
            _ => None,
        }
    }

    fn find(&self, node: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == node)
    }

    /// Runs a graph with one input and one output from where it is: rows of input in, as many rows of
    /// output out.
    ///
    /// # Errors
    /// As [`ends`](Self::ends), and if the values do not fill whole rows.
    pub fn run(&mut self, input: &[f32]) -> Result<Vec<f32>, NirError> {
        let width = self.ends()?.0.len();
        if !input.len().is_multiple_of(width) {
            let problem = format!("{} values are no whole rows of {width}", input.len());
            return Err(NirError::Graph { problem });
        }
        let mut output = Vec::new();
        for row in input.chunks_exact(width) {
            self.tick(&[row]);
            output.extend_from_slice(self.output(0));
        }
        Ok(output)
    }
}

/// The time step for which every neuron has `r = tau/dt`, so that input counts fully: how files of
/// snnTorch are made, which do not say their time step. `None` if there is no such value.
#[must_use]
pub fn guess_dt(graph: &Graph) -> Option<f64> {
    let mut found = Vec::new();
    collect_steps(graph, &mut found)?;
    let first = *found.first()?;
    let alike = found.iter().all(|dt| (dt / first - 1.0).abs() < 1e-4);
    // Without the rounding of f32.
    if alike { format!("{first:.3e}").parse().ok() } else { None }
}

fn collect_steps(graph: &Graph, found: &mut Vec<f64>) -> Option<()> {
    for node in graph.nodes.values() {
        let (tau, r) = match &node.kind {
            NodeKind::Graph(nested) => {
                collect_steps(nested, found)?;
                continue;
            }
            NodeKind::Li { tau, r, .. }
            | NodeKind::Lif { tau, r, .. }
            | NodeKind::CubaLi { tau_mem: tau, r, .. }
            | NodeKind::CubaLif { tau_mem: tau, r, .. } => (tau, r),
            _ => continue,
        };
        for (tau, r) in tau.to_f64()?.into_iter().zip(r.to_f64()?) {
            // With r = 1 it is more likely that nothing is meant by it.
            (tau > 0.0 && r > 1.0 && r.is_finite()).then(|| found.push(tau / r))?;
        }
    }
    Some(())
}

/// Options, completed from the metadata.
fn rules(graph: &Graph, options: &Options, plan: &Plan<'_>) -> Result<Rules, NirError> {
    let wrong = |key: &str, problem: String| NirError::Metadata { key: key.to_owned(), problem };
    let reset = match (options.reset, graph.metadata.get("reset")) {
        (Some(reset), _) => reset,
        (None, None) => ResetMode::default(),
        (None, Some(value)) => {
            let word = if let Value::Array(array) = value { array.text() } else { None };
            let modes = [ResetMode::ToVReset, ResetMode::Subtract];
            modes.into_iter().find(|mode| Some(mode.name()) == word).ok_or_else(|| {
                wrong("reset", format!("is {word:?}, expected 'to_v_reset' or 'subtract'; or give the reset"))
            })?
        }
    };
    let noted = || match graph.metadata.get("dt") {
        None => Ok(None),
        Some(_) => {
            let dt = graph.dt().filter(|dt| dt.is_finite() && *dt > 0.0);
            dt.map(Some)
                .ok_or_else(|| wrong("dt", "is not a number above 0; or give the time step".to_owned()))
        }
    };
    let needed = plan.units.iter().any(|unit| match unit.kind {
        NodeKind::Delay { delay } => delay.to_f64().is_some_and(|delay| delay.iter().any(|&d| d != 0.0)),
        NodeKind::I { .. } | NodeKind::If { .. } => options.if_dt,
        kind => !kind.neuron().is_empty(),
    });
    let dt = match options.dt {
        Some(dt) if !(dt.is_finite() && dt > 0.0) => {
            return Err(NirError::Graph {
                problem: format!("the time step is {dt}, expected a number above 0"),
            });
        }
        Some(dt) => dt,
        None if !needed => 1.0,
        None => noted()?.ok_or_else(|| NirError::NoTimeStep { guess: guess_dt(graph) })?,
    };
    Ok(Rules { dt, reset, rest: options.start_at_leak, if_dt: options.if_dt })
}

fn operation(unit: &Unit<'_>, rules: Rules, budget: &mut Budget) -> Result<Operation, NirError> {
    let at = unit.at();
    let shapes = (unit.shapes.0.as_slice(), unit.shapes.1.as_slice());
    let floats = |field: &str, array: &Array| -> Result<Vec<f32>, NirError> {
        Ok(numbers(at, field, array)?.into_iter().map(|x| x as f32).collect())
    };
    Ok(match unit.kind {
        NodeKind::Input { .. } | NodeKind::Output { .. } | NodeKind::Flatten { .. } => Operation::Pass,
        NodeKind::Affine { weight, bias } => {
            Operation::Dense(Dense::new(weight.shape(), &floats("weight", weight)?, floats("bias", bias)?))
        }
        NodeKind::Linear { weight } => {
            Operation::Dense(Dense::new(weight.shape(), &floats("weight", weight)?, Vec::new()))
        }
        NodeKind::Scale { scale } => Operation::Scale(floats("scale", scale)?),
        NodeKind::Threshold { threshold } => {
            let values = threshold.to_f32().unwrap_or_default();
            if values.iter().any(|x| x.is_nan()) {
                return Err(at.field("threshold", "holds NaN"));
            }
            Operation::Threshold(values)
        }
        NodeKind::Conv1d(conv) => {
            let values = (floats("weight", &conv.weight)?, floats("bias", &conv.bias)?);
            Operation::Correlation(Correlation::new(conv, values, shapes))
        }
        NodeKind::Conv2d(conv) => {
            let values = (floats("weight", &conv.weight)?, floats("bias", &conv.bias)?);
            Operation::Correlation(Correlation::new(conv, values, shapes))
        }
        NodeKind::SumPool2d(pool) => Operation::Pooling(Pooling::new(pool, false, shapes)),
        NodeKind::AvgPool2d(pool) => Operation::Pooling(Pooling::new(pool, true, shapes)),
        NodeKind::Delay { delay } => Operation::Delay(Delay::new(at, delay, rules.dt, budget)?),
        neuron => Operation::Cell(Box::new(Cell::new(at, neuron, rules)?)),
    })
}

impl Operation {
    fn apply(&mut self, input: &[f32], output: &mut [f32]) {
        match self {
            Self::Pass => output.copy_from_slice(input),
            Self::Dense(dense) => dense.apply(input, output),
            Self::Scale(scale) => {
                for ((y, x), scale) in output.iter_mut().zip(input).zip(scale) {
                    *y = *scale * x;
                }
            }
            Self::Threshold(threshold) => {
                for ((y, x), threshold) in output.iter_mut().zip(input).zip(threshold) {
                    *y = if x > threshold { 1.0 } else { 0.0 };
                }
            }
            Self::Correlation(correlation) => correlation.apply(input, output),
            Self::Pooling(pooling) => pooling.apply(input, output),
            Self::Delay(delay) => delay.apply(input, output),
            Self::Cell(cell) => cell.tick(input, output),
        }
    }
}

/// `W·x + b` for one or a stack of matrices.
struct Dense {
    inputs: usize,
    outputs: usize,
    /// `[matrix][input][output]`.
    weight: Vec<f32>,
    /// One value per output, or per matrix and output; empty without bias.
    bias: Vec<f32>,
}

impl Dense {
    fn new(shape: &[usize], weight: &[f32], bias: Vec<f32>) -> Self {
        let (outputs, inputs) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let transposed = weight.chunks_exact(outputs * inputs).flat_map(|matrix| {
            (0..inputs).flat_map(move |i| (0..outputs).map(move |o| matrix[o * inputs + i]))
        });
        Self { inputs, outputs, weight: transposed.collect(), bias }
    }

    /// Sums ascend over inputs, those that are 0 left out; the bias comes last.
    fn apply(&self, input: &[f32], output: &mut [f32]) {
        let matrices = self.weight.chunks_exact(self.inputs * self.outputs);
        let signals = input.chunks_exact(self.inputs).zip(output.chunks_exact_mut(self.outputs));
        for (matrix, (x, y)) in matrices.zip(signals) {
            y.fill(0.0);
            for (&x, row) in x.iter().zip(matrix.chunks_exact(self.outputs)) {
                if x != 0.0 {
                    for (y, weight) in y.iter_mut().zip(row) {
                        *y += x * weight;
                    }
                }
            }
        }
        for (y, bias) in output.iter_mut().zip(self.bias.iter().cycle()) {
            *y += bias;
        }
    }
}

/// Holds each element back by a number of ticks.
struct Delay {
    ticks: Vec<usize>,
    /// The last inputs, `depth` rows, the newest at `at`.
    ring: Vec<f32>,
    depth: usize,
    at: usize,
}

impl Delay {
    fn new(at: At<'_>, delay: &Array, dt: f64, budget: &mut Budget) -> Result<Self, NirError> {
        let mut ticks = Vec::new();
        for delay in numbers(at, "delay", delay)? {
            let n = (delay / dt).round_ties_even();
            if !(0.0..MAX_SIGNAL as f64).contains(&n) {
                let problem =
                    format!("holds {delay}, which is {n} ticks of {dt}; valid: 0 to {MAX_SIGNAL} ticks");
                return Err(at.field("delay", problem));
            }
            ticks.push(n as usize);
        }
        let depth = ticks.iter().max().map_or(1, |most| most + 1);
        let values = count(&[depth, ticks.len()]);
        budget.take(values).map_err(|problem| {
            at.field("delay", format!("would keep {depth} ticks of {} values: it {problem}", ticks.len()))
        })?;
        Ok(Self { ring: vec![0.0; depth * ticks.len()], ticks, depth, at: 0 })
    }

    fn reset(&mut self) {
        self.ring.fill(0.0);
        self.at = 0;
    }

    fn apply(&mut self, input: &[f32], output: &mut [f32]) {
        let width = input.len();
        self.at = (self.at + 1) % self.depth;
        self.ring[self.at * width..][..width].copy_from_slice(input);
        for (index, (y, ticks)) in output.iter_mut().zip(&self.ticks).enumerate() {
            *y = self.ring[(self.at + self.depth - ticks) % self.depth * width + index];
        }
    }
}
