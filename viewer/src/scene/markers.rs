//! Marks beside the robots: contacts, forces, joint axes, centres of mass, targets, trails.

use nalgebra as na;
use sim::JointKind;

use super::gpu::{Material, instance};
use super::lists::{Instances, Layer};
use super::mesh::Shape;
use super::palette::{Palette, Rgba, linear};
use super::{Actor, Bounds, Scene, Tint};

type V3 = na::Vector3<f32>;

/// Most pieces of a trail.
const PIECES: usize = 600;
/// A force arrow is at most this many of its robot's radii long.
const LONGEST: f32 = 0.6;

/// Adds the marks of an actor. Ghosts have none but their trails.
pub(super) fn add(all: &mut Instances, actor: &Actor<'_>, scene: &Scene<'_>, height: f32) {
    let (draw, snapshot) = (scene.draw, actor.snapshot);
    let palette = Palette::of(draw.dark);
    let mut pen = Pen { all, scene, shift: V3::from(actor.offset), height };
    if draw.trail {
        pen.trail(actor.trail, linear(trail_colour(actor, palette)));
    }
    if actor.tint.is_ghost() {
        return;
    }
    let Bounds { radius, .. } = actor.shapes.bounds(&snapshot.poses);
    let newton = draw.force_scale * radius / actor.shapes.weight();
    for contact in &snapshot.contacts {
        let (at, force) = (V3::from(contact.position), V3::from(contact.force));
        if draw.contacts {
            pen.dot(at, 5.0, 0.018 * radius, Material::Mark, linear(palette.contact));
        }
        if draw.forces && force.norm() > 0.0 {
            let length = (newton * force.norm()).min(LONGEST * radius);
            pen.arrow(at, force.normalize() * length, 0.014 * radius, linear(palette.force));
        }
    }
    if draw.joints {
        for (joint, &(anchor, axis)) in actor.shapes.joints().iter().zip(&snapshot.axes) {
            let (at, axis, colour) = (V3::from(anchor), V3::from(axis), linear(palette.joint));
            match joint.kind {
                JointKind::Free => {}
                JointKind::Ball => pen.dot(at, 4.0, 0.03 * radius, Material::Mark, colour),
                JointKind::Hinge | JointKind::Slide => {
                    let length = 0.26 * radius;
                    pen.arrow(at - axis * (0.5 * length), axis * length, 0.012 * radius, colour);
                }
            }
        }
    }
    if draw.targets {
        for &target in &snapshot.targets {
            pen.dot(target.into(), 6.0, 0.03 * radius, Material::Mark, linear(palette.target));
        }
    }
    if let Some(com) = snapshot.com.filter(|_| draw.com) {
        pen.dot(com.into(), 7.0, 0.045 * radius, Material::Quarters, linear([1.0, 0.82, 0.2, 1.0]));
    }
    if draw.arrows {
        for arrow in &snapshot.arrows {
            let [r, g, b, _] = arrow.colour;
            pen.arrow(arrow.from.into(), arrow.vector.into(), 0.018 * radius, linear([r, g, b, 1.0]));
        }
    }
}

fn trail_colour(actor: &Actor<'_>, palette: &Palette) -> Rgba {
    match actor.tint {
        Tint::Colour([r, g, b, _]) => [r, g, b, 1.0],
        Tint::Own | Tint::Ghost(_) => palette.trail,
    }
}

struct Pen<'a, 'b> {
    all: &'a mut Instances,
    scene: &'a Scene<'b>,
    shift: V3,
    height: f32,
}

impl Pen<'_, '_> {
    /// The size of `pixels` at a point, m, for a picture 800 pixels high: smaller pictures have
    /// smaller marks.
    fn pixels(&self, at: V3, pixels: f32) -> f32 {
        let scale = (self.height / 800.0).clamp(0.5, 2.0);
        self.scene.camera.pixel(at.into(), self.height) * pixels * scale
    }

    /// A ball of a radius, but no smaller than some pixels.
    fn dot(&mut self, at: V3, pixels: f32, radius: f32, material: Material, colour: Rgba) {
        let at = at + self.shift;
        let radius = self.pixels(at, pixels).max(radius);
        let frame = na::Translation3::from(at).into();
        self.all.push(Layer::Mark, Shape::Ball, instance(&frame, [radius; 3], 0.0, material, colour));
    }

    fn arrow(&mut self, from: V3, vector: V3, thickness: f32, colour: Rgba) {
        let length = vector.norm();
        if !(length > 0.0 && length.is_finite()) {
            return;
        }
        let from = from + self.shift;
        let direction = vector / length;
        let radius = self.pixels(from, 1.2).max(thickness);
        let head = (5.5 * radius).min(0.5 * length);
        let rotation = toward(direction);
        let shaft = 0.5 * (length - head);
        let middle = na::Isometry3::from_parts((from + direction * shaft).into(), rotation);
        let end = na::Isometry3::from_parts((from + direction * (length - head)).into(), rotation);
        let scale = [radius, radius, shaft];
        self.all.push(Layer::Mark, Shape::Cylinder, instance(&middle, scale, 0.0, Material::Mark, colour));
        let scale = [0.42 * head, 0.42 * head, head];
        self.all.push(Layer::Mark, Shape::Cone, instance(&end, scale, 0.0, Material::Mark, colour));
    }

    /// A line that gets thinner toward its old end.
    fn trail(&mut self, points: &[[f32; 3]], colour: Rgba) {
        let stride = points.len().div_ceil(PIECES).max(1);
        // From the newest point back, so that what has been drawn does not shift as points are added.
        let kept: Vec<V3> = points.iter().rev().step_by(stride).map(|&p| V3::from(p) + self.shift).collect();
        for (k, ends) in kept.windows(2).enumerate() {
            let (along, middle) = (ends[1] - ends[0], (ends[0] + ends[1]) / 2.0);
            let length = along.norm();
            let age = k as f32 / kept.len() as f32;
            let radius = self.pixels(middle, 1.7 * (1.0 - 0.75 * age));
            if length > 0.0 && length.is_finite() {
                let frame = na::Isometry3::from_parts(middle.into(), toward(along / length));
                let piece = instance(&frame, [radius; 3], 0.5 * length, Material::Flat, colour);
                self.all.push(Layer::Plain, Shape::Ball, piece);
            }
        }
    }
}

/// A rotation that takes z to a unit vector.
fn toward(direction: V3) -> na::UnitQuaternion<f32> {
    let half_turn = || na::UnitQuaternion::from_axis_angle(&V3::x_axis(), core::f32::consts::PI);
    na::UnitQuaternion::rotation_between(&V3::z(), &direction).unwrap_or_else(half_turn)
}
