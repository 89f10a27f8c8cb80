//! Hosts on which something is missing or broken from the start: the daemon starts, lists what can be known,
//! and says what cannot.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use nodedev_tests::command::{nodedev, run};
use nodedev_tests::daemon::Daemon;
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};
use serde_json::{Value, json};

const NOBODY: u32 = 65534;
const INTERFACE: &str = "net_nd0_02_00_00_00_00_01";
const DEFINITION: &str = "mdev_11111111_2222_4333_8444_555555555555_nd_parent";

struct Case {
    name: &'static str,
    /// What is done to the host, in a mount name space of the daemon's own.
    harm: &'static str,
    /// Words before the daemon's own.
    before: &'static [&'static str],
    lists_interface: bool,
    lists_definition: bool,
    says: Says,
}

/// What sources have to say.
enum Says {
    Nothing,
    /// That one has, and these are words of it. The others have nothing to say.
    Of(&'static str, &'static [&'static str]),
    /// It depends on the machine.
    Something,
}

const WHOLE: Case = Case {
    name: "a whole host",
    harm: ":",
    before: &[],
    lists_interface: true,
    lists_definition: true,
    says: Says::Nothing,
};

/// `/etc` can be changed after it, and nobody else sees it.
const CASES: &[Case] = &[
    WHOLE,
    Case {
        name: "a truncated definition",
        harm: "head -c 20 /etc/mdevctl.d/nd_parent/11111111-2222-4333-8444-555555555555 \
               >/etc/mdevctl.d/nd_parent/21111111-2222-4333-8444-555555555555",
        says: Says::Of("mdevctl", &["21111111-2222-4333-8444-555555555555"]),
        ..WHOLE
    },
    Case {
        name: "no directory of definitions",
        harm: "rm -r /etc/mdevctl.d",
        lists_definition: false,
        // mdevctl itself complains.
        says: Says::Of("mdevctl", &["/etc/mdevctl.d"]),
        ..WHOLE
    },
    Case {
        name: "no mdevctl",
        harm: "program=$(command -v mdevctl); place=$(dirname \"$program\"); mount -t tmpfs tmpfs /mnt; \
               mkdir /mnt/upper /mnt/work; mount -t overlay overlay \
               -o lowerdir=$place,upperdir=/mnt/upper,workdir=/mnt/work $place; rm \"$program\"",
        says: Says::Of("mdevctl", &["mdevctl is not installed"]),
        ..WHOLE
    },
    Case {
        name: "an mdevctl that nobody may run",
        harm: "mount --bind /dev/null \"$(command -v mdevctl)\"",
        says: Says::Of("mdevctl", &["mdevctl is not installed"]),
        ..WHOLE
    },
    Case {
        name: "an mdevctl that cannot be run",
        harm: "echo '#!/nowhere' >/etc/nd_program; chmod +x /etc/nd_program; \
               mount --bind /etc/nd_program \"$(command -v mdevctl)\"",
        says: Says::Of("mdevctl", &["mdevctl", "No such file or directory"]),
        ..WHOLE
    },
    Case {
        name: "no /run/udev",
        harm: "umount /run/udev; mount -t tmpfs tmpfs /run",
        says: Says::Of("udev", &["udevd"]),
        ..WHOLE
    },
    Case { name: "a read-only /sys", harm: "mount -o remount,bind,ro /sys", ..WHOLE },
    Case {
        name: "no /sys",
        harm: "mount -t tmpfs tmpfs /sys",
        lists_interface: false,
        says: Says::Of("udev", &["/sys", "sysfs is not mounted"]),
        ..WHOLE
    },
    Case {
        name: "no root",
        harm: ":",
        before: &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        says: Says::Something,
        ..WHOLE
    },
];

#[test]
fn on_a_crippled_host_what_can_be_known_is_listed_and_what_cannot_is_said() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl", "setpriv"]));
    let lab = Lab::start();
    lab.run("ip", &["link", "add", "nd0", "address", "02:00:00:00:00:01", "type", "ifb"]);
    lab.settle();
    let parent = lab.definitions().join("nd_parent");
    fs::create_dir_all(&parent).unwrap();
    let definition = r#"{"mdev_type": "nd-1", "start": "manual", "attrs": []}"#;
    fs::write(parent.join("11111111-2222-4333-8444-555555555555"), definition).unwrap();
    let failures: Vec<_> = CASES.iter().filter_map(|case| case.try_on(&lab).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

impl Case {
    fn try_on(&self, lab: &Lab) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let sockets = folder.path().join("sockets");
        fs::create_dir(&sockets).unwrap();
        chown(folder.path(), Some(NOBODY), None).unwrap();
        chown(&sockets, Some(NOBODY), None).unwrap();
        let daemon = Daemon::start(&sockets, |program| {
            let mut command = lab.command("unshare");
            let script = format!("{ETC}\n{}\nexec \"$@\"", self.harm);
            command.args(["--mount", "--propagation", "private", "bash", "-ec", &script, "bash"]);
            command.arg(folder.path()).args(self.before).arg(program);
            command
        });
        let socket = sockets.join("io.nodedev.NodeDevice");
        let listed = ask(&socket, &["list", "--all"]);
        let sources = ask(&socket, &["sources", "--json"]);
        let wrong = self.judge(&listed, &sources);
        let log = daemon.log();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("{}: {}\n{listed}\n{sources}\n{log}", self.name, wrong.join(", ")))
    }

    fn judge(&self, listed: &str, sources: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |name: &str, expected: bool| {
            if listed.lines().any(|line| line.split_whitespace().next() == Some(name)) != expected {
                wrong.push(format!("{name} is listed: {}", !expected));
            }
        };
        expect("computer", true);
        expect(INTERFACE, self.lists_interface);
        expect(DEFINITION, self.lists_definition);
        let told: Value = serde_json::from_str(sources).unwrap();
        for source in told["sources"].as_array().unwrap() {
            let said = source.to_string();
            let is_silent = source["diagnostics"] == json!([]) && source["state"] == "running";
            let name = source["name"].as_str().unwrap();
            match self.says {
                Says::Of(who, words) if who == name => {
                    wrong.extend(
                        words
                            .iter()
                            .filter(|word| !said.contains(**word))
                            .map(|word| format!("{name} does not say `{word}`")),
                    );
                }
                Says::Something => {}
                Says::Nothing | Says::Of(..) if is_silent => {}
                Says::Nothing | Says::Of(..) => wrong.push(format!("{name} says something")),
            }
        }
        wrong
    }
}

const ETC: &str = r#"
mkdir "$1/etc"
mount -t tmpfs tmpfs "$1/etc"
mkdir "$1/etc/upper" "$1/etc/work" "$1/etc/all"
cp -a /etc/mdevctl.d "$1/etc/definitions"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc/upper,workdir=$1/etc/work" /etc
rm -rf /etc/mdevctl.d
mv "$1/etc/definitions" /etc/mdevctl.d
shift
"#;

fn ask(socket: &Path, words: &[&str]) -> String {
    let mut command = std::process::Command::new(nodedev());
    // Its status tells of a source that has failed.
    run(command.arg("--connect").arg(socket).args(words)).stdout
}
