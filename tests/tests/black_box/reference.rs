//! The generated pages of the documentation are those that the code writes.

use std::fs;

use tests::docs::reference::{UPDATE, generated};

#[test]
fn generated_pages_are_up_to_date() {
    let mut stale = Vec::new();
    for page in generated() {
        let path = tests::root().join(&page.path);
        let stored = fs::read_to_string(&path).unwrap_or_default();
        let expected = page.applied(&stored);
        if stored == expected {
            continue;
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::create_dir_all(path.parent().expect("pages lie in folders")).expect("folder");
            fs::write(&path, expected).expect("page");
            continue;
        }
        let line = stored.lines().zip(expected.lines()).take_while(|(a, b)| a == b).count() + 1;
        let should = expected.lines().nth(line - 1).unwrap_or_default();
        stale.push(format!("{}:{line} should be: {should}", page.path));
    }
    assert!(stale.is_empty(), "out of date, run `{UPDATE}`:\n{}", stale.join("\n"));
}
