//! `evo trace`: open-loop controls through the physics, for comparison with other simulators.

use records::failure::{Blame, Failure};
use records::npy::{self, Matrix};
use sim::Worlds;

use crate::cli::TraceArgs;
use crate::commands::common::{task, warn_of_robot};

/// Plays recorded controls from a given start.
pub(super) fn trace(args: &TraceArgs) -> Result<(), Failure> {
    let task = task(&args.task)?;
    let model = task.model();
    warn_of_robot(model);
    let (nq, nv) = (model.nq(), model.nv());
    let start = npy::read(&args.start, Some(nq)).usage()?;
    let controls = npy::read(&args.control, Some(model.nu())).usage()?;
    if start.rows == 0 {
        return Err(anyhow::anyhow!("{} has no row to start from", args.start.display())).usage();
    }
    let options = task.physics(args.engine.resolve(task.model()).0, args.physics.into());
    let mut worlds = Worlds::new(model, 1, options, &[]).usage()?;
    let narrow = |row: &[f64]| row.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    worlds.reset(0, &narrow(start.row(0)), &vec![0.0; nv]);
    let (mut qpos, mut qvel) = (Vec::new(), Vec::new());
    let mut keep = |worlds: &Worlds| {
        let view = worlds.view(0);
        qpos.extend(view.qpos.iter().copied().map(f64::from));
        qvel.extend(view.qvel.iter().copied().map(f64::from));
    };
    keep(&worlds);
    for row in 0..controls.rows {
        worlds.step(&[true], &narrow(controls.row(row)));
        if worlds.bad(0) {
            return Err(anyhow::anyhow!("the physics blew up in control step {}", row + 1)).run();
        }
        keep(&worlds);
    }
    let matrix =
        |columns, values| Matrix::new(controls.rows + 1, columns, values).expect("a row was kept per step");
    npy::write(&args.out, &matrix(nq, qpos)).written()?;
    if let Some(path) = &args.qvel_out {
        npy::write(path, &matrix(nv, qvel)).written()?;
    }
    Ok(())
}
