//! Per-world parameters and the touch sensor: what must hold whatever the engine.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sim::{EngineKind, Model, Parameters, Sensor, SimError, StepOptions, Worlds};

const ANT: &str = include_str!("../../../envs/assets/ant.xml");
const CHEETAH: &str = include_str!("../../../envs/assets/half_cheetah.xml");

/// A mass of 2 kg on a slide, and an arm with a weight welded to its end on a hinge; one motor each.
const MOTORS: &str = r#"<mujoco><option gravity="0 0 0"/>
<default><geom contype="0" conaffinity="0"/></default>
<worldbody>
  <body name="cart" pos="0 2 1">
    <joint name="rail" type="slide" axis="1 0 0" armature="1"/>
    <geom type="sphere" size="0.1" mass="2"/>
  </body>
  <body name="arm" pos="0 0 1">
    <joint name="axle" type="hinge" axis="0 0 1" armature="0.1"/>
    <geom type="capsule" fromto="0 0 0 0.6 0 0" size="0.05" mass="1"/>
    <body name="weight" pos="0.6 0 0"><geom type="sphere" size="0.1" mass="0.5"/></body>
  </body>
</worldbody>
<actuator>
  <motor name="push" joint="rail" gear="6" ctrlrange="-1 1"/>
  <motor name="turn" joint="axle" gear="2" ctrlrange="-1 1"/>
</actuator></mujoco>"#;

/// A free body of 2 kg on four round feet, half of it welded on.
const SLED: &str = r#"<mujoco><worldbody>
  <geom type="plane" size="40 40 40" friction="0.4 0.005 0.0001"/>
  <body name="sled" pos="0 0 0.1">
    <freejoint/>
    <geom type="sphere" size="0.1" pos="-0.3 0.3 0" mass="0.5" friction="0.2 0.005 0.0001"/>
    <geom type="sphere" size="0.1" pos="-0.3 -0.3 0" mass="0.5" friction="0.2 0.005 0.0001"/>
    <body name="front" pos="0.3 0 0">
      <geom type="sphere" size="0.1" pos="0 0.3 0" mass="0.5" friction="0.2 0.005 0.0001"/>
      <geom type="sphere" size="0.1" pos="0 -0.3 0" mass="0.5" friction="0.2 0.005 0.0001"/>
    </body>
  </body>
</worldbody></mujoco>"#;

/// A free body with a weight welded on, a motor that slides an arm on it, and a swinging tip.
const TREE: &str = r#"<mujoco><worldbody>
  <body name="base" pos="0 0 1">
    <freejoint/>
    <geom type="sphere" size="0.1" mass="1"/>
    <body name="weight" pos="0.4 0.1 0"><geom type="sphere" size="0.1" mass="1"/></body>
    <body name="arm" pos="-0.3 0.2 0.1">
      <joint name="rail" type="slide" axis="0 0 1"/>
      <geom type="capsule" fromto="0 0 0 -0.3 0 0" size="0.05" mass="0.5"/>
      <body name="knob" pos="-0.3 0 0"><geom type="sphere" size="0.1" mass="0.5"/></body>
      <body name="tip" pos="0 0 0.3">
        <joint name="swing" type="hinge" axis="0 1 0"/>
        <geom type="sphere" pos="0 0 0.2" size="0.1" mass="0.3"/>
      </body>
    </body>
  </body>
</worldbody>
<actuator><motor name="push" joint="rail" gear="20" ctrlrange="-1 1"/></actuator></mujoco>"#;

fn model(xml: &str) -> Arc<Model> {
    Arc::new(Model::from_mjcf(xml, "test.xml").unwrap())
}

fn worlds(engine: EngineKind, model: &Arc<Model>, n: usize, sensors: &[Sensor]) -> Worlds {
    let options = StepOptions { engine, timestep: 0.005, substeps: 4, iterations: 4 };
    Worlds::new(model, n, options, sensors).unwrap()
}

/// Parameters of `model` with `change` applied.
fn with(model: &Model, change: impl FnOnce(&mut Parameters)) -> Parameters {
    let mut parameters = Parameters::nominal(model);
    change(&mut parameters);
    parameters
}

