//! What all shaders know of a scene.

use super::gpu::{GLOBALS, Globals};
use super::light::{self, SHADOW_MAP};
use super::palette::{Palette, linear};
use super::{Camera, Scene};

/// Distances from the eye, m, at which the ground begins to fade and has faded; `height` is the eye's
/// above it.
pub(super) fn fade(camera: &Camera, height: f32) -> [f32; 2] {
    let scale = camera.distance.max(height.abs());
    [5.0 * scale, 32.0 * scale]
}

/// Fills `Globals` of `scene.wgsl`; `srgb` if the target encodes colours itself.
pub(super) fn globals(scene: &Scene<'_>, [width, height]: [u32; 2], srgb: bool) -> Globals {
    let (camera, palette) = (scene.camera, Palette::of(scene.draw.dark));
    let aspect = width as f32 / height as f32;
    let slope = (camera.fov_y / 2.0).tan();
    let [right, up, forward] = camera.axes();
    let row = |[x, y, z]: [f32; 3], w: f32| [x, y, z, w];
    let scaled = |v: [f32; 3], by: f32| row(v.map(|x| x * by), 0.0);
    let colour = |rgba, w: f32| {
        let [r, g, b, _] = linear(rgba);
        [r, g, b, w]
    };
    let shadow = match (scene.draw.shadows, scene.draw.dark) {
        (false, _) => 0.0,
        (true, false) => 0.56,
        (true, true) => 0.7,
    };
    // About one cell of the middle size per robot.
    let level = (0.55 * camera.distance).log10();
    let [near, far] = fade(camera, camera.eye()[2]);
    let scale = (height as f32 / 800.0).clamp(0.5, 2.0);
    // Lines are a pixel wide at least, which is a lot in a small picture.
    let grid = 0.8 * (0.4 + 0.6 * (height as f32 / 800.0).min(1.0));
    let matrices = [camera.matrix(aspect), light::matrix(scene)];
    let mut rows: Globals = [[0.0; 4]; GLOBALS];
    for (row, column) in rows.iter_mut().zip(matrices.iter().flat_map(|m| m.column_iter())) {
        *row = [column[0], column[1], column[2], column[3]];
    }
    rows[8..].copy_from_slice(&[
        row(camera.eye(), 1.0),
        scaled(right, slope * aspect),
        scaled(up, slope),
        row(forward, 0.0),
        row(light::direction().into(), shadow),
        colour(palette.zenith, 1.0),
        colour(palette.horizon, 1.0),
        colour(palette.ground, if scene.draw.grid { grid } else { 0.0 }),
        colour(palette.line, 1.0),
        colour(palette.outline, 3.0 * scale),
        [10_f32.powf(level.floor()), level - level.floor(), near, far],
        [
            if srgb { 0.0 } else { 1.0 },
            SHADOW_MAP as f32,
            2.0 * slope / height as f32,
            if scene.draw.dark { 0.8 } else { 1.0 },
        ],
    ]);
    rows
}
