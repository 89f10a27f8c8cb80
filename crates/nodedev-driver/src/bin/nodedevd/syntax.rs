//! The syntax of the configuration file, which is that of libvirt's: `name = value` and comments.
//! Knows no setting, opens no file, and never panics, whatever the text.

use std::fmt;

/// What stands right of a `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Decimal.
    Integer(i64),
    /// In double or single quotes; there are no escapes.
    Text(String),
    /// Integers and texts in brackets, over as many lines as it takes.
    List(Vec<Self>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) if text.contains('"') => write!(f, "'{text}'"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::List(values) => {
                let values: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
        }
    }
}

/// One `name = value`, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// What cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Reads the text up to the first thing that cannot be read.
pub(crate) fn parse(text: &str) -> (Vec<Assignment>, Option<SyntaxError>) {
    let mut reader = Reader { rest: text, line: 1 };
    let mut assignments = Vec::new();
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            return (assignments, None);
        }
        match reader.assignment() {
            Ok(assignment) => assignments.push(assignment),
            Err(error) => return (assignments, Some(error)),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn assignment(&mut self) -> Result<Assignment, SyntaxError> {
        let line = self.line;
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c));
        if name.is_empty() {
            return Err(self.unexpected("the name of a setting"));
        }
        self.skip_spaces();
        if !self.take('=') {
            return Err(self.unexpected(&format!("`=` after `{name}`")));
        }
        self.skip_spaces();
        let value = if self.rest.starts_with('[') { self.list()? } else { self.scalar()? };
        self.skip_spaces();
        if !self.rest.is_empty() && !self.rest.starts_with(['\n', '#']) {
            return Err(self.unexpected(&format!("the end of the line after `{name} = {value}`")));
        }
        Ok(Assignment { line, name: name.to_owned(), value })
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        let began = self.line;
        self.take('[');
        let mut values = Vec::new();
        loop {
            self.skip_blank();
            if self.take(']') {
                return Ok(Value::List(values));
            }
            if self.rest.is_empty() {
                let message = "this list is not closed with `]`".to_owned();
                return Err(SyntaxError { line: began, message });
            }
            values.push(self.scalar()?);
            self.skip_blank();
            if !self.take(',') && !self.rest.starts_with(']') && !self.rest.is_empty() {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn scalar(&mut self) -> Result<Value, SyntaxError> {
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => self.text(quote),
            Some('-' | '0'..='9') => self.integer(),
            _ => Err(self.unexpected("a number, a text in quotes or a list in brackets")),
        }
    }

    fn text(&mut self, quote: char) -> Result<Value, SyntaxError> {
        let (_, rest) = self.rest.split_at(quote.len_utf8());
        let Some(end) = rest.find([quote, '\n']).filter(|end| rest[*end..].starts_with(quote))
        else {
            let message = format!("this text is not closed with {quote} on its line");
            return Err(SyntaxError { line: self.line, message });
        };
        self.rest = &rest[end + quote.len_utf8()..];
        Ok(Value::Text(rest[..end].to_owned()))
    }

    fn integer(&mut self) -> Result<Value, SyntaxError> {
        let digits = self.take_while(|c| c == '-' || c.is_ascii_alphanumeric());
        let message = || format!("`{digits}` is not a number of at most 64 bits");
        let number = digits.parse();
        number.map(Value::Integer).map_err(|_| SyntaxError { line: self.line, message: message() })
    }

    /// Blanks, ends of lines and comments.
    fn skip_blank(&mut self) {
        loop {
            self.skip_spaces();
            if self.rest.starts_with('#') {
                self.take_while(|c| c != '\n');
            } else if self.take('\n') {
                self.line += 1;
            } else {
                return;
            }
        }
    }

    fn skip_spaces(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\r'));
    }

    fn take(&mut self, wanted: char) -> bool {
        self.rest.strip_prefix(wanted).inspect(|rest| self.rest = rest).is_some()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = match self.rest.chars().next() {
            None => "the end of the file".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(other) => format!("`{}`", other.escape_default()),
        };
        SyntaxError { line: self.line, message: format!("expected {wanted}, found {found}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(usize, String, Value)> {
        let (assignments, error) = parse(text);
        assert_eq!(error, None, "{text:?}");
        assignments.into_iter().map(|a| (a.line, a.name, a.value)).collect()
    }

    fn refused(text: &str) -> String {
        let error = parse(text).1.expect("something that cannot be read");
        format!("{}: {}", error.line, error.message)
    }

    #[test]
    fn every_form_of_value_is_read() {
        let text = "# head\n a=1\nb = -20 # why\r\nc = \"it's\"\nd = 'say \"x\"'\n\
                    e = [ \"a\", # first\n 'b',\n 3 ]\nf = []\ng = [ \"x\", ]";
        let texts = |texts: &[&str]| texts.iter().map(|t| Value::Text((*t).to_owned())).collect();
        let mut list: Vec<_> = texts(&["a", "b"]);
        list.push(Value::Integer(3));
        let expected = [
            (2, "a", Value::Integer(1)),
            (3, "b", Value::Integer(-20)),
            (4, "c", Value::Text("it's".to_owned())),
            (5, "d", Value::Text("say \"x\"".to_owned())),
            (6, "e", Value::List(list)),
            (9, "f", Value::List(Vec::new())),
            (10, "g", Value::List(texts(&["x"]))),
        ];
        assert_eq!(read(text), expected.map(|(line, name, value)| (line, name.to_owned(), value)));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        assert_eq!(refused("a = 1\n= 2"), "2: expected the name of a setting, found `=`");
        assert_eq!(refused("a\n"), "1: expected `=` after `a`, found the end of the line");
        assert!(refused("\n\na = yes").starts_with("3: expected a number, a text in quotes"));
        assert_eq!(refused("a = 1 2"), "1: expected the end of the line after `a = 1`, found `2`");
        assert_eq!(refused("a = \"x\nb = 1"), "1: this text is not closed with \" on its line");
        assert_eq!(refused("a = [ 1,\n2\n"), "1: this list is not closed with `]`");
        assert_eq!(refused("a = [ 1\n2 ]"), "2: expected `,` or `]`, found `2`");
        assert!(refused("a = [ [ 1 ] ]").starts_with("1: expected a number"), "no nested lists");
        assert!(refused("a = 99999999999999999999").contains("64 bits"));
        assert!(refused("a = 0x10").contains("`0x10`"));
    }

    #[test]
    fn what_stands_before_an_error_is_read() {
        let (read, error) = parse("a = 1\nb = \nc = 2");
        assert_eq!(read.len(), 1);
        assert_eq!(error.map(|error| error.line), Some(2));
    }

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::Integer),
            "[^\"\n]{0,12}".prop_map(Value::Text),
            "[^'\n]{0,12}".prop_map(Value::Text),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![scalar(), prop::collection::vec(scalar(), 0..5).prop_map(Value::List)]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            said in prop::collection::vec(("[a-z_][a-z0-9_.-]{0,8}", value()), 0..8)
        ) {
            let lines: Vec<_> = said.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
            let read: Vec<_> = read(&lines.concat()).into_iter().map(|(_, n, v)| (n, v)).collect();
            prop_assert_eq!(read, said);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-c=\\[\\],#\"'\n\r 0-9é-]{0,60}|.{0,60}") {
            let (read, error) = parse(&text);
            prop_assert!(read.len() <= text.len());
            let lines = text.lines().count() + 1;
            prop_assert!(error.is_none_or(|error| error.line <= lines));
        }
    }
}
