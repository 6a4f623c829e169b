//! The lanes engine against mechanics: conservation laws, closed forms, and MuJoCo's soft contacts.
//!
//! Every check takes an engine, so that a new one can be held against the same laws. Figures called
//! MuJoCo's are those of MuJoCo 4.0.0 with its Euler integrator on the same MJCF.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::f64::consts::{FRAC_PI_4, PI};
use std::sync::Arc;

use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};
use sim::{EngineKind, Model, Sensor, StepOptions, Worlds};

/// Standard gravity of MuJoCo's models, m/s².
const G: f64 = 9.81;
/// Physics step of most checks, s.
const H: f64 = 0.002;

/// One world that moves by one physics step at a time.
struct World {
    worlds: Worlds,
    h: f64,
}

impl World {
    fn new(engine: EngineKind, xml: &str, h: f64) -> Self {
        let model = Arc::new(Model::from_mjcf(xml, "test.xml").unwrap());
        assert_eq!(model.warnings, [""; 0]);
        let options = StepOptions { engine, timestep: h, substeps: 1, iterations: 100 };
        let sensors: Vec<Sensor> = (1..model.bodies.len())
            .flat_map(|b| {
                [
                    Sensor::Position(b),
                    Sensor::Orientation(b),
                    Sensor::Velocity(b),
                    Sensor::AngularVelocity(b),
                    Sensor::ContactForce(b),
                ]
            })
            .collect();
        Self { worlds: Worlds::new(&model, 1, options, &sensors).unwrap(), h }
    }

    fn start(mut self, qpos: &[f64], qvel: &[f64]) -> Self {
        let narrow = |row: &[f64]| row.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        let qpos = if qpos.is_empty() { self.worlds.model().qpos0.clone() } else { qpos.to_vec() };
        let nv = self.worlds.model().nv();
        let qvel = if qvel.is_empty() { vec![0.0; nv] } else { qvel.to_vec() };
        self.worlds.reset(0, &narrow(&qpos), &narrow(&qvel));
        self
    }

    fn step(&mut self, control: &[f32]) {
        self.worlds.step(&[true], control);
        assert!(!self.worlds.bad(0));
    }

    fn run(&mut self, seconds: f64) {
        for _ in 0..(seconds / self.h).round() as usize {
            self.step(&[]);
        }
    }

    fn q(&self, i: usize) -> f64 {
        f64::from(self.worlds.view(0).qpos[i])
    }

    fn v(&self, i: usize) -> f64 {
        f64::from(self.worlds.view(0).qvel[i])
    }

    /// Values `from..from + 3` of a body's sensors.
    fn sensor(&self, body: usize, from: usize) -> Vector3<f64> {
        let at = 16 * (body - 1) + from;
        let values = &self.worlds.view(0).sensors[at..at + 3];
        Vector3::new(f64::from(values[0]), f64::from(values[1]), f64::from(values[2]))
    }

    fn turn(&self, body: usize) -> UnitQuaternion<f64> {
        let at = 16 * (body - 1) + 3;
        let q: Vec<f64> = self.worlds.view(0).sensors[at..at + 4].iter().map(|&x| f64::from(x)).collect();
        UnitQuaternion::from_quaternion(Quaternion::new(q[0], q[1], q[2], q[3]))
    }

    /// Momentum, angular momentum about the origin, kinetic energy, from the sensors.
    fn motion(&self) -> (Vector3<f64>, Vector3<f64>, f64) {
        let (mut linear, mut angular, mut energy) = (Vector3::zeros(), Vector3::zeros(), 0.0);
        for (index, body) in self.worlds.model().bodies.iter().enumerate().skip(1) {
            let turn = self.turn(index);
            let centre = self.sensor(index, 0) + turn * Vector3::from(body.com);
            let (velocity, spin) = (self.sensor(index, 7), self.sensor(index, 10));
            let [w, x, y, z] = body.inertia_quat;
            let axes = (turn * UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z)))
                .to_rotation_matrix()
                .into_inner();
            let inertia = axes * Matrix3::from_diagonal(&Vector3::from(body.inertia)) * axes.transpose();
            let momentum = body.mass * velocity;
            linear += momentum;
            angular += centre.cross(&momentum) + inertia * spin;
            energy += 0.5 * (momentum.dot(&velocity) + spin.dot(&(inertia * spin)));
        }
        (linear, angular, energy)
    }
}

