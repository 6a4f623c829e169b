//! Numbers of a report.

use crate::plot::runs::Run;

/// A return or another value, with one decimal, or more if it is small.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        x if x == 0.0 || x >= 10.0 => format!("{value:.1}"),
        x if x >= 1.0 => format!("{value:.2}"),
        x if x >= 0.001 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

/// Last finite value of a column.
pub(super) fn last(run: &Run, column: &str) -> Option<f64> {
    run.curve(column).last().map(|point| point.value)
}
