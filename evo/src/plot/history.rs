//! How a sweep went: the value of every trial, and the best so far, over the control steps spent.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::Value;

use super::panel::{Entry, Legend, Look, MARGIN, Panel, Series};
use super::picture::{FAINT, PALETTE, Picture, Scale, WIDTH, failed, range};
use super::values::chart;

/// Height of the panel, pixels before scaling.
const HEIGHT: i32 = 380;

/// A scored trial in the order of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// Control steps that the sweep had spent when it was scored.
    pub spent: f64,
    /// What it is worth.
    pub value: f64,
    /// Whether it had run to its end.
    pub whole: bool,
}

/// A sweep's history.
#[derive(Clone, Debug)]
pub(crate) struct History {
    steps: Vec<Step>,
    halving: bool,
    value: String,
}

impl History {
    /// `halving` tells whether some trials are scored before their end, `value` is what they are scored by.
    pub(crate) fn new(steps: Vec<Step>, halving: bool, value: String) -> Self {
        Self { steps, halving, value }
    }

    /// The highest value so far as a staircase.
    fn best(&self) -> Vec<(f64, f64)> {
        let mut line: Vec<(f64, f64)> = Vec::new();
        for step in &self.steps {
            let before = line.last().map(|point| point.1);
            if let Some(before) = before {
                line.push((step.spent, before));
            }
            if before.is_none_or(|before| step.value > before) {
                line.push((step.spent, step.value));
            }
        }
        line
    }

    fn looks() -> [Look; 3] {
        let dots = |color| Look { color, dashed: false, width: 0, dot: 4, alpha: 1.0 };
        [
            dots(PALETTE[0]),
            dots(FAINT),
            Look { color: PALETTE[1], dashed: false, width: 2, dot: 0, alpha: 1.0 },
        ]
    }

    fn legend(&self) -> Result<Legend, String> {
        let [whole, part, best] = Self::looks();
        let entry = |text: &str, look| Entry { text: text.to_owned(), look, band: false };
        let mut entries = vec![entry("trial at its end", whole)];
        if self.halving {
            entries.push(entry("trial at an earlier rung", part));
        }
        entries.push(entry("best so far", best));
        Legend::new(entries)
    }

    fn panel(&self) -> Panel {
        let [whole, part, best] = Self::looks();
        let dots = |look, which: bool| {
            let steps = self.steps.iter().filter(|step| step.whole == which);
            let name = if which { "trial at its end" } else { "trial at an earlier rung" };
            Series::new(name, look, steps.map(|s| (s.spent, s.value)).collect())
        };
        let line = Series::new("best so far", best, self.best());
        let end = self.steps.last().map_or(1.0, |step| step.spent * 1.02);
        Panel {
            marks: Vec::new(),
            x_name: "control steps spent by the sweep".to_owned(),
            y_name: self.value.clone(),
            x: (0.0, end),
            y: range(self.steps.iter().map(|step| step.value)),
            series: vec![line, dots(part, false), dots(whole, true)],
        }
    }
}

impl Picture for History {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok((WIDTH, HEIGHT + self.legend()?.height() + MARGIN))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        area.fill(&WHITE).map_err(failed)?;
        let (body, _) = area.split_vertically(scale.px(HEIGHT));
        self.panel().draw(&body, scale)?;
        self.legend()?.draw(area, HEIGHT, scale)?;
        area.present().map_err(failed)
    }

    fn charts(&self) -> Vec<Value> {
        vec![chart(&self.panel(), Panel::frame((0, 0), (WIDTH, HEIGHT)))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_so_far_is_a_staircase_that_never_falls() {
        let step = |spent, value| Step { spent, value, whole: true };
        let history =
            History::new(vec![step(1.0, 5.0), step(2.0, 3.0), step(4.0, 9.0)], false, "return".to_owned());
        assert_eq!(history.best(), [(1.0, 5.0), (2.0, 5.0), (4.0, 5.0), (4.0, 9.0)]);
        assert!(History::new(Vec::new(), false, String::new()).best().is_empty());
    }
}
