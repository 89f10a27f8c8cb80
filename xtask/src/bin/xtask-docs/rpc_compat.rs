//! `docs/rpc-compat.md`: every procedure of libvirt's protocol, from the tables in `nodedev-rpc`.

use nodedev_rpc::{
    Answer, EVENT_LIFECYCLE, EVENT_UPDATE, LAST, PROCEDURES, ProcedureInfo, UNSERVED,
};

use crate::markdown::{codes, head, table};

const INTRODUCTION: &str = "\
Every procedure of libvirt's remote program, and what `nodedevd` does when it is called. The tables are
`crates/nodedev-rpc/src/procedure.rs` and `unserved.rs`; a test of `nodedev-server` calls each procedure
and holds the first one to its word.

- *done*: it does what libvirt's own node-device daemon does, in version 11.3, which is the one that
  `virConnectGetLibVersion` tells.
- *refused as libvirt refuses it*: libvirt's own daemon does not support it for node devices either,
  and clients get the same error.
- *not ours*: it belongs to another driver. Clients get error 3, \"this function is not supported by
  the connection driver\", in the domain of that driver, as from libvirt's own daemon.

A call that is marked *write* is refused on a read-only connection (29/22).

With the flag that asks for validation, `virNodeDeviceCreateXML` and `virNodeDeviceDefineXML` refuse a
document that has not the form that libvirt's schema asks for (92/5), `virNodeDeviceUpdate` always. The
verdict is libvirt's, reached without the schema's file; the words say where, what was found and what
would be allowed.

Documents are answered with libvirt's codes, and mdevctl is asked for the same, but:

- one of a device that cannot be made (of any kind other than `mdev` and `scsi_host`) is refused for that
  (67/22), whatever else is wrong with it; libvirt may complain of what is missing in it;
- one with several capabilities, with a document type definition, longer than 1 MiB, with more than 64
  attributes at one element or with more than 16 namespaces is refused (27/5);
- one by which a device is made its own parent, in `virNodeDeviceUpdate`, is answered; libvirt's daemon
  hangs.
";

pub(crate) fn page() -> String {
    let rows = PROCEDURES.iter().map(|info| {
        [
            info.number.to_string(),
            codes([info.name]),
            codes([info.api]),
            if info.changes { "write" } else { "read" }.to_owned(),
            standing(info).to_owned(),
        ]
    });
    let known = table(["number", "procedure", "function", "access", "what becomes of it"], rows);
    let head = head("Compatibility with libvirt's protocol", INTRODUCTION);
    format!("{head}\n{known}\n{}\n{}", events(), not_ours())
}

fn standing(info: &ProcedureInfo) -> &'static str {
    match (info.answer, info.number) {
        // The authentication that they belong to is never offered.
        (Answer::Refused, 67..=69) => "refused: SASL is not offered (45/7)",
        (Answer::Refused, _) => "refused as libvirt refuses it",
        _ => "done",
    }
}

fn events() -> String {
    let rows = [
        (EVENT_LIFECYCLE, "NODE_DEVICE_EVENT_LIFECYCLE", "created, deleted, defined, undefined"),
        (EVENT_UPDATE, "NODE_DEVICE_EVENT_UPDATE", "anything else about a device has changed"),
    ];
    let rows =
        rows.map(|(number, name, meaning)| [number.to_string(), codes([name]), meaning.to_owned()]);
    format!("## Events\n\n{}", table(["number", "message", "sent when"], rows))
}

fn not_ours() -> String {
    let rows = UNSERVED
        .iter()
        .map(|row| [row.number.to_string(), codes([row.api]), row.domain.to_string()]);
    format!(
        "## Not ours\n\nNumbers up to {LAST} that stand nowhere on this page are events of other drivers. A call of \
         one of these, or of a higher number, is answered with \"unknown procedure\" (39/7), which \
         clients take for an old server.\n\n{}",
        table(["number", "function", "error domain"], rows)
    )
}
