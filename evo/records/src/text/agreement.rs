//! What our reader and the crate ron make of the same text. Configs are written by ron, and read by ours.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::file::parse;
use super::finite::options;
use super::write::{to_line, to_text};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Everything {
    natural: u64,
    whole: i64,
    single: f32,
    double: f64,
    text: String,
    letter: char,
    flag: bool,
    maybe: Option<Box<Kind>>,
    kinds: Vec<Kind>,
    pair: (f32, String),
    table: std::collections::BTreeMap<String, f64>,
    unit: (),
    wrapped: Wrapped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Number(f32),
    Pair(i32, String),
    Fields { a: u8, b: Option<String> },
    Wrapped(Wrapped),
    Inner(Inner),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(f64);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    name: String,
    list: Vec<(u32, i8)>,
}

fn single() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |x| x.is_finite())
}

fn double() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        single().prop_map(Kind::Number),
        any::<(i32, String)>().prop_map(|(n, text)| Kind::Pair(n, text)),
        any::<(u8, Option<String>)>().prop_map(|(a, b)| Kind::Fields { a, b }),
        double().prop_map(|x| Kind::Wrapped(Wrapped(x))),
        (any::<String>(), prop::collection::vec(any::<(u32, i8)>(), 0..3))
            .prop_map(|(name, list)| Kind::Inner(Inner { name, list })),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let table = prop::collection::btree_map(any::<String>(), double(), 0..4);
    let numbers = (any::<u64>(), any::<i64>(), single(), double(), double());
    let words = (any::<String>(), any::<char>(), any::<bool>());
    let nested = (prop::option::of(kind()), prop::collection::vec(kind(), 0..4), single(), any::<String>());
    (numbers, words, nested, table).prop_map(|(numbers, words, nested, table)| Everything {
        natural: numbers.0,
        whole: numbers.1,
        single: numbers.2,
        double: numbers.3,
        text: words.0,
        letter: words.1,
        flag: words.2,
        maybe: nested.0.map(Box::new),
        kinds: nested.1,
        pair: (nested.2, nested.3),
        table,
        unit: (),
        wrapped: Wrapped(numbers.4),
    })
}

/// Text of a literal: pieces of which strings, characters and numbers are made, in any order.
fn literal() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\"", "'", "\\", "r", "#", "b", "n", "x", "41", "u", "{", "}", "e9", "\n", "/*", "*/", "//", "ä",
        "0", "1", "_", ".", "-", "+", "e", "0x", "0b", "0o", " ",
    ]);
    let inside = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    let frame = prop::sample::select(vec![
        ("\"", "\""),
        ("r\"", "\""),
        ("r#\"", "\"#"),
        ("'", "'"),
        ("\"\\", "\""),
        ("", ""),
        ("-", ""),
        ("1", ""),
        ("0x", "1"),
        ("/*", "*/\"a\""),
    ]);
    (frame, inside).prop_map(|((before, after), inside)| format!("{before}{inside}{after}"))
}

/// What ron reads, as text that tells bits apart.
fn by_ron<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> Option<String> {
    options().from_str::<T>(text).ok().map(|value| format!("{value:?}"))
}

fn by_ours<T: Serialize + serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> Option<String> {
    parse::<T>("a.ron", text).ok().map(|value| format!("{value:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// The same value to the bit, also for a float of 32 bits, which ours reads by one of 64.
    #[test]
    fn what_ron_writes_reads_back_as_it_was(value in everything()) {
        for text in [to_text(&value).unwrap(), to_line(&value).unwrap()] {
            let read: Everything = parse("a.ron", &text).unwrap();
            // -0 and 0 are equal, but not the same.
            prop_assert_eq!(format!("{:?}", &read), format!("{:?}", &value), "{}", text);
            prop_assert_eq!(by_ron::<Everything>(&text), by_ours::<Everything>(&text));
        }
    }

    /// Decimal numbers as people write them.
    #[test]
    fn floats_of_32_bits_are_those_of_ron(digits in 0_u64..10_000_000_000, exponent in -48_i32..30) {
        let text = format!("{digits}e{exponent}");
        if let Ok(x) = text.parse::<f32>() && x.is_finite() {
            prop_assert_eq!(parse::<f32>("a.ron", &text).unwrap().to_bits(), x.to_bits());
        }
    }

    /// Where ron reads a text, so does ours, as the same; ours takes more (a name for a string).
    #[test]
    fn literals_are_read_as_ron_reads_them(text in literal()) {
        let (ron, ours) = (by_ron::<String>(&text), by_ours::<String>(&text));
        if ron.is_some() || text.starts_with('"') {
            prop_assert_eq!(&ours, &ron, "{}", text);
        }
        if let Some(ron) = by_ron::<char>(&text) {
            prop_assert_eq!(by_ours::<char>(&text), Some(ron), "{}", text);
        }
        if let Some(ron) = by_ron::<f64>(&text).filter(|x| !x.contains("inf") && !x.contains("NaN")) {
            prop_assert_eq!(by_ours::<f64>(&text), Some(ron), "{}", text);
        }
        // Ours takes -0 for a float.
        if let Some(ron) = by_ron::<i64>(&text).filter(|n| n != "0") {
            prop_assert_eq!(by_ours::<i64>(&text), Some(ron), "{}", text);
        }
    }

    #[test]
    fn nothing_makes_the_reader_panic(text in "[\\[\\](){}a-cA-C:,\"'#/*\\\\ r01.\\-é\n]{0,40}") {
        let _ = parse::<Everything>("a.ron", &text);
        let _ = super::value::parse(&text);
    }
}
