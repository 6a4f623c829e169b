//! Elements and lists of names.

use roxmltree::Node;

/// The elements inside `node`.
pub(super) fn elements<'a>(node: Node<'a, 'a>) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(Node::is_element)
}

/// Those called `name`.
pub(super) fn named<'a>(node: Node<'a, 'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    elements(node).filter(move |n| n.tag_name().name() == name)
}

/// A list of names for a message, cut where it gets long.
pub(super) fn shorten<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    let shown = names.len().min(20);
    match names.len() {
        0 => "none".to_owned(),
        n if n > shown => format!("{}, …", names[..shown].join(", ")),
        _ => names.join(", "),
    }
}
