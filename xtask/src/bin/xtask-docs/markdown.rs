//! Markdown as the pages need it: a head that says where the page comes from, and tables.

/// Stands on top of every page.
pub(crate) const NOTICE: &str = "<!-- Made by `cargo xtask docs`. Do not edit. -->";

/// Title, notice and introduction.
pub(crate) fn head(title: &str, introduction: &str) -> String {
    format!("# {title}\n\n{NOTICE}\n\n{introduction}\n")
}

/// A table; cells may hold any text without line breaks.
pub(crate) fn table<const N: usize>(
    heads: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut text = row(&heads);
    text.push_str(&row(&["---"; N]));
    for cells in rows {
        text.push_str(&row(&cells.map(|cell| cell.replace('|', "\\|"))));
    }
    text
}

/// Texts as code, separated by commas; a dash when there are none.
pub(crate) fn codes(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let codes: Vec<_> = texts.into_iter().map(|text| format!("`{}`", text.as_ref())).collect();
    if codes.is_empty() { "-".to_owned() } else { codes.join(", ") }
}

fn row<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_their_table() {
        let table = table(["a", "b"], [["x|y".to_owned(), codes(["z"])]]);
        assert_eq!(table, "| a | b |\n| --- | --- |\n| x\\|y | `z` |\n");
        assert_eq!(codes([""; 0]), "-");
    }
}
