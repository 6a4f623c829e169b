//! One tick of a population: compiled models over lanes, others by interpretation.

use numerics::wide;

use crate::compiled::with_compiled;
use crate::equations::{self, Constants, Kernel, Tick, interpret};
use crate::lanes::{Lanes, WIDTH};
use crate::network::Population;

/// Buffers of interpretation, kept for each population.
#[derive(Default)]
pub(super) struct Scratch {
    registers: Option<equations::Scratch>,
    constants: Vec<f32>,
    forward: Vec<f32>,
    recurrent: Vec<f32>,
    states: Vec<f32>,
    spikes: Vec<u16>,
}

/// What a tick reads and writes.
pub(super) struct Layer<'a> {
    pub(super) population: &'a Population,
    pub(super) grid: bool,
    /// From the population's first constant on.
    pub(super) constants: &'a [Lanes],
    pub(super) forward: &'a [Lanes],
    pub(super) recurrent: &'a [Lanes],
    pub(super) states: &'a mut [Lanes],
    /// Bit-packed spikes; empty if the model does not spike.
    pub(super) spikes: &'a mut [u64],
    /// Set to 1 if a state became infinite or no number.
    pub(super) faults: &'a mut u32,
    pub(super) scratch: &'a mut Scratch,
    /// Where to record current, membrane, threshold and states, if asked for.
    pub(super) traces: Option<&'a mut Vec<Vec<f32>>>,
}

/// Updates states and spikes.
pub(super) fn tick(layer: &mut Layer<'_>) {
    layer.spikes.fill(0);
    match layer.population.neuron.compiled() {
        // Interpretation gives the same bits and knows what lies between.
        Some(compiled) if layer.traces.is_none() => {
            with_compiled!(compiled, |Kernel, S, C| match layer.grid {
                true => all::<Kernel, S, C, true>(layer),
                false => all::<Kernel, S, C, false>(layer),
            });
        }
        _ => interpreted(layer),
    }
    // Padding is no neuron, whatever the model makes of zero current.
    let used = layer.population.neurons % 64;
    if used > 0
        && let Some(last) = layer.spikes.last_mut()
    {
        *last &= (1 << used) - 1;
    }
}

wide! {
    fn all[T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool][T, S, C, GRID](
        layer: &mut Layer<'_>,
    ) {
        let stride = layer.population.stride;
        let mut faults = [0; WIDTH];
        // What happens in the padding of the last column is no fault: on a GPU there is none.
        let used = layer.population.neurons - (stride - 1) * WIDTH;
        let shared: [Lanes; C] = std::array::from_fn(|c| layer.constants[c * layer.population.constant_stride()]);
        for column in 0..stride {
            let constants = match layer.population.individual {
                true => std::array::from_fn(|c| layer.constants[c * stride + column]),
                false => shared,
            };
            let before = faults;
            let bits = lanes::<T, S, C, GRID>(layer, column, &constants, &mut faults);
            if column + 1 == stride && used < WIDTH {
                for (lane, (fault, before)) in faults.iter_mut().zip(before).enumerate() {
                    *fault = if lane < used { *fault } else { before };
                }
            }
            if let Some(word) = layer.spikes.get_mut(column * WIDTH / 64) {
                *word |= bits << (column * WIDTH % 64);
            }
        }
        *layer.faults |= faults.iter().fold(0, |any, fault| any | fault);
    }
}

wide! {
    fn run[const GRID: bool][GRID](
        kernel: &Kernel,
        registers: &mut equations::Scratch,
        constants: Constants<'_>,
        currents: [&[f32]; 2],
        states: &mut [f32],
        spikes: &mut [u16],
    ) -> u64 {
        let [forward, recurrent] = currents;
        interpret::<GRID>(kernel, registers, constants, forward, recurrent, states, spikes)
    }
}

/// One tick of the 16 neurons of lane `column`; returns their spikes, lowest bit first.
#[inline(always)]
fn lanes<T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool>(
    layer: &mut Layer<'_>,
    column: usize,
    constants: &[Lanes; C],
    faults: &mut [u32; WIDTH],
) -> u64 {
    let stride = layer.population.stride;
    let (forward, recurrent) = (&layer.forward[column].0, &layer.recurrent[column].0);
    let mut states: [Lanes; S] = std::array::from_fn(|state| layer.states[state * stride + column]);
    // As wide as the state, which keeps the loop in vector registers.
    let mut spiked = [0_u32; WIDTH];
    for lane in 0..WIDTH {
        let constants: [f32; C] = std::array::from_fn(|c| constants[c].0[lane]);
        let state: [f32; S] = std::array::from_fn(|state| states[state].0[lane]);
        let (next, spike) =
            T::tick::<GRID>(&constants, forward[lane], recurrent[lane], state, &mut faults[lane]);
        spiked[lane] = u32::from(spike) << lane;
        for (lanes, value) in states.iter_mut().zip(next) {
            lanes.0[lane] = value;
        }
    }
    for (state, lanes) in states.into_iter().enumerate() {
        layer.states[state * stride + column] = lanes;
    }
    // Halves, which stay in vector registers.
    let mut half = WIDTH / 2;
    while half > 0 {
        for lane in 0..half {
            spiked[lane] |= spiked[lane + half];
        }
        half /= 2;
    }
    u64::from(spiked[0])
}

