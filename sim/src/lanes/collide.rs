//! Distances between shapes, one lane per world: points against planes and heightfields, segments
//! with a radius among themselves, segments against cylinders and boxes.

use super::blocks::{Hit, Rows};
use super::dynamics::{Group, Scratch};
use super::field::Field;
use super::lane::Lane;
use super::rows::add_contact;
use super::shape::{Candidate, Kind, Side, Solid};
use super::table::{Near, Over, Tables};
use super::vector::{
    M3, V3, add, array, axpy, cross, dot, rotate, rotate_back, rotate_frame, row, scale, splat3, sub,
};
use super::work::Run;

/// Bisections for the nearest point of a segment to a solid: 2⁻²⁰ of its length.
const BISECTIONS: usize = 20;
/// Upper end of −1..=1 after as many bisections to the left.
const LEFT: f32 = -1.0 + 2.0 / (1 << BISECTIONS) as f32;

/// Finds the contacts of all worlds and adds their rows.
#[inline(always)]
pub(super) fn collide<V: Run>(t: &Tables, g: &mut Group<V>, s: &Scratch<V>, rows: &mut Rows<V>) {
    for (index, over) in t.overs.iter().enumerate() {
        match over {
            Some(over) if is_above(s, over) => {
                if g.pressed[index] {
                    release(t, g, index);
                }
            }
            _ => touch(t, g, s, rows, index),
        }
    }
    for (index, near) in t.nears.iter().enumerate() {
        let index = t.overs.len() + index;
        if within_reach(s, near).is_some() {
            touch(t, g, s, rows, index);
        } else if g.pressed[index] {
            release(t, g, index);
        }
    }
}

/// Adds the rows of a contact, if it touches in any lane.
#[inline(always)]
fn touch<V: Run>(t: &Tables, g: &mut Group<V>, s: &Scratch<V>, rows: &mut Rows<V>, index: usize) {
    match V::hit(s, t, &t.contacts[index]) {
        Some(hit) => {
            g.pressed[index] = true;
            add_contact(t, g, s, rows, index, &hit);
        }
        None => {
            if g.pressed[index] {
                release(t, g, index);
            }
        }
    }
}

/// Forgets the forces of a contact that does not touch.
#[inline(always)]
fn release<V: Lane>(t: &Tables, g: &mut Group<V>, index: usize) {
    let contact = &t.contacts[index];
    g.contact[contact.force..contact.force + contact.rows(t.elliptic)].fill(V::zero());
    g.pressed[index] = false;
}

/// Where the two sides of a contact meet, if they do in any lane.
#[inline(always)]
pub(super) fn hit<V: Lane>(s: &Scratch<V>, t: &Tables, contact: &Candidate) -> Option<Hit<V>> {
    match &contact.kind {
        Kind::Plane { normal, offset, tangents, align } => {
            plane(s, t, contact, *normal, *offset, tangents, align.as_ref())
        }
        Kind::Field(ground) => field(s, t, contact, ground),
        Kind::Segments => segments(s, t, contact),
        Kind::Solid { solid, rot } => segment_solid(s, t, contact, solid, rot),
    }
}

/// Whether a point is out of reach of the plane in all lanes: the distance of [`plane`], without products with 0.
#[inline(always)]
fn is_above<V: Lane>(s: &Scratch<V>, over: &Over) -> bool {
    let centre = s.pos[over.link][2] + dot(row(&s.rot[over.link], 2), splat3(over.pos));
    let height = s.origin[over.tree][2] - V::splat(over.plane);
    let distance = height + centre - V::splat(over.radius);
    !V::any(distance.lt(V::splat(over.margin)))
}

