//! Documents as trees that can be damaged and written again as well-formed XML.

use roxmltree::NodeType;

/// What is in an element.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    /// Something that says nothing, as it is written.
    Aside(&'static str),
}

/// An element.
#[derive(Debug, Clone, Default)]
pub(super) struct Element {
    pub(super) tag: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

impl Element {
    /// The root of a document, if that can be read and has no namespaces.
    pub(super) fn parse(document: &str) -> Option<Self> {
        let tree = roxmltree::Document::parse(document).ok()?;
        let has_none = tree.descendants().all(|node| node.namespaces().len() == 0);
        has_none.then(|| Self::of(tree.root_element()))
    }

    fn of(node: roxmltree::Node<'_, '_>) -> Self {
        let attributes = node.attributes().map(|a| (a.name().to_owned(), a.value().to_owned()));
        let children = node.children().filter_map(|child| match child.node_type() {
            NodeType::Element => Some(Node::Element(Self::of(child))),
            NodeType::Text => child.text().map(|text| Node::Text(text.to_owned())),
            _ => Some(Node::Aside("<!-- aside -->")),
        });
        Self {
            tag: node.tag_name().name().to_owned(),
            attributes: attributes.collect(),
            children: children.collect(),
        }
    }

    pub(super) fn write(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text);
        text
    }

    fn write_to(&self, text: &mut String) {
        text.push_str(&format!("<{}", self.tag));
        for (name, value) in &self.attributes {
            text.push_str(&format!(" {name}='{}'", escaped(value)));
        }
        text.push('>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write_to(text),
                Node::Text(own) => text.push_str(&escaped(own)),
                Node::Aside(own) => text.push_str(own),
            }
        }
        text.push_str(&format!("</{}>", self.tag));
    }

    /// How many elements there are, with this one.
    pub(super) fn count(&self) -> usize {
        1 + self.elements().map(Self::count).sum::<usize>()
    }

    fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// All elements, this one first.
    pub(super) fn all(&self) -> Vec<&Self> {
        let mut all = vec![self];
        all.extend(self.elements().flat_map(Self::all));
        all
    }

    /// The element of this number in the order of [`Element::all`].
    pub(super) fn at(&mut self, number: usize) -> &mut Self {
        let Some(mut rest) = number.checked_sub(1) else { return self };
        let mut inside = None;
        for (place, child) in self.children.iter().enumerate() {
            let Node::Element(element) = child else { continue };
            let count = element.count();
            if rest < count {
                inside = Some(place);
                break;
            }
            rest -= count;
        }
        match inside.map(|place| &mut self.children[place]) {
            Some(Node::Element(element)) => element.at(rest),
            _ => panic!("there are only {number} elements"),
        }
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
    text.replace('\r', "&#13;").replace('\n', "&#10;").replace('\t', "&#9;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_written_as_it_was_read() {
        let document = "<a b='1 &lt; 2'>x<c></c><!-- aside --><d><e>&#10;&amp;</e></d></a>";
        let mut tree = Element::parse(document).unwrap();
        assert_eq!(tree.write(), document);
        let tags: Vec<_> = tree.all().iter().map(|element| element.tag.clone()).collect();
        assert_eq!(tags, ["a", "c", "d", "e"]);
        for (number, tag) in tags.iter().enumerate() {
            assert_eq!(&tree.at(number).tag, tag);
        }
        assert_eq!(tree.count(), 4);
        assert!(Element::parse("<a xmlns='b'/>").is_none() && Element::parse("<a>").is_none());
    }
}