#[track_caller]
fn near(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{what}: {got}, expected {expected} ± {tolerance}");
}

/// A world with one body on the plane z = 0, whose friction is the body's.
fn on_plane(option: &str, friction: &str, joints: &str, z: f64, geom: &str) -> String {
    format!(
        "<mujoco><option {option}/><default><geom {friction}/></default><worldbody>\
         <geom type='plane' size='5 5 1'/><body pos='0 0 {z}'>{joints}{geom}</body>\
         </worldbody></mujoco>"
    )
}

fn momentum_and_energy_last_in_free_flight(engine: EngineKind) {
    let xml =
        "<mujoco><option gravity='0 0 0'/><default><geom contype='0' conaffinity='0'/></default><worldbody>
        <body><freejoint/><geom type='box' size='0.2 0.1 0.05' mass='2'/>
          <body pos='0.2 0.1 0'><joint axis='0 1 0'/><joint axis='0 0 1'/>
            <geom type='capsule' size='0.04 0.15' pos='0.15 0 0' euler='0 90 0' mass='0.5'/>
            <body pos='0.3 0 0'><joint axis='0 1 0'/>
              <geom type='capsule' size='0.03 0.1' pos='0 0 -0.1' mass='0.3'/></body></body>
          <body pos='-0.2 -0.1 0'><joint type='ball'/>
            <geom type='capsule' size='0.04 0.15' pos='-0.15 0 0' euler='0 90 0' mass='0.5'/></body>
        </body></worldbody></mujoco>";
    let velocity = [0.3, -0.2, 0.1, 1.0, 2.0, -1.5, 3.0, -2.0, 4.0, 2.0, -3.0, 1.0];
    // The largest deviation within a second of MuJoCo's Euler, in each of the three.
    for (h, euler) in [(0.002, [0.02338, 0.01173, 0.0549]), (0.001, [0.01156, 0.00579, 0.02694])] {
        let mut world = World::new(engine, xml, h).start(&[], &velocity);
        let before = world.motion();
        near("momentum in x", before.0.x, 0.765, 1e-5);
        near("angular momentum in y", before.1.y, 0.570_607, 1e-5);
        near("energy", before.2, 1.755_175, 1e-5);
        let mut most = [0.0_f64; 3];
        for _ in 0..(1.0 / h) as usize {
            world.step(&[]);
            let now = world.motion();
            let off = [(now.0 - before.0).amax(), (now.1 - before.1).amax(), (now.2 - before.2).abs()];
            most = std::array::from_fn(|i| most[i].max(off[i]));
        }
        for (what, (got, bound)) in
            ["momentum", "angular momentum", "energy"].iter().zip(most.iter().zip(euler))
        {
            assert!(*got < 1.2 * bound + 1e-4, "{what} at {h} s: off by {got}, MuJoCo's Euler by {bound}");
        }
    }
}

fn a_thrown_body_follows_a_parabola(engine: EngineKind) {
    let xml = "<mujoco><worldbody><body><freejoint/><geom size='0.1'/></body></worldbody></mujoco>";
    let mut world = World::new(engine, xml, H).start(&[], &[1.0, -0.5, 3.0, 0.0, 0.0, 0.0]);
    for i in 1..=400 {
        world.step(&[]);
        let t = f64::from(i) * H;
        near("x", world.q(0), t, 1e-4);
        near("y", world.q(1), -0.5 * t, 1e-4);
        // Semi-implicit Euler is ahead of the parabola by half a step's fall.
        near("z", world.q(2), 3.0 * t - 0.5 * G * t * (t + H), 2e-4);
        near("fall", world.v(2), 3.0 - G * t, 1e-4);
    }
    near("no spin", world.v(3).abs() + world.v(4).abs() + world.v(5).abs(), 0.0, 5e-6);
}

/// Time of a full swing of coordinate 0 about `middle`, from `swings` of its upward passages.
fn period(world: &mut World, middle: f64, swings: usize) -> f64 {
    let (mut passages, mut before, mut t) = (Vec::new(), world.q(0) - middle, 0.0);
    while passages.len() <= swings {
        world.step(&[]);
        t += world.h;
        let now = world.q(0) - middle;
        if before < 0.0 && now >= 0.0 {
            passages.push(t - world.h * now / (now - before));
        }
        before = now;
        assert!(t < 60.0, "it swings");
    }
    (passages[swings] - passages[0]) / swings as f64
}

