//! How much text is read as JSON, and how much is told of what is wrong with it. Pure.
//!
//! Read, a short value takes a hundred times the room of its text: bytes alone are no bound.

use nodedev_types::Diagnostic;

/// Values, with the keys of objects: of some ten thousands of definitions.
const VALUES: usize = 1 << 20;
/// Diagnostics of one reading: as many as the registry keeps of a source.
const DIAGNOSTICS: usize = 256;

/// What may still be read.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: usize,
    values: usize,
}

impl Room {
    /// For texts of so many bytes together.
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { bytes, values: VALUES }
    }

    /// Takes what this text needs.
    ///
    /// # Errors
    ///
    /// Says what is too much. Nothing is taken then.
    pub(crate) fn take(&mut self, text: &[u8]) -> Result<(), String> {
        // Each value begins behind one of these, but for the first one.
        let begins = |byte: &&u8| matches!(byte, b'[' | b'{' | b',' | b':');
        let bytes = self.bytes.checked_sub(text.len());
        let values = self.values.checked_sub(text.iter().filter(begins).count());
        let bytes =
            bytes.ok_or("too many bytes of definitions, which are bounded as a listing is")?;
        let values = values.ok_or_else(|| format!("more than {VALUES} values"))?;
        *self = Self { bytes, values };
        Ok(())
    }
}

/// Notes what is wrong, if it is not too much; else that there is more.
pub(crate) fn note(diagnostics: &mut Vec<Diagnostic>, told: Diagnostic) {
    if diagnostics.len() < DIAGNOSTICS {
        diagnostics.push(told);
    } else if diagnostics.len() == DIAGNOSTICS {
        let more =
            format!("there are more than {DIAGNOSTICS} diagnostics, the others are left out");
        diagnostics.push(Diagnostic::warning("mdevctl", more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_not_taken_and_leaves_room_for_others() {
        let mut room = Room::new(10 + VALUES);
        let many = vec![b'['; VALUES];
        room.take(b"[1,2]").unwrap();
        assert!(room.take(&many).unwrap_err().ends_with(" values"));
        room.take(b"[1,2]").unwrap();
        assert!(room.take(&vec![b'1'; VALUES + 1]).unwrap_err().contains("bytes"));
        room.take(&many[4..]).unwrap();
        assert!(room.take(b"[").unwrap_err().ends_with(" values"));
    }

    #[test]
    fn diagnostics_have_a_bound_that_is_told() {
        let mut told = Vec::new();
        for n in 0..DIAGNOSTICS * 3 {
            note(&mut told, Diagnostic::warning("a", n.to_string()));
        }
        assert_eq!(told.len(), DIAGNOSTICS + 1);
        assert!(told.pop().unwrap().message.ends_with("left out"));
    }
}
