//! The values of a panel as a page shows them at the pointer.

use serde_json::{Value, json};

use super::panel::{Panel, Series};
use super::picture::rounded;

/// Most points of a line: there is no room to point at more.
const POINTS_MAX: usize = 600;
/// Significant digits.
const DIGITS: usize = 5;

/// A panel whose axes have this box (left, top, right, bottom; pixels of the picture): its scales, and the points of
/// every line that has a name, `low` and `high` where it has a band, `seeds` where several runs stand behind it.
pub(super) fn chart(panel: &Panel, frame: [i32; 4]) -> Value {
    let series: Vec<Value> =
        panel.series.iter().filter(|series| !series.name.is_empty()).map(points).collect();
    json!({ "box": frame, "x": panel.x, "y": panel.y, "name": panel.x_name, "series": series })
}

fn points(series: &Series) -> Value {
    let count = series.points.len().min(POINTS_MAX);
    let last = series.points.len().saturating_sub(1);
    let at: Vec<usize> = (0..count).map(|i| i * last / (count - 1).max(1)).collect();
    let column = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
        at.iter().map(|&index| rounded(value(index), DIGITS)).collect()
    };
    let color = series.look.color;
    let mut line = json!({
        "name": series.name,
        "colour": format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2),
        "x": column(&|i| series.points[i].0),
        "y": column(&|i| series.points[i].1),
    });
    if series.band.len() == series.points.len() {
        line["low"] = column(&|i| series.band[i].1).into();
        line["high"] = column(&|i| series.band[i].2).into();
    }
    if series.seeds.len() == series.points.len() {
        line["seeds"] = at.iter().map(|&index| series.seeds[index]).collect();
    }
    line
}

#[cfg(test)]
mod tests {
    use plotters::prelude::*;

    use super::*;
    use crate::plot::panel::Look;
    use crate::plot::picture::Scale;

    fn panel(points: Vec<(f64, f64)>) -> Panel {
        let look = Look { color: RGBColor(0, 114, 178), dashed: false, width: 2, dot: 0, alpha: 1.0 };
        let hidden = Series::new("", look, vec![(0.0, 1.0)]);
        let shown = Series { seeds: vec![3; points.len()], ..Series::new("a", look, points) };
        let (x_name, y_name) = ("steps".to_owned(), "return".to_owned());
        Panel {
            x_name,
            y_name,
            x: (0.0, 10.0),
            y: (0.0, 4.0),
            series: vec![hidden, shown],
            marks: Vec::new(),
        }
    }

    #[test]
    fn points_lie_where_the_picture_has_them() {
        let panel = panel(vec![(0.0, 0.0), (2.5, 1.0), (10.0, 4.0)]);
        let frame = Panel::frame((0, 0), (500, 300));
        let value = chart(&panel, frame);
        let line = &value["series"][0];
        assert_eq!(
            (&line["name"], &line["colour"], &line["seeds"]),
            (&json!("a"), &json!("#0072B2"), &json!([3, 3, 3]))
        );
        assert_eq!(line["x"], json!([0.0, 2.5, 10.0]));
        assert_eq!((value["series"].as_array().map(Vec::len), &line["low"]), (Some(1), &Value::Null));
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (500, 300)).into_drawing_area();
        assert_eq!(panel.draw(&area, Scale(1.0)), Ok(()));
        drop(area);
        let [left, top, right, bottom] = frame;
        let place = |x: f64, y: f64| {
            let along = |from: i32, to: i32, share: f64| f64::from(from) + f64::from(to - from) * share;
            (along(left, right, x / 10.0), along(bottom, top, y / 4.0))
        };
        let line = svg
            .lines()
            .find(|line| line.contains("<polyline") && line.contains("#0072B2"))
            .unwrap_or_default();
        let drawn =
            line.split_once("points=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
        let drawn: Vec<(f64, f64)> = drawn
            .split_whitespace()
            .filter_map(|point| point.split_once(','))
            .filter_map(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)))
            .collect();
        for ((x, y), expected) in drawn.iter().zip([place(0.0, 0.0), place(2.5, 1.0), place(10.0, 4.0)]) {
            assert!((x - expected.0).abs() < 2.0 && (y - expected.1).abs() < 2.0, "{drawn:?} {expected:?}");
        }
        assert_eq!(drawn.len(), 3, "{svg}");
    }

    #[test]
    fn long_lines_keep_their_ends() {
        let value = chart(&panel((0..5000).map(|i| (f64::from(i), 1.0 / 3.0)).collect()), [0; 4]);
        let line = &value["series"][0];
        let x = line["x"].as_array().cloned().unwrap_or_default();
        assert_eq!((x.len(), x[0].as_f64(), x[599].as_f64()), (600, Some(0.0), Some(4999.0)));
        assert_eq!(line["y"][7], json!(0.33333));
    }
}