fn a_compound_pendulum_keeps_time(engine: EngineKind) {
    // A capsule 0.5 m below the hinge: mass, distance and moment come from the model's table.
    let xml = "<mujoco><worldbody><body pos='0 0 2'><joint axis='0 1 0'/>\
               <geom type='capsule' size='0.05 0.3' pos='0.1 0 -0.4' mass='1'/></body></worldbody></mujoco>";
    let world = World::new(engine, xml, H);
    let body = &world.worlds.model().bodies[1];
    let lever = Vector3::from(body.com).norm();
    let about_hinge = body.inertia[0].max(body.inertia[1]) + body.mass * lever * lever;
    let amplitude: f64 = 0.1;
    let expected =
        2.0 * PI * (about_hinge / (body.mass * G * lever)).sqrt() * (1.0 + amplitude.powi(2) / 16.0);
    // The bob hangs at the angle whose tangent is 0.1 / 0.4 away from the joint's zero.
    let hang = (0.1_f64 / 0.4).atan();
    let mut world = world.start(&[hang + amplitude], &[]);
    near("period", period(&mut world, hang, 8), expected, 1e-3 * expected);
}

fn a_spring_has_its_frequency_and_rest(engine: EngineKind) {
    let xml = "<mujoco><option gravity='0 0 0'/><worldbody><body>\
               <joint type='slide' axis='1 0 0' stiffness='50' armature='0.5'/>\
               <geom size='0.1' mass='1.5'/></body></worldbody></mujoco>";
    let mut world = World::new(engine, xml, H).start(&[0.1], &[]);
    let expected = 2.0 * PI * (2.0_f64 / 50.0).sqrt();
    near("period", period(&mut world, 0.0, 10), expected, 1e-3 * expected);
    // With a rest position and damping it ends there.
    let xml = xml.replace("stiffness='50'", "stiffness='50' springref='0.3' damping='10'");
    let mut world = World::new(engine, &xml, H).start(&[0.1], &[]);
    world.run(4.0);
    near("rest", world.q(0), 0.3, 1e-4);
}

fn damping_and_armature_act_as_written(engine: EngineKind) {
    let xml = "<mujoco><option gravity='0 0 0'/><worldbody><body>\
               <joint name='j' axis='0 1 0' damping='0.2' armature='0.03'/>\
               <geom type='box' size='0.1 0.2 0.3' mass='1'/></body></worldbody>\
               <actuator><motor joint='j' gear='2' ctrlrange='-1 1'/></actuator></mujoco>";
    let inertia = (0.01 + 0.09) / 3.0 + 0.03;
    let mut world = World::new(engine, xml, H).start(&[], &[3.0]);
    // Implicit: v ← v / (1 + h b / I).
    let mut expected = 3.0;
    for _ in 0..300 {
        world.step(&[0.0]);
        expected /= 1.0 + H * 0.2 / inertia;
        near("rate", world.v(0), expected, 2e-5);
    }
    // Clamped control times gear over damping is the final rate.
    for _ in 0..2000 {
        world.step(&[7.0]);
    }
    near("final rate", world.v(0), 2.0 / 0.2, 1e-3);
}

fn bodies_rest_where_mujoco_says(engine: EngineKind) {
    let sphere = "<geom size='0.1' mass='1'/>";
    let capsule = "<geom type='capsule' size='0.1 0.2' euler='0 90 0' mass='1'/>";
    let box_ = "<geom type='box' size='0.1 0.15 0.1' mass='1'/>";
    let with = |attributes: &str| sphere.replace("/>", &format!(" {attributes}/>"));
    for (geom, expected) in [
        (sphere.to_owned(), 0.099_632_8),
        (capsule.to_owned(), 0.099_792_8),
        (box_.to_owned(), 0.099_892_2),
        (with("margin='0.01'"), 0.109_632_8),
        (with("solref='0.05 0.7'"), 0.099_403_9),
        (with("solref='-500 -20'"), 0.099_018_3),
        (with("solimp='0.5 0.9 0.01 0.3 3'"), 0.098_407_3),
    ] {
        for cone in ["pyramidal", "elliptic"] {
            let option = format!("cone='{cone}'");
            let xml = on_plane(&option, "", "<freejoint/>", 0.112, &geom);
            let mut world = World::new(engine, &xml, H).start(&[], &[]);
            world.run(4.0);
            near(&format!("height of {geom}, {cone}"), world.q(2), expected, 2e-5);
            near("speed", world.v(2), 0.0, 1e-5);
            near("contact force", world.sensor(1, 13).z, G, 0.01 * G);
        }
    }
}

