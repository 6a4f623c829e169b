//! The one cursor that all panels share: where, whether it moves, how fast, within which section.

/// Speeds to choose from.
pub const SPEEDS: [f64; 8] = [1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0 / 2.0, 1.0, 2.0, 4.0, 8.0];

/// Cursor and playback.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Time under the cursor, s.
    pub time: f64,
    /// Whether it moves.
    pub playing: bool,
    /// Index into [`SPEEDS`].
    pub speed: usize,
    /// Section that is repeated, s.
    pub section: Option<(f64, f64)>,
    /// Where a section begins that is being drawn on the rail, s.
    pub marking: Option<f64>,
    /// Whether the end leads back to the start.
    pub repeat: bool,
    /// Part of the time axis that the panels show, s; the whole if absent.
    pub window: Option<(f64, f64)>,
    /// Whether the cursor keeps to the end of a live recording.
    pub at_end: bool,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            time: 0.0,
            playing: false,
            speed: 4,
            section: None,
            marking: None,
            repeat: true,
            window: None,
            at_end: false,
        }
    }
}

/// Part of a long recording that is shown at first, s.
pub const PART: f64 = 10.0;
/// Shortest part of the axis that can be shown, s.
const SHORTEST: f64 = 0.02;

impl Timeline {
    /// Factor on real time.
    #[must_use]
    pub fn factor(&self) -> f64 {
        SPEEDS[self.speed.min(SPEEDS.len() - 1)]
    }

    /// One speed faster (`by` = 1) or slower (−1).
    pub fn change_speed(&mut self, by: i32) {
        self.speed = self.speed.saturating_add_signed(by as isize).min(SPEEDS.len() - 1);
    }

    /// Moves the cursor of a recording of `duration` by `seconds` of real time.
    pub fn advance(&mut self, seconds: f64, duration: f64) {
        if !self.playing {
            return;
        }
        let (start, end) = self.bounds(duration);
        self.time += seconds * self.factor();
        if self.time >= end {
            if self.repeat && end > start {
                self.time = start + (self.time - start) % (end - start);
            } else {
                self.time = end;
                self.playing = false;
            }
        }
        self.time = self.time.max(start);
    }

    /// First and last time that are played.
    #[must_use]
    pub fn bounds(&self, duration: f64) -> (f64, f64) {
        match self.section {
            Some((start, end)) if end > start => (start.clamp(0.0, duration), end.clamp(0.0, duration)),
            _ => (0.0, duration),
        }
    }

    /// Puts the cursor somewhere by hand.
    pub fn seek(&mut self, time: f64, duration: f64) {
        self.time = if time.is_finite() { time.clamp(0.0, duration.max(0.0)) } else { 0.0 };
        self.at_end = self.time >= duration;
    }

    /// Steps of `dt` forward or back, onto whole steps; playing stops.
    pub fn step(&mut self, steps: i64, dt: f64, duration: f64) {
        self.playing = false;
        let at = (self.time / dt + 1e-6).floor() + steps as f64;
        self.seek(at * dt, duration);
    }

    /// Plays, or pauses; from the end it plays from the start.
    pub fn toggle(&mut self, duration: f64) {
        self.playing = !self.playing;
        let (start, end) = self.bounds(duration);
        if self.playing && self.time >= end {
            self.time = start;
        }
    }

    /// Part of the axis that is shown.
    #[must_use]
    pub fn visible(&self, duration: f64) -> (f64, f64) {
        self.window.unwrap_or((0.0, duration.max(SHORTEST)))
    }

    /// Shows a part `factor` times as long, with `around` staying in place.
    pub fn zoom(&mut self, factor: f64, around: f64, duration: f64) {
        let (start, end) = self.visible(duration);
        let length = ((end - start) * factor).max(SHORTEST);
        if length >= duration {
            self.window = None;
            return;
        }
        let part = ((around - start) / (end - start)).clamp(0.0, 1.0);
        self.show_from(around - part * length, length, duration);
    }

    /// Moves the part that is shown by `seconds`.
    pub fn pan(&mut self, seconds: f64, duration: f64) {
        if let Some((start, end)) = self.window {
            self.show_from(start + seconds, end - start, duration);
        }
    }

