//! A short run of what the fuzz target `document` does at length: the same law, the same seeds.

use std::path::Path;

use nodedev_mutants::{Mutator, seeds};

use crate::laws;
use crate::verdicts::corpus;

/// What means something in a document.
const WORDS: &[&[u8]] = &[
    b"<",
    b">",
    b"/>",
    b"</",
    b"<device>",
    b"<capability type='",
    b"<name>",
    b"'",
    b"=",
    b"&amp;",
    b"&#10;",
    b"&#13;",
    b"&#x85;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?",
    b"<!DOCTYPE",
    b" xmlns='",
    b"\r\n",
    b"\t",
    b"-1",
    b"0x",
    b"18446744073709551615",
    b"mdev",
    b"pci",
    b"\xc3\xa9",
    b"\x1a",
];
/// Some two seconds. More are tried with `cargo fuzz`.
const MUTANTS: usize = 60_000;

#[test]
fn no_seed_and_no_mutant_of_one_breaks_the_law() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("tests/it/documents"), here.join("../../tests/fuzz/corpus/document")];
    let mut inputs = seeds(&folders);
    let forms = corpus(&here.join("tests/it/verdicts"));
    inputs.extend(forms.into_iter().map(|case| case.document.into_bytes()));
    Mutator { words: WORDS, longest: 4096 }.hold(inputs, MUTANTS, laws::document);
}
