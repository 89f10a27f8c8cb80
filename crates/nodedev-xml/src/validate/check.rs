//! Holds elements against the table. Knows no device.

use roxmltree::{Attribute as Given, Node};

use super::form::DEVICE;
use super::shape::{Attribute, Content, Element, Item, Mark, Of};
use super::value::{Value, is_space, is_word, one_of};
use super::violation::{Problem, Violation};
use crate::excerpt::excerpt;

type Checked<T = ()> = Result<T, Violation>;

/// Checks a document's root and all below it.
pub(super) fn root(root: Node<'_, '_>) -> Checked {
    if !DEVICE.fits(root) {
        return Err(not_allowed(root, &[&DEVICE]));
    }
    DEVICE.check(root)
}

impl Element {
    /// Whether the node is to be held against this element.
    fn fits(&self, node: Node<'_, '_>) -> bool {
        self.is_called_like(node)
            && match self.mark {
                Mark::None => true,
                Mark::Is(name, words) => {
                    node.attribute(name).is_some_and(|value| is_word(value, words))
                }
                Mark::Has(name) => node.attribute(name).is_some(),
            }
    }

    fn is_called_like(&self, node: Node<'_, '_>) -> bool {
        let name = node.tag_name();
        is_absent(name.namespace()) && name.name() == self.tag
    }

    fn check(&'static self, node: Node<'_, '_>) -> Checked {
        self.check_attributes(node)?;
        match self.content {
            Content::Text(value) => check_text(node, value),
            Content::Ordered(items) => check_children(node, items, |inside| inside.in_order(items)),
            Content::Mixed(items) => check_children(node, items, |inside| inside.mixed(items)),
        }
    }

    fn check_attributes(&self, node: Node<'_, '_>) -> Checked {
        for given in node.attributes() {
            let known = self.attributes.iter().find(|known| is_called_like(given, known.name));
            match known {
                Some(known) if known.value.takes(given.value()) => {}
                Some(known) => return Err(at(node, wrong(known, given.value()))),
                None if self.mark.name().is_some_and(|name| is_called_like(given, name)) => {}
                None => return Err(at(node, self.unknown(given))),
            }
        }
        let missing =
            self.attributes.iter().find(|a| a.is_required && node.attribute(a.name).is_none());
        missing.map_or(Ok(()), |attribute| {
            let (name, allowed) = (attribute.name.to_owned(), attribute.value.named());
            Err(at(node, Problem::MissingAttribute { attribute: name, allowed }))
        })
    }

    fn unknown(&self, given: Given<'_, '_>) -> Problem {
        let mut allowed: Vec<_> = self.mark.name().into_iter().map(str::to_owned).collect();
        let known = self.attributes.iter().map(|known| known.name.to_owned());
        allowed.extend(known.filter(|name| self.mark.name() != Some(name)));
        Problem::Attribute { found: shown(given.namespace(), given.name()), allowed }
    }
}

impl Mark {
    /// Name of the attribute that is the mark.
    const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Is(name, _) | Self::Has(name) => Some(name),
        }
    }
}

/// An element that can have a text and nothing else.
fn check_text(node: Node<'_, '_>, value: Value) -> Checked {
    if let Some(child) = node.children().find(Node::is_element) {
        return Err(not_allowed(child, &[]));
    }
    let text: String = texts(node).collect();
    if value.takes(&text) {
        return Ok(());
    }
    Err(at(node, Problem::Text { found: excerpt(&text), allowed: value.named() }))
}

/// An element that can have others in it and no text.
fn check_children(
    node: Node<'_, '_>,
    items: &'static [Item],
    take: impl FnOnce(&mut Inside<'_, '_, '_>) -> Checked,
) -> Checked {
    let stray = texts(node).map(|text| text.trim_matches(is_space)).find(|text| !text.is_empty());
    if let Some(text) = stray {
        let elements: Vec<_> = items.iter().flat_map(|item| item.of.first()).collect();
        let (found, allowed) = (excerpt(text), names(&elements));
        return Err(at(node, Problem::Stray { found, allowed }));
    }
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    let mut inside = Inside { node, rest: &children, allowed: Vec::new() };
    take(&mut inside)?;
    inside.rest.first().map_or(Ok(()), |child| Err(not_allowed(*child, &inside.allowed)))
}

fn texts<'a>(node: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    node.children().filter(Node::is_text).filter_map(|node| node.text())
}

/// The children of an element, from the first on that has not been looked at.
struct Inside<'c, 'a, 'i> {
    node: Node<'a, 'i>,
    rest: &'c [Node<'a, 'i>],
    /// What could stand next.
    allowed: Vec<&'static Element>,
}