fn friction_holds_inside_its_cone_and_slides_outside(engine: EngineKind) {
    let slides = "<joint type='slide' axis='1 0 0'/><joint type='slide' axis='0 1 0'/>\
                  <joint type='slide' axis='0 0 1'/>";
    let angle = (0.5_f64).atan();
    // Direction of the slope, its angle over the friction angle, speed after 2 s and acceleration in
    // the last second in MuJoCo, along x. Sticking contacts creep; the pyramid is weaker diagonally.
    let along = 0.0;
    let across = FRAC_PI_4;
    for (cone, direction, factor, speed, acceleration) in [
        ("pyramidal", along, 0.5, 0.002_96, 0.0),
        ("pyramidal", along, 0.9, 0.009_82, 0.0),
        ("pyramidal", along, 1.1, 1.047_16, 0.551_11),
        ("pyramidal", along, 1.5, 5.064_10, 2.581_41),
        ("pyramidal", across, 0.6, 0.002_50, 0.0),
        ("pyramidal", across, 0.9, 1.135_78, 0.554_37),
        ("elliptic", along, 0.5, 0.002_04, 0.0),
        ("elliptic", along, 0.9, 0.003_65, 0.0),
        ("elliptic", along, 1.1, 1.011_73, 0.492_89),
        ("elliptic", along, 1.5, 5.089_23, 2.483_12),
        ("elliptic", across, 0.9, 0.002_58, 0.0),
        ("elliptic", across, 1.5, 3.598_63, 1.755_83),
    ] {
        let slope = angle * factor;
        let pull = G * slope.sin();
        let gravity = [pull * direction.cos(), pull * direction.sin(), -G * slope.cos()];
        let option = format!("cone='{cone}' gravity='{} {} {}'", gravity[0], gravity[1], gravity[2]);
        let xml = on_plane(&option, "friction='0.5 0 0'", slides, 0.1, "<geom size='0.1' mass='1'/>");
        let mut world = World::new(engine, &xml, H).start(&[], &[]);
        world.run(1.0);
        let before = world.v(0);
        world.run(1.0);
        let what = format!("{cone}, direction {direction:.2}, {factor} × the friction angle");
        near(&format!("speed, {what}"), world.v(0), speed, 0.03 * speed + 2e-4);
        near(&format!("acceleration, {what}"), world.v(0) - before, acceleration, 0.03 * acceleration + 1e-4);
        if direction == along && acceleration > 0.0 {
            // Coulomb's law, which the soft contact follows within a tenth.
            let coulomb = G * (slope.sin() - 0.5 * slope.cos());
            near(&format!("Coulomb, {what}"), world.v(0) - before, coulomb, 0.1 * coulomb);
        }
        near("sideways", world.v(1), world.v(0) * direction.tan(), 0.02 * world.v(0).abs() + 1e-4);
    }
}

/// A sphere that slides and spins on the plane for half a second: its velocity in x and y and how
/// fast it turns then, in MuJoCo.
fn contact_dimensions_differ_as_in_mujoco(engine: EngineKind) {
    for (cone, condim, x, y, spin) in [
        ("pyramidal", 1, 1.0, 0.4, 15.0),
        ("pyramidal", 3, 0.713_759, 0.285_504, 16.859),
        ("pyramidal", 4, 0.713_94, 0.2856, 7.694),
        ("pyramidal", 6, 0.667_687, 0.2879, 7.096),
        ("elliptic", 1, 1.0, 0.4, 15.0),
        ("elliptic", 3, 0.713_516, 0.285_406, 16.860),
        ("elliptic", 4, 0.713_704, 0.285_481, 7.701),
        ("elliptic", 6, 0.622_109, 0.248_844, 6.682),
    ] {
        let option = format!("cone='{cone}'");
        let contact = format!("condim='{condim}' friction='0.8 0.02 0.005'");
        let xml = on_plane(&option, &contact, "<freejoint/>", 0.0996, "<geom size='0.1' mass='1'/>");
        let mut world = World::new(engine, &xml, H).start(&[], &[1.0, 0.4, 0.0, 0.0, 0.0, 15.0]);
        world.run(0.5);
        let turn = (3..6).map(|i| world.v(i).powi(2)).sum::<f64>().sqrt();
        let what = format!("{cone}, condim {condim}");
        near(&format!("x, {what}"), world.v(0), x, 0.01 * x);
        near(&format!("y, {what}"), world.v(1), y, 0.01 * x);
        near(&format!("spin, {what}"), turn, spin, 0.02 * spin);
    }
}

