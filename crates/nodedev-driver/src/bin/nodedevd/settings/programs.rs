//! The programs that are run as sources: a folder with a file `NAME.conf` for each.
//!
//! The files have the syntax of the configuration, and a table of their own. Reads them, and who may
//! change them; runs nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nodedev_source_exec::{ExecConfig, in_foreign_hands};
use nodedev_types::{Capability, Field, FieldSet};

use super::wrong::{Wrong, because};
use super::{millis, unknown};
use crate::syntax::{self, Value};

/// What a folder names, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Programs {
    pub(super) programs: Vec<ExecConfig>,
    pub(super) warnings: Vec<String>,
    pub(super) problems: Vec<String>,
}

/// One setting of a program.
struct Setting {
    name: &'static str,
    /// What it takes, after "expected".
    expects: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reference on the page"))]
    default: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reference on the page"))]
    about: &'static str,
    set: fn(&mut ExecConfig, &Value) -> Result<(), Wrong>,
}

const TABLE: &[Setting] = &[
    Setting {
        name: "command",
        expects: "a list of texts, of which the first is an absolute path",
        default: "none; it has to be said",
        about: "The program and its arguments. No shell sees them.",
        set: |config, value| {
            let words = value.list()?;
            let Some((program, arguments)) = words.split_first() else {
                return Err(Wrong::Value);
            };
            if !Path::new(program).is_absolute() {
                return Err(Wrong::Value);
            }
            config.program = program.into();
            config.arguments = arguments.to_vec();
            Ok(())
        },
    },
    Setting {
        name: "environment",
        expects: "a list of texts like \"NAME=value\"",
        default: "`[]`",
        about: "Variables that it gets besides `PATH`, `LANG`, `NODEDEV_SOURCE` and `NODEDEV_PROTOCOL`; \
                nothing of the daemon's own environment is handed on.",
        set: |config, value| {
            let pair = |text: &String| {
                let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
                Some((name.to_owned(), value.to_owned()))
            };
            let pairs: Option<Vec<_>> = value.list()?.iter().map(pair).collect();
            config.environment = pairs.ok_or(Wrong::Value)?;
            Ok(())
        },
    },
    Setting {
        name: "fields",
        expects: "a list of names of fields or of groups of them",
        default: "`[\"capability\", \"path\", \"devnode\", \"devlinks\", \"driver\", \"subsystem\"]`",
        about: "What it may say of its own devices besides the fields of its name space: fields by their \
                names in `docs/fields.md`, or groups such as \"pci\".",
        set: |config, value| {
            let mut fields = FieldSet::new();
            for name in value.list()? {
                let meant: Vec<_> =
                    Field::ALL.iter().filter(|field| is_meant(**field, &name)).collect();
                if meant.is_empty() {
                    return because(format!("there is no field and no group of fields `{name}`"));
                }
                fields = fields.with_fields(meant.into_iter().copied());
            }
            config.fields = fields;
            Ok(())
        },
    },
    Setting {
        name: "interests",
        expects: "a list of capabilities, such as \"pci\"",
        default: "`[]`",
        about: "It is asked to list again when other sources have news of devices with these.",
        set: |config, value| {
            let parse = |name: &String| match name.parse::<Capability>() {
                Ok(capability) => Ok(capability),
                Err(error) => because(error.to_string()),
            };
            config.interests = value.list()?.iter().map(parse).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        name: "listing_deadline",
        expects: "milliseconds, from 1 to 29000",
        default: "`20000`",
        about: "How long a listing may take: the first, one that is asked for, and any that has begun. Less than what a source has.",
        set: |config, value| {
            config.listing_deadline = millis(value.number(1, 29_000)?);
            Ok(())
        },
    },
    Setting {
        name: "end_deadline",
        expects: "milliseconds, from 1 to 5000",
        default: "`1000`",
        about: "How long it has to end after SIGTERM, before it is killed. It is not started again before.",
        set: |config, value| {
            config.end_deadline = millis(value.number(1, 5000)?);
            Ok(())
        },
    },
];

/// Whether the name is that of the field or of a group that it is in.
fn is_meant(field: Field, name: &str) -> bool {
    let rest = field.as_str().strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Reads the folder. With `owned` what somebody else than root could change is refused: whoever
/// writes it is who runs the daemon.
pub(super) fn read(folder: &Path, owned: bool) -> Programs {
    let mut found = Programs::default();
    if let Some(why) = owned.then(|| in_foreign_hands(folder)).flatten() {
        found.problems.push(why);
        return found;
    }
    let names = match names(folder) {
        Ok(names) => names,
        Err(error) => {
            let problem = format!("{}: cannot be read: {error}", folder.display());
            match error.kind() {
                io::ErrorKind::NotFound => {}
                // Of a user who has no such folder of his own, as a daemon that was started as another.
                io::ErrorKind::PermissionDenied => found.warnings.push(problem),
                _ => found.problems.push(problem),
            }
            return found;
        }
    };
    for path in names {
        found.take(&path, owned);
    }
    found
}

/// The files `*.conf`, in the order of their names.
fn names(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            names.insert(path);
        }
    }
    Ok(names)
}

