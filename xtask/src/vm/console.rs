//! What the guest's kernel wrote to its serial console.
//!
//! Pure.

/// Shown of a failed run.
const LINES: usize = 30;

/// What stands before the reason when the kernel gives up.
const PANIC: &str = "Kernel panic - not syncing: ";

/// Why the kernel gave up, if it did.
pub(super) fn panic(text: &str) -> Option<&str> {
    text.lines().find_map(|line| Some(line.split_once(PANIC)?.1.trim_end()))
}

/// The last lines, without what a terminal would obey. After a panic only the kernel's own stack
/// follows, which is left out.
pub(super) fn tail(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().map(str::trim_end).collect();
    if let Some(panic) = lines.iter().position(|line| line.contains(PANIC)) {
        lines.truncate(panic + 1);
    }
    let last = &lines[lines.len().saturating_sub(LINES)..];
    let mut shown = String::new();
    for line in last {
        shown.push_str("console: ");
        shown.extend(line.chars().filter(|c| !c.is_control() || *c == '\t'));
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_found_with_its_reason() {
        let text =
            "[    1.0] x\r\n[    2.5] Kernel panic - not syncing: Attempted to kill init!\r\n";
        assert_eq!(panic(text), Some("Attempted to kill init!"));
        assert_eq!(panic("[ 1.0] all is well"), None);
    }

    #[test]
    fn the_end_is_shown() {
        let text: String = (1..=50).map(|number| format!("\u{1b}line {number}\r\n")).collect();
        let shown = tail(&text);
        assert_eq!(shown.lines().count(), LINES);
        assert!(shown.starts_with("console: line 21\n"), "{shown}");
        let shown = tail(&format!("a\n{PANIC}b\nstack\n"));
        assert_eq!(shown, format!("console: a\nconsole: {PANIC}b\n"));
    }
}
