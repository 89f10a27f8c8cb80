//! What a cell of the matrix is: who misbehaves, how, and what has to show it.

/// Who misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The udev source, or what it reads.
    Udev,
    /// The mdevctl source, or mdevctl.
    Mdevctl,
    /// The third source, which is scripted.
    Third,
    /// A client.
    Client,
}

impl Who {
    /// The sources that have to be as well as ever.
    pub(super) const fn others(self) -> &'static [Self] {
        match self {
            Self::Udev => &[Self::Mdevctl, Self::Third],
            Self::Mdevctl => &[Self::Udev, Self::Third],
            Self::Third => &[Self::Udev, Self::Mdevctl],
            Self::Client => &[Self::Udev, Self::Mdevctl, Self::Third],
        }
    }

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Udev => "udev",
            Self::Mdevctl => "mdevctl",
            Self::Third => super::serve::THIRD,
            Self::Client => "client",
        }
    }

    /// What its devices' names begin with.
    pub(super) fn owns(self, device: &str) -> bool {
        match self {
            Self::Udev => !Self::Mdevctl.owns(device) && !Self::Third.owns(device),
            Self::Mdevctl => device.starts_with("mdev_0000"),
            Self::Third => device.starts_with("lab_"),
            Self::Client => false,
        }
    }
}

/// How it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// By the source's own code: what [`Misbehaviour`](super::faulty::Misbehaviour) names.
    Wrapped(&'static str),
    /// By the third source's own messages.
    Third,
    /// By the program that stands for mdevctl, in shell.
    Mdevctl(&'static str),
    /// In the host's files and events.
    Files(FileFault),
    /// By clients.
    Client(ClientFault),
    /// Not at all: what two equal times differ by.
    Nothing,
}

/// What goes wrong outside the daemon, as a real host would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFault {
    /// Reading so many files blocks.
    Block(u8),
    /// Rubbish in files and in udevd's messages.
    Rubbish,
    /// Events without end.
    Events,
    /// Definitions that are written without end.
    Definitions,
}

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientFault {
    /// Calls as fast as they are answered.
    Flood,
    /// Ask and never read.
    NeverRead,
    /// Come, and die within a frame.
    Die,
}

/// What `nodedev sources` shows of the source then.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    /// These words.
    Says(&'static str),
    /// This number, larger than before by so much.
    Grows(&'static str, u64),
    /// It is about sources.
    Nothing,
}

/// One cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// Who misbehaves.
    pub(super) who: Who,
    /// In which of the ways of the matrix, or in which other.
    pub(super) way: &'static str,
    /// How that is done, for people.
    pub(super) how: &'static str,
    /// How that is done.
    pub(super) fault: Fault,
    /// Where an operator sees it.
    pub(super) shown: Shown,
    /// What the log says then.
    pub(super) logged: &'static str,
    /// The begin of a sample of the metrics that is larger than before.
    pub(super) metric: &'static str,
}