impl Programs {
    fn take(&mut self, path: &Path, owned: bool) {
        let place = path.display();
        let name = path.file_stem().map(|name| name.to_string_lossy()).unwrap_or_default();
        let mut config = match ExecConfig::new(&name, PathBuf::new()) {
            Ok(config) => config,
            Err(error) => return self.problems.push(format!("{place}: {error}")),
        };
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return self.problems.push(format!("{place}: cannot be read: {error}")),
        };
        let problems = self.problems.len();
        self.assign_all(&mut config, path, &text);
        if self.problems.len() == problems && config.program.as_os_str().is_empty() {
            self.problems.push(format!("{place}: says no `command`"));
        }
        if owned {
            for file in [path, &config.program] {
                self.problems.extend(in_foreign_hands(file).map(|why| format!("{place}: {why}")));
            }
        }
        if self.problems.len() == problems {
            self.programs.push(config);
        }
    }

    fn assign_all(&mut self, config: &mut ExecConfig, path: &Path, text: &str) {
        let (assignments, error) = syntax::parse(text);
        for assignment in assignments {
            let place = format!("{}:{}", path.display(), assignment.line);
            let (name, value) = (&assignment.name, &assignment.value);
            let Some(setting) = TABLE.iter().find(|setting| setting.name == *name) else {
                let names = TABLE.iter().map(|setting| setting.name);
                self.warnings.push(format!("{place}: {}", unknown(name, names)));
                continue;
            };
            let wrong = match (setting.set)(config, value) {
                Ok(()) => continue,
                Err(Wrong::Because(reason) | Wrong::InPart(reason)) => reason,
                Err(_) => format!("expected {}", setting.expects),
            };
            self.problems.push(format!("{place}: {name} = {value}: {wrong}"));
        }
        if let Some(error) = error {
            self.problems.push(format!("{}:{}: {}", path.display(), error.line, error.message));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read_files(files: &[(&str, &str)]) -> Programs {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut found = read(folder.path(), false);
        let here = format!("{}/", folder.path().display());
        for text in found.problems.iter_mut().chain(&mut found.warnings) {
            *text = text.replace(&here, "");
        }
        found
    }

    #[test]
    fn each_file_names_a_program() {
        let found = read_files(&[
            (
                "b.conf",
                "command = [\"/bin/b\", \"-x\", \"a b\"]\nenvironment = [\"A=b=c\"]\n\
                       fields = [\"driver\", \"storage\"]\ninterests = [\"pci\"]\nlisting_deadline = 5\n",
            ),
            ("a.conf", "command = [\"/bin/a\"]"),
            ("notes.txt", "command = nothing"),
        ]);
        assert_eq!((found.problems, found.warnings), (Vec::new(), Vec::new()));
        let [a, b] = &found.programs[..] else { panic!("two programs") };
        assert_eq!((a.name(), a.program.to_str()), ("a", Some("/bin/a")));
        assert_eq!(a.fields, ExecConfig::usual_fields());
        assert_eq!(b.arguments, ["-x", "a b"]);
        assert_eq!(b.environment, [("A".to_owned(), "b=c".to_owned())]);
        assert!(b.fields.contains(&Field::StorageSize.into()));
        assert!(!b.fields.contains(&Field::DevicePath.into()));
        assert_eq!((b.interests.len(), b.listing_deadline), (1, millis(5)));
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        let found = read_files(&[
            ("udev.conf", "command = [\"/bin/a\"]"),
            ("b.conf", "# nothing"),
            ("c.conf", "\ncommand = \"/bin/a\"\ncomand = []\nfields = [\"colour\"]\n"),
            ("d.conf", "command = [\"relative\"]"),
            ("e.conf", "command = [\"/bin/a\"]\ninterests = [\"x\"]\nend_deadline = 0\n= 1"),
        ]);
        assert_eq!(found.programs, []);
        let problems = found.problems.join("\n");
        for expected in [
            "udev.conf: the name of a source is",
            "b.conf: says no `command`",
            "c.conf:2: command = \"/bin/a\": expected a list of texts",
            "c.conf:4: fields = [\"colour\"]: there is no field and no group of fields `colour`",
            "d.conf:1: command = [\"relative\"]: expected a list",
            "e.conf:2: interests = [\"x\"]: unknown capability",
            "e.conf:3: end_deadline = 0: expected milliseconds",
            "e.conf:4: expected the name of a setting",
        ] {
            assert!(problems.contains(expected), "{expected}\n{problems}");
        }
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        assert!(found.warnings[0].contains("do you mean `command`?"), "{:?}", found.warnings);
    }

    /// A source that is watched anew waits for the end of the program, and for the hello of the next one.
    #[test]
    fn the_longest_end_and_a_hello_are_within_the_deadline_of_a_watch() {
        let text = |end: u32| format!("command = [\"/bin/a\"]\nend_deadline = {end}");
        let found = read_files(&[("a.conf", &text(5000))]);
        let config = &found.programs[0];
        let watch = nodedev_driver::DriverConfig::default().registry.watch;
        assert!(config.end_deadline + config.hello_deadline <= watch, "{watch:?}");
        let found = read_files(&[("a.conf", &text(5001))]);
        assert_eq!((found.programs.len(), found.problems.len()), (0, 1), "{:?}", found.problems);
    }

    #[test]
    fn a_folder_need_not_be_there() {
        let found = read(Path::new("/no/such/folder"), true);
        assert!(found.problems.is_empty() && found.programs.is_empty());
    }

    #[test]
    fn what_another_could_change_is_refused_where_root_would_run_it() {
        let folder = tempfile::tempdir().unwrap();
        let set_mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap()
        };
        let (sources, programs) = (folder.path().join("sources.d"), folder.path().join("programs"));
        let (file, program) = (sources.join("a.conf"), programs.join("program"));
        for made in [&sources, &programs] {
            fs::create_dir(made).unwrap();
            set_mode(made, 0o755);
        }
        fs::write(&program, "").unwrap();
        fs::write(&file, format!("command = [\"{}\"]", program.display())).unwrap();
        set_mode(&program, 0o755);
        set_mode(&file, 0o644);
        let problems = || read(&sources, true).problems;
        assert_eq!(problems(), [""; 0]);
        for (path, good, what) in [
            (&program, 0o755, "program can be written by others"),
            (&programs, 0o755, "programs can be written by others"),
            (&file, 0o644, "a.conf can be written by others"),
            (&sources, 0o755, "sources.d can be written by others"),
        ] {
            set_mode(path, good | 0o020);
            let told = problems();
            assert!(told.len() == 1 && told[0].contains(what), "{told:?}");
            set_mode(path, good);
        }
        assert_eq!(problems(), [""; 0]);
    }

    /// With `NODEDEV_WRITE_DOCS=1` it writes the table into the page instead.
    #[test]
    fn the_reference_on_the_page_is_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exec-source.md");
        let page = fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- settings: begin -->\n", "<!-- settings: end -->");
        let (head, rest) = page.split_once(begin).expect("where the table begins");
        let (table, tail) = rest.split_once(end).expect("where the table ends");
        let mut text =
            "\n| setting | takes | default | what it does |\n| --- | --- | --- | --- |\n"
                .to_owned();
        for Setting { name, expects, default, about, .. } in TABLE {
            text += &format!("| `{name}` | {expects} | {default} | {about} |\n");
        }
        text.push('\n');
        if std::env::var_os("NODEDEV_WRITE_DOCS").is_some() {
            fs::write(&path, [head, begin, &text, end, tail].concat()).unwrap();
        } else {
            assert_eq!(table, text, "write it anew with NODEDEV_WRITE_DOCS=1");
        }
    }
}
