//! What a step works with: what all worlds share, buffers, and the functions compiled for a register.

use std::sync::Arc;

use super::blocks::{Hit, Rows};
use super::dynamics::{Group, Scratch};
use super::gauge::Gauge;
use super::lane::Lane;
use super::shape::Candidate;
use super::table::Tables;
use crate::Model;

/// What all worlds of a batch have in common.
pub(super) struct Shared {
    pub model: Arc<Model>,
    pub tables: Tables,
    pub gauges: Vec<Gauge>,
    /// Bodies whose contact forces are wanted.
    pub touched: Vec<usize>,
}

/// Contact force on a body, sum of normal forces, moment about the tree's reference point.
pub(super) type Felt<V> = [V; 7];

/// Buffers of a step.
pub(super) struct Work<V> {
    pub scratch: Scratch<V>,
    pub rows: Rows<V>,
    /// Per body of [`Shared::touched`].
    pub touch: Vec<Felt<V>>,
    /// Sensor values, one sensor after the other.
    pub sensed: Vec<V>,
    /// 1 in the lanes that blew up.
    pub bad: V,
}

impl<V: Lane> Work<V> {
    /// For sensors with so many values, of which some ask for the forces on `touched` bodies, and for their moments.
    pub(super) fn new(tables: &Tables, moments: bool, touched: usize, values: usize) -> Self {
        Self {
            scratch: Scratch::new(tables),
            rows: Rows::new(tables, moments),
            touch: vec![[V::zero(); 7]; touched],
            sensed: vec![V::zero(); values],
            bad: V::zero(),
        }
    }
}

/// A register type with functions compiled for its instructions. Each is compiled once, however often it is called.
pub(super) trait Run: Lane {
    /// One control step, then the sensors.
    fn step(shared: &Shared, group: &mut Group<Self>, work: &mut Work<Self>);
    /// Poses and velocities.
    fn look(tables: &Tables, group: &Group<Self>, scratch: &mut Scratch<Self>);
    /// The values of the sensors, without contact forces.
    fn sense(shared: &Shared, group: &Group<Self>, work: &mut Work<Self>);
    /// Where the two sides of a contact meet.
    fn hit(scratch: &Scratch<Self>, tables: &Tables, contact: &Candidate) -> Option<Hit<Self>>;
}
