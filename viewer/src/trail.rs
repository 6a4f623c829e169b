//! Where a robot's centre of mass has been, worked out once per step of a recording.

use crate::data::recording::Recording;
use crate::scene::Shapes;

/// How long a trail is, s.
const LENGTH: f64 = 5.0;

/// Centres of mass of a recording's states, as far as they were asked for.
#[derive(Debug, Default)]
pub struct Trail {
    recording: Option<u64>,
    /// Per state, m; the outer option is whether it is known.
    known: Vec<Option<Option<[f32; 3]>>>,
}

impl Trail {
    /// Forgets everything: there are other shapes now.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Where the centre of mass was during the last seconds before `time`, s, oldest first, m; the last one is `now`.
    #[must_use]
    pub fn until(
        &mut self,
        time: f64,
        now: Option<[f32; 3]>,
        recording: &Recording,
        shapes: &Shapes,
    ) -> Vec<[f32; 3]> {
        let nq = recording.header.nq;
        if self.recording != Some(recording.id()) {
            *self = Self { recording: Some(recording.id()), known: Vec::new() };
        }
        let dt = recording.header.control_dt;
        let time = time.min(recording.duration());
        let first = ((time - LENGTH).max(0.0) / dt).ceil() as usize;
        let states = (first..=recording.steps()).take_while(|&state| (state as f64) * dt < time);
        let mut points = Vec::new();
        for state in states {
            if self.known.len() <= state {
                self.known.resize(state + 1, None);
            }
            let place = self.known[state].get_or_insert_with(|| {
                shapes.snapshot(Recording::row(&recording.qpos, nq, state)).and_then(|snapshot| snapshot.com)
            });
            points.extend(*place);
        }
        points.extend(now);
        points
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::data::recording::{Header, Row};

    #[test]
    fn a_trail_is_what_was_passed_and_follows_a_recording_that_grows() {
        let xml = "<mujoco><worldbody><body><joint type='slide' axis='1 0 0'/><geom size='0.1'/></body></worldbody></mujoco>";
        let model = sim::Model::from_mjcf(xml, "ball.xml").unwrap();
        let shapes = Shapes::from_model(&model);
        let header = Header { control_dt: 1.0, nq: 1, ..Header::default() };
        let mut recording = Recording::new(header.clone(), &[0.0]);
        let push = |recording: &mut Recording, x: f32| {
            recording.push(&Row {
                qpos: &[x],
                observation: &[],
                action: &[],
                terms: &[],
                push: None,
                contacts: &[],
                goals: &[],
            });
        };
        (1..=8).for_each(|step| push(&mut recording, step as f32));
        let mut trail = Trail::default();
        let mut along = |recording: &Recording, time: f64| -> Vec<f32> {
            let now = Some([time as f32, 0.0, 0.0]);
            trail.until(time, now, recording, &shapes).into_iter().map(|[x, ..]| x).collect()
        };
        assert_eq!(along(&recording, 2.5), [0.0, 1.0, 2.0, 2.5]);
        assert_eq!(along(&recording, 8.0), [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        push(&mut recording, 20.0);
        push(&mut recording, 30.0);
        assert_eq!(along(&recording, 9.5), [5.0, 6.0, 7.0, 8.0, 20.0, 9.5]);
        // Another recording is another trail.
        let mut other = Recording::new(header, &[5.0]);
        push(&mut other, 6.0);
        assert_eq!(along(&other, 1.0), [5.0, 1.0]);
    }
}
