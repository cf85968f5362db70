//! What the XML of the store's answers says.

use roxmltree::{Document, Node};

/// The children of a node with this name, whatever its namespace.
pub(super) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

/// The text of the first child with this name, if it has one.
pub(super) fn text(node: Node<'_, '_>, name: &'static str) -> Option<String> {
    children(node, name).next().and_then(|child| child.text()).map(str::to_owned)
}

/// The reason that an answer gives for a refusal.
pub(super) fn error_code(answer: &str) -> Option<String> {
    let xml = Document::parse(answer).ok()?;
    let root = xml.root_element();
    (root.tag_name().name() == "Error").then(|| text(root, "Code")).flatten()
}

/// A key as a list tells it: encoded like a part of a URL, for XML cannot hold every character.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_code() {
        let answer = r#"<?xml version="1.0"?><Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"#;
        assert_eq!(error_code(answer).as_deref(), Some("NoSuchBucket"));
        assert_eq!(error_code("<ListBucketResult><Code>x</Code></ListBucketResult>"), None);
        assert_eq!(error_code("gone"), None);
    }

    #[test]
    fn keys_are_decoded_and_stray_percent_signs_stay() {
        assert_eq!(decoded("a%20b+c/%C3%BC%2B"), "a b c/ü+");
        assert_eq!(decoded("100%"), "100%");
    }
}
