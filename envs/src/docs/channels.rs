//! Tables of observations and actions; in long ones what repeats itself shares a row.

use super::text::{line, row};
use crate::Channel;

/// Lists of up to this length have a row for each channel.
const SHORT: usize = 60;

/// Channels that follow each other and differ in the last word of their names only.
struct Group {
    /// Index of the first one.
    first: usize,
    /// First word of their names, such as the body.
    owner: String,
    /// What else they have in common, such as `angular velocity`.
    what: String,
    /// Last words, such as `x`, `y`, `z`; one empty text if the name ends before.
    parts: Vec<String>,
    unit: &'static str,
    low: f32,
    high: f32,
}

impl Group {
    /// Whether both are the same quantity, in the same unit and range.
    fn is_like(&self, other: &Self) -> bool {
        let limits = |group: &Self| [group.low, group.high].map(f32::to_bits);
        (&self.what, self.unit, limits(self)) == (&other.what, other.unit, limits(other))
    }

    /// Whether `other` is the same of another owner.
    fn repeats(&self, other: &Self) -> bool {
        self.is_like(other) && self.parts == other.parts
    }
}

/// Adds a section with the list of channels.
pub fn table(page: &mut String, title: &str, channels: &[Channel]) {
    line(page, &format!("\n## {title}\n"));
    if channels.len() <= SHORT {
        line(page, "| | name | unit | low | high |\n| --- | --- | --- | --- | --- |");
        for (i, channel) in channels.iter().enumerate() {
            let cells = [i.to_string(), channel.name.clone(), channel.unit.to_owned()];
            row(page, &[&cells[..], &limits(channel.low, channel.high)].concat());
        }
        return;
    }
    line(page, "| | what | of | unit | low | high |\n| --- | --- | --- | --- | --- | --- |");
    let groups = groups(channels);
    let mut at = 0;
    while let Some(rest) = groups.get(at..).filter(|rest| !rest.is_empty()) {
        let (period, times) = repetition(rest);
        let owners: Vec<&str> = rest.iter().step_by(period).take(times).map(|g| g.owner.as_str()).collect();
        for group in &rest[..period] {
            let step = (times > 1).then(|| rest[period].first - rest[0].first);
            let cells = [places(group, step, times), named(group), owners.join(", "), group.unit.to_owned()];
            row(page, &[&cells[..], &limits(group.low, group.high)].concat());
        }
        at += period * times;
    }
}

fn limits(low: f32, high: f32) -> [String; 2] {
    [low, high].map(|x| if x.is_finite() { x.to_string() } else { String::new() })
}

/// The indices of a group that is there so many times, a `step` apart: `45–50, then every 10`.
fn places(group: &Group, step: Option<usize>, times: usize) -> String {
    let range = |length: usize| match length {
        1 => group.first.to_string(),
        _ => format!("{}–{}", group.first, group.first + length - 1),
    };
    match step {
        None => range(group.parts.len()),
        Some(1) => range(times),
        Some(step) => format!("{}, then every {step}", range(group.parts.len())),
    }
}

fn named(group: &Group) -> String {
    format!("{} {}", group.what, group.parts.join(", ")).trim().to_owned()
}

fn groups(channels: &[Channel]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (first, channel) in channels.iter().enumerate() {
        let (owner, rest) = channel.name.split_once(' ').unwrap_or(("", &channel.name));
        let (what, part) = rest.rsplit_once(' ').unwrap_or((rest, ""));
        let group = Group {
            first,
            owner: owner.to_owned(),
            what: what.to_owned(),
            parts: vec![part.to_owned()],
            unit: channel.unit,
            low: channel.low,
            high: channel.high,
        };
        match groups.last_mut() {
            Some(last) if !part.is_empty() && last.is_like(&group) && last.owner == group.owner => {
                last.parts.extend(group.parts);
            }
            _ => groups.push(group),
        }
    }
    groups
}

/// How many groups come again, and how often they are there: the pair that covers most.
fn repetition(groups: &[Group]) -> (usize, usize) {
    let times = |period: usize| {
        let chunks = groups.chunks_exact(period);
        let same = |chunk: &&[Group]| {
            chunk.iter().zip(groups).all(|(a, b)| a.repeats(b))
                && chunk.iter().all(|g| g.owner == chunk[0].owner)
        };
        chunks.take_while(same).count()
    };
    let pairs = (1..=groups.len() / 2).map(|period| (period, times(period))).filter(|(_, times)| *times > 1);
    // Of those that cover the same the shortest.
    pairs.rev().max_by_key(|(period, times)| period * times).unwrap_or((1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str, unit: &'static str) -> Channel {
        Channel::unbounded(name, unit)
    }

    fn shown(channels: &[Channel]) -> Vec<String> {
        let mut page = String::new();
        table(&mut page, "Observations", channels);
        page.lines().skip(5).map(str::to_owned).collect()
    }

    #[test]
    fn short_lists_have_a_row_each() {
        let rows = shown(&[channel("torso z", "m"), Channel::bounded("hip |a|", "", -1.0, 1.0)]);
        assert_eq!(rows, ["| 0 | torso z | m |  |  |", "| 1 | hip \\|a\\| |  | -1 | 1 |"]);
    }

    #[test]
    fn what_repeats_itself_shares_a_row_in_long_lists() {
        let mut channels = vec![channel("torso z", "m")];
        channels.extend(["hip", "knee", "ankle"].map(|joint| channel(&format!("{joint} angle"), "rad")));
        for body in 0..12 {
            for name in ["inertia xx", "inertia yy", "moment x", "moment y"] {
                channels.push(channel(
                    &format!("b{body} {name}"),
                    if name.starts_with('i') { "kg·m²" } else { "kg·m" },
                ));
            }
        }
        channels.extend(["x", "y", "z"].map(|axis| channel(&format!("b0 force {axis}"), "N")));
        channels.extend(["x", "y", "z"].map(|axis| channel(&format!("b1 force {axis}"), "N")));
        channels.push(channel("end", ""));
        let bodies = (0..12).map(|body| format!("b{body}")).collect::<Vec<_>>().join(", ");
        let more: Vec<Channel> = (0..5).map(|i| channel(&format!("last{i}"), "s")).collect();
        let rows = shown(&[channels, more].concat());
        assert_eq!(
            rows[..6],
            [
                "| 0 | z | torso | m |  |  |".to_owned(),
                "| 1–3 | angle | hip, knee, ankle | rad |  |  |".to_owned(),
                format!("| 4–5, then every 4 | inertia xx, yy | {bodies} | kg·m² |  |  |"),
                format!("| 6–7, then every 4 | moment x, y | {bodies} | kg·m |  |  |"),
                "| 52–54, then every 3 | force x, y, z | b0, b1 | N |  |  |".to_owned(),
                "| 58 | end |  |  |  |  |".to_owned(),
            ]
        );
    }
}
