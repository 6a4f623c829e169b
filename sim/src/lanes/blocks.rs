//! Constraints of a physics step, one row or block each, as the solver sweeps over them.

use super::lane::Lane;
use super::table::Tables;
use super::vector::{V3, add as add3, array, cross};

/// A limit or dry friction of one degree of freedom: a force between `low` and `high`.
pub(super) struct Single<V> {
    pub dof: usize,
    /// Where to keep the force: limits first, then dry friction.
    pub index: usize,
    pub y: usize,
    pub sign: V,
    pub reference: V,
    pub regularization: V,
    pub inverse: V,
    pub low: V,
    pub high: V,
    pub force: V,
}

/// A contact of `D` directions (the normal is the last) with `E` forces.
#[derive(Clone)]
pub(super) struct Block<V, const D: usize, const E: usize> {
    pub contact: usize,
    pub y: usize,
    /// A between the forces.
    pub a: [[V; E]; E],
    /// Reference acceleration per direction.
    pub reference: [V; D],
    pub regularization: V,
    /// Friction coefficients; the last entry is not used.
    pub friction: [V; D],
    pub inverse: [V; E],
    pub force: [V; E],
    /// First tangent, second tangent, normal.
    pub frame: [V3<V>; 3],
}

/// All blocks of one size. Room for every possible contact is there from the start, and blocks are written
/// where they stay: they are large.
pub(super) struct Blocks<V, const D: usize, const E: usize> {
    pub room: Vec<Block<V, D, E>>,
    pub used: usize,
    pub y: Vec<[V; D]>,
}

pub(super) struct Rows<V> {
    pub singles: Vec<Single<V>>,
    pub y: Vec<[V; 1]>,
    pub frictionless: Blocks<V, 1, 1>,
    pub pyramids: Blocks<V, 3, 4>,
    pub pyramids4: Blocks<V, 4, 6>,
    pub pyramids6: Blocks<V, 6, 10>,
    pub cones: Blocks<V, 3, 3>,
    pub cones4: Blocks<V, 4, 4>,
    pub cones6: Blocks<V, 6, 6>,
    /// Per contact: [`Hit::at`], if moments are wanted.
    pub points: Vec<[V3<V>; 2]>,
}

/// What a contact does to side B, and with the other sign to side A.
pub(super) struct Wrench<V> {
    pub force: V3<V>,
    /// Of torsional and rolling friction.
    pub spin: V3<V>,
    pub normal: V,
    /// As [`Hit::at`]; zero if moments are not wanted.
    pub at: [V3<V>; 2],
}

impl<V: Lane> Wrench<V> {
    /// Moment about the reference point of a side's tree.
    #[inline(always)]
    pub(super) fn moment(&self, side: usize) -> V3<V> {
        add3(cross(self.at[side], self.force), self.spin)
    }
}

/// Where two surfaces meet.
pub(super) struct Hit<V: Lane> {
    pub mask: V::Mask,
    pub distance: V,
    /// First tangent, second tangent, normal from A to B.
    pub frame: [V3<V>; 3],
    /// The contact point about the reference points of both sides' trees.
    pub at: [V3<V>; 2],
}

/// Does the same with the blocks of every size, in their order.
macro_rules! every {
    ($rows:expr, $blocks:ident => $action:expr) => {
        every!($rows, $blocks => $action,
            frictionless pyramids pyramids4 pyramids6 cones cones4 cones6);
    };
    ($rows:expr, $blocks:ident => $action:expr, $($size:ident)*) => {
        $({
            let $blocks = &mut $rows.$size;
            $action;
        })*
    };
}
pub(super) use every;

impl<V: Lane, const D: usize, const E: usize> Blocks<V, D, E> {
    fn new(tables: &Tables, condim: u32, wanted: bool) -> Self {
        let contacts = || tables.contacts.iter().filter(|c| c.condim == condim && wanted);
        let entries = contacts().map(|c| tables.supports[c.support].dofs.len()).sum();
        Self { room: vec![Block::EMPTY; contacts().count()], used: 0, y: Vec::with_capacity(entries) }
    }

    #[inline(always)]
    pub fn clear(&mut self) {
        self.used = 0;
        self.y.clear();
    }

    #[inline(always)]
    pub fn items(&self) -> &[Block<V, D, E>] {
        &self.room[..self.used]
    }
}

impl<V: Lane> Rows<V> {
    pub(super) fn new(tables: &Tables, moments: bool) -> Self {
        let dofs = tables.limits.iter().map(|l| l.dof).chain(tables.losses.iter().map(|l| l.dof));
        let entries = dofs.map(|k| tables.dofs[k].depth + 1).sum();
        let pyramidal = !tables.elliptic;
        Self {
            singles: Vec::with_capacity(tables.limits.len() + tables.losses.len()),
            y: Vec::with_capacity(entries),
            frictionless: Blocks::new(tables, 1, true),
            pyramids: Blocks::new(tables, 3, pyramidal),
            pyramids4: Blocks::new(tables, 4, pyramidal),
            pyramids6: Blocks::new(tables, 6, pyramidal),
            cones: Blocks::new(tables, 3, tables.elliptic),
            cones4: Blocks::new(tables, 4, tables.elliptic),
            cones6: Blocks::new(tables, 6, tables.elliptic),
            points: vec![[[V::zero(); 3]; 2]; if moments { tables.contacts.len() } else { 0 }],
        }
    }

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.singles.clear();
        self.y.clear();
        every!(self, blocks => blocks.clear());
    }
}

impl<V: Lane, const D: usize, const E: usize> Block<V, D, E> {
    pub const EMPTY: Self = Self {
        contact: 0,
        y: 0,
        a: [[V::NONE; E]; E],
        reference: [V::NONE; D],
        regularization: V::NONE,
        friction: [V::NONE; D],
        inverse: [V::NONE; E],
        force: [V::NONE; E],
        frame: [[V::NONE; 3]; 3],
    };

    /// Forces along the directions, the normal last.
    #[inline(always)]
    pub fn along(&self) -> [V; D] {
        let f = &self.force;
        if E == D {
            return array!([V::zero(); D]; c => f[c]);
        }
        let mut out = [V::zero(); D];
        for c in 0..D - 1 {
            let (plus, minus) = (f[2 * c], f[2 * c + 1]);
            out[c] = self.friction[c] * (plus - minus);
            out[D - 1] += plus + minus;
        }
        out
    }
}

impl<V: Lane> Single<V> {
    /// Degrees of freedom of the row.
    #[inline(always)]
    pub fn dofs<'t>(&self, t: &'t Tables) -> &'t [u8] {
        let dof = &t.dofs[self.dof];
        &t.columns[dof.row..=dof.row + dof.depth]
    }
}
