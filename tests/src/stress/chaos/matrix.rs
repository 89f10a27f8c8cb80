//! The matrix as data.

use super::cells::Fault::{Client, Files, Mdevctl, Third, Wrapped};
use super::cells::Shown::{Grows, Says};
use super::cells::{Cell, ClientFault, Fault, FileFault, Shown, Who};

/// How long in seconds something sleeps that never ends.
pub(super) const FOR_EVER: &str = "86397";
const NEVER_ENDS: &str = "sleep 86397 & wait";
/// What it has started holds its output, within its group and outside; the latter ends by itself.
const LEAVES_CHILDREN: &str =
    "for n in 1 2 3 4; do (sleep 86397 & sleep 0.1 &); done; setsid sleep 2 &";

macro_rules! failures {
    ($source:literal) => {
        concat!("nodedev_source_failures_total{source=\"", $source, "\"}")
    };
}
macro_rules! diagnostics {
    ($source:literal) => {
        concat!("nodedev_source_diagnostics{source=\"", $source, "\"")
    };
}
macro_rules! messages {
    ($source:literal) => {
        concat!("nodedev_source_messages_total{source=\"", $source, "\"}")
    };
}
macro_rules! resyncs {
    ($source:literal) => {
        concat!("nodedev_source_resyncs_total{source=\"", $source, "\"}")
    };
}
macro_rules! late_runs {
    () => {
        "nodedev_source_activity_total{source=\"mdevctl\",activity=\"late_runs\"}"
    };
}
macro_rules! failed_runs {
    () => {
        "nodedev_source_activity_total{source=\"mdevctl\",activity=\"failed_runs\"}"
    };
}

type Row = (Who, &'static str, &'static str, Fault, Shown, &'static str, &'static str);

/// Every cell. First one without a fault. The five ways of each source and the three of clients, then what mdevctl and files can do
/// besides.
pub(super) fn cells() -> impl Iterator<Item = Cell> {
    let of = |(who, way, how, fault, shown, logged, metric)| Cell {
        who,
        way,
        how,
        fault,
        shown,
        logged,
        metric,
    };
    CELLS.iter().copied().map(of)
}

const PANICKED: &str = "it panicked";
const LATE: &str = "no answer within 1s";
const GARBAGE: &str = "none of the source's streams";
const SLOW: &str = "slow to be read";
const BUSY: &str = "busy source";
const NO_VALUE: &str = "no answer within 500ms";
const HANGS: &str = "a reader hangs and is given up";
const NO_ANSWER: &str = "no answer within 900ms";