#[inline(always)]
fn plane<V: Lane>(
    s: &Scratch<V>,
    t: &Tables,
    contact: &Candidate,
    normal: [f32; 3],
    offset: f32,
    tangents: &[[f32; 3]; 2],
    align: Option<&(usize, [f32; 3])>,
) -> Option<Hit<V>> {
    let side = &contact.b;
    let link = side.link?;
    let origin = s.origin[t.links[link].tree];
    let (rot, pos) = (&s.rot[link], s.pos[link]);
    let n: V3<V> = splat3(normal);
    let centre = add(pos, rotate(rot, splat3(side.pos)));
    let height = dot(n, origin) - V::splat(offset);
    let distance = height + dot(n, centre) - V::splat(side.radius);
    let mask = distance.lt(V::splat(contact.margin));
    if !V::any(mask) {
        return None;
    }
    let down = V::splat(0.5).mul_add(distance, V::splat(side.radius));
    let at = axpy(-down, n, centre);
    let mut frame = [splat3(tangents[0]), splat3(tangents[1]), n];
    if let Some((link, axis)) = align {
        let axis = rotate(&s.rot[*link], splat3(*axis));
        let flat = axpy(-dot(axis, n), n, axis);
        let square = dot(flat, flat);
        let inverse = square.max(V::splat(1e-12)).sqrt().recip();
        // A capsule that stands upright has no direction in the plane.
        let lies = V::splat(1e-10).lt(square);
        frame[0] = array!([V::zero(); 3]; i => V::select(lies, flat[i] * inverse, frame[0][i]));
        frame[1] = cross(n, frame[0]);
    }
    // The plane's side is in the world.
    Some(Hit { mask, distance, frame, at: [add(origin, at), at] })
}

/// A point with a radius against a heightfield. Most lanes are far from it most of the time.
#[inline(always)]
fn field<V: Lane>(s: &Scratch<V>, t: &Tables, contact: &Candidate, field: &Field) -> Option<Hit<V>> {
    let side = &contact.b;
    let link = side.link?;
    let tree = s.origin[t.links[link].tree];
    let origin = sub(tree, splat3(field.pos));
    let centre = add(s.pos[link], rotate(&s.rot[link], splat3(side.pos)));
    let axes: M3<V> = array!([V::zero(); 9]; i => V::splat(field.axes[i]));
    let local = rotate_back(&axes, add(origin, centre));
    let reach = side.radius + contact.margin;
    if !V::any((local[2] - V::splat(reach)).lt(V::splat(field.top))) {
        return None;
    }
    // Beyond the margin, pointing up, where nothing is near.
    let margin = V::splat(contact.margin);
    let (mut distance, mut n) = (margin, [V::zero(), V::zero(), V::splat(1.0)]);
    for (lane, near) in field.may_reach(&local, reach).into_iter().enumerate() {
        if !near {
            continue;
        }
        let p = [local[0].lanes()[lane], local[1].lanes()[lane], local[2].lanes()[lane]];
        if let Some((from_surface, direction)) = field.distance(p, reach) {
            distance.lanes_mut()[lane] = from_surface - side.radius;
            for i in 0..3 {
                n[i].lanes_mut()[lane] = direction[i];
            }
        }
    }
    let distance = distance.following(&local, &n);
    let n = rotate(&axes, n);
    let surface_b = axpy(V::splat(-side.radius), n, centre);
    // The field's side is in the world.
    let surface_a = add(tree, axpy(-distance, n, surface_b));
    between(contact, distance.lt(margin), distance, n, surface_a, surface_b)
}

/// A side's segment: from its centre to one end, in the world's axes.
#[inline(always)]
fn half<V: Lane>(s: &Scratch<V>, side: &Side) -> V3<V> {
    let half = splat3(side.half);
    match side.link {
        Some(link) => rotate(&s.rot[link], half),
        None => half,
    }
}

/// Vector from the centre of side A to that of side B, if any lane has them within reach.
#[inline(always)]
fn within_reach<V: Lane>(s: &Scratch<V>, near: &Near) -> Option<V3<V>> {
    let [a, b] = near.spots;
    let mut between = sub(s.spots[b], s.spots[a]);
    if let Some([a, b]) = near.trees {
        let zero = [V::zero(); 3];
        let origin_a = if let Some(a) = a { s.origin[a] } else { zero };
        let origin_b = if let Some(b) = b { s.origin[b] } else { zero };
        between = add(between, sub(origin_b, origin_a));
    }
    if V::any(dot(between, between).lt(V::splat(near.reach))) { Some(between) } else { None }
}

