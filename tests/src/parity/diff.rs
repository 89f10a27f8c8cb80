//! Differences between two texts, line by line. Knows nothing of devices.

use std::fmt::Write as _;
use std::ops::Range;

/// Lines of one text that stand in the place of lines of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Numbers of the lines that only libvirt's text has.
    pub(super) theirs: Range<usize>,
    /// Numbers of the lines that only our text has.
    pub(super) ours: Range<usize>,
}

/// Texts that need more comparisons of lines than this are one hunk.
const MOST: usize = 16 << 20;

/// Where the texts differ, in order.
pub(super) fn hunks(theirs: &[&str], ours: &[&str]) -> Vec<Hunk> {
    let before = theirs.iter().zip(ours).take_while(|(a, b)| a == b).count();
    let (theirs_rest, ours_rest) = (&theirs[before..], &ours[before..]);
    let after =
        theirs_rest.iter().rev().zip(ours_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (n, m) = (theirs_rest.len() - after, ours_rest.len() - after);
    if n == 0 && m == 0 {
        return Vec::new();
    }
    if n.saturating_mul(m) > MOST {
        return vec![Hunk { theirs: before..before + n, ours: before..before + m }];
    }
    aligned(&theirs_rest[..n], &ours_rest[..m], before)
}

/// By the longest common subsequence; `offset` is the number of the first line.
fn aligned(theirs: &[&str], ours: &[&str], offset: usize) -> Vec<Hunk> {
    let width = ours.len() + 1;
    let mut longest = vec![0u32; (theirs.len() + 1) * width];
    for i in (0..theirs.len()).rev() {
        for j in (0..ours.len()).rev() {
            longest[i * width + j] = if theirs[i] == ours[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < theirs.len() || j < ours.len() {
        if i < theirs.len() && j < ours.len() && theirs[i] == ours[j] {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let (from_i, from_j) = (i, j);
        while (i < theirs.len() || j < ours.len())
            && !(i < theirs.len() && j < ours.len() && theirs[i] == ours[j])
        {
            let skip_theirs = j == ours.len()
                || (i < theirs.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]);
            if skip_theirs { i += 1 } else { j += 1 }
        }
        found.push(Hunk { theirs: offset + from_i..offset + i, ours: offset + from_j..offset + j });
    }
    found
}

/// All that stands between newlines, so that a missing one at the end and what stands before one
/// count.
pub(super) fn lines(text: &str) -> Vec<&str> {
    text.split('\n').collect()
}

/// Lines of context around a difference.
const CONTEXT: usize = 3;

/// The differences as a unified diff with these two headings; empty for equal texts.
pub(super) fn unified(titles: [&str; 2], theirs: &str, ours: &str) -> String {
    // The end that both have is no line to show.
    let ends = (theirs.strip_suffix('\n'), ours.strip_suffix('\n'));
    let (theirs, ours) =
        if let (Some(theirs), Some(ours)) = ends { (theirs, ours) } else { (theirs, ours) };
    let (theirs, ours) = (lines(theirs), lines(ours));
    let hunks = hunks(&theirs, &ours);
    let mut text = String::new();
    if hunks.is_empty() {
        return text;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "--- {}\n+++ {}", titles[0], titles[1]);
    let mut rest = &hunks[..];
    while let Some(first) = rest.first() {
        let near = |pair: &[Hunk]| pair[1].theirs.start - pair[0].theirs.end <= 2 * CONTEXT;
        let count = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (group, after) = rest.split_at(count);
        let last = &group[count - 1];
        let before = first.theirs.start.min(CONTEXT);
        let behind = (theirs.len() - last.theirs.end).min(CONTEXT);
        let from = [first.theirs.start - before, first.ours.start - before];
        let to = [last.theirs.end + behind, last.ours.end + behind];
        let span = |side: usize| format!("{},{}", from[side] + 1, to[side] - from[side]);
        let _ = writeln!(text, "@@ -{} +{} @@", span(0), span(1));
        let mut at = from[0];
        for hunk in group {
            show(&mut text, ' ', &theirs[at..hunk.theirs.start]);
            show(&mut text, '-', &theirs[hunk.theirs.clone()]);
            show(&mut text, '+', &ours[hunk.ours.clone()]);
            at = hunk.theirs.end;
        }
        show(&mut text, ' ', &theirs[at..to[0]]);
        rest = after;
    }
    text
}

fn show(text: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(text, "{mark}{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unified_diff_has_context_and_numbers() {
        let theirs = "a\nb\nc\nd\ne\nf\ng\n";
        let ours = "a\nb\nc\nd\nE\nf\ng\nh\n";
        let expected = "--- libvirt\n+++ ours\n@@ -2,6 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n+h\n";
        assert_eq!(unified(["libvirt", "ours"], theirs, ours), expected);
        assert_eq!(unified(["libvirt", "ours"], theirs, theirs), "");
        for other in [theirs.trim_end().to_owned(), theirs.replace('\n', "\r\n")] {
            assert_ne!(unified(["libvirt", "ours"], theirs, &other), "");
        }
    }

    #[test]
    fn what_is_far_apart_is_shown_apart() {
        let numbers: Vec<_> = (0..40).map(|n| n.to_string()).collect();
        let theirs = numbers.join("\n");
        let ours = theirs.replacen('1', "x", 1).replace("39", "y");
        let text = unified(["a", "b"], &theirs, &ours);
        assert_eq!(text.matches("@@ -").count(), 2, "{text}");
        assert!(text.contains("\n-39\n+y\n"), "{text}");
    }

    #[test]
    fn hunks_are_the_smallest_ones() {
        let found = hunks(&["a", "x", "b", "c"], &["a", "b", "y", "c", "z"]);
        let expected = [(1..2, 1..1), (3..3, 2..3), (4..4, 4..5)];
        let expected = expected.map(|(theirs, ours)| Hunk { theirs, ours });
        assert_eq!(found, expected);
        assert_eq!(hunks(&["a"], &[]), [Hunk { theirs: 0..1, ours: 0..0 }]);
        assert_eq!(hunks(&[], &[]), []);
    }
}