const CELLS: &[Row] = &[
    (
        Who::Client,
        "nothing",
        "twice the same: how exact the ratios are",
        Fault::Nothing,
        Shown::Nothing,
        "",
        "nodedev_rpc_call_duration_seconds_count",
    ),
    (
        Who::Udev,
        "panic",
        "each call panics",
        Wrapped("panic"),
        Says(PANICKED),
        PANICKED,
        failures!("udev"),
    ),
    (Who::Udev, "hang", "no call comes back", Wrapped("hang"), Says(LATE), LATE, failures!("udev")),
    (
        Who::Udev,
        "garbage",
        "rubbish in files and in udevd's messages",
        Files(FileFault::Rubbish),
        Says("chaos0"),
        "chaos0",
        diagnostics!("udev"),
    ),
    (
        Who::Udev,
        "flood",
        "udevd's events without end",
        Files(FileFault::Events),
        Grows("events", 1000),
        BUSY,
        messages!("udev"),
    ),
    (
        Who::Udev,
        "slow",
        "each call takes 0.7 s",
        Wrapped("slow"),
        Says(SLOW),
        SLOW,
        diagnostics!("udev"),
    ),
    (
        Who::Mdevctl,
        "panic",
        "each call panics",
        Wrapped("panic"),
        Says(PANICKED),
        PANICKED,
        failures!("mdevctl"),
    ),
    (
        Who::Mdevctl,
        "hang",
        "no call comes back",
        Wrapped("hang"),
        Says(LATE),
        LATE,
        failures!("mdevctl"),
    ),
    (
        Who::Mdevctl,
        "garbage",
        "mdevctl prints random bytes",
        Mdevctl("head -c 100000 /dev/urandom; exit 0"),
        Says("not JSON"),
        "not JSON",
        failures!("mdevctl"),
    ),
    (
        Who::Mdevctl,
        "flood",
        "definitions are written without end",
        Files(FileFault::Definitions),
        Grows("resyncs", 3),
        BUSY,
        resyncs!("mdevctl"),
    ),
    (
        Who::Mdevctl,
        "slow",
        "mdevctl takes 0.7 s",
        Mdevctl("sleep 0.7"),
        Says(SLOW),
        SLOW,
        diagnostics!("mdevctl"),
    ),
    (
        Who::Third,
        "panic",
        "each call panics",
        Wrapped("panic"),
        Says(PANICKED),
        PANICKED,
        failures!("lab"),
    ),
    (Who::Third, "hang", "no call comes back", Wrapped("hang"), Says(LATE), LATE, failures!("lab")),
    (
        Who::Third,
        "garbage",
        "streams, fields and devices that are not its own",
        Wrapped("garbage"),
        Says(GARBAGE),
        GARBAGE,
        diagnostics!("lab"),
    ),
    (
        Who::Third,
        "flood",
        "new values without end",
        Third,
        Grows("events", 1000),
        BUSY,
        messages!("lab"),
    ),
    (
        Who::Third,
        "slow",
        "each call takes 0.7 s",
        Wrapped("slow"),
        Says(SLOW),
        SLOW,
        diagnostics!("lab"),
    ),
    (
        Who::Client,
        "flood",
        "4 clients call without end",
        Client(ClientFault::Flood),
        Shown::Nothing,
        "",
        "nodedev_rpc_call_duration_seconds_count{procedure=\"NODE_DEVICE_GET_PARENT\"}",
    ),
    (
        Who::Client,
        "never read",
        "4 clients ask for lists and never read",
        Client(ClientFault::NeverRead),
        Shown::Nothing,
        "took too long",
        "nodedev_disconnects_total{reason=\"slow\"}",
    ),
    (
        Who::Client,
        "die",
        "clients come and die within a frame",
        Client(ClientFault::Die),
        Shown::Nothing,
        "",
        "nodedev_disconnects_total{reason=\"closed\"}",
    ),
    (
        Who::Udev,
        "one attribute blocks",
        "a pipe in place of a file",
        Files(FileFault::Block(1)),
        Says(NO_VALUE),
        HANGS,
        diagnostics!("udev"),
    ),
    (
        Who::Udev,
        "many attributes block",
        "pipes in place of 6 files",
        Files(FileFault::Block(6)),
        Says(NO_VALUE),
        HANGS,
        diagnostics!("udev"),
    ),
    (
        Who::Udev,
        "too many attributes block",
        "pipes in place of 12 files",
        Files(FileFault::Block(12)),
        Says("readers hang"),
        "readers hang, no more are started",
        "nodedev_source_failures_total{source=\"udev\"}",
    ),
    (
        Who::Mdevctl,
        "never ends",
        "mdevctl waits for a child that never ends",
        Mdevctl(NEVER_ENDS),
        Says(NO_ANSWER),
        NO_ANSWER,
        late_runs!(),
    ),
    (
        Who::Mdevctl,
        "prints 1 GB",
        "both listings",
        Mdevctl("exec head -c 1000000000 /dev/zero"),
        Says("printed more than"),
        "printed more than",
        failed_runs!(),
    ),
    (
        Who::Mdevctl,
        "leaves zombies",
        "it ends, its children hold its output",
        Mdevctl(LEAVES_CHILDREN),
        Says(NO_ANSWER),
        NO_ANSWER,
        late_runs!(),
    ),
    (
        Who::Mdevctl,
        "floods",
        "requests to be read without end",
        Wrapped("flood"),
        Grows("dropped", 1),
        BUSY,
        "nodedev_source_dropped_messages_total{source=\"mdevctl\"}",
    ),
];
