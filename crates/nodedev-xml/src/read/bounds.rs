//! What would make a document dear to read, looked for before it is read.
//!
//! The parser compares each attribute of an element with all others of it, and each namespace with
//! all that are in force: without bounds a small document could keep it busy for hours.

use crate::Error;

/// Attributes of one element. libvirt's forms have at most five.
const MOST_ATTRIBUTES: usize = 64;
/// Namespaces of a whole document. libvirt's forms have none.
const MOST_NAMESPACES: usize = 16;

/// What the text holds between a beginning and an end that is no element.
const PASSED_OVER: [(&str, &str); 3] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];

pub(super) fn check(xml: &str) -> Result<(), Error> {
    if xml.matches("xmlns").nth(MOST_NAMESPACES).is_some() {
        return Err(Error::TooMany { what: "namespaces", most: MOST_NAMESPACES });
    }
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        rest = match PASSED_OVER.iter().find(|(open, _)| rest.starts_with(open)) {
            Some((open, close)) => after(&rest[open.len()..], close),
            None => after_tag(rest)?,
        };
    }
    Ok(())
}

fn after<'a>(text: &'a str, close: &str) -> &'a str {
    text.split_once(close).map_or("", |(_, rest)| rest)
}

/// Goes past a tag, unless there is too much in it.
fn after_tag(text: &str) -> Result<&str, Error> {
    let (mut quote, mut attributes) = (None, 0);
    for (place, byte) in text.bytes().enumerate() {
        match (byte, quote) {
            (b'"' | b'\'', None) => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            (b'=', None) => attributes += 1,
            (b'>', None) => return Ok(&text[place + 1..]),
            _ => {}
        }
        if attributes > MOST_ATTRIBUTES {
            return Err(Error::TooMany {
                what: "attributes of one element",
                most: MOST_ATTRIBUTES,
            });
        }
    }
    Ok("")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn is_refused(xml: &str) -> bool {
        matches!(check(xml), Err(Error::TooMany { .. }))
    }

    fn attributes(count: usize) -> String {
        (0..count).fold(String::new(), |mut text, number| {
            let _ = write!(text, " a{number}='>='");
            text
        })
    }

    #[test]
    fn an_element_has_not_any_number_of_attributes() {
        let (few, many) = (attributes(MOST_ATTRIBUTES), attributes(MOST_ATTRIBUTES + 1));
        assert!(!is_refused(&format!("<a{few}/><b{few}>===</b>")));
        assert!(is_refused(&format!("<a{many}/>")));
        for before in
            ["<!-- it's -->", "<!-->-->", "<![CDATA[ ' ]]>", "<?x ' ?>", "' \"", "<a b='\"'>"]
        {
            assert!(is_refused(&format!("<a>{before}<b{many}/></a>")), "{before}");
        }
        assert!(!is_refused(&format!("<a><!--{many}--><![CDATA[<b{many}]]></a>")));
    }

    #[test]
    fn a_document_has_not_any_number_of_namespaces() {
        let nested = |count| "<a xmlns:b='c'>".repeat(count);
        assert!(!is_refused(&nested(MOST_NAMESPACES)));
        assert!(is_refused(&nested(MOST_NAMESPACES + 1)));
    }

    #[test]
    fn the_parser_is_never_asked() {
        let xml = format!("<device{}/>", attributes(MOST_ATTRIBUTES + 1));
        let refused = crate::read_capability(&xml);
        assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
    }
}
