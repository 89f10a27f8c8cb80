//! The corpus of good and bad documents in `verdicts/`, and the verdict on each.
//!
//! A file has paragraphs with empty lines between. One that begins with `around` says what stands
//! around the documents behind it, `…` for the document itself; one that begins with `#` is a remark; any
//! other is a document, below the line `good`, or `bad` with what is said of it.

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
    let case = |(head, document): (&str, String)| Case {
        complaint: head.strip_prefix("bad ").map(str::to_owned),
        document,
    };
    paragraphs(&text).into_iter().map(case).collect()
}

/// What is said of each document of a file, and the document.
pub(crate) fn paragraphs(text: &str) -> Vec<(&str, String)> {
    let (mut around, mut documents) = ("…", Vec::new());
    for paragraph in text.trim_end().split("\n\n") {
        let paragraph = paragraph.trim_start_matches('\n');
        if let Some(line) = paragraph.lines().find_map(|line| line.strip_prefix("around ")) {
            around = line;
        } else if !paragraph.starts_with('#') {
            let (head, body) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
            documents.push((head, around.replacen('…', body, 1)));
        }
    }
    documents
}