    /// Shows part of a long recording around a time, or all of it.
    pub fn toggle_window(&mut self, around: f64, duration: f64) {
        match self.window {
            Some(_) => self.window = None,
            None => self.show_from(around - 0.5 * PART, PART, duration),
        }
    }

    /// Moves the part that is shown so that it ends with a recording that grows.
    pub fn keep_up(&mut self, duration: f64) {
        if let Some((start, end)) = self.window {
            self.show_from(duration - (end - start), end - start, duration);
        }
    }

    /// Moves the part that is shown so that the cursor is in it.
    pub fn reveal(&mut self, duration: f64) {
        if let Some((start, end)) = self.window
            && !(start..=end).contains(&self.time)
        {
            let length = end - start;
            self.show_from(self.time - 0.05 * length, length, duration);
        }
    }

    fn show_from(&mut self, start: f64, length: f64, duration: f64) {
        let start = start.clamp(0.0, (duration - length).max(0.0));
        self.window = Some((start, start + length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(time: f64) -> Timeline {
        Timeline { time, playing: true, ..Timeline::default() }
    }

    #[test]
    fn playing_goes_round_or_stops_at_the_end() {
        let mut timeline = playing(9.5);
        timeline.advance(1.0, 10.0);
        assert!((timeline.time - 0.5).abs() < 1e-9 && timeline.playing);
        timeline.repeat = false;
        timeline.advance(100.0, 10.0);
        assert_eq!((timeline.time, timeline.playing), (10.0, false));
        timeline.toggle(10.0);
        assert_eq!((timeline.time, timeline.playing), (0.0, true));
    }

    #[test]
    fn a_section_is_repeated_and_cut_to_what_there_is() {
        let mut timeline = playing(3.9);
        timeline.section = Some((2.0, 4.0));
        timeline.advance(0.2, 10.0);
        assert!((timeline.time - 2.1).abs() < 1e-9);
        timeline.time = 0.0;
        timeline.advance(0.0, 10.0);
        assert_eq!(timeline.time, 2.0);
        assert_eq!(timeline.bounds(3.0), (2.0, 3.0));
        timeline.section = Some((4.0, 4.0));
        assert_eq!(timeline.bounds(10.0), (0.0, 10.0));
    }

    #[test]
    fn speeds_stay_in_their_list() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.factor(), 1.0);
        (0..20).for_each(|_| timeline.change_speed(1));
        assert_eq!(timeline.factor(), 8.0);
        (0..20).for_each(|_| timeline.change_speed(-1));
        assert_eq!(timeline.factor(), 1.0 / 16.0);
    }

    #[test]
    fn steps_land_on_whole_steps_and_pause() {
        let mut timeline = playing(0.17);
        timeline.step(1, 0.05, 1.0);
        assert!((timeline.time - 0.2).abs() < 1e-9 && !timeline.playing);
        timeline.step(-1, 0.05, 1.0);
        assert!((timeline.time - 0.15).abs() < 1e-9);
        timeline.step(-100, 0.05, 1.0);
        assert_eq!(timeline.time, 0.0);
        timeline.seek(f64::NAN, 1.0);
        assert_eq!(timeline.time, 0.0);
    }

    #[test]
    fn zoom_keeps_what_is_under_the_pointer_and_stays_inside() {
        let mut timeline = Timeline::default();
        timeline.zoom(0.5, 8.0, 10.0);
        assert_eq!(timeline.window, Some((4.0, 9.0)));
        timeline.pan(100.0, 10.0);
        assert_eq!(timeline.window, Some((5.0, 10.0)));
        timeline.time = 1.0;
        timeline.reveal(10.0);
        assert_eq!(timeline.window, Some((0.75, 5.75)));
        timeline.keep_up(8.0);
        assert_eq!(timeline.window, Some((3.0, 8.0)));
        timeline.zoom(100.0, 1.0, 10.0);
        assert_eq!(timeline.window, None);
        timeline.toggle_window(15.0, 30.0);
        assert_eq!(timeline.window, Some((10.0, 20.0)));
        timeline.toggle_window(15.0, 30.0);
        assert_eq!(timeline.window, None);
        (0..100).for_each(|_| timeline.zoom(0.5, 1.0, 10.0));
        let (start, end) = timeline.visible(10.0);
        assert!(end - start >= SHORTEST * 0.999);
    }
}
