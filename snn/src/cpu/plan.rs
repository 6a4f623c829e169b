//! Where weights and sums lie.
//!
//! All weights of one source neuron make one contiguous row: those into the first population it reaches, then into
//! the next. Sums of rows have the same shape, so that a spike adds its row as a whole. The leading part goes to
//! populations that see the spike in the next tick, the rest to those that see it in this one.
//!
//! Places and lengths count *columns*: [`WIDTH`] neighbouring targets.

use crate::lanes::WIDTH;
use crate::network::{Network, Projection, Source};

/// Weights of one projection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Of the first row.
    pub(crate) start: usize,
    /// From row to row.
    pub(crate) stride: usize,
}

/// What spikes of one source add up to.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) place: Place,
    /// Columns that have a meaning.
    pub(crate) width: usize,
    /// Columns before this one are seen in the next tick.
    pub(crate) split: usize,
    /// First column of the sums, and of what they start from.
    pub(crate) sums: usize,
    /// Targets of each neuron, if they are equally many.
    pub(crate) fan_out: Option<u32>,
    /// Per column: what 1 in its weights stands for, if they are integers.
    pub(crate) units: Vec<f32>,
}

/// What enters a population.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    /// First column of its constant current, unless that is part of the first sum.
    pub(crate) constant: Option<usize>,
    /// First columns of the sums.
    pub(crate) forward: Vec<usize>,
    /// Likewise, of what the neuron model reads apart.
    pub(crate) recurrent: Vec<usize>,
}

/// A projection from the encoder's currents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense {
    pub(crate) projection: usize,
    /// First column of the constant current it makes.
    pub(crate) constant: usize,
}

/// The layout of one network.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Per projection.
    pub(crate) places: Vec<Place>,
    /// Columns of all weights of one individual.
    pub(crate) columns: usize,
    /// Whether rows go through all targets, and the loop over rows can run.
    pub(crate) rows: bool,
    /// Per hidden layer.
    pub(crate) sources: Vec<Row>,
    /// The encoder, if it spikes.
    pub(crate) encoder: Option<Row>,
    /// Per population.
    pub(crate) inputs: Vec<Inputs>,
    pub(crate) dense: Vec<Dense>,
    /// Whether a population adds several sums, in another order than the loop over projections.
    pub(crate) several: bool,
    /// Columns of the sums.
    pub(crate) sums: usize,
    /// Columns of constant currents, of which the first are what the sums start from.
    pub(crate) constants: usize,
}

impl Plan {
    /// Rows are padded to multiples of `pad` columns.
    pub(crate) fn new(network: &Network, pad: usize) -> Self {
        let mut plan = Self {
            places: vec![Place { start: 0, stride: 0 }; network.projections.len()],
            columns: 0,
            rows: network.plastic.is_empty() && network.hidden().iter().all(|p| p.delays.is_empty()),
            sources: Vec::new(),
            encoder: None,
            inputs: vec![Inputs::default(); network.populations.len()],
            dense: Vec::new(),
            several: false,
            sums: 0,
            constants: 0,
        };
        for (index, projection) in network.projections.iter().enumerate() {
            if !plan.rows || network.is_dense(projection) {
                let stride = projection.cols.div_ceil(WIDTH).next_multiple_of(pad);
                plan.places[index] = Place { start: plan.columns, stride };
                // Some precisions take rows in pairs.
                plan.columns += stride * rows(projection).next_multiple_of(2);
            }
        }
        if !plan.rows {
            return plan;
        }
        // Where each projection's columns lie in the sums.
        let mut segments = vec![0; network.projections.len()];
        if network.encoder.encoder().spiking() {
            plan.encoder = Some(plan.row(network, Source::Input, pad, &mut segments));
        }
        for source in 0..network.hidden().len() {
            let row = plan.row(network, Source::Population(source), pad, &mut segments);
            plan.sources.push(row);
        }
        plan.constants = plan.sums;
        for (target, population) in network.populations.iter().enumerate() {
            let mut inputs = Inputs::default();
            for (projection, p) in network.incoming(target) {
                if network.is_dense(p) {
                    plan.dense.push(Dense { projection, constant: plan.constants });
                    inputs.constant = Some(plan.constants);
                } else if p.recurrent && population.neuron.kernel().recurrent {
                    inputs.recurrent.push(segments[projection]);
                } else {
                    inputs.forward.push(segments[projection]);
                }
            }
            if inputs.constant.is_some() {
                plan.constants += population.stride;
            }
            if let (Some(&first), Some(_)) = (inputs.forward.first(), inputs.constant) {
                // The sum starts from it.
                plan.constants -= population.stride;
                inputs.constant = None;
                let last = plan.dense.len() - 1;
                plan.dense[last].constant = first;
            }
            plan.several |= inputs.forward.len() > 1 || inputs.recurrent.len() > 1;
            plan.inputs[target] = inputs;
        }
        plan
    }

    /// Lays out the rows of one source.
    fn row(&mut self, network: &Network, source: Source, pad: usize, segments: &mut [usize]) -> Row {
        let (mut width, mut split, mut count, mut units) = (0, 0, 0, Vec::new());
        let own = |p: &Projection| p.source == source;
        // Projections are in the order of their targets.
        for (index, projection) in network.projections.iter().enumerate().filter(|(_, p)| own(p)) {
            segments[index] = self.sums + width;
            self.places[index].start = self.columns + width;
            width += projection.cols.div_ceil(WIDTH);
            units.resize(width, projection.unit.step);
            if matches!(source, Source::Population(source) if projection.target <= source) {
                split = width;
            }
            count = count.max(rows(projection));
        }
        let place = Place { start: self.columns, stride: width.next_multiple_of(pad) };
        units.resize(place.stride, 0.0);
        for (index, _) in network.projections.iter().enumerate().filter(|(_, p)| own(p)) {
            self.places[index].stride = place.stride;
        }
        let fan_out = match source {
            Source::Population(source) => network.same_fan_out(&network.populations[source]),
            Source::Input => None,
        };
        let row = Row { place, width, split, sums: self.sums, fan_out, units };
        self.columns += place.stride * count;
        self.sums += place.stride;
        row
    }
}

/// Rows of weights of a projection, the bias included.
fn rows(projection: &Projection) -> usize {
    projection.rows + usize::from(projection.bias)
}
