//! What ron says about the names in a config.

use ron::error::Error as Code;

/// A name that is unknown, missing or given twice; `outer` is the struct or enum.
#[derive(Debug, PartialEq)]
pub(crate) enum Report {
    /// A field that does not exist.
    UnknownField { found: String, outer: Option<String>, valid: Vec<String> },
    /// A variant that does not exist.
    UnknownVariant { found: String, outer: Option<String>, valid: Vec<String> },
    /// A field without a value.
    MissingField { field: String, outer: Option<String> },
    /// A field with two values.
    DuplicateField { field: String, outer: Option<String> },
}

impl Report {
    /// Of ron's error; `None` for those about anything else.
    pub fn of(code: &Code) -> Option<Self> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Some(match code.clone() {
            Code::NoSuchStructField { expected, found, outer } => {
                Self::UnknownField { found, outer, valid: owned(expected) }
            }
            Code::NoSuchEnumVariant { expected, found, outer } => {
                Self::UnknownVariant { found, outer, valid: owned(expected) }
            }
            Code::MissingStructField { field, outer } => {
                Self::MissingField { field: field.to_owned(), outer }
            }
            Code::DuplicateStructField { field, outer } => {
                Self::DuplicateField { field: field.to_owned(), outer }
            }
            Code::Message(text) => return Self::read(&text),
            _ => return None,
        })
    }

    /// Settings of registered strategies are read without their type, and ron's errors come through as text.
    fn read(text: &str) -> Option<Self> {
        let (kind, _) = text.split_once(" named `")?;
        let has_outer = text.contains("` in ");
        let mut names = text.split('`').skip(1).step_by(2).map(str::to_owned);
        let found = names.next()?;
        let outer = if has_outer { names.next() } else { None };
        let valid = names.collect();
        Some(match kind {
            "Unexpected field" => Self::UnknownField { found, outer, valid },
            "Unexpected variant" | "Unexpected enum variant" => Self::UnknownVariant { found, outer, valid },
            "Unexpected missing field" => Self::MissingField { field: found, outer },
            "Unexpected duplicate field" => Self::DuplicateField { field: found, outer },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_come_as_text_say_the_same() {
        let outer = || Some("Adam".to_owned());
        let codes = [
            Code::NoSuchStructField { expected: &["a", "b", "c"], found: "x".to_owned(), outer: outer() },
            Code::NoSuchStructField { expected: &["a"], found: "x".to_owned(), outer: None },
            Code::NoSuchStructField { expected: &[], found: "x".to_owned(), outer: None },
            Code::NoSuchEnumVariant { expected: &["A", "B"], found: "X".to_owned(), outer: outer() },
            Code::NoSuchEnumVariant { expected: &["A"], found: "X".to_owned(), outer: None },
            Code::MissingStructField { field: "to", outer: outer() },
            Code::MissingStructField { field: "to", outer: None },
            Code::DuplicateStructField { field: "to", outer: outer() },
        ];
        for code in codes {
            let report = Report::of(&code);
            assert!(report.is_some(), "{code}");
            assert_eq!(Report::of(&Code::Message(code.to_string())), report, "{code}");
        }
        for other in [Code::ExpectedFloat, Code::Message("a field named `x`".to_owned())] {
            assert_eq!(Report::of(&other), None, "{other}");
        }
    }
}
