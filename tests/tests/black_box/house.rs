//! The house as it is built: no two files import from each other, and crates use each other in the order that
//! ARCHITECTURE.md states.

use std::collections::BTreeMap;
use std::fs;

use tests::house::circles::{circles, in_words};
use tests::house::imports::{Above, of_package};
use tests::house::order::Order;
use tests::house::packages::{against, packages};
use tests::root;

#[test]
fn no_files_import_from_each_other() {
    let mut found = Vec::new();
    let mut count = 0;
    for package in packages(&root()) {
        let arrows = of_package(&root(), &package.folder, Above::Counted).expect("sources are Rust");
        count += arrows.values().map(BTreeMap::len).sum::<usize>();
        found.extend(circles(&arrows).iter().map(|circle| in_words(circle, &arrows)));
    }
    assert!(count > 300, "only {count} imports were read");
    assert!(found.is_empty(), "{}:\n{}", found.len(), found.join("\n"));
}

#[test]
fn crates_use_each_other_in_the_order_of_the_architecture() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("page");
    let order = Order::from_page(&page).expect("ARCHITECTURE.md states the order of the crates");
    let packages = packages(&root());
    assert!(packages.len() > 5, "{packages:?}");
    let found = against(&order, &packages);
    assert!(found.is_empty(), "against the order in ARCHITECTURE.md:\n{}", found.join("\n"));
}