/// Sets one world's parameters.
fn set(worlds: &mut Worlds, world: usize, change: impl FnOnce(&mut Parameters)) {
    let parameters = with(worlds.model(), change);
    worlds.set_parameters(world, &parameters).unwrap();
    assert_eq!(worlds.parameters(world), &parameters);
}

/// The reference configuration with every limited joint inside its limits.
fn legal(model: &Model) -> Vec<f32> {
    let mut qpos: Vec<f32> = model.qpos0.iter().map(|&x| x as f32).collect();
    for joint in model.joints.iter().filter(|j| j.limited) {
        qpos[joint.qpos_adr] = qpos[joint.qpos_adr].clamp(joint.range[0] as f32, joint.range[1] as f32);
    }
    qpos
}

/// `steps` control steps of all worlds with `control` on every actuator.
fn run(worlds: &mut Worlds, steps: usize, control: f32) {
    let n = worlds.len();
    let controls = vec![control; n * worlds.model().nu()];
    (0..steps).for_each(|_| worlds.step(&vec![true; n], &controls));
    assert!((0..n).all(|world| !worlds.bad(world)));
}

/// Like [`run`], with controls that differ for every step and actuator but not between worlds.
fn wriggle(worlds: &mut Worlds, from: usize, steps: usize) {
    let (n, nu) = (worlds.len(), worlds.model().nu());
    for step in from..from + steps {
        let one: Vec<f32> = (0..nu).map(|i| ((step * 31 + i * 17) % 41) as f32 / 20.0 - 1.0).collect();
        worlds.step(&vec![true; n], &one.repeat(n));
    }
}

fn bits(worlds: &Worlds, world: usize) -> Vec<u32> {
    let view = worlds.view(world);
    view.qpos.iter().chain(view.qvel).chain(view.sensors).map(|x| x.to_bits()).collect()
}

/// Starts a world in its reference configuration with the velocity `qvel`.
fn restart(worlds: &mut Worlds, world: usize, qvel: &[f32]) {
    let qpos = legal(worlds.model());
    worlds.reset(world, &qpos, qvel);
}

fn close(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{what}: {got}, expected {expected}");
}

/// Parameters that change everything, and not symmetrically.
fn odd(parameters: &mut Parameters) {
    let factors = [1.0, 1.3, 0.7, 1.9, 0.6, 1.2];
    parameters.mass.iter_mut().zip(factors.iter().cycle()).for_each(|(m, f)| *m = *f);
    parameters.gear.iter_mut().zip(factors.iter().cycle()).for_each(|(g, f)| *g = *f);
    parameters.friction = 0.6;
    parameters.gravity = [0.5, -0.4, -8.0];
    parameters.force.iter_mut().for_each(|f| *f = [0.1, 0.05, -0.2]);
}

#[test]
fn mass_and_gear_scale_acceleration_and_armature_stays() {
    let model = model(MOTORS);
    let (cart, arm, weight) =
        (model.body("cart").unwrap(), model.body("arm").unwrap(), model.body("weight").unwrap());
    // Moment of inertia about the axle.
    let about_axle = |body: usize, at: f64| {
        let (b, rotation) = (&model.bodies[body], model.bodies[body].inertia_quat);
        // Both bodies are symmetric about one axis and lie in the plane of motion, so that two of the
        // moments are equal: the vertical one is the middle one.
        let mut moments = b.inertia;
        moments.sort_by(f64::total_cmp);
        assert!(rotation.iter().all(|x| x.is_finite()));
        moments[1] + b.mass * (at + b.com[0]).powi(2)
    };
    let (arm_inertia, weight_inertia) = (about_axle(arm, 0.0), about_axle(weight, 0.6));
    for engine in EngineKind::ALL {
        for [m_cart, m_arm, m_weight, gear] in
            [[1.0, 1.0, 1.0, 1.0], [2.0, 1.0, 3.0, 1.0], [0.5, 2.0, 0.5, 0.5], [1.0, 1.0, 1.0, -1.0]]
        {
            let mut worlds = worlds(engine, &model, 1, &[]);
            set(&mut worlds, 0, |p| {
                (p.mass[cart], p.mass[arm], p.mass[weight]) = (m_cart, m_arm, m_weight);
                p.gear.fill(gear);
            });
            run(&mut worlds, 10, 0.5);
            let [m_cart, m_arm, m_weight, gear] = [m_cart, m_arm, m_weight, gear].map(f64::from);
            let time = 0.2;
            let qvel = worlds.view(0).qvel;
            let linear = 0.5 * 6.0 * gear / (2.0 * m_cart + 1.0) * time;
            close("cart", f64::from(qvel[0]), linear, 1e-3 * linear.abs());
            let inertia = arm_inertia * m_arm + weight_inertia * m_weight + 0.1;
            let angular = 0.5 * 2.0 * gear / inertia * time;
            close("arm", f64::from(qvel[1]), angular, 1e-3 * angular.abs());
        }
    }
}