fn a_limit_stops_a_joint(engine: EngineKind) {
    let xml = "<mujoco><worldbody><body><joint axis='0 1 0' range='-30 30' damping='0.1'/>\
               <geom type='capsule' size='0.05 0.2' pos='0.2 0 0' euler='0 90 0' mass='1'/>\
               </body></worldbody></mujoco>";
    let mut world = World::new(engine, xml, H).start(&[], &[]);
    let mut most: f64 = 0.0;
    for _ in 0..2000 {
        world.step(&[]);
        most = most.max(world.q(0));
    }
    // MuJoCo's: a soft limit is passed by 2 degrees and held 0.04 degrees beyond.
    // rapier moves in finer steps under the same force.
    let loose = if engine == EngineKind::Rapier { 4.0 } else { 1.0 };
    near("furthest", most, 0.559_453, loose * 5e-4);
    near("rest", world.q(0), 0.524_295, 2e-5);
}

fn dry_friction_holds_below_its_torque(engine: EngineKind) {
    let xml = "<mujoco><option gravity='0 0 0'/><worldbody><body>\
               <joint name='j' axis='0 1 0' frictionloss='1'/>\
               <geom type='capsule' size='0.05 0.2' pos='0 0 0.2' mass='1'/></body></worldbody>\
               <actuator><motor joint='j' gear='1' ctrlrange='-5 5'/></actuator></mujoco>";
    // Angle and rate after 1 s in MuJoCo: below its torque soft friction creeps, above it is constant.
    for (torque, angle, rate) in
        [(0.5, 0.008_885, 0.008_962), (0.9, 0.015_993, 0.016_131), (2.0, 8.506_97, 16.979_99)]
    {
        let mut world = World::new(engine, xml, H).start(&[], &[]);
        for _ in 0..500 {
            world.step(&[torque]);
        }
        near(&format!("angle at {torque} N m"), world.q(0), angle, 0.01 * angle);
        near(&format!("rate at {torque} N m"), world.v(0), rate, 0.01 * rate);
    }
    // A rate without torque ends.
    let mut world = World::new(engine, xml, H).start(&[], &[5.0]);
    for _ in 0..500 {
        world.step(&[0.0]);
    }
    near("stopped", world.v(0), 0.0, 1e-3);
}

fn a_ball_joint_precesses_steadily(engine: EngineKind) {
    let xml = "<mujoco><worldbody><body pos='0 0 2'><joint type='ball'/>\
               <geom type='capsule' size='0.05 0.3' pos='0 0 -0.5' mass='1'/></body></worldbody></mujoco>";
    let h = 0.001;
    let world = World::new(engine, xml, h);
    let body = &world.worlds.model().bodies[1];
    // Turning rigidly about the vertical: Ω² (I₁ − I₃) cos θ = m g l, moments about the pivot.
    let (tilt, lever): (f64, f64) = (0.6, 0.5);
    let least = body.inertia.iter().copied().fold(f64::INFINITY, f64::min);
    let most = body.inertia.iter().copied().fold(0.0, f64::max) + body.mass * lever * lever;
    let rate = (body.mass * G * lever / ((most - least) * tilt.cos())).sqrt();
    // The ball's velocity is in the body's frame, which is turned by θ about y.
    let spin = [-rate * tilt.sin(), 0.0, rate * tilt.cos()];
    let start = [(tilt / 2.0).cos(), 0.0, (tilt / 2.0).sin(), 0.0];
    let mut world = world.start(&start, &spin);
    let before = world.motion();
    for _ in 0..3000 {
        world.step(&[]);
        let axis = world.turn(1) * Vector3::z();
        near("tilt", axis.z.acos(), tilt, 2e-3);
        let norm = (0..4).map(|i| world.q(i).powi(2)).sum::<f64>();
        near("unit quaternion", norm, 1.0, 1e-5);
    }
    let axis = world.turn(1) * Vector3::z();
    let turned = (axis.y.atan2(axis.x) - rate * 3.0).rem_euclid(2.0 * PI);
    near("azimuth", turned.min(2.0 * PI - turned), 0.0, 0.02);
    // About the pivot: the sensors' angular momentum is about the world's origin, below it.
    let after = world.motion();
    near("vertical angular momentum", after.1.z, before.1.z, 2e-3 * before.1.z);
    near("energy", after.2, before.2, 4e-3 * before.2);
}

