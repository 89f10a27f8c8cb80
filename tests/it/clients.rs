//! The client programs of `tests/clients`, one for each binding of libvirt that Debian ships.
//!
//! They are built once for a run of the tests, into the folder that cargo gives to tests.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use nodedev_tests::command::run;

/// A client program, and how it is come by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    /// Name of the language, which is that of the built program as well.
    pub(crate) name: &'static str,
    /// Succeeds where the binding is installed.
    probe: &'static str,
    /// Builds `$1` into `$2`; a program that is run as it is has none.
    build: Option<&'static str>,
    /// Program, its options and source of what is run as it is.
    run: &'static [&'static str],
}

const fn built(name: &'static str, probe: &'static str, build: &'static str) -> Client {
    Client { name, probe, build: Some(build), run: &[] }
}

const fn script(name: &'static str, probe: &'static str, run: &'static [&'static str]) -> Client {
    Client { name, probe, build: None, run }
}

pub(crate) const C: Client = built(
    "c",
    "command -v cc && test -e /usr/include/libvirt/libvirt.h",
    r#"cc -Wall -Wextra -Werror -o "$2" "$1"/c/*.c -lvirt"#,
);
/// In pure Go. It takes the path of a socket where others take a URI.
pub(crate) const GO: Client = built(
    "go",
    "command -v go && test -e /usr/share/gocode/src/github.com/digitalocean/go-libvirt",
    r#"GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$2.cache" GOFLAGS= go build -o "$2" "$1"/go/*.go"#,
);
pub(crate) const OCAML: Client = built(
    "ocaml",
    "ocamlfind query libvirt",
    r#"mkdir -p "$2.built" && cp "$1/nodedev.ml" "$2.built/client.ml" && cd "$2.built" &&
       ocamlfind ocamlopt -package libvirt -linkpkg -o "$2" client.ml"#,
);
// Not the first Python on the path: the bindings belong to Debian's own.
pub(crate) const PYTHON: Client =
    script("python", "/usr/bin/python3 -c 'import libvirt'", &["/usr/bin/python3", "nodedev.py"]);
pub(crate) const GOBJECT: Client = script(
    "gobject",
    "/usr/bin/python3 -c 'import gi; gi.require_version(\"LibvirtGObject\", \"1.0\")'",
    &["/usr/bin/python3", "gobject.py"],
);
pub(crate) const PERL: Client = script("perl", "perl -MSys::Virt -e 1", &["perl", "nodedev.pl"]);
pub(crate) const RUBY: Client = script("ruby", "ruby -rlibvirt -e 1", &["ruby", "nodedev.rb"]);
// Debian's package brings the extension and does not switch it on; `-n` leaves out what somebody else
// may have switched on.
pub(crate) const PHP: Client = script(
    "php",
    "php -n -d extension=libvirt-php -r 'exit(extension_loaded(\"libvirt\") ? 0 : 1);'",
    &["php", "-n", "-d", "extension=libvirt-php", "nodedev.php"],
);

impl Client {
    /// Whether the binding is installed.
    pub(crate) fn available(self) -> Result<(), String> {
        let probe = run(Command::new("sh").args(["-c", self.probe]));
        (probe.status == Some(0))
            .then_some(())
            .ok_or_else(|| format!("libvirt's binding for {} is not installed", self.name))
    }

    /// Program and first arguments.
    pub(crate) fn words(self) -> Vec<OsString> {
        match self.build {
            Some(build) => vec![self.built(build).into()],
            None => {
                let (source, words) = self.run.split_last().expect("there is a source to run");
                let words = words.iter().map(OsString::from);
                words.chain([sources().join(source).into()]).collect()
            }
        }
    }

    /// The built program. Tests are processes of their own: one builds, the others wait for it.
    fn built(self, build: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join(self.name);
        let lock = File::create(folder.join(format!("{}.lock", self.name))).unwrap();
        lock.lock().unwrap();
        if changed(&program) < Some(newest(&sources())) {
            let shell = ["-c", build, "build"];
            run(Command::new("sh").args(shell).arg(sources()).arg(&program)).ok();
        }
        program
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn changed(file: &Path) -> Option<SystemTime> {
    file.metadata().ok()?.modified().ok()
}

fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let times =
        entries.map(|path| if path.is_dir() { newest(&path) } else { changed(&path).unwrap() });
    times.max().unwrap()
}
