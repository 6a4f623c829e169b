//! The ground under a robot, as a function of place: planes and heightfields that stand in the world.

use std::sync::Arc;

use sim::{GeomKind, Model};

use crate::EnvError;

/// Height of the ground; where there is none, 0.
#[derive(Clone)]
pub(crate) struct Ground {
    model: Arc<Model>,
    /// Geoms of the world that are ground.
    geoms: Vec<usize>,
}

impl Ground {
    /// The ground of `model`; errors name `env`.
    pub(crate) fn of(env: &'static str, model: &Arc<Model>) -> Result<Self, EnvError> {
        let is_ground = |kind| matches!(kind, GeomKind::Plane | GeomKind::Heightfield);
        let geoms: Vec<usize> = (0..model.geoms.len())
            .filter(|&i| is_ground(model.geoms[i].kind) && model.geoms[i].body == 0)
            .collect();
        if let Some(&tilted) = geoms.iter().find(|&&i| model.geoms[i].quat[1..] != [0.0; 3]) {
            let value = model.geoms[tilted].name.clone();
            let expected = "expected ground that is not turned, since heights are looked up in it";
            return Err(EnvError::Config { env, field: "geom", value, expected });
        }
        Ok(Self { model: Arc::clone(model), geoms })
    }

    /// Height at a place of the world, m: that of the highest ground there.
    pub(crate) fn height(&self, x: f64, y: f64) -> f64 {
        let heights = self.geoms.iter().filter_map(|&i| self.height_of(i, x, y));
        heights.fold(None, |best: Option<f64>, h| Some(best.map_or(h, |b| b.max(h)))).unwrap_or(0.0)
    }

    fn height_of(&self, geom: usize, x: f64, y: f64) -> Option<f64> {
        let geom = &self.model.geoms[geom];
        let Some(field) = geom.heightfield else { return Some(geom.pos[2]) };
        let field = &self.model.heightfields[field];
        let place = |at: f64, centre: f64, radius: f64, n: usize| {
            let cell = (at - centre + radius) / (2.0 * radius) * (n - 1) as f64;
            // NaN is nowhere.
            let inside = cell >= 0.0 && cell <= (n - 1) as f64;
            let whole = (cell as usize).min(n - 2);
            inside.then_some((whole, cell - whole as f64))
        };
        let (column, u) = place(x, geom.pos[0], field.size[0], field.ncol)?;
        let (row, v) = place(y, geom.pos[1], field.size[1], field.nrow)?;
        let corner = |r: usize, c: usize| field.height(row + r, column + c);
        // Two triangles that share the edge from (0, 0) to (1, 1).
        let (a, b) = (corner(0, 0), corner(1, 1));
        let other = if u > v { corner(0, 1) } else { corner(1, 0) };
        let height =
            if u > v { a + u * (other - a) + v * (b - other) } else { a + v * (other - a) + u * (b - other) };
        Some(geom.pos[2] + height)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn heights_follow_the_triangles() {
        // 2 × 2 points over 2 m × 2 m, centred on (1, 0): heights 0 0 below, 1 0.5 above (far row first).
        let xml = r#"<mujoco><asset><hfield name="h" nrow="2" ncol="2" size="1 1 1 1"
            elevation="1 0.5 0 0"/></asset>
            <worldbody><geom type="hfield" hfield="h" pos="1 0 3"/>
            <geom type="plane" size="1 1 1" pos="0 0 2"/></worldbody></mujoco>"#;
        let ground = Ground::of("test", &Arc::new(Model::from_mjcf(xml, "h.xml").unwrap())).unwrap();
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