#[test]
fn a_broken_motor_does_nothing() {
    let model = model(MOTORS);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &[]);
        set(&mut worlds, 0, |p| p.gear[1] = 0.0);
        run(&mut worlds, 10, 1.0);
        assert_eq!((worlds.view(0).qpos[1], worlds.view(0).qvel[1]), (0.0, 0.0), "the arm rests");
        assert!(worlds.view(0).qvel[0] > 0.1, "the cart moves");
    }
}

#[test]
fn the_centre_of_mass_follows_the_masses() {
    let model = model(SLED);
    let front = model.body("front").unwrap();
    for engine in EngineKind::ALL {
        // Both orders: parameters before the reset and on the living world.
        for early in [true, false] {
            let mut worlds = worlds(engine, &model, 1, &[]);
            let heavy = with(&model, |p| (p.mass[front], p.gravity) = (3.0, [0.0; 3]));
            let mut qpos = legal(&model);
            qpos[..3].copy_from_slice(&[1.0, 2.0, 30.0]);
            // The front weighs 3 kg, the rest 1 kg, 0.6 m apart: the centre is 0.15 m before the origin.
            // It rests if the origin circles around it.
            let (centre, spin) = (0.15, 2.0);
            let qvel = [0.0, -spin * centre, 0.0, 0.0, 0.0, spin];
            if early {
                worlds.set_parameters(0, &heavy).unwrap();
                worlds.reset(0, &qpos, &qvel);
            } else {
                worlds.reset(0, &qpos, &qvel);
                worlds.set_parameters(0, &heavy).unwrap();
            }
            for _ in 0..20 {
                run(&mut worlds, 5, 0.0);
                let q = worlds.view(0).qpos;
                let yaw = 2.0 * f64::from(q[6]).atan2(f64::from(q[3]));
                let (x, y) = (
                    f64::from(q[0]) + f64::from(centre) * yaw.cos(),
                    f64::from(q[1]) + f64::from(centre) * yaw.sin(),
                );
                close("x of the centre", x, 1.0 + f64::from(centre), 5e-3);
                close("y of the centre", y, 2.0, 5e-3);
                close("height", f64::from(q[2]), 30.0, 1e-3);
            }
            close("spin", f64::from(worlds.view(0).qvel[5]), f64::from(spin), 1e-2);
        }
    }
}

#[test]
fn a_change_in_mid_air_and_a_change_before_the_reset_are_the_same_physics() {
    for xml in [ANT, CHEETAH, SLED, TREE] {
        let model = model(xml);
        let sensors: Vec<Sensor> =
            (1..model.bodies.len()).flat_map(|b| [Sensor::Position(b), Sensor::Velocity(b)]).collect();
        for engine in EngineKind::ALL {
            let mut worlds = worlds(engine, &model, 3, &sensors);
            let mut qpos = legal(&model);
            if xml != CHEETAH {
                qpos[2] += 5.0;
            }
            let qvel: Vec<f32> = (0..model.nv()).map(|i| (i % 3) as f32 * 0.6 - 0.4).collect();
            set(&mut worlds, 0, odd);
            (0..3).for_each(|world| worlds.reset(world, &qpos, &qvel));
            let before = bits(&worlds, 1);
            set(&mut worlds, 1, odd);
            assert_eq!(bits(&worlds, 1), before, "the state stays");
            wriggle(&mut worlds, 0, 10);
            let distance = |a: usize, b: usize| {
                let (a, b) = (worlds.view(a), worlds.view(b));
                let values = |x: sim::WorldView<'_>| [x.qpos, x.qvel, x.sensors].concat();
                values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
            };
            assert!(distance(0, 1) < 1e-3, "early and late differ by {}", distance(0, 1));
            assert!(distance(0, 2) > 0.05, "changed and nominal differ by {}", distance(0, 2));
        }
    }
}

