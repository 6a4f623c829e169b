//! The reference page in the repository is the one that the specs write.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/envs.md");
    let page = envs::docs().unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert!(
        stored == page,
        "docs/envs.md is out of date: run `UPDATE_DOCS=1 cargo test -p envs --test docs`"
    );
}
