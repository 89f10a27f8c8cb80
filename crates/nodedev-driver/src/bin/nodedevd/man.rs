//! The manual page of `nodedevd`, which lies in `man/`: that it is what the command line says. Only in tests.

use std::path::Path;

use clap::CommandFactory as _;
use nodedev_manual::{Prose, is_up_to_date, page};

use crate::args::Args;

const PROSE: Prose<'_> = Prose {
    description: &[
        "`nodedevd` serves the list of a host's node devices to every libvirt client, unchanged, in the place of \
         `virtnodedevd`(8), and over varlink to `nodedev`(1). Run by root it serves the host (nodedev:///system), \
         run by a user it serves this user (nodedev:///session). A link to it that is called `virtnodedevd` takes \
         the same options.",
        "Under systemd it is started by whoever connects first, and ends when it has had no clients for two minutes. \
         `systemctl enable --now nodedevd.service` puts it in the place of virtnodedevd.",
    ],
    sections: &[(
        "FILES",
        &[
            "*/etc/nodedev/nodedevd.conf*: the configuration, see `nodedevd.conf`(5).",
            "*/etc/nodedev/sources.d/NAME.conf*: a program that is run as a source of devices, see \
             */usr/share/doc/nodedevd/exec-source.md*.",
            "*/run/libvirt/virtnodedevd-sock*, */run/libvirt/virtnodedevd-sock-ro*: libvirt's sockets, for those who \
             change something and for those who look.",
            "*/run/nodedev/io.nodedev.NodeDevice*: the varlink socket.",
            "*/usr/share/doc/nodedevd/metrics.md*: the metrics, and what to watch of them.",
            "*/usr/share/doc/nodedevd/operating.md*: sockets, access, other hosts, and what to do when something is \
             wrong.",
        ],
    )],
    see_also: "`nodedevd.conf`(5), `nodedev`(1), `virsh`(1), `mdevctl`(8)",
};

#[test]
fn the_manual_page_is_the_command_line() {
    let mut command = Args::command();
    command.build();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/nodedevd.8");
    assert!(is_up_to_date(&path, &page(&command, 8, PROSE)), "stale: run `cargo xtask docs`");
}