#[test]
fn gravity_may_point_anywhere() {
    let model = model(SLED);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 2, &[]);
        let mut qpos = legal(&model);
        qpos[2] = 50.0;
        (0..2).for_each(|world| worlds.reset(world, &qpos, &[0.0; 6]));
        set(&mut worlds, 0, |p| p.gravity = [3.0, -2.0, -1.0]);
        run(&mut worlds, 50, 0.0);
        for (world, gravity) in [(0, [3.0, -2.0, -1.0]), (1, [0.0, 0.0, -9.81])] {
            for (&velocity, gravity) in worlds.view(world).qvel.iter().zip(gravity) {
                close("velocity", f64::from(velocity), gravity, 1e-2);
            }
        }
    }
}

#[test]
fn gravity_across_its_plane_does_not_move_a_planar_robot() {
    let model = model(CHEETAH);
    let torso = model.body("torso").unwrap();
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 2, &[Sensor::Position(torso), Sensor::Touch(0)]);
        set(&mut worlds, 0, |p| p.gravity = [0.0, 6.0, -9.81]);
        wriggle(&mut worlds, 0, 30);
        // Back to the model, and nothing of the old gravity is left.
        close("y", f64::from(worlds.view(0).sensors[1]), 0.0, 1e-3);
        close("x", f64::from(worlds.view(0).qpos[0]), f64::from(worlds.view(1).qpos[0]), 2e-2);
        set(&mut worlds, 0, |_| ());
        wriggle(&mut worlds, 30, 30);
        close("y", f64::from(worlds.view(0).sensors[1]), 0.0, 1e-3);
    }
}

#[test]
fn friction_decides_how_far_a_push_goes() {
    let model = model(SLED);
    let speed = 2.0;
    for engine in EngineKind::ALL {
        // The larger friction of the two surfaces, the floor's 0.4, counts.
        for (factor, friction) in [(1.0, 0.4), (0.5, 0.2), (2.0, 0.8)] {
            let mut worlds = worlds(engine, &model, 1, &[]);
            set(&mut worlds, 0, |p| p.friction = factor);
            restart(&mut worlds, 0, &[0.0; 6]);
            run(&mut worlds, 20, 0.0);
            let (qpos, mut qvel) = (worlds.view(0).qpos.to_vec(), vec![0.0; 6]);
            qvel[0] = speed as f32;
            worlds.reset(0, &qpos, &qvel);
            run(&mut worlds, 100, 0.0);
            let way = f64::from(worlds.view(0).qpos[0] - qpos[0]);
            let expected = speed * speed / (2.0 * friction * 9.81);
            close("way", way, expected, 0.07 * expected);
            close("speed", f64::from(worlds.view(0).qvel[0]), 0.0, 2e-2);
        }
    }
}

#[test]
fn without_friction_a_slope_accelerates_a_sled_at_once() {
    let model = model(SLED);
    let slope = [9.81 * 0.3f32.sin(), 0.0, -9.81 * 0.3f32.cos()];
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &[]);
        // At rest on the slope: tan 0.3 is below the friction coefficient.
        set(&mut worlds, 0, |p| p.gravity = slope);
        restart(&mut worlds, 0, &[0.0; 6]);
        run(&mut worlds, 50, 0.0);
        close("speed at rest", f64::from(worlds.view(0).qvel[0]), 0.0, 2e-2);
        // Its contacts exist already when friction goes.
        set(&mut worlds, 0, |p| (p.gravity, p.friction) = (slope, 0.0));
        let before = worlds.view(0).qvel[0];
        run(&mut worlds, 25, 0.0);
        let gain = f64::from(worlds.view(0).qvel[0] - before);
        close("speed", gain, 0.5 * f64::from(slope[0]), 0.02);
        // And when it comes back.
        set(&mut worlds, 0, |p| (p.gravity, p.friction) = (slope, 2.0));
        run(&mut worlds, 75, 0.0);
        close("speed at the end", f64::from(worlds.view(0).qvel[0]), 0.0, 2e-2);
    }
}

