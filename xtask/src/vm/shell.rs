//! Words for the shell.

/// The word, so that a shell takes it as it is.
pub(super) fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The words, as one line.
pub(super) fn line<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(line(&["ip", "link", "add", "type=veth", "./a"]), "ip link add type=veth ./a");
    }

    #[test]
    fn a_shell_gives_every_word_back() {
        let words = ["", "a b", "it's", "$HOME `id` \\", "two\nlines", "*", "ä", "~"];
        let script = format!("printf '%s|' {}", line(&words));
        let printed = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(printed, words.map(|word| format!("{word}|")).concat());
    }
}
