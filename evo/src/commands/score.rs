//! What a run has reached, by its table.

use records::metrics::Metrics;
use serde::Serialize;

/// What a run has reached.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Score {
    /// Of what the numbers are: `return`, `accuracy` or `loss`; empty if there are none.
    pub(super) measure: &'static str,
    /// The last one.
    pub(super) last: Option<f64>,
    /// Standard deviation of the last one over the episodes of its evaluation.
    pub(super) std: Option<f64>,
    /// The best one.
    pub(super) best: Option<f64>,
}

impl Score {
    /// Of the columns of a table, whichever it has.
    pub(super) fn of(metrics: &Metrics) -> Self {
        let values = |name: &str| -> Vec<f64> {
            let column = metrics.column(name).unwrap_or_default();
            column.into_iter().flatten().filter(|value| value.is_finite()).collect()
        };
        let measures = [
            ("return", "eval_return_mean"),
            ("accuracy", "validation_accuracy"),
            ("loss", "validation_loss"),
        ];
        for (measure, column) in measures {
            let all = values(column);
            let Some(&last) = all.last() else { continue };
            let better = if measure == "loss" { f64::min } else { f64::max };
            let std = values("eval_return_std").last().copied().filter(|_| measure == "return");
            return Self { measure, last: Some(last), std, best: all.into_iter().reduce(better) };
        }
        Self::default()
    }

    /// A value of it in words.
    pub(super) fn text(&self, value: Option<f64>) -> String {
        match (value, self.measure) {
            (None, _) => "–".to_owned(),
            (Some(value), "accuracy") => format!("{:.1} %", 100.0 * value),
            (Some(value), "loss") => format!("loss {value:.4}"),
            (Some(value), _) => format!("{value:.1}"),
        }
    }

    /// The last one with its deviation.
    pub(super) fn last_text(&self) -> String {
        let deviation = self.std.map_or_else(String::new, |std| format!(" ± {std:.1}"));
        self.text(self.last) + &deviation
    }
}
