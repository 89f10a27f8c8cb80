//! The manual pages of `nodedev`, which lie in `man/`: that they are what the command line says. Only in tests.

use std::path::Path;

use clap::CommandFactory as _;
use nodedev_manual::{Prose, is_up_to_date, page};

use crate::args::Args;
use crate::command_line;

const OVERVIEW: Prose<'_> = Prose {
    description: &[
        "Several sources each know a part of a host's devices: the kernel and udevd know what is there, mdevctl \
         knows which mediated devices are defined. `nodedev` shows them as one list, with the names and documents \
         that libvirt gives them, and tells of every field where it comes from. It also defines, starts, stops and \
         changes mediated devices.",
        "It asks a running `nodedevd`(8), and runs the sources itself where there is none.",
    ],
    sections: &[
        (
            "FILES",
            &[
                "*/run/nodedev/io.nodedev.NodeDevice*, *$XDG_RUNTIME_DIR/nodedev/io.nodedev.NodeDevice*: sockets of \
               the daemons that are asked, a user's own first.",
            ],
        ),
        (
            "ENVIRONMENT",
            &[
                "`NODEDEV_CONNECT`: what --connect is.",
                "`NO_COLOR`: set to anything, it takes the colours away.",
                "`COMPLETE`: with the name of a shell (bash, zsh, fish), prints a script that has the shell complete \
                 the command line: `source <(COMPLETE=bash nodedev)`. The Debian package brings the scripts.",
            ],
        ),
    ],
    see_also: "`nodedevd`(8), `mdevctl`(8), `virsh`(1)",
};

const SUBCOMMAND: Prose<'_> = Prose {
    description: &[],
    sections: &[],
    see_also: "`nodedev`(1), which also has the options of every command",
};

#[test]
fn the_manual_pages_are_the_command_line() {
    let mut command = Args::command();
    command.build();
    let mut pages = vec![("nodedev".to_owned(), page(&command, 1, OVERVIEW))];
    let mut shown = command_line::without_options_of_all(Args::command());
    shown.build();
    for subcommand in shown.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let name = format!("nodedev-{}", subcommand.get_name());
        pages.push((name, page(subcommand, 1, SUBCOMMAND)));
    }
    assert!(pages.len() > 12, "{}", pages.len());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let kept = std::fs::read_dir(&folder).unwrap().count();
    assert!(kept <= pages.len(), "a page in man/ is of a command that is gone");
    for (name, page) in pages {
        let path = folder.join(format!("{name}.1"));
        assert!(is_up_to_date(&path, &page), "{name}.1 is stale: run `cargo xtask docs`");
    }
}
