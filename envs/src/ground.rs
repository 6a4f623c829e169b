//! The ground under a robot, as a function of place: planes and heightfields that stand in the world.

use std::sync::Arc;

use sim::{Geom, GeomKind, Model};

use crate::EnvError;
use crate::math::{Vec3, add};

/// Height of the ground; where there is none, 0.
#[derive(Clone)]
pub(crate) struct Ground {
    model: Arc<Model>,
    /// Geoms that are ground, and where they are in the world, m.
    geoms: Vec<(usize, Vec3)>,
}

/// Whether a body stands in the world, moved by no joint.
fn stands(model: &Model, mut body: usize) -> bool {
    while body != 0 && !model.joints.iter().any(|joint| joint.body == body) {
        body = model.bodies[body].parent;
    }
    body == 0
}

/// Where a geom is in the world as its bodies are; none if one of them or it is turned.
fn place(model: &Model, geom: &Geom) -> Option<Vec3> {
    let straight = |quat: [f64; 4]| quat[1..] == [0.0; 3];
    let (mut at, mut body) = (geom.pos, geom.body);
    let mut is_straight = straight(geom.quat);
    while body != 0 {
        let carrier = &model.bodies[body];
        at = add(at, carrier.pos);
        is_straight &= straight(carrier.quat);
        body = carrier.parent;
    }
    is_straight.then_some(at)
}

impl Ground {
    /// The ground of `model`: what stands still and what moves may touch. Errors name `env`.
    pub(crate) fn of(env: &'static str, model: &Arc<Model>) -> Result<Self, EnvError> {
        let standing: Vec<bool> = (0..model.bodies.len()).map(|body| stands(model, body)).collect();
        let touched = |ground: &Geom| {
            model.geoms.iter().any(|geom| {
                let asks = ground.contype & geom.conaffinity != 0 || geom.contype & ground.conaffinity != 0;
                asks && !standing[geom.body]
            })
        };
        let mut geoms = Vec::new();
        for (index, geom) in model.geoms.iter().enumerate() {
            let is_ground = matches!(geom.kind, GeomKind::Plane | GeomKind::Heightfield);
            if !is_ground || !standing[geom.body] || !touched(geom) {
                continue;
            }
            let Some(at) = place(model, geom) else {
                let value = geom.name.clone();
                let expected = "expected ground that is not turned, since heights are looked up in it";
                return Err(EnvError::Config { env, field: "geom", value, expected });
            };
            geoms.push((index, at));
        }
        Ok(Self { model: Arc::clone(model), geoms })
    }

    /// Height at a place of the world, m: that of the highest ground there.
    pub(crate) fn height(&self, x: f64, y: f64) -> f64 {
        let heights = self.geoms.iter().filter_map(|&(geom, at)| self.height_of(geom, at, x, y));
        heights.fold(None, |best: Option<f64>, h| Some(best.map_or(h, |b| b.max(h)))).unwrap_or(0.0)
    }

    fn height_of(&self, geom: usize, at: Vec3, x: f64, y: f64) -> Option<f64> {
        let Some(field) = self.model.geoms[geom].heightfield else { return Some(at[2]) };
        let field = &self.model.heightfields[field];
        let place = |at: f64, centre: f64, radius: f64, n: usize| {
            let cell = (at - centre + radius) / (2.0 * radius) * (n - 1) as f64;
            // NaN is nowhere.
            let inside = cell >= 0.0 && cell <= (n - 1) as f64;
            let whole = (cell as usize).min(n - 2);
            inside.then_some((whole, cell - whole as f64))
        };
        let (column, u) = place(x, at[0], field.size[0], field.ncol)?;
        let (row, v) = place(y, at[1], field.size[1], field.nrow)?;
        let corner = |r: usize, c: usize| field.height(row + r, column + c);
        // Two triangles that share the edge from (0, 0) to (1, 1).
        let (a, b) = (corner(0, 0), corner(1, 1));
        let other = if u > v { corner(0, 1) } else { corner(1, 0) };
        let height =
            if u > v { a + u * (other - a) + v * (b - other) } else { a + v * (other - a) + u * (b - other) };
        Some(at[2] + height)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn ground(xml: &str) -> Result<Ground, EnvError> {
        Ground::of("test", &Arc::new(Model::from_mjcf(xml, "h.xml").unwrap()))
    }

    #[test]
    fn ground_is_what_stands_still_and_can_be_touched() {
        let height = |grounds: &str| {
            let xml = format!(
                "<mujoco><worldbody>{grounds}<body pos='0 0 9'><freejoint/>
                 <geom size='0.1' contype='2' conaffinity='4'/></body></worldbody></mujoco>"
            );
            ground(&xml.replace('\'', "\"")).map(|ground| ground.height(3.0, 4.0))
        };
        let plane = |z: f64, bits: &str| format!("<geom type='plane' size='1 1 1' pos='0 0 {z}' {bits}/>");
        for (bits, counts) in [
            ("contype='0' conaffinity='0'", false),
            // Touched by others only.
            ("", false),
            ("contype='2' conaffinity='4'", false),
            ("contype='0' conaffinity='2'", true),
            ("contype='4' conaffinity='0'", true),
        ] {
            assert_eq!(height(&plane(1.5, bits)).unwrap(), if counts { 1.5 } else { 0.0 }, "{bits}");
        }
        let shelf = |turn: &str| {
            let plane = plane(0.5, "contype='4'");
            format!("<body pos='0 0 1'><body pos='0 0 2' {turn}>{plane}</body></body>")
        };
        assert_eq!(height(&shelf("")).unwrap(), 3.5);
        assert!(height(&shelf("euler='0 10 0'")).is_err());
    }

    #[test]
    fn heights_follow_the_triangles() {
        // 2 × 2 points over 2 m × 2 m, centred on (1, 0): heights 0 0 below, 1 0.5 above (far row first).
        let xml = r#"<mujoco><asset><hfield name="h" nrow="2" ncol="2" size="1 1 1 1"
            elevation="1 0.5 0 0"/></asset>
            <worldbody><geom type="hfield" hfield="h" pos="1 0 3"/>
            <geom type="plane" size="1 1 1" pos="0 0 2"/>
            <body pos="0 0 9"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>"#;
        let ground = ground(xml).unwrap();
        for (x, y, height) in [
            (0.0, -1.0, 3.0),
            (0.0, 1.0, 4.0),
            (2.0, 1.0, 3.5),
            // On the shared edge, then in the middle of either triangle.
            (1.0, 0.0, 3.25),
            (1.5, -0.5, 3.125),
            (0.5, 0.5, 3.625),
            // Outside: the plane.
            (2.1, 0.0, 2.0),
            (-9.0, 0.0, 2.0),
        ] {
            assert!((ground.height(x, y) - height).abs() < 1e-12, "{x} {y}: {}", ground.height(x, y));
        }
    }
}