#[test]
fn touch_carries_the_weight_whatever_it_is() {
    let model = model(SLED);
    let (sled, front) = (model.body("sled").unwrap(), model.body("front").unwrap());
    for engine in EngineKind::ALL {
        let sensors = [Sensor::Touch(sled), Sensor::Touch(front), Sensor::Touch(0)];
        let mut worlds = worlds(engine, &model, 1, &sensors);
        assert_eq!(worlds.view(0).sensors, [0.0; 3], "no step, no force");
        let expect = |worlds: &Worlds, expected: [f64; 3]| {
            for (&got, expected) in worlds.view(0).sensors.iter().zip(expected) {
                close("touch", f64::from(got), expected, 0.01 * expected);
            }
        };
        let half = 9.81;
        run(&mut worlds, 100, 0.0);
        expect(&worlds, [half, half, 2.0 * half]);
        // On the resting sled, without a reset.
        set(&mut worlds, 0, |p| p.mass.fill(2.0));
        run(&mut worlds, 100, 0.0);
        expect(&worlds, [2.0 * half, 2.0 * half, 4.0 * half]);
        set(&mut worlds, 0, |p| p.mass[front] = 3.0);
        run(&mut worlds, 100, 0.0);
        expect(&worlds, [half, 3.0 * half, 4.0 * half]);
        // Sideways forces are no touch: on a slope only the normal part counts.
        set(&mut worlds, 0, |p| p.gravity = [1.0, 0.0, -5.0]);
        run(&mut worlds, 100, 0.0);
        close("on a slope", f64::from(worlds.view(0).sensors[2]), 10.0, 0.1);
        set(&mut worlds, 0, |p| p.gravity = [0.0, 0.0, 4.0]);
        run(&mut worlds, 30, 0.0);
        assert_eq!(worlds.view(0).sensors, [0.0; 3], "it has flown off");
    }
}

#[test]
fn a_resting_ant_touches_with_its_weight() {
    let model = model(ANT);
    let mut sensors: Vec<Sensor> = (1..model.bodies.len()).map(Sensor::Touch).collect();
    sensors.extend((1..model.bodies.len()).map(Sensor::ContactForce));
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 2, &sensors);
        set(&mut worlds, 1, |p| p.mass.fill(2.0));
        let mut qpos = legal(&model);
        qpos[2] = 0.6;
        for joint in model.joints.iter().filter(|j| j.name.starts_with("ankle")) {
            qpos[joint.qpos_adr] = joint.range[0].signum() as f32;
        }
        (0..2).for_each(|world| worlds.reset(world, &qpos, &vec![0.0; model.nv()]));
        run(&mut worlds, 200, 0.0);
        for (world, factor) in [(0, 1.0), (1, 2.0)] {
            let weight = factor * model.total_mass() * 9.81;
            let (touch, force) = worlds.view(world).sensors.split_at(model.bodies.len() - 1);
            close("touch", f64::from(touch.iter().sum::<f32>()), weight, 0.02 * weight);
            // The floor is level: each body's touch is its vertical force.
            for (&touch, force) in touch.iter().zip(force.chunks(3)) {
                close("force", f64::from(touch), f64::from(force[2]), 1e-3 * weight);
            }
        }
    }
}

#[test]
fn neighbours_do_not_notice() {
    for xml in [ANT, CHEETAH] {
        let model = model(xml);
        for engine in EngineKind::ALL {
            let mut worlds = worlds(engine, &model, 3, &[Sensor::Touch(1)]);
            let mut alone = self::worlds(engine, &model, 1, &[Sensor::Touch(1)]);
            for round in 0..2 {
                set(&mut worlds, 1, |p| if round == 0 { odd(p) } else { p.friction = 0.3 });
                wriggle(&mut worlds, 40 * round, 40);
                wriggle(&mut alone, 40 * round, 40);
                assert_eq!(bits(&worlds, 0), bits(&alone, 0));
                assert_eq!(bits(&worlds, 2), bits(&alone, 0));
                assert_ne!(bits(&worlds, 1), bits(&alone, 0));
            }
        }
    }
}

