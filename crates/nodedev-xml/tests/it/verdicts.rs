//! The corpus of good and bad documents in `verdicts/`, and the verdict on each.
//!
//! A file has paragraphs with empty lines between. One that begins with `around` says what stands
//! around the documents behind it, `…` for the document itself; one that begins with `good` or `bad`
//! is a document, a bad one with what is said of it.

use std::fs;
use std::path::Path;

/// A document of the corpus.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) document: String,
    /// What is said of it, if it is bad.
    pub(crate) complaint: Option<String>,
}

/// All of the corpus that is kept in this folder.
pub(crate) fn corpus(folder: &Path) -> Vec<Case> {
    let entries = fs::read_dir(folder).expect("there is a corpus").filter_map(Result::ok);
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files.iter().flat_map(|file| cases(file)).collect()
}

fn cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("the corpus is text");
    let (mut around, mut cases) = ("…", Vec::new());
    for paragraph in text.trim_end().split("\n\n") {
        let paragraph = paragraph.trim_start_matches('\n');
        let (head, body) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
        let complaint = match word {
            "good" => None,
            "bad" => Some(rest.to_owned()),
            _ => {
                let line = paragraph.lines().find_map(|line| line.strip_prefix("around "));
                around = line.unwrap_or(around);
                continue;
            }
        };
        let document = around.replacen('…', body, 1);
        cases.push(Case { document, complaint });
    }
    cases
}
