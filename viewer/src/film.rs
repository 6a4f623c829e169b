//! What films and the scene tell of a robot: how they show it, how it moves, how large it is.

/// How the scene is shown where nobody works the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Film {
    /// A line at the top, such as the name of what is shown.
    pub label: Option<String>,
    /// Whether time, speed and distance are written at the bottom.
    pub caption: bool,
}

/// Time over which speed is taken, s.
const SPAN: f64 = 0.5;

/// How a robot that can travel has moved by some time of its episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Horizontal speed of its centre of mass over the last half second, m/s.
    pub speed: f64,
    /// Horizontal distance of its centre of mass from where the episode began, m.
    pub distance: f64,
}

impl Motion {
    /// From where the centre of mass is at a time of the episode, s.
    pub fn at(time: f64, place: impl Fn(f64) -> Option<[f32; 3]>) -> Option<Self> {
        let apart = |a: [f32; 3], b: [f32; 3]| f64::from((a[0] - b[0]).hypot(a[1] - b[1]));
        let (start, before, now) = (place(0.0)?, place((time - SPAN).max(0.0))?, place(time)?);
        let span = time.min(SPAN);
        let speed = if span > 0.0 { apart(now, before) / span } else { 0.0 };
        Some(Self { speed, distance: apart(now, start) })
    }

    /// Both in words.
    #[must_use]
    pub fn words(self) -> String {
        format!("speed {:.1} m/s   distance {:.1} m", self.speed, self.distance)
    }
}

/// A round length of at most `most` metres, in words, and its share of that.
#[must_use]
pub fn scale(most: f32) -> (String, f32) {
    let power = 10_f32.powf(most.log10().floor());
    let length = [5.0, 2.0, 1.0].map(|digit| digit * power).into_iter().find(|&length| length <= most);
    let length = length.unwrap_or(power);
    let words = match length {
        x if x >= 0.999 => format!("{x:.0} m"),
        x if x >= 0.00999 => format!("{:.0} cm", 100.0 * x),
        x => format!("{:.0} mm", 1000.0 * x),
    };
    (words, length / most)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn scales_are_round_and_short_enough() {
        for (most, words) in
            [(1.9, "1 m"), (5.1, "5 m"), (70.0, "50 m"), (0.45, "20 cm"), (0.012, "1 cm"), (0.003, "2 mm")]
        {
            let (said, share) = scale(most);
            assert_eq!(said, words);
            assert!((0.3..=1.0).contains(&share), "{most}: {share}");
        }
    }

    #[test]
    fn speed_is_that_of_the_last_half_second_and_distance_that_from_the_start() {
        // Three metres along each axis in a second, then back at half the speed; it bounces all the while.
        let place = |time: f64| {
            let x = if time < 1.0 { 3.0 * time } else { 3.0 - 1.5 * (time - 1.0) } as f32;
            Some([1.0 + x, 2.0 - x, (9.0 * time as f32).sin()])
        };
        let motion = |time: f64| Motion::at(time, place).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-5;
        assert_eq!(motion(0.0), Motion { speed: 0.0, distance: 0.0 });
        assert!(near(motion(0.2).speed, 18_f64.sqrt()), "{:?}", motion(0.2));
        assert!(near(motion(1.0).speed, 18_f64.sqrt()) && near(motion(1.0).distance, 18_f64.sqrt()));
        assert!(near(motion(3.0).speed, 4.5_f64.sqrt()) && near(motion(3.0).distance, 0.0));
        assert_eq!(motion(0.0).words(), "speed 0.0 m/s   distance 0.0 m");
        assert_eq!(Motion::at(1.0, |_| None), None);
    }
}