#[test]
fn parameters_survive_resets_and_leave_without_a_trace() {
    for xml in [ANT, CHEETAH, SLED] {
        let model = model(xml);
        let still = vec![0.0; model.nv()];
        for engine in EngineKind::ALL {
            let mut worlds = worlds(engine, &model, 1, &[Sensor::Touch(0)]);
            let repeat = |worlds: &mut Worlds| {
                restart(worlds, 0, &still);
                wriggle(worlds, 0, 40);
                bits(worlds, 0)
            };
            let nominal = repeat(&mut worlds);
            set(&mut worlds, 0, odd);
            let changed = repeat(&mut worlds);
            assert_ne!(changed, nominal);
            assert_eq!(repeat(&mut worlds), changed, "a reset keeps the parameters");
            let mut fresh = self::worlds(engine, &model, 1, &[Sensor::Touch(0)]);
            set(&mut fresh, 0, odd);
            assert_eq!(repeat(&mut fresh), changed, "only the parameters count, not what was before");
            set(&mut worlds, 0, |_| ());
            assert_eq!(repeat(&mut worlds), nominal, "back to the model");
        }
    }
}

#[test]
fn a_snapshot_brings_its_parameters_along() {
    for xml in [ANT, CHEETAH, SLED] {
        let model = model(xml);
        for engine in EngineKind::ALL {
            let mut source = worlds(engine, &model, 2, &[Sensor::Touch(0)]);
            set(&mut source, 1, odd);
            wriggle(&mut source, 0, 30);
            let (changed, nominal) = (source.snapshot(1), source.snapshot(0));
            wriggle(&mut source, 30, 30);
            // Into a nominal world of another batch, and a nominal snapshot into a changed world.
            let mut target = worlds(engine, &model, 3, &[Sensor::Touch(0)]);
            set(&mut target, 2, |p| (p.friction, p.gravity[0]) = (0.1, 1.0));
            wriggle(&mut target, 0, 10);
            target.restore(0, &changed);
            target.restore(2, &nominal);
            assert_eq!(target.parameters(0), source.parameters(1));
            assert_eq!(target.parameters(2), &Parameters::nominal(&model));
            wriggle(&mut target, 30, 30);
            assert_eq!(bits(&target, 0), bits(&source, 1), "changed");
            assert_eq!(bits(&target, 2), bits(&source, 0), "nominal");
            // The parameters are the world's own from then on.
            let still = vec![0.0; model.nv()];
            restart(&mut target, 0, &still);
            restart(&mut source, 1, &still);
            wriggle(&mut target, 0, 20);
            wriggle(&mut source, 0, 20);
            assert_eq!(bits(&target, 0), bits(&source, 1), "after a reset");
        }
    }
}

#[test]
fn a_blown_up_world_takes_parameters_and_heals() {
    let model = model(ANT);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &[]);
        let mut qvel = vec![0.0; model.nv()];
        qvel[0] = 1e30;
        restart(&mut worlds, 0, &qvel);
        worlds.step(&[true], &vec![0.0; model.nu()]);
        assert!(worlds.bad(0));
        set(&mut worlds, 0, odd);
        qvel[0] = 0.0;
        restart(&mut worlds, 0, &qvel);
        run(&mut worlds, 20, 0.1);
    }
}

#[test]
fn invalid_parameters_are_refused_and_change_nothing() {
    let model = model(ANT);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &[]);
        let mut refuse = |change: &dyn Fn(&mut Parameters), what: &str| {
            let error = worlds.set_parameters(0, &with(&model, change)).unwrap_err();
            assert!(matches!(error, SimError::Setting { .. } | SimError::Length { .. }), "{error:?}");
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(worlds.parameters(0), &Parameters::nominal(&model));
        };
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            refuse(&|p| p.mass[3] = bad, "parameters.mass");
        }
        for bad in [-0.1, f32::NAN, f32::INFINITY] {
            refuse(&|p| p.friction = bad, "parameters.friction");
        }
        for bad in [f32::NAN, f32::NEG_INFINITY] {
            refuse(&|p| p.gear[0] = bad, "parameters.gear");
            refuse(&|p| p.gravity[2] = bad, "parameters.gravity");
            refuse(&|p| p.force[1][0] = bad, "parameters.force");
            refuse(&|p| p.torque[1][2] = bad, "parameters.torque");
        }
        refuse(&|p| p.mass.truncate(2), "parameters.mass");
        refuse(&|p| p.gear.push(1.0), "parameters.gear");
        refuse(&|p| p.force.clear(), "parameters.force");
    }
}