impl Inside<'_, '_, '_> {
    fn in_order(&mut self, items: &'static [Item]) -> Checked {
        for item in items {
            let mut count = 0;
            while count < item.most && self.take(&item.of)? {
                count += 1;
            }
            if count < item.most {
                self.allowed.extend(item.of.first());
            }
            if count < item.least {
                return Err(self.lacks(&item.of.first()));
            }
        }
        Ok(())
    }

    fn mixed(&mut self, items: &'static [Item]) -> Checked {
        let mut counts = vec![0; items.len()];
        while let Some(child) = self.rest.first() {
            let mut counted = items.iter().zip(&mut counts);
            let Some((item, count)) = counted.find(|(item, _)| item.of.fitting(*child).is_some())
            else {
                break;
            };
            if *count == item.most {
                return Err(at(*child, Problem::Repeated));
            }
            *count += 1;
            self.take(&item.of)?;
        }
        let open = items.iter().zip(&counts).filter(|(item, count)| **count < item.most);
        self.allowed.extend(open.flat_map(|(item, _)| item.of.first()));
        let mut counted = items.iter().zip(&counts);
        let lacking = counted.find(|(item, count)| **count < item.least);
        lacking.map_or(Ok(()), |(item, _)| Err(self.lacks(&item.of.first())))
    }

    /// Takes what the next child is or begins, if it is one of these.
    fn take(&mut self, of: &'static Of) -> Checked<bool> {
        let Some((child, behind)) = self.rest.split_first() else { return Ok(false) };
        let Some(element) = of.fitting(*child) else { return Ok(false) };
        match of {
            Of::Element(_) | Of::Any(_) => {
                element.check(*child)?;
                self.rest = behind;
                self.allowed.clear();
            }
            Of::Mixed(items) => self.mixed(items)?,
            Of::Rows(rows) => {
                let begins = |row: &'static [Item]| row.first()?.of.fitting(*child).map(|_| row);
                rows.iter().copied().find_map(begins).map_or(Ok(()), |row| self.in_order(row))?;
            }
        }
        Ok(true)
    }

    /// The error where one of these had to come next.
    fn lacks(&self, required: &[&'static Element]) -> Violation {
        match self.rest.first() {
            Some(child) => not_allowed(*child, &self.allowed),
            None => at(self.node, Problem::Missing { allowed: names(required) }),
        }
    }
}

impl Of {
    /// The element that the node is to be held against.
    fn fitting(&'static self, node: Node<'_, '_>) -> Option<&'static Element> {
        self.first().into_iter().find(|element| element.fits(node))
    }
}

/// The error for an element where only others could be.
fn not_allowed(node: Node<'_, '_>, allowed: &[&'static Element]) -> Violation {
    let alike = allowed.iter().filter(|element| element.is_called_like(node));
    let marks = alike.filter_map(|element| match element.mark {
        Mark::Is(name, words) => Some((name, words)),
        _ => None,
    });
    let marks: Vec<_> = marks.collect();
    let Some((name, _)) = marks.first() else {
        return at(node, Problem::Element { allowed: names(allowed) });
    };
    let words: Vec<_> = marks.iter().flat_map(|(_, words)| words.iter().copied()).collect();
    let (attribute, allowed) = ((*name).to_owned(), one_of(&words));
    let problem = match node.attribute(*name) {
        Some(value) => Problem::Value { attribute, found: excerpt(value), allowed },
        None => Problem::MissingAttribute { attribute, allowed },
    };
    at(node, problem)
}

fn wrong(attribute: &Attribute, value: &str) -> Problem {
    Problem::Value {
        attribute: attribute.name.to_owned(),
        found: excerpt(value),
        allowed: attribute.value.named(),
    }
}

fn is_called_like(given: Given<'_, '_>, name: &str) -> bool {
    is_absent(given.namespace()) && given.name() == name
}

/// Each name once. What tells the only element of its tag from others is said with it.
fn names(elements: &[&'static Element]) -> Vec<String> {
    let mut names = Vec::new();
    for element in elements {
        let count = elements.iter().filter(|other| other.tag == element.tag).count();
        let name = match element.mark {
            Mark::Is(name, words) if count == 1 => {
                format!("{} {name}='{}'", element.tag, words.join("|"))
            }
            _ => element.tag.to_owned(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn at(node: Node<'_, '_>, problem: Problem) -> Violation {
    let ancestors = node.ancestors().filter(Node::is_element);
    let mut steps: Vec<_> = ancestors.map(step).collect();
    steps.reverse();
    Violation { place: steps.join("/"), problem }
}

/// Name of an element, with its number where others beside it are called the same.
fn step(node: Node<'_, '_>) -> String {
    let name = node.tag_name();
    let shown = shown(name.namespace(), name.name());
    let is_alike = |other: &Node<'_, '_>| other.is_element() && other.tag_name() == name;
    let before = node.prev_siblings().skip(1).filter(is_alike).count();
    let is_alone = before == 0 && !node.next_siblings().skip(1).any(|other| is_alike(&other));
    if is_alone { shown } else { format!("{shown}[{}]", before + 1) }
}

/// `xmlns=''` leaves a namespace without a name.
fn is_absent(namespace: Option<&str>) -> bool {
    namespace.is_none_or(str::is_empty)
}

fn shown(namespace: Option<&str>, name: &str) -> String {
    let name = excerpt(name);
    match namespace {
        Some(namespace) => format!("{{{}}}{name}", excerpt(namespace)),
        None => name,
    }
}
