//! Whether a source is to be read again, and how many requests one reading answers.

/// One source's. Lives as long as its keeper, so that a failure hides nothing of what is counted.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    is_wanted: bool,
    coalesced: u64,
}

impl Wanted {
    pub(super) const fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// It is asked for; the next reading answers that, with whatever was asked before.
    pub(super) const fn ask(&mut self) {
        self.coalesced += self.is_wanted as u64;
        self.is_wanted = true;
    }

    /// It is asked for while a reading begins, which answers that too.
    pub(super) const fn ask_late(&mut self) {
        self.coalesced += 1;
    }

    /// The reading begins that answers all of it.
    pub(super) const fn begin(&mut self) {
        self.is_wanted = false;
    }

    /// How many requests have been put together with others since this was last asked.
    pub(super) const fn take_coalesced(&mut self) -> u64 {
        std::mem::replace(&mut self.coalesced, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_request_has_asked_for_already_is_counted() {
        let mut wanted = Wanted::default();
        wanted.ask();
        assert_eq!((wanted.is_wanted(), wanted.take_coalesced()), (true, 0));
        (0..3).for_each(|_| wanted.ask());
        wanted.begin();
        wanted.ask_late();
        assert_eq!((wanted.is_wanted(), wanted.take_coalesced()), (false, 4));
        assert_eq!(wanted.take_coalesced(), 0);
    }
}