/// Two tangents to a unit vector (Duff et al. 2017, "Building an orthonormal basis, revisited").
#[inline(always)]
fn tangents<V: Lane>(n: V3<V>) -> [V3<V>; 2] {
    let (z, one) = (V::zero(), V::splat(1.0));
    let sign = V::select(n[2].lt(z), -one, one);
    let a = -(sign + n[2]).recip();
    let b = n[0] * n[1] * a;
    [
        [(sign * n[0] * n[0]).mul_add(a, one), sign * b, -(sign * n[0])],
        [b, (n[1] * n[1]).mul_add(a, sign), -n[1]],
    ]
}

/// The contact between a point at distance `gap` along unit `n` from another.
#[inline(always)]
fn between<V: Lane>(
    contact: &Candidate,
    mask: V::Mask,
    distance: V,
    n: V3<V>,
    surface_a: V3<V>,
    surface_b: V3<V>,
) -> Option<Hit<V>> {
    if !V::any(mask) {
        return None;
    }
    let half = V::splat(0.5) * distance;
    let at = [axpy(half, n, surface_a), axpy(-half, n, surface_b)];
    let [t1, t2] = if contact.condim == 1 { [[V::zero(); 3]; 2] } else { tangents(n) };
    Some(Hit { mask, distance, frame: [t1, t2, n], at })
}

/// Spheres and capsules: the nearest points of two segments (Ericson 2005, "Real-Time Collision
/// Detection", 5.1.9, for parameters in −1..=1).
#[inline(always)]
fn segments<V: Lane>(s: &Scratch<V>, t: &Tables, contact: &Candidate) -> Option<Hit<V>> {
    let near = &t.nears[contact.near?];
    let gap = within_reach(s, near)?;
    let (centre_a, centre_b) = (s.spots[near.spots[0]], s.spots[near.spots[1]]);
    let (half_a, half_b) = (half(s, &contact.a), half(s, &contact.b));
    let (z, one) = (V::zero(), V::splat(1.0));
    let tiny = V::splat(1e-12);
    let clamp = |x: V| x.max(-one).min(one);
    // |gap + y·b − x·a|² is least.
    let (aa, bb, ab) = (dot(half_a, half_a), dot(half_b, half_b), dot(half_a, half_b));
    let (ga, gb) = (dot(gap, half_a), dot(gap, half_b));
    let determinant = aa.mul_add(bb, -(ab * ab));
    let crossing = bb.mul_add(ga, -(ab * gb)) * determinant.max(tiny).recip();
    // Parallel segments: start from the middle.
    let x = clamp(V::select((aa * bb * V::splat(1e-6)).lt(determinant), crossing, z));
    let y = clamp(ab.mul_add(x, -gb) * bb.max(tiny).recip());
    let x = clamp(ab.mul_add(y, ga) * aa.max(tiny).recip());
    let (on_a, on_b) = (scale(x, half_a), scale(y, half_b));
    let d = sub(add(gap, on_b), on_a);
    let length = dot(d, d).sqrt();
    let radii = contact.a.radius + contact.b.radius;
    let distance = length - V::splat(radii);
    let mask = distance.lt(V::splat(contact.margin));
    // Centres that coincide: any direction.
    let apart = V::splat(1e-9).lt(length);
    let inverse = length.max(V::splat(1e-9)).recip();
    let n: V3<V> =
        array!([V::zero(); 3]; i => V::select(apart, d[i] * inverse, if i == 2 { one } else { z }));
    let surface_a = axpy(V::splat(contact.a.radius), n, add(centre_a, on_a));
    let surface_b = axpy(V::splat(-contact.b.radius), n, add(centre_b, on_b));
    between(contact, mask, distance, n, surface_a, surface_b)
}

