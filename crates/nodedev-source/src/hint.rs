//! Hints between sources: levels, never queued and never lost.

use tokio::sync::watch;

/// How often a source has been told to look again. Only equality and order mean anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hint(u64);

/// The registry's end: raises hints.
#[derive(Debug)]
pub struct HintSender(watch::Sender<Hint>);

/// A source's end: waits for hints. Clones see every hint that comes after their making.
#[derive(Debug, Clone)]
pub struct HintStream(watch::Receiver<Hint>);

/// A pair of connected ends.
#[must_use]
pub fn hint_channel() -> (HintSender, HintStream) {
    let (sender, receiver) = watch::channel(Hint::default());
    (HintSender(sender), HintStream(receiver))
}

impl HintSender {
    /// Tells the source to look again, and returns what a snapshot must answer to have done so.
    pub fn raise(&self) -> Hint {
        self.0.send_modify(|hint| hint.0 += 1);
        *self.0.borrow()
    }

    /// Another end for the source to wait on.
    #[must_use]
    pub fn subscribe(&self) -> HintStream {
        HintStream(self.0.subscribe())
    }
}

impl HintStream {
    /// Waits until a hint has been raised since the last call. `None` when no more can come.
    pub async fn next(&mut self) -> Option<Hint> {
        self.0.changed().await.ok()?;
        Some(*self.0.borrow_and_update())
    }

    /// The newest hint: what a snapshot whose reading begins after this call answers.
    #[must_use]
    pub fn newest(&self) -> Hint {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hints_coalesce_and_are_not_lost() {
        let (sender, mut stream) = hint_channel();
        sender.raise();
        let second = sender.raise();
        assert_eq!(stream.next().await, Some(second));
        assert_eq!(stream.newest(), second);
        drop(sender);
        assert_eq!(stream.next().await, None);
    }
}