fn a_medium_drags(engine: EngineKind) {
    // MuJoCo's inertia box of a sphere: all edges b with m b² / 6 = 2/5 m r².
    let edge = 2.4_f64.sqrt() * 0.1;
    let xml = "<mujoco><option density='1000' viscosity='0.5'/><worldbody>\
               <body><freejoint/><geom size='0.1' mass='6'/></body></worldbody></mujoco>";
    let mut world = World::new(engine, xml, H).start(&[], &[]);
    world.run(6.0);
    let (square, linear) = (0.5 * 1000.0 * edge * edge, 3.0 * PI * 0.5 * edge);
    let weight = 6.0 * G;
    let terminal = ((linear * linear + 4.0 * square * weight).sqrt() - linear) / (2.0 * square);
    near("terminal velocity", world.v(2), -terminal, 1e-3 * terminal);
    // Without density, speed and spin decay exponentially.
    let xml = xml.replace("density='1000'", "gravity='0 0 0'");
    let mut world = World::new(engine, &xml, H).start(&[], &[1.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    world.run(1.0);
    let inertia = 0.4 * 6.0 * 0.01;
    // rapier takes the rates from the start of a step.
    let loose = if engine == EngineKind::Rapier { 10.0 } else { 1.0 };
    near("speed", world.v(0), (-linear / 6.0).exp(), 1e-4);
    near("spin", world.v(4), 2.0 * (-PI * 0.5 * edge.powi(3) / inertia).exp(), loose * 1e-3);
}

fn crossed_capsules_push_each_other_apart(engine: EngineKind) {
    let xml = "<mujoco><option gravity='0 0 0'/><worldbody><body pos='0 0 1'><freejoint/>
        <geom size='0.02' mass='1' contype='0' conaffinity='0'/>
        <body pos='0.15 0 0.2'><joint type='slide' axis='0 0 1'/>
          <geom type='capsule' size='0.05 0.3' euler='90 0 0' mass='0.5'/></body>
        <body pos='0.15 0 0.28'><joint type='slide' axis='0 0 1'/>
          <geom type='capsule' size='0.05 0.3' euler='0 90 0' mass='0.5'/></body>
        </body></worldbody></mujoco>";
    let mut world = World::new(engine, xml, H).start(&[], &[]);
    world.run(0.5);
    // MuJoCo's: ∓0.18821 m/s, in free motion since the 2 cm of overlap are gone.
    near("lower", world.v(6), -0.188_212, 0.002);
    near("upper", world.v(7), 0.188_212, 0.002);
    let gap = 0.08 + world.q(8) - world.q(7) - 0.1;
    near("gap", gap, 0.166_65, 0.004);
    let (linear, angular, _) = world.motion();
    near("momentum", linear.amax(), 0.0, 1e-5);
    near("angular momentum", angular.amax(), 0.0, 1e-5);
}

macro_rules! laws {
    ($module:ident $engine:ident: $($name:ident)*) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name(sim::EngineKind::$engine);
            })*
        }
    };
}

laws! { lanes Lanes:
    momentum_and_energy_last_in_free_flight
    a_thrown_body_follows_a_parabola
    a_compound_pendulum_keeps_time
    a_spring_has_its_frequency_and_rest
    damping_and_armature_act_as_written
    bodies_rest_where_mujoco_says
    friction_holds_inside_its_cone_and_slides_outside
    contact_dimensions_differ_as_in_mujoco
    a_limit_stops_a_joint
    dry_friction_holds_below_its_torque
    a_ball_joint_precesses_steadily
    a_medium_drags
    crossed_capsules_push_each_other_apart
}

// What does not depend on MuJoCo's contacts, nor on how a step is divided, and limits.
laws! { rapier Rapier:
    momentum_and_energy_last_in_free_flight
    a_compound_pendulum_keeps_time
    a_limit_stops_a_joint
    a_medium_drags
}
