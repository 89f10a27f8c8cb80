//! Taking the events that wait in the monitor's socket: of a flood no more than a turn at a time, and what is behind
//! a loss before the loss is told.
//!
//! Knows nothing of the socket but what one receiving brought, and never waits.

use nix::errno::Errno;

use crate::monitor::RawEvent;
use crate::queue::EventQueue;

/// Events that one look takes at most, so that a sender who is as fast as we are does not keep it from ending. Looks that
/// have no end are a millisecond apart (see [`crate::moderation`]): 6,000 events in a second, of which each has a device
/// read, and what more there is waits in the socket's buffer.
pub(crate) const TURN: usize = 6;
/// Errors in a row after which a look ends.
pub(crate) const PATIENCE: u32 = 16;
/// What the kernel counts at least for a message in a socket's buffer, in bytes: besides the message itself what it
/// keeps for each (`truesize` of a socket buffer).
const LEAST_COUNTED: usize = 512;

/// What one receiving brought.
#[derive(Debug)]
pub(crate) enum Received {
    Event(RawEvent),
    /// Nothing that is of interest; there may be more.
    Other,
    /// Nothing waits.
    Nothing,
    /// Something may be lost.
    Failed(Errno),
}

/// What is known of a socket between two looks at it.
#[derive(Debug)]
pub(crate) struct Drain {
    /// Messages that may wait in the socket.
    most: usize,
    /// A loss that has not been told yet.
    loss: Option<Loss>,
}

/// A loss, of which the kernel tells before it gives what had been queued until then.
///
/// That is taken first, so that the enumeration which mends the loss begins behind it: a removal from before the loss
/// would else take away what the enumeration has seen come back.
#[derive(Debug)]
struct Loss {
    error: Errno,
    /// Messages that may still be from before it.
    left: usize,
    /// The kernel has told of another one since.
    next: Option<Errno>,
}

impl Drain {
    /// Of a socket with a buffer of so many bytes, as the kernel counts them (`SO_RCVBUF`).
    pub(crate) const fn new(receive_buffer: usize) -> Self {
        Self { most: receive_buffer / LEAST_COUNTED + 1, loss: None }
    }