#[test]
fn a_force_accelerates_what_it_pushes() {
    let model = model(MOTORS);
    let (cart, weight) = (model.body("cart").unwrap(), model.body("weight").unwrap());
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 2, &[]);
        set(&mut worlds, 1, |p| (p.force[cart], p.force[weight]) = ([6.0, 5.0, 4.0], [0.0, 0.5, 0.0]));
        run(&mut worlds, 10, 0.0);
        assert!(worlds.view(0).qvel.iter().all(|&v| v == 0.0), "a neighbour is not pushed");
        // 6 N on 2 kg and 1 kg of armature for 0.2 s; the rail takes the rest.
        close("cart", f64::from(worlds.view(1).qvel[0]), 0.4, 1e-3);
        // 0.5 N at 0.6 m on the axle's moment of inertia, as a motor of 0.3 N·m would.
        let mut motor = self::worlds(engine, &model, 1, &[]);
        set(&mut motor, 0, |p| p.gear[1] = 0.3 / (2.0 * 0.5));
        run(&mut motor, 10, 0.5);
        close("arm", f64::from(worlds.view(1).qvel[1]), f64::from(motor.view(0).qvel[1]), 2e-3);
        // It ends without a trace.
        let before = worlds.view(1).qvel[0];
        set(&mut worlds, 1, |_| ());
        run(&mut worlds, 10, 0.0);
        assert_eq!(worlds.view(1).qvel[0], before);
    }
}

#[test]
fn a_force_moves_the_centre_of_mass_and_turns_about_it() {
    let model = model(TREE);
    let still = vec![0.0; model.nv()];
    let knob = model.body("knob").unwrap();
    let mut sensors: Vec<Sensor> = (1..model.bodies.len()).map(Sensor::Velocity).collect();
    sensors.push(Sensor::AngularVelocity(1));
    let mut spins = Vec::new();
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &sensors);
        restart(&mut worlds, 0, &still);
        set(&mut worlds, 0, |p| (p.gravity, p.force[knob]) = ([0.0; 3], [1.0, 2.0, -0.5]));
        run(&mut worlds, 5, 0.0);
        let values = worlds.view(0).sensors;
        let momentum = |axis: usize| -> f64 {
            let bodies = model.bodies[1..].iter().zip(values.chunks(3));
            bodies.map(|(b, v)| b.mass * f64::from(v[axis])).sum()
        };
        for (axis, force) in [1.0, 2.0, -0.5].into_iter().enumerate() {
            close("momentum", momentum(axis), force * 0.1, 2e-3);
        }
        spins.push(values[values.len() - 3..].to_vec());
    }
    for (a, b) in spins[0].iter().zip(&spins[1]) {
        close("spin of both engines", f64::from(*a), f64::from(*b), 0.05 * f64::from(b.abs()) + 1e-3);
    }
    assert!(spins[0].iter().any(|w| w.abs() > 0.05), "{spins:?}");
}

#[test]
fn a_torque_turns_the_robot_and_moves_it_nowhere() {
    let model = model(TREE);
    let still = vec![0.0; model.nv()];
    let knob = model.body("knob").unwrap();
    let mut sensors: Vec<Sensor> = (1..model.bodies.len()).map(Sensor::Velocity).collect();
    sensors.push(Sensor::AngularVelocity(1));
    let mut spins = Vec::new();
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &sensors);
        restart(&mut worlds, 0, &still);
        set(&mut worlds, 0, |p| (p.gravity, p.torque[knob]) = ([0.0; 3], [0.1, -0.2, 0.3]));
        run(&mut worlds, 5, 0.0);
        let values = worlds.view(0).sensors.to_vec();
        for axis in 0..3 {
            let bodies = model.bodies[1..].iter().zip(values.chunks(3));
            close("momentum", bodies.map(|(b, v)| b.mass * f64::from(v[axis])).sum(), 0.0, 2e-3);
        }
        spins.push(values[values.len() - 3..].to_vec());
        // It ends without a trace.
        let before = worlds.view(0).qvel.to_vec();
        set(&mut worlds, 0, |p| p.gravity = [0.0; 3]);
        run(&mut worlds, 1, 0.0);
        let turned = worlds.view(0).qvel.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(turned < 0.2, "{engine:?}: {turned}");
    }
    for (a, b) in spins[0].iter().zip(&spins[1]) {
        close("spin of both engines", f64::from(*a), f64::from(*b), 0.05 * f64::from(b.abs()) + 2e-3);
    }
    assert!(spins[0].iter().any(|w| w.abs() > 0.05), "{spins:?}");
}

