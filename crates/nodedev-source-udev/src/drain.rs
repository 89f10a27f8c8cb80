//! Taking the messages that wait in a netlink socket: of a flood no more than a turn at a time, and what is behind a
//! loss before the loss is told.
//!
//! Knows nothing of the socket but what each receiving brought, and never waits.

use nix::errno::Errno;

/// Errors in a row after which a socket is no good.
const PATIENCE: u32 = 16;
/// What the kernel counts at least for a message in a socket's buffer, in bytes: besides the message itself what it
/// keeps for each (`truesize` of a socket buffer).
const LEAST_COUNTED: usize = 512;

/// What one receiving brought.
#[derive(Debug)]
pub(crate) enum Received {
    /// A message, of interest or not; there may be more.
    Message,
    /// It was interrupted.
    Again,
    /// Nothing waits.
    Nothing,
    /// Something may be lost.
    Failed(Errno),
}

/// What is known of a socket between two looks at it.
#[derive(Debug)]
pub(crate) struct Drain {
    /// Messages that one look takes, so that a sender who is as fast as we are does not keep it from ending.
    turn: usize,
    /// Messages that may wait in the socket.
    most: usize,
    /// A loss that has not been told yet.
    loss: Option<Loss>,
    /// Errors in a row.
    failures: u32,
}

/// A loss, of which the kernel tells before it gives what had been queued until then. From there on it drops whatever
/// comes, and says so no second time, until nothing is queued any more (`NETLINK_S_CONGESTED` of its netlink sockets).
///
/// So all that is queued is taken first, and the enumeration which mends the loss begins behind that: it would else not
/// see what is dropped meanwhile, and a removal from before the loss would take away what it has seen come back.
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
    pub(crate) const fn new(turn: usize, receive_buffer: usize) -> Self {
        Self { turn, most: receive_buffer / LEAST_COUNTED + 1, loss: None, failures: 0 }
    }

    /// Receives what waits. An error means that something before it may be lost.
    pub(crate) fn look(&mut self, mut receive: impl FnMut() -> Received) -> Result<(), Errno> {
        let mut taken = 0;
        while taken < self.turn || self.loss.is_some() {
            if self.loss.as_ref().is_some_and(|loss| loss.left == 0) {
                return self.tell(true);
            }
            taken += 1;
            match receive() {
                Received::Message => self.count_one(),
                Received::Again => {}
                Received::Nothing => return self.tell(false),
                Received::Failed(error) => {
                    self.note(error);
                    if self.is_broken() {
                        return self.tell(true);
                    }
                }
            }
        }
        self.tell(false)
    }

    /// Whether there is something to tell even if nothing more comes.
    pub(crate) const fn owes(&self) -> bool {
        self.loss.is_some()
    }

    /// Whether it does nothing but fail.
    pub(crate) const fn is_broken(&self) -> bool {
        self.failures > PATIENCE
    }

    fn count_one(&mut self) {
        self.failures = 0;
        if let Some(loss) = &mut self.loss {
            loss.left -= 1;
        }
    }

    fn note(&mut self, error: Errno) {
        self.failures += 1;
        match &mut self.loss {
            Some(loss) => loss.next = Some(error),
            None => self.loss = Some(Loss { error, left: self.most, next: None }),
        }
    }

    /// With more in the socket, of another loss that was told of meanwhile what is behind it is still to be taken.
    fn tell(&mut self, is_more: bool) -> Result<(), Errno> {
        let Some(loss) = self.loss.take() else {
            self.failures = 0;
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

    const TURN: usize = 6;
    const LOST: Received = Received::Failed(Errno::ENOBUFS);

    /// Of a socket that holds so many messages.
    fn drain(messages: usize) -> Drain {
        Drain::new(TURN, (messages - 1) * LEAST_COUNTED)
    }

    /// What a look at a flood brings, with losses at these places, and how often it received.
    fn flood(drain: &mut Drain, losses: &[usize]) -> (Result<(), Errno>, usize) {
        let mut received = 0;
        let looked = drain.look(|| {
            received += 1;
            if losses.contains(&received) { LOST } else { Received::Message }
        });
        (looked, received)
    }

    #[test]
    fn what_the_kernel_had_queued_before_a_loss_is_taken_before_it_is_told() {
        let queued = (0..2 * TURN).map(|_| Received::Message);
        let mut socket = [LOST, Received::Failed(Errno::EINVAL), Received::Again]
            .into_iter()
            .chain(queued)
            .chain([Received::Nothing, Received::Message, Received::Nothing]);
        let mut drain = drain(4 * TURN);
        let looked = drain.look(|| socket.next().unwrap());
        assert_eq!(looked, Err(Errno::ENOBUFS), "the first, which the others follow from");
        assert!(!drain.owes());
        assert_eq!(drain.look(|| socket.next().unwrap()), Ok(()), "it has been told");
        assert!(socket.next().is_none());
    }

    #[test]
    fn a_flood_is_taken_in_turns() {
        assert_eq!(flood(&mut drain(4 * TURN), &[]), (Ok(()), TURN));
    }

    #[test]
    fn a_loss_is_told_when_all_is_taken_that_the_buffer_can_have_held() {
        let mut drain = drain(10);
        let lost = Err(Errno::ENOBUFS);
        assert_eq!(flood(&mut drain, &[1]), (lost, 1 + 10));
        assert_eq!(flood(&mut drain, &[]), (Ok(()), TURN), "nothing is left of it");
        // What is behind the second is only taken with the next look.
        assert_eq!(flood(&mut drain, &[1, 4]), (lost, 2 + 10));
        assert_eq!(flood(&mut drain, &[]), (lost, 10));
        assert_eq!(flood(&mut drain, &[]), (Ok(()), TURN));

        // Nor is it forgotten when nothing is there then.
        assert_eq!(flood(&mut drain, &[1, 4]), (lost, 2 + 10));
        assert!(drain.owes());
        assert_eq!(drain.look(|| Received::Nothing), lost);
        assert!(!drain.owes());
    }

    #[test]
    fn a_socket_that_only_fails_is_broken_and_one_that_loses_much_is_not() {
        let new = drain;
        let mut drain = new(2);
        let mut tries = 0;
        let failing = || {
            tries += 1;
            Received::Failed(Errno::EBADF)
        };
        assert_eq!(drain.look(failing), Err(Errno::EBADF));
        assert_eq!(tries, PATIENCE + 1);
        assert!(drain.is_broken() && drain.owes(), "more may be queued");
        assert_eq!(drain.look(|| Received::Nothing), Err(Errno::EBADF));
        assert_eq!(drain.look(|| Received::Nothing), Ok(()));
        assert!(!drain.is_broken());

        for look in 1..=PATIENCE + 1 {
            let mut once = [LOST, Received::Nothing].into_iter();
            assert_eq!(drain.look(|| once.next().unwrap()), Err(Errno::ENOBUFS));
            assert_eq!(drain.is_broken(), look > PATIENCE);
        }
        let mut drain = new(2);
        for _ in 0..2 * PATIENCE {
            let mut some = [LOST, Received::Message, Received::Nothing].into_iter();
            assert_eq!(drain.look(|| some.next().unwrap()), Err(Errno::ENOBUFS));
            assert!(!drain.is_broken());
        }
    }
}