/// Signed distance of a point to a solid's surface in its own frame, and the outward direction.
#[inline(always)]
fn signed_distance<V: Lane>(solid: &Solid, p: V3<V>) -> (V, V3<V>) {
    let (z, one) = (V::zero(), V::splat(1.0));
    let sign = |x: V| V::select(x.lt(z), -one, one);
    let direction = |along: V, length: V| along * length.max(V::splat(1e-12)).recip();
    match *solid {
        Solid::Cylinder(radius, half) => {
            let across = p[0].mul_add(p[0], p[1] * p[1]).sqrt();
            let radial = [
                V::select(V::splat(1e-9).lt(across), direction(p[0], across), one),
                V::select(V::splat(1e-9).lt(across), direction(p[1], across), z),
            ];
            let (side, cap) = (across - V::splat(radius), p[2].abs() - V::splat(half));
            let (out_side, out_cap) = (side.max(z), cap.max(z));
            let outside = out_side.mul_add(out_side, out_cap * out_cap).sqrt();
            let nearer_side = cap.lt(side);
            let inside = side.max(cap).min(z);
            let is_out = z.lt(outside);
            let w_side = V::select(is_out, direction(out_side, outside), V::select(nearer_side, one, z));
            let w_cap = V::select(is_out, direction(out_cap, outside), V::select(nearer_side, z, one));
            (outside + inside, [w_side * radial[0], w_side * radial[1], w_cap * sign(p[2])])
        }
        Solid::Box(half) => {
            let over: V3<V> = array!([V::zero(); 3]; i => p[i].abs() - V::splat(half[i]));
            let out: V3<V> = array!([z; 3]; i => over[i].max(z));
            let outside = dot(out, out).sqrt();
            let most = over[0].max(over[1]).max(over[2]);
            let is_out = z.lt(outside);
            let n: V3<V> = array!([V::zero(); 3]; i => {
                let face = V::select(over[i].lt(most), z, one);
                sign(p[i]) * V::select(is_out, direction(out[i], outside), face)
            });
            let inverse = dot(n, n).max(V::splat(1e-12)).sqrt().recip();
            (outside + most.min(z), scale(inverse, n))
        }
    }
}

/// Sphere or capsule against a cylinder or box. The signed distance to a convex body is convex along
/// the segment: its minimum is where the slope changes sign.
#[inline(always)]
fn segment_solid<V: Lane>(
    s: &Scratch<V>,
    t: &Tables,
    contact: &Candidate,
    solid: &Solid,
    rot: &[f32; 9],
) -> Option<Hit<V>> {
    let near = &t.nears[contact.near?];
    let gap = within_reach(s, near)?;
    let (centre_a, centre_b) = (s.spots[near.spots[0]], s.spots[near.spots[1]]);
    let half_b = half(s, &contact.b);
    let axes: M3<V> = match contact.a.link {
        Some(link) => rotate_frame(&s.rot[link], rot),
        None => array!([V::zero(); 9]; i => V::splat(rot[i])),
    };
    let (start, half) = (rotate_back(&axes, gap), rotate_back(&axes, half_b));
    let (z, one) = (V::zero(), V::splat(1.0));
    let (mut low, mut high) = (-one, one);
    // A sphere's segment has no length, so that no slope is below 0.
    let point = contact.b.half == [0.0; 3];
    if point {
        high = V::splat(LEFT);
    }
    for _ in 0..if point { 0 } else { BISECTIONS } {
        let middle = V::splat(0.5) * (low + high);
        let (_, n) = signed_distance(solid, axpy(middle, half, start));
        let falling = dot(n, half).lt(z);
        low = V::select(falling, middle, low);
        high = V::select(falling, high, middle);
    }
    let x = V::splat(0.5) * (low + high);
    let (depth, n) = signed_distance(solid, axpy(x, half, start));
    let distance = depth - V::splat(contact.b.radius);
    let mask = distance.lt(V::splat(contact.margin));
    let n = [dot(row(&axes, 0), n), dot(row(&axes, 1), n), dot(row(&axes, 2), n)];
    let on_b = axpy(x, half_b, centre_b);
    let surface_a = axpy(-depth, n, add(centre_a, add(gap, scale(x, half_b))));
    let surface_b = axpy(V::splat(-contact.b.radius), n, on_b);
    between(contact, mask, distance, n, surface_a, surface_b)
}
