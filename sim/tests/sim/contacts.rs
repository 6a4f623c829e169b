//! Contact points and forces of both engines, against statics.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sim::{Contact, EngineKind, Model, StepOptions, Worlds};

const ANT: &str = include_str!("../../../envs/assets/ant.xml");

fn settled(xml: &str, engine: EngineKind, steps: usize) -> Worlds {
    let model = Arc::new(Model::from_mjcf(xml, "test.xml").unwrap());
    let options = StepOptions { engine, timestep: 0.005, substeps: 4, iterations: 20 };
    let mut worlds = Worlds::new(&model, 2, options, &[]).unwrap();
    let controls = vec![0.0; 2 * model.nu()];
    for _ in 0..steps {
        worlds.step(&[false, true], &controls);
    }
    worlds
}

/// Sum of the forces that the world exerts.
fn support(contacts: &[Contact]) -> [f32; 3] {
    let mut sum = [0.0; 3];
    for contact in contacts {
        let sign = match contact.bodies {
            [0, _] => 1.0,
            [_, 0] => -1.0,
            _ => continue,
        };
        (0..3).for_each(|i| sum[i] += sign * contact.force[i]);
    }
    sum
}

fn close(what: &str, got: [f32; 3], expected: [f32; 3], tolerance: f32) {
    let off = got.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(off, "{what}: {got:?}, expected {expected:?}");
}

#[test]
fn a_capsule_at_rest_on_a_slope_is_held_by_normal_and_friction_together() {
    // Along the slope, so that it does not roll. Once in reduced coordinates, with a joint that binds
    // nothing, and once as a body of its own.
    let (tilt, radius) = (15_f32.to_radians(), 0.1);
    let height = f64::from(radius / tilt.cos());
    let arm = "<body pos='0 0 0'><joint axis='0 1 0' damping='1'/><geom size='0.05' mass='0.5' contype='0' conaffinity='0'/></body>";
    for (engine, arm) in EngineKind::ALL.into_iter().flat_map(|engine| [(engine, ""), (engine, arm)]) {
        let xml = format!(
            "<mujoco><worldbody><geom type='plane' size='9 9 1' euler='0 15 0'/>
             <body pos='0 0 {height}'><freejoint/>
             <geom type='capsule' euler='0 105 0' size='{radius} 0.3' mass='2'/>{arm}</body>
             </worldbody></mujoco>"
        )
        .replace('\'', "\"");
        let worlds = settled(&xml, engine, 100);
        let contacts = worlds.contacts(1);
        let what = format!("{engine:?} with arm {}", !arm.is_empty());
        assert!((1..=4).contains(&contacts.len()), "{what}: {contacts:?}");
        let weight = 9.81 * worlds.model().total_mass() as f32;
        close(&what, support(&contacts), [0.0, 0.0, weight], 0.03 * weight);
        for contact in &contacts {
            let [x, _, z] = contact.position;
            let above = x * tilt.sin() + z * tilt.cos();
            assert!(above.abs() < 0.01, "{what}: {contact:?} is {above} m above the slope");
        }
        assert!(worlds.contacts(0).is_empty(), "{what}: a world that has not moved has no forces");
    }
}

#[test]
fn an_ant_at_rest_stands_on_its_feet_and_the_ground_carries_its_weight() {
    for engine in EngineKind::ALL {
        let worlds = settled(ANT, engine, 400);
        let contacts = worlds.contacts(1);
        let model = worlds.model();
        let weight = 9.81 * model.total_mass() as f32;
        let [x, y, up] = support(&contacts);
        close(engine.name(), [0.0, 0.0, up], [0.0, 0.0, weight], 0.03 * weight);
        // Feet that press against each other by friction: rapier tells its direction of the last small
        // step only.
        close(engine.name(), [x, y, 0.0], [0.0; 3], 0.08 * weight);
        for contact in &contacts {
            let body = contact.bodies[0].max(contact.bodies[1]);
            assert!(model.bodies[body].name.ends_with("foot"), "{contact:?}");
            assert!(contact.position[2].abs() < 0.02, "{contact:?}");
        }
        let feet: std::collections::BTreeSet<_> =
            contacts.iter().map(|c| c.bodies[0].max(c.bodies[1])).collect();
        assert_eq!(feet.len(), 4, "{contacts:?}");
    }
}

#[test]
fn looking_on_changes_nothing() {
    for engine in EngineKind::ALL {
        let (mut a, mut b) = (settled(ANT, engine, 30), settled(ANT, engine, 30));
        let controls = vec![0.4; 2 * a.model().nu()];
        for _ in 0..20 {
            let _ = a.contacts(1);
            a.step(&[true, true], &controls);
            b.step(&[true, true], &controls);
        }
        assert_eq!(a.view(1).qpos, b.view(1).qpos);
    }
}
