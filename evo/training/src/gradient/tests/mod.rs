#![expect(clippy::unwrap_used, reason = "tests")]

mod blow_ups;
mod data;
mod labels;
mod refine;
mod worlds;

use super::FinetuneConfig;

/// A config from its text and changes to it.
fn config(text: &str, sets: &[&str]) -> FinetuneConfig {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    records::text::patch::apply(records::text::parse("test.ron", text).unwrap(), &sets).unwrap()
}
