//! A script as a tree.

use tree_sitter::{Node, Parser, Tree};

/// Parses a script; what is no PowerShell is in the tree as an error.
pub(super) fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).expect("a grammar for this parser");
    parser.parse(text, None).expect("nothing stops it")
}

/// The children of a node.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// A node and everything below it, in the order of the text.
pub(super) fn all(node: Node<'_>) -> Vec<Node<'_>> {
    let (mut stack, mut found) = (vec![node], Vec::new());
    while let Some(node) = stack.pop() {
        found.push(node);
        let mut below = children(node);
        below.reverse();
        stack.append(&mut below);
    }
    found
}

/// Its text.
pub(super) fn text<'a>(node: Node<'_>, script: &'a str) -> &'a str {
    &script[node.byte_range()]
}

/// The names of all variables in it, without their dollars: what its value is made of.
pub(super) fn variables<'a>(node: Node<'_>, script: &'a str) -> Vec<&'a str> {
    let variables = all(node).into_iter().filter(|node| node.kind() == "variable");
    variables.map(|node| text(node, script).trim_start_matches(['$', '{']).trim_end_matches('}')).collect()
}
