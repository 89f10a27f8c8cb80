//! What clients can ask for, as a table: what the device is before, what is asked, what it is when the
//! answer comes, and which events tell so.

use super::Before::{self, Defined, Running};
use super::Call::{
    self, Autostart, Create, Define, Destroy, Start, Undefine, UpdateConfig, UpdateLive,
};

/// One call.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) before: &'static [Before],
    pub(super) call: Call,
    /// What is answered instead, where it is refused.
    pub(super) refused: Option<&'static str>,
    /// Which of active, persistent and autostart it is then; nothing where it is not listed.
    pub(super) after: &'static str,
    /// The types of what runs and of what is defined.
    pub(super) types: [Option<&'static str>; 2],
    pub(super) told: &'static [&'static str],
}

const DEFINED: Before = Defined { mdev_type: "t", autostart: false };
const AUTOSTART: Before = Defined { mdev_type: "t", autostart: true };

impl Row {
    const fn refused(
        what: &'static str,
        before: &'static [Before],
        call: Call,
        refused: &'static str,
        after: &'static str,
        types: [Option<&'static str>; 2],
    ) -> Self {
        Self { what, before, call, refused: Some(refused), after, types, told: &[] }
    }
}

pub(super) const TABLE: &[Row] = &[
    Row {
        what: "define",
        before: &[],
        call: Define("t"),
        refused: None,
        after: "persistent",
        types: [None, Some("t")],
        told: &["defined"],
    },
    Row {
        what: "define what runs",
        before: &[Running("t")],
        call: Define("t"),
        refused: None,
        after: "active persistent",
        types: [Some("t"), Some("t")],
        told: &["defined"],
    },
    Row {
        what: "define anew: the autostart is kept (libvirt: reset)",
        before: &[AUTOSTART],
        call: Define("other"),
        refused: None,
        after: "persistent autostart",
        types: [None, Some("other")],
        told: &["updated"],
    },
    Row {
        what: "define another type while it runs: only the definition has it",
        before: &[AUTOSTART, Running("t")],
        call: Define("other"),
        refused: None,
        after: "active persistent autostart",
        types: [Some("t"), Some("other")],
        told: &["updated"],
    },
    Row {
        what: "undefine (libvirt: answers before it is so)",
        before: &[DEFINED],
        call: Undefine,
        refused: None,
        after: "",
        types: [None, None],
        told: &["undefined"],
    },
    Row {
        what: "undefine what runs: it goes on running",
        before: &[AUTOSTART, Running("t")],
        call: Undefine,
        refused: None,
        after: "active",
        types: [Some("t"), None],
        told: &["undefined"],
    },
    Row::refused(
        "undefine what has no definition",
        &[Running("t")],
        Undefine,
        "Node device 'DEVICE' is not defined",
        "active",
        [Some("t"), None],
    ),
    Row {
        what: "create",
        before: &[],
        call: Create("t"),
        refused: None,
        after: "active",
        types: [Some("t"), None],
        told: &["created"],
    },
    Row {
        what: "start",
        before: &[AUTOSTART],
        call: Start,
        refused: None,
        after: "active persistent autostart",
        types: [Some("t"), Some("t")],
        told: &["created"],
    },
    Row::refused(
        "start what runs",
        &[DEFINED, Running("t")],
        Start,
        "Device is already active",
        "active persistent",
        [Some("t"), Some("t")],
    ),
    Row {
        what: "destroy what is defined",
        before: &[AUTOSTART, Running("t")],
        call: Destroy,
        refused: None,
        after: "persistent autostart",
        types: [None, Some("t")],
        told: &["deleted"],
    },
    Row {
        what: "destroy what is not defined",
        before: &[Running("t")],
        call: Destroy,
        refused: None,
        after: "",
        types: [None, None],
        told: &["deleted"],
    },
    Row::refused(
        "destroy what does not run",
        &[DEFINED],
        Destroy,
        "Device 'DEVICE' is not active",
        "persistent",
        [None, Some("t")],
    ),
    Row {
        what: "set autostart (libvirt: the event comes with the next listing)",
        before: &[DEFINED],
        call: Autostart(true),
        refused: None,
        after: "persistent autostart",
        types: [None, Some("t")],
        told: &["updated"],
    },
    Row {
        what: "set autostart as it is: nothing is done",
        before: &[AUTOSTART, Running("t")],
        call: Autostart(true),
        refused: None,
        after: "active persistent autostart",
        types: [Some("t"), Some("t")],
        told: &[],
    },
    Row::refused(
        "set autostart of what has no definition",
        &[Running("t")],
        Autostart(true),
        "cannot set autostart for transient device",
        "active",
        [Some("t"), None],
    ),
    Row {
        what: "update the definition: the autostart is kept (libvirt: reset)",
        before: &[AUTOSTART, Running("t")],
        call: UpdateConfig("other"),
        refused: None,
        after: "active persistent autostart",
        types: [Some("t"), Some("other")],
        told: &["updated"],
    },
    Row {
        what: "update what runs",
        before: &[AUTOSTART, Running("t")],
        call: UpdateLive("t"),
        refused: None,
        after: "active persistent autostart",
        types: [Some("t"), Some("t")],
        told: &["updated"],
    },
];
