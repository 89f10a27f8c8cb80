//! Damages documents in ways that a schema may or may not mind.

use nodedev_mutants::Random;

use super::tree::{Element, Node};

/// Values at the limits of what a schema takes.
const WORDS: &[&str] = &[
    "",
    " ",
    "0",
    "1",
    "-1",
    "+1",
    " 7 ",
    "007",
    "x",
    "A",
    "a",
    "YA",
    "255",
    "256",
    "254",
    "65535",
    "65536",
    "4294967295",
    "4294967296",
    "2147483648",
    "-2147483649",
    "18446744073709551615",
    "18446744073709551616",
    "0x",
    "0x0",
    "0xff",
    "0xFF",
    "0xfe",
    "0x100",
    "0xffff",
    "0x10000",
    "ff",
    "0x0c03fe",
    "0X1",
    "2.5",
    "2.",
    ".5",
    "1e3",
    "0.0",
    "11111111-2222-4333-8444-555555555555",
    "111111112222433384445555555555FF",
    "11111111-22224333-8444-555555555555",
    "02:fc:00:00:00:0A",
    "02:fc:00:00:00",
    "2000000000000001",
    "0x2000000000000001",
    "20000000000000010",
    "/dev/a",
    "/",
    "/dev/a.b",
    "dev",
    "\u{e9}",
    "\u{a0}",
    "a\nb",
    "\r",
    "rx",
    "r-x_",
    "r x",
    "a&b<c>'\"",
];

/// What stands between elements and means nothing.
const ASIDES: &[&str] =
    &["<!-- aside -->", "<?aside ?>", " ", "\n\t", "<![CDATA[]]>", "<![CDATA[ ]]>", "&#32;"];

/// Makes mutants of documents.
#[derive(Debug)]
pub(super) struct Mutator {
    seeds: Vec<Element>,
    tags: Vec<String>,
    attributes: Vec<String>,
    values: Vec<String>,
    random: Random,
}

impl Mutator {
    /// Of these documents, and with their words.
    pub(super) fn new<'a>(documents: impl IntoIterator<Item = &'a str>) -> Self {
        let seeds: Vec<_> = documents.into_iter().filter_map(Element::parse).collect();
        let all: Vec<_> = seeds.iter().flat_map(Element::all).collect();
        let tags = all.iter().map(|element| element.tag.clone());
        let attributes = all.iter().flat_map(|element| &element.attributes);
        let texts =
            all.iter().flat_map(|element| &element.children).filter_map(|node| match node {
                Node::Text(text) => Some(text.clone()),
                _ => None,
            });
        let values = attributes.clone().map(|(_, value)| value.clone()).chain(texts);
        let values = values.chain(WORDS.iter().map(|&word| word.to_owned()));
        Self {
            tags: unique(tags),
            attributes: unique(attributes.map(|(name, _)| name.clone())),
            values: unique(values),
            random: Random::new(),
            seeds,
        }
    }

    /// The next mutant.
    pub(super) fn next(&mut self) -> String {
        let mut tree = self.seed();
        // Many have one fault: of several only the first counts.
        for _ in 0..[1, 1, 1, 2, 3][self.random.below(5)] {
            self.damage(&mut tree);
        }
        tree.write()
    }

    fn seed(&mut self) -> Element {
        self.seeds[self.random.below(self.seeds.len())].clone()
    }

    fn damage(&mut self, tree: &mut Element) {
        let target = self.random.below(tree.count());
        let element = tree.at(target);
        let child = self.random.below(element.children.len());
        let place = self.random.below(element.children.len() + 1);
        let attribute = self.random.below(element.attributes.len());
        let has_children = !element.children.is_empty();
        let has_attributes = !element.attributes.is_empty();
        match self.random.below(14) {
            0 if has_children => drop(element.children.remove(child)),
            1 if has_children => element.children.insert(place, element.children[child].clone()),
            2 | 3 if has_children => element.children.swap(child, place.saturating_sub(1)),
            4 => element.tag = pick(&self.tags, &mut self.random),
            5 if has_attributes => drop(element.attributes.remove(attribute)),
            6 | 7 if has_attributes => element.attributes[attribute].1 = self.value(),
            8 => self.give_attribute(element),
            9 | 10 => element.children = vec![Node::Text(self.value())],
            11 => element.children.insert(place, Node::Text(self.value())),
            12 => {
                let aside = ASIDES[self.random.below(ASIDES.len())];
                element.children.insert(place, Node::Aside(aside));
            }
            _ => {
                let mut other = self.seed();
                let part = self.random.below(other.count());
                let part = std::mem::take(other.at(part));
                element.children.insert(place, Node::Element(part));
            }
        }
    }

    fn give_attribute(&mut self, element: &mut Element) {
        let name = pick(&self.attributes, &mut self.random);
        if element.attributes.iter().all(|(known, _)| *known != name) {
            element.attributes.push((name, self.value()));
        }
    }

    fn value(&mut self) -> String {
        pick(&self.values, &mut self.random)
    }
}

fn pick(words: &[String], random: &mut Random) -> String {
    words.get(random.below(words.len())).cloned().unwrap_or_default()
}

fn unique(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<_> = words.collect();
    words.sort();
    words.dedup();
    words
}