/// Interprets blocks of neurons.
fn interpreted(layer: &mut Layer<'_>) {
    let population = layer.population;
    let (kernel, stride) = (population.neuron.kernel(), population.stride);
    let Scratch { registers, constants, forward, recurrent, states, spikes } = &mut *layer.scratch;
    let registers = registers.get_or_insert_with(|| equations::Scratch::new(kernel));
    let run = if layer.grid { run::<true> } else { run::<false> };
    // 64 neurons at a time; with traces one lane, whose values the registers then still hold.
    let block = if layer.traces.is_some() { 1 } else { 4 };
    for first in (0..stride).step_by(block) {
        let columns = first..stride.min(first + block);
        // Rows of `stride` lanes to rows of the block.
        let fill = |to: &mut Vec<f32>, from: &[Lanes]| {
            to.clear();
            let rows = from.chunks_exact(stride);
            to.extend(rows.flat_map(|row| &row[columns.clone()]).flat_map(|lanes| lanes.0));
        };
        fill(forward, layer.forward);
        fill(recurrent, layer.recurrent);
        fill(states, layer.states);
        spikes.clear();
        spikes.resize(columns.len(), 0);
        let all = &layer.constants[..kernel.constants * population.constant_stride()];
        let constants = if population.individual {
            fill(constants, all);
            Constants::Own(constants)
        } else {
            constants.clear();
            constants.extend(all.iter().map(|lanes| lanes.0[0]));
            Constants::Shared(constants)
        };
        let faults = run(kernel, registers, constants, [forward, recurrent], states, spikes);
        // What happens in the padding is no fault: on a GPU there is none.
        let used = population.neurons - first * WIDTH;
        let padding = if used < 64 { !0 << used } else { 0 };
        *layer.faults |= u32::from(faults & !padding != 0);
        for (row, values) in states.chunks_exact(columns.len() * WIDTH).enumerate() {
            let lanes = &mut layer.states[row * stride..][columns.clone()];
            for (lanes, values) in lanes.iter_mut().zip(values.chunks_exact(WIDTH)) {
                lanes.0.copy_from_slice(values);
            }
        }
        if population.spiking() {
            for (column, &spikes) in columns.clone().zip(&*spikes) {
                layer.spikes[column * WIDTH / 64] |= u64::from(spikes) << (column * WIDTH % 64);
            }
        }
        if let Some(traces) = &mut layer.traces {
            let count = (columns.end * WIDTH).min(population.neurons) - first * WIDTH;
            traces.resize_with(1 + 2 * usize::from(population.spiking()) + kernel.states.len(), Vec::new);
            let mut traces = traces.iter_mut();
            let mut record = |values: &mut dyn Iterator<Item = f32>| {
                if let Some(trace) = traces.next() {
                    trace.extend(values.take(count));
                }
            };
            record(&mut forward.iter().zip(&*recurrent).map(|(a, b)| a + b));
            if let Some(spike) = kernel.spike {
                record(&mut (0..count).map(|lane| registers.value(spike.left, lane)));
                record(&mut (0..count).map(|lane| registers.value(spike.right, lane)));
            }
            for values in states.chunks_exact(columns.len() * WIDTH) {
                record(&mut values.iter().copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::config::{HiddenLayer, LayerConfig, SnnConfig};
    use crate::network::Network;

    /// A compiled model and an interpreted one, with an infinite current into one lane.
    #[test]
    fn only_neurons_raise_faults() {
        let own = "model own\nstate v = 0\nv = 0.5*v + I\nspike v > 1\nreset zero: v = 0\n";
        for (model, neurons) in [("lif", 5), ("lif", 16), ("lif", 21), (own, 5), (own, 64), (own, 70)] {
            let layer = LayerConfig { neurons, model: model.into(), ..LayerConfig::default() };
            let config = SnnConfig { hidden: vec![HiddenLayer::Dense(layer)], ..SnnConfig::default() };
            let network = Network::new(&config, 1, 1).unwrap();
            let population = &network.populations[0];
            for bad in 0..population.stride * WIDTH {
                let mut forward = vec![Lanes::ZERO; population.stride];
                forward[bad / WIDTH].0[bad % WIDTH] = f32::NEG_INFINITY;
                let (mut faults, mut scratch) = (0, Scratch::default());
                tick(&mut Layer {
                    population,
                    grid: true,
                    constants: &vec![Lanes::splat(0.5); population.neuron.kernel().constants],
                    forward: &forward,
                    recurrent: &vec![Lanes::ZERO; population.stride],
                    states: &mut vec![Lanes::ZERO; population.states().len()],
                    spikes: &mut vec![0; population.words],
                    faults: &mut faults,
                    scratch: &mut scratch,
                    traces: None,
                });
                assert_eq!(faults != 0, bad < neurons, "{model}: lane {bad} of {neurons} neurons");
            }
        }
    }
}