    /// Takes the events that wait. An error means that some before it may be lost.
    pub(crate) fn look(
        &mut self,
        mut receive: impl FnMut() -> Received,
        queue: &EventQueue,
    ) -> Result<(), Errno> {
        let (mut failures, mut taken) = (0, 0);
        while taken < TURN || self.loss.is_some() {
            if self.loss.as_ref().is_some_and(|loss| loss.left == 0) {
                return self.tell(true);
            }
            taken += 1;
            match receive() {
                Received::Event(event) => {
                    failures = 0;
                    self.count_one();
                    queue.event(event);
                }
                Received::Other => self.count_one(),
                Received::Nothing => return self.tell(false),
                Received::Failed(error) => {
                    failures += 1;
                    self.note(error);
                    if failures > PATIENCE {
                        return self.tell(false);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether there is something to tell even if nothing more comes.
    pub(crate) const fn owes(&self) -> bool {
        self.loss.is_some()
    }

    fn count_one(&mut self) {
        if let Some(loss) = &mut self.loss {
            loss.left -= 1;
        }
    }

    fn note(&mut self, error: Errno) {
        match &mut self.loss {
            Some(loss) => loss.next = Some(error),
            None => self.loss = Some(Loss { error, left: self.most, next: None }),
        }
    }

    /// With more in the socket, of another loss that was told of meanwhile what is behind it is still to be taken.
    fn tell(&mut self, is_more: bool) -> Result<(), Errno> {
        let Some(loss) = self.loss.take() else {
            return Ok(());
        };
        let next = loss.next.filter(|_| is_more);
        self.loss = next.map(|error| Loss { error, left: self.most, next: None });
        Err(loss.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::queue::{Message, event_queue};

    /// A buffer for so many messages and one.
    const fn buffer(messages: usize) -> usize {
        messages * LEAST_COUNTED
    }

    fn event(name: &str) -> Received {
        let path = format!("/sys/devices/{name}");
        Received::Event(RawEvent { action: "remove".to_owned(), path, old_path: None })
    }

    #[test]
    fn what_the_kernel_had_queued_before_a_loss_is_taken_before_it_is_told() {
        let (queue, receiver) = event_queue(16, Counts::default());
        let mut socket = vec![
            Received::Failed(Errno::ENOBUFS),
            Received::Failed(Errno::EINVAL),
            event("a"),
            Received::Other,
            event("b"),
            Received::Nothing,
            event("the next time"),
            Received::Nothing,
        ]
        .into_iter();
        let mut drain = Drain::new(buffer(16));
        let looked = drain.look(|| socket.next().unwrap(), &queue);
        assert_eq!(looked, Err(Errno::ENOBUFS), "the first, which the others follow from");
        let events = receiver.try_iter().filter(|m| matches!(m, Message::Event(_)));
        assert_eq!(events.count(), 2);
        assert_eq!(socket.len(), 2);
        assert_eq!(drain.look(|| socket.next().unwrap(), &queue), Ok(()), "it has been told");
    }

    #[test]
    fn a_flood_is_taken_in_turns_and_what_is_behind_a_loss_to_its_end() {
        let (queue, _receiver) = event_queue(2 * TURN, Counts::default());
        let mut drain = Drain::new(buffer(2 * TURN));
        let mut taken = 0;
        let flood = || {
            taken += 1;
            event("a")
        };
        assert_eq!(drain.look(flood, &queue), Ok(()));
        assert_eq!(taken, TURN);

        let mut left = 2 * TURN + 1;
        let lost = || {
            left -= 1;
            match left {
                0 => Received::Nothing,
                left if left % 2 == 0 => Received::Failed(Errno::ENOBUFS),
                _ => event("a"),
            }
        };
        assert_eq!(drain.look(lost, &queue), Err(Errno::ENOBUFS));
        assert_eq!(left, 0);
    }

    #[test]
    fn a_loss_is_told_when_all_is_taken_that_the_buffer_can_have_held() {
        let (queue, _receiver) = event_queue(1, Counts::default());
        let mut drain = Drain::new(buffer(9));
        let flood = |drain: &mut Drain, losses: &[usize]| {
            let mut taken = 0;
            let looked = drain.look(
                || {
                    taken += 1;
                    let is_loss = losses.contains(&taken);
                    if is_loss { Received::Failed(Errno::ENOBUFS) } else { event("a") }
                },
                &queue,
            );
            (looked, taken)
        };
        assert_eq!(flood(&mut drain, &[1]), (Err(Errno::ENOBUFS), 1 + 10));
        assert_eq!(flood(&mut drain, &[]), (Ok(()), TURN), "nothing is left of it");
        // What is behind the second is only taken with the next look.
        assert_eq!(flood(&mut drain, &[1, 4]), (Err(Errno::ENOBUFS), 2 + 10));
        assert_eq!(flood(&mut drain, &[]), (Err(Errno::ENOBUFS), 10));
        assert_eq!(flood(&mut drain, &[]), (Ok(()), TURN));

        // Nor is it forgotten when nothing is there then.
        assert_eq!(flood(&mut drain, &[1, 4]), (Err(Errno::ENOBUFS), 2 + 10));
        assert!(drain.owes());
        assert_eq!(drain.look(|| Received::Nothing, &queue), Err(Errno::ENOBUFS));
        assert!(!drain.owes());
    }

    #[test]
    fn a_socket_that_only_fails_is_given_up() {
        let (queue, _receiver) = event_queue(1, Counts::default());
        let mut tries = 0;
        let failing = || {
            tries += 1;
            Received::Failed(Errno::EBADF)
        };
        let mut drain = Drain::new(buffer(1));
        assert_eq!(drain.look(failing, &queue), Err(Errno::EBADF));
        assert_eq!(tries, PATIENCE + 1);
        assert_eq!(drain.look(|| Received::Nothing, &queue), Ok(()));
    }
}
