//! What can be plotted of an episode: any channel that was recorded, by its name.

use serde::{Deserialize, Serialize};
use sim::{JointKind, Model};

use crate::data::recording::Recording;

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// Sum of the reward terms.
    Reward,
    /// Sum of rewards so far.
    Return,
    /// A reward term.
    Term(String),
    /// An observation.
    Observation(String),
    /// An action.
    Action(String),
    /// What is asked of the robot.
    Goal(String),
    /// Spikes per second and neuron of a layer.
    Rate(String),
    /// A coordinate: joint, and which of its numbers.
    Position(String, usize),
}

/// A channel of one recording, found by its name.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    recording: &'a Recording,
    values: Values<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Values<'a> {
    Reward,
    /// Numbers, how many per row, which of them, and rows before the first step.
    Rows(&'a [f32], usize, usize, usize),
    Rate(usize),
}

impl Channel {
    /// All channels of a recording of a robot, by group.
    #[must_use]
    pub fn all(recording: &Recording, model: &Model) -> Vec<(&'static str, Vec<Self>)> {
        let header = &recording.header;
        let of = |names: &[String], make: fn(String) -> Self| names.iter().cloned().map(make).collect();
        let spiking = recording.layers.iter().filter(|layer| layer.spiking());
        let mut rewards = vec![Self::Reward, Self::Return];
        rewards.extend(header.terms.iter().cloned().map(Self::Term));
        let positions = model.joints.iter().flat_map(|joint| {
            numbers(joint.kind).map(move |number| Self::Position(name(joint, model), number))
        });
        let groups = vec![
            ("Reward", rewards),
            ("Observations", of(&header.observations, Self::Observation)),
            ("Actions", of(&header.actions, Self::Action)),
            ("Positions", positions.collect()),
            ("Goals", of(&header.goals, Self::Goal)),
            ("Firing rates", spiking.map(|layer| Self::Rate(layer.name.clone())).collect()),
        ];
        groups.into_iter().filter(|(_, channels)| !channels.is_empty()).collect()
    }

    /// Its name in words.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Reward => "reward".to_owned(),
            Self::Return => "return".to_owned(),
            Self::Term(name) => format!("{name} (reward)"),
            Self::Observation(name) => name.clone(),
            Self::Action(name) => format!("{name} (action)"),
            Self::Goal(name) => format!("{name} (goal)"),
            Self::Rate(layer) => format!("{layer}, spikes/s"),
            Self::Position(joint, number) => match number {
                0..=2 => format!("{joint} {}", ["x", "y", "z"][*number]),
                3..=6 => format!("{joint} quaternion {}", ["w", "x", "y", "z"][number - 3]),
                _ => format!("{joint} position"),
            },
        }
    }

    /// Where it is in a recording of a robot; none if that has no such channel.
    #[must_use]
    pub fn find<'a>(&self, recording: &'a Recording, model: &Model) -> Option<Found<'a>> {
        let header = &recording.header;
        let place = |names: &[String], name: &String| names.iter().position(|other| other == name);
        let rows = |values: &'a [f32], names: &[String], name: &String, before: usize| {
            Some(Values::Rows(values, names.len(), place(names, name)?, before))
        };
        let values = match self {
            Self::Reward => Some(Values::Reward),
            Self::Return => Some(Values::Rows(recording.returns(), 1, 0, 0)),
            Self::Term(name) => rows(&recording.terms, &header.terms, name, 0),
            Self::Observation(name) => rows(&recording.observations, &header.observations, name, 0),
            Self::Action(name) => rows(&recording.actions, &header.actions, name, 0),
            Self::Goal(name) => rows(&recording.goals, &header.goals, name, 1),
            Self::Rate(name) => {
                let layer = recording.layers.iter().position(|layer| layer.name == *name && layer.spiking());
                layer.map(Values::Rate)
            }
            Self::Position(wanted, number) => model.joints.iter().find_map(|joint| {
                let here = name(joint, model) == *wanted && numbers(joint.kind).contains(number);
                let first = numbers(joint.kind).start;
                let entry = joint.qpos_adr + number - first;
                here.then_some(Values::Rows(&recording.qpos, header.nq, entry, 1))
            }),
        };
        values.map(|values| Found { recording, values })
    }
}

