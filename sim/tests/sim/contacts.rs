//! Contact points and forces of both engines, against statics.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sim::{Contact, EngineKind, Model, Sensor, StepOptions, Worlds};

const ANT: &str = include_str!("../../../envs/assets/ant.xml");

fn settled(xml: &str, engine: EngineKind, steps: usize) -> Worlds {
    sensing(xml, engine, steps, &[])
}

fn sensing(xml: &str, engine: EngineKind, steps: usize, sensors: &[Sensor]) -> Worlds {
    let model = Arc::new(Model::from_mjcf(xml, "test.xml").unwrap());
    let options = StepOptions { engine, timestep: 0.005, substeps: 4, iterations: 20 };
    let mut worlds = Worlds::new(&model, 2, options, sensors).unwrap();
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

#[test]
fn the_moment_of_contacts_on_a_static_body_is_about_its_own_origin() {
    // A ball of 10 N at x = 1.2, y = 0.5 lies on a table whose origin is at x = 0.3, y = 0.1.
    let field = "<asset><hfield name='h' nrow='2' ncol='2' size='4 4 1 1'/></asset>";
    for (engine, table) in EngineKind::ALL.into_iter().flat_map(|engine| {
        ["type='plane' size='4 4 1'", "type='hfield' hfield='h'", "type='box' size='4 4 0.1' pos='0 0 -0.1'"]
            .map(|table| (engine, table))
    }) {
        let xml = format!(
            "<mujoco><option gravity='0 0 -10'/>{field}<worldbody>
             <body pos='0.3 0.1 0.7'><geom {table}/></body>
             <body pos='1.2 0.5 0.8'><freejoint/><geom size='0.1' mass='1'/></body></worldbody></mujoco>"
        );
        let sensors = [Sensor::ContactForce(1), Sensor::ContactTorque(1), Sensor::ContactTorque(2)];
        let worlds = sensing(&xml.replace('\'', "\""), engine, 100, &sensors);
        let what = format!("{engine:?} on {table}");
        let [force, table, ball] = [0, 3, 6].map(|at| {
            let seen: [f32; 3] = worlds.view(1).sensors[at..at + 3].try_into().unwrap();
            seen
        });
        close(&what, force, [0.0, 0.0, -10.0], 0.2);
        close(&what, table, [-4.0, 9.0, 0.0], 0.3);
        close(&what, ball, [0.0; 3], 0.05);
    }
}

#[test]
fn a_body_that_turns_about_its_centre_of_mass_feels_its_contacts() {
    // A wheel on a fixed axle through its centre is pressed on the ground by a geom at its rim.
    let xml = r#"<mujoco><worldbody><geom type="plane" size="9 9 1"/>
        <body pos="0 0 0.5"><joint name="j" axis="0 1 0"/>
        <inertial pos="0 0 0" mass="1" diaginertia="0.1 0.1 0.1"/>
        <geom type="capsule" size="0.05" fromto="-0.45 0 -0.4 0.45 0 -0.4"/></body></worldbody>
        <actuator><motor joint="j" ctrlrange="-9 9"/></actuator></mujoco>"#;
    let sensors = [Sensor::ContactForce(1), Sensor::ContactTorque(1), Sensor::Touch(1)];
    for engine in EngineKind::ALL {
        let model = Arc::new(Model::from_mjcf(xml, "test.xml").unwrap());
        let options = StepOptions { engine, timestep: 0.005, substeps: 4, iterations: 20 };
        let mut worlds = Worlds::new(&model, 1, options, &sensors).unwrap();
        for _ in 0..100 {
            worlds.step(&[true], &[4.5]);
        }
        let seen = worlds.view(0).sensors;
        assert!(!worlds.bad(0) && seen.iter().all(|x| x.is_finite()), "{engine:?}: {seen:?}");
        // The motor's 4.5 N·m at an arm of about 0.4 m.
        assert!((seen[2] - 11.25).abs() < 0.5 && (seen[6] - seen[2]).abs() < 0.01, "{engine:?}: {seen:?}");
        assert!((seen[4] + 4.5).abs() < 0.05, "{engine:?}: {seen:?}");
    }
}
