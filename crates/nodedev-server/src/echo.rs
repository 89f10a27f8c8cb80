//! How much of a client's own words an answer repeats.

/// Longest text of an error in bytes. It often repeats a client's words, which may be megabytes: an error
/// that carries them twice would hold more memory than the call, and might not fit into a message.
pub(crate) const LONGEST: usize = 8192;

/// The text, or so much of it that it can be sent, with a sign that it went on.
pub(crate) fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        let fits = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(fits.unwrap_or(0));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}