impl Found<'_> {
    /// Its value in a control step, or at its end for positions.
    #[must_use]
    pub fn value(&self, step: usize) -> Option<f64> {
        if step >= self.recording.steps() {
            return None;
        }
        match self.values {
            Values::Reward => {
                let terms = &self.recording.terms;
                let row = Recording::row(terms, self.recording.header.terms.len(), step);
                (!row.is_empty()).then(|| row.iter().map(|&x| f64::from(x)).sum())
            }
            Values::Rows(values, size, entry, before) => {
                values.get((step + before) * size + entry).map(|&x| f64::from(x))
            }
            Values::Rate(layer) => {
                let layer = &self.recording.layers[layer];
                Some(layer.rate(step..step + 1, self.recording.header.control_dt))
            }
        }
    }
}

/// The joint's name, or else that of its body.
fn name(joint: &sim::Joint, model: &Model) -> String {
    if joint.name.is_empty() { model.bodies[joint.body].name.clone() } else { joint.name.clone() }
}

/// Which numbers a joint has: x, y, z are 0 to 2, a quaternion 3 to 6, an angle or a way 7.
fn numbers(kind: JointKind) -> std::ops::Range<usize> {
    match kind {
        JointKind::Free => 0..7,
        JointKind::Ball => 3..7,
        JointKind::Slide | JointKind::Hinge => 7..8,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::data::recording::{Header, Layer, Row};
    use crate::data::spikes::Spikes;

    #[test]
    fn every_channel_that_is_offered_is_found_with_its_values() {
        let xml = "<mujoco><worldbody><body name='trunk'><freejoint/><geom size='0.1'/>
            <body name='leg'><joint name='hip'/><geom size='0.1'/></body></body></worldbody></mujoco>";
        let model = Model::from_mjcf(xml, "leg.xml").unwrap();
        let names = |name: &str| vec![name.to_owned(), format!("other {name}")];
        let header = Header {
            control_dt: 0.5,
            nq: model.nq(),
            observations: names("speed"),
            actions: names("motor"),
            terms: names("forward"),
            goals: vec!["direction".to_owned()],
            ..Header::default()
        };
        let mut recording = Recording::new(header, &vec![0.0; model.nq()]);
        recording.goals = vec![0.5];
        recording.layers = vec![Layer {
            name: "hidden.0".into(),
            neurons: 2,
            ticks: 4,
            spikes: Spikes::new(4),
            ..Layer::default()
        }];
        let qpos: Vec<f32> = (0..model.nq()).map(|entry| entry as f32).collect();
        recording.push(&Row {
            qpos: &qpos,
            observation: &[1.0, 2.0],
            action: &[3.0, 4.0],
            terms: &[5.0, 7.0],
            push: None,
            contacts: &[],
            goals: &[0.25],
        });
        recording.layers[0].spikes.push_step([(0, 1), (3, 0)].into_iter());
        for (group, channels) in Channel::all(&recording, &model) {
            for channel in channels {
                let value = channel.find(&recording, &model).and_then(|found| found.value(0));
                assert!(value.is_some(), "{group}: {channel:?}");
            }
        }
        let value = |channel: Channel| channel.find(&recording, &model)?.value(0);
        assert_eq!(value(Channel::Observation("other speed".into())), Some(2.0));
        assert_eq!((value(Channel::Reward), value(Channel::Return)), (Some(12.0), Some(12.0)));
        assert_eq!(value(Channel::Goal("direction".into())), Some(0.25));
        // Two spikes of two neurons in half a second.
        assert_eq!(value(Channel::Rate("hidden.0".into())), Some(2.0));
        assert_eq!(
            (value(Channel::Position("trunk".into(), 2)), value(Channel::Position("hip".into(), 7))),
            (Some(2.0), Some(7.0))
        );
        assert_eq!(Channel::Position("trunk".into(), 3).label(), "trunk quaternion w");
        assert!(Channel::Action("none".into()).find(&recording, &model).is_none());
        assert_eq!(Channel::Reward.find(&recording, &model).unwrap().value(1), None);
    }
}
