//! Swings a pole up on a cart: a motion that is optimised through the physics.
//!
//! `cargo run -p sim --example swing_up`. Iterative LQR (Li and Todorov 2004; Tassa et al. 2012, "Synthesis and
//! stabilization of complex behaviors through online trajectory optimization"): linear around the motion that there is,
//! by [`Worlds::step_with_jacobian`]; the best change of a linear motion in closed form, backwards in time; then forwards
//! again, with steps of several lengths in worlds of one batch, of which the best is kept.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::f64::consts::PI;
use std::sync::Arc;

use nalgebra::{Matrix4, RowVector4, Vector4};
use sim::{EngineKind, Jacobian, Model, StepOptions, Worlds};

const CART: &str = r#"
<mujoco model="cart">
  <option timestep="0.01"/>
  <worldbody>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0" damping="0.5"/>
      <geom type="box" size="0.1 0.05 0.05" mass="1" contype="0"/>
      <body name="pole">
        <joint name="hinge" axis="0 1 0" damping="0.01"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0 0 0.6" mass="0.3" contype="0"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="slider" gear="12" ctrlrange="-1 1"/></actuator>
</mujoco>
"#;

/// Control steps of 0.04 s.
const STEPS: usize = 60;
/// Lengths of a step that are tried side by side: 1, 1/2, 1/4, …
const LENGTHS: usize = 8;

/// Costs of place, angle, their velocities, and of the control, per step; of the end, `END` times those of the state.
const STATE: [f64; 4] = [0.02, 0.05, 0.005, 0.005];
const CONTROL: f64 = 0.02;
const END: f64 = 3000.0;

/// A motion: states before every step and at the end, controls, derivatives of the steps.
#[derive(Clone, Default)]
struct Motion {
    states: Vec<Vector4<f64>>,
    controls: Vec<f64>,
    jacobians: Vec<Jacobian>,
}

impl Motion {
    fn cost(&self) -> f64 {
        let of = |x: &Vector4<f64>| x.iter().zip(STATE).map(|(x, w)| 0.5 * w * x * x).sum::<f64>();
        let controls: f64 = self.controls.iter().map(|u| 0.5 * CONTROL * u * u).sum();
        controls + self.states.iter().map(of).sum::<f64>() + END * self.states.last().map_or(0.0, of)
    }
}

/// What to change, and how to answer where the motion comes out elsewhere.
type Change = (f64, RowVector4<f64>);

/// The best change for the motion as if it were linear; `None` if the control's share of the cost is not positive.
fn backwards(motion: &Motion, damping: f64) -> Option<Vec<Change>> {
    let weights = Matrix4::from_diagonal(&Vector4::from(STATE));
    let end = motion.states[STEPS];
    let (mut slope, mut curve) = (weights * end * (1.0 + END), weights * (1.0 + END));
    let mut changes = vec![Change::default(); STEPS];
    for step in (0..STEPS).rev() {
        let (x, u, jacobian) = (motion.states[step], motion.controls[step], &motion.jacobians[step]);
        let a = Matrix4::from_fn(|row, column| f64::from(jacobian.get(row, column)));
        let b = Vector4::from_fn(|row, _| f64::from(jacobian.get(row, 4)));
        let (of_x, of_u) = (weights * x + a.transpose() * slope, CONTROL * u + b.dot(&slope));
        let of_uu = CONTROL + damping + (b.transpose() * curve * b)[0];
        let of_ux = b.transpose() * curve * a;
        if of_uu <= 0.0 {
            return None;
        }
        let (change, answer) = (-of_u / of_uu, -of_ux / of_uu);
        slope = of_x + answer.transpose() * of_u;
        curve = weights + a.transpose() * curve * a + answer.transpose() * of_ux;
        changes[step] = (change, answer);
    }
    Some(changes)
}

/// The motions with the changes at every length, from the pole hanging at rest.
fn forwards(worlds: &mut Worlds, old: &Motion, changes: &[Change]) -> Result<Vec<Motion>, Box<dyn Error>> {
    let mut motions = vec![Motion::default(); LENGTHS];
    let mut jacobians = vec![Jacobian::default(); LENGTHS];
    (0..LENGTHS).for_each(|world| worlds.reset(world, &[0.0, PI as f32], &[0.0; 2]));
    for step in 0..=STEPS {
        let mut controls = [0.0; LENGTHS];
        for (world, motion) in motions.iter_mut().enumerate() {
            let view = worlds.view(world);
            let state = Vector4::from_iterator(view.qpos.iter().chain(view.qvel).map(|&x| f64::from(x)));
            motion.states.push(state);
            if let Some((change, answer)) = changes.get(step) {
                let off = old.states.get(step).map_or(0.0, |old| (answer * (state - old))[0]);
                let control = old.controls[step] + change * 0.5_f64.powi(world as i32) + off;
                motion.controls.push(control.clamp(-1.0, 1.0));
                controls[world] = control as f32;
            }
        }
        if step < STEPS {
            worlds.step_with_jacobian(&[true; LENGTHS], &controls, &[], &mut jacobians)?;
            for (motion, jacobian) in motions.iter_mut().zip(&jacobians) {
                motion.jacobians.push(jacobian.clone());
            }
        }
    }
    Ok(motions)
}

fn main() -> Result<(), Box<dyn Error>> {
    let model = Arc::new(Model::from_mjcf(CART, "cart")?);
    let options = StepOptions { engine: EngineKind::Lanes, timestep: 0.01, substeps: 4, iterations: 10 };
    let mut worlds = Worlds::new(&model, LENGTHS, options, &[])?;
    let rest = Motion { controls: vec![0.0; STEPS], ..Motion::default() };
    let mut best = forwards(&mut worlds, &rest, &vec![Change::default(); STEPS])?.swap_remove(0);
    let mut damping = 1.0;
    for iteration in 0..=100 {
        if iteration % 20 == 0 {
            let end = best.states[STEPS];
            println!(
                "iteration {iteration:3}: cost {:8.2}, at the end {:4.0}° from upright",
                best.cost(),
                end[1].to_degrees()
            );
        }
        let Some(changes) = backwards(&best, damping) else {
            damping *= 10.0;
            continue;
        };
        let motions = forwards(&mut worlds, &best, &changes)?;
        let next = motions.into_iter().min_by(|a, b| a.cost().total_cmp(&b.cost()));
        match next.filter(|next| next.cost() < best.cost()) {
            Some(next) => (best, damping) = (next, (damping * 0.5).max(1e-4)),
            None => damping *= 10.0,
        }
    }
    let end = best.states[STEPS];
    println!(
        "at the end: cart at {:.2} m, {:.2} m/s; pole {:.1}° from upright, {:.2} rad/s",
        end[0],
        end[2],
        end[1].to_degrees(),
        end[3]
    );
    Ok(())
}
