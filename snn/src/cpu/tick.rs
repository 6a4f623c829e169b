//! One tick of a population: compiled models over lanes, others by interpretation.

use numerics::wide;

use crate::compiled::{Tick, with_compiled};
use crate::equations::{self, Constants, Kernel, interpret};
use crate::lanes::{Lanes, WIDTH};
use crate::network::{Population, Shape};
use crate::vector::{Set, Vector, compiled_for};

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

/// What neurons read and write in a tick.
pub(super) struct Neurons<'a> {
    pub(super) shape: Shape,
    /// From the population's first constant on.
    pub(super) constants: &'a [Lanes],
    pub(super) forward: &'a [Lanes],
    pub(super) recurrent: &'a [Lanes],
    pub(super) states: &'a mut [Lanes],
    /// Bit-packed spikes; empty if the model does not spike.
    pub(super) spikes: &'a mut [u64],
}

/// A tick of a compiled model; returns whether a state became infinite or no number.
pub(super) type TickFn = unsafe fn(&mut Neurons<'_>) -> bool;

/// What a tick reads and writes.
pub(super) struct Layer<'a> {
    pub(super) population: &'a Population,
    pub(super) grid: bool,
    pub(super) neurons: Neurons<'a>,
    /// Set if a state became infinite or no number.
    pub(super) faults: &'a mut bool,
    pub(super) scratch: &'a mut Scratch,
    /// Where to record current, membrane, threshold and states, if asked for.
    pub(super) traces: Option<&'a mut Vec<Vec<f32>>>,
}

/// The tick of `population`, if its model is compiled in.
pub(super) fn compiled(population: &Population, grid: bool, set: Set) -> Option<TickFn> {
    population.neuron.compiled().map(|compiled| {
        with_compiled!(compiled, |Kernel, S, C| match grid {
            true => chosen::<Kernel, S, C, true>(set),
            false => chosen::<Kernel, S, C, false>(set),
        })
    })
}

fn chosen<T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool>(set: Set) -> TickFn {
    compiled_for!(
        set,
        all[T, S, C, GRID](neurons: &mut Neurons<'_>) -> bool,
        [T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool]
    )
}

/// Updates states and spikes, by `compiled` if there is such a thing.
#[inline(always)]
pub(super) fn tick(compiled: Option<TickFn>, layer: &mut Layer<'_>) {
    match compiled {
        // Interpretation gives the same bits and knows what lies between.
        Some(compiled) if layer.traces.is_none() => {
            #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
            // SAFETY: the evaluator chose it for a set that the machine has.
            let fault = unsafe { compiled(&mut layer.neurons) };
            *layer.faults |= fault;
        }
        _ => interpreted(layer),
    }
}

/// One tick of all neurons, [`WIDTH`] at a time.
#[inline(always)]
fn all<V: Vector, T: Tick<S, C>, const S: usize, const C: usize, const GRID: bool>(
    neurons: &mut Neurons<'_>,
) -> bool {
    let Shape { neurons: count, stride, individual } = neurons.shape;
    let (forward, recurrent) = (&neurons.forward[..stride], &neurons.recurrent[..stride]);
    let mut constants = [V::splat(0.0); C];
    if !individual {
        for c in 0..C {
            constants[c] = V::load(&neurons.constants[c]);
        }
    }
    let (mut faults, mut word) = (0, 0);
    for column in 0..stride {
        if individual {
            for c in 0..C {
                constants[c] = V::load(&neurons.constants[c * stride + column]);
            }
        }
        let mut states = [V::splat(0.0); S];
        for s in 0..S {
            states[s] = V::load(&neurons.states[s * stride + column]);
        }
        let mut fault = V::none();
        let (next, fired) = T::tick::<V, GRID>(
            &constants,
            V::load(&forward[column]),
            V::load(&recurrent[column]),
            states,
            &mut fault,
        );
        for s in 0..S {
            next[s].store(&mut neurons.states[s * stride + column]);
        }
        // Padding is no neuron, whatever the model makes of zero current, and on a GPU there is none.
        let left = count - column * WIDTH;
        let used = if left < WIDTH { (1 << left) - 1 } else { u32::from(u16::MAX) };
        faults |= V::bits(fault) & used;
        let place = column % (64 / WIDTH);
        word |= u64::from(V::bits(fired) & used) << (place * WIDTH);
        if place + 1 == 64 / WIDTH || column + 1 == stride {
            if let Some(spikes) = neurons.spikes.get_mut(column * WIDTH / 64) {
                *spikes = word;
            }
            word = 0;
        }
    }
    faults != 0
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

/// Interprets blocks of neurons.
fn interpreted(layer: &mut Layer<'_>) {
    let population = layer.population;
    layer.neurons.spikes.fill(0);
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
        fill(forward, layer.neurons.forward);
        fill(recurrent, layer.neurons.recurrent);
        fill(states, layer.neurons.states);
        spikes.clear();
        spikes.resize(columns.len(), 0);
        let all = &layer.neurons.constants[..kernel.constants * population.constant_stride()];
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
        *layer.faults |= faults & !padding != 0;
        for (row, values) in states.chunks_exact(columns.len() * WIDTH).enumerate() {
            let lanes = &mut layer.neurons.states[row * stride..][columns.clone()];
            for (lanes, values) in lanes.iter_mut().zip(values.chunks_exact(WIDTH)) {
                lanes.0.copy_from_slice(values);
            }
        }
        if population.spiking() {
            for (column, &spikes) in columns.clone().zip(&*spikes) {
                layer.neurons.spikes[column * WIDTH / 64] |= u64::from(spikes) << (column * WIDTH % 64);
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
    // Padding is no neuron, whatever the model makes of zero current.
    let used = population.neurons % 64;
    if used > 0
        && let Some(last) = layer.neurons.spikes.last_mut()
    {
        *last &= (1 << used) - 1;
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
                let (mut faults, mut scratch) = (false, Scratch::default());
                tick(
                    compiled(population, true, Set::widest()),
                    &mut Layer {
                        population,
                        grid: true,
                        neurons: Neurons {
                            shape: population.shape(),
                            constants: &vec![Lanes::splat(0.5); population.neuron.kernel().constants],
                            forward: &forward,
                            recurrent: &vec![Lanes::ZERO; population.stride],
                            states: &mut vec![Lanes::ZERO; population.states().len()],
                            spikes: &mut vec![0; population.words],
                        },
                        faults: &mut faults,
                        scratch: &mut scratch,
                        traces: None,
                    },
                );
                assert_eq!(faults, bad < neurons, "{model}: lane {bad} of {neurons} neurons");
            }
        }
    }
}