#[test]
fn a_planar_robot_is_pushed_in_its_plane_only() {
    let model = model(CHEETAH);
    for engine in EngineKind::ALL {
        let speed = |force: [f32; 3]| {
            let mut worlds = worlds(engine, &model, 1, &[Sensor::Position(1)]);
            set(&mut worlds, 0, |p| p.force[1] = force);
            run(&mut worlds, 40, 0.0);
            (worlds.view(0).qvel[0], worlds.view(0).sensors[1])
        };
        let (still, pushed) = (speed([0.0; 3]), speed([60.0, 0.0, 0.0]));
        assert!(pushed.0 > still.0 + 0.2, "{engine:?}: {still:?} {pushed:?}");
        assert_eq!(speed([0.0, 60.0, 0.0]), still, "{engine:?}");
    }
}

#[test]
fn contact_forces_and_moments_balance_a_pushed_body_at_rest() {
    let model = model(SLED);
    let (sled, front) = (model.body("sled").unwrap(), model.body("front").unwrap());
    let sensors = [
        Sensor::ContactForce(sled),
        Sensor::ContactTorque(sled),
        Sensor::ContactForce(front),
        Sensor::ContactTorque(front),
        Sensor::Position(sled),
        Sensor::Position(front),
    ];
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &sensors);
        // Friction holds: 0.4 · 2 kg · 9.81 m/s² is 7.8 N.
        let push = [2.0, 1.0, -3.0];
        set(&mut worlds, 0, |p| p.force[front] = push);
        run(&mut worlds, 100, 0.0);
        let rows: Vec<[f64; 3]> =
            worlds.view(0).sensors.chunks(3).map(|row| [row[0], row[1], row[2]].map(f64::from)).collect();
        let push = push.map(f64::from);
        let weight = [0.0, 0.0, -9.81];
        let cross = |a: [f64; 3], b: [f64; 3]| -> [f64; 3] {
            std::array::from_fn(|i| a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3])
        };
        // The bodies' centres of mass are 0.3 m behind the sled's origin and in the front's own.
        let arm: [f64; 3] = std::array::from_fn(|i| rows[5][i] - rows[4][i]);
        let moments =
            [cross([-0.3, 0.0, 0.0], weight), cross(arm, weight), cross(arm, push), cross(arm, rows[2])];
        for i in 0..3 {
            let force = rows[0][i] + rows[2][i] + push[i] + 2.0 * weight[i];
            close("force", force, 0.0, 0.05);
            let moment = rows[1][i] + rows[3][i] + moments.iter().map(|m| m[i]).sum::<f64>();
            close("moment", moment, 0.0, 0.05);
        }
    }
}

#[test]
fn a_sliding_robot_feels_its_friction() {
    let model = model(CHEETAH);
    let sensors: Vec<Sensor> = (1..model.bodies.len()).map(Sensor::ContactForce).collect();
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &sensors);
        let mut qvel = vec![0.0; model.nv()];
        qvel[0] = 6.0;
        restart(&mut worlds, 0, &qvel);
        // While it slides along +x, friction is 0.4 of the normal force, against the motion.
        let (mut along, mut normal) = (0.0, 0.0);
        for _ in 0..20 {
            run(&mut worlds, 1, 0.0);
            let forces = worlds.view(0).sensors.chunks(3);
            forces.for_each(|f| (along, normal) = (along + f64::from(f[0]), normal + f64::from(f[2])));
        }
        assert!(worlds.view(0).qvel[0] > 1.0 && normal > 100.0, "{engine:?}: {normal}");
        close("friction", along / normal, -0.4, 0.04);
    }
}
