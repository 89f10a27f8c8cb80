//! What both daemons say to documents that clients send, and what they have mdevctl do.
//!
//! mdevctl is one that notes what it is asked for and refuses it: so a document that is taken makes
//! nothing, and whether it was taken as libvirt takes it shows in the notes.

mod call;
mod client;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result as Tried, bail};

use super::daemons::{Running, Whose};
use super::hosts::Host;
use super::stage::Stage;
use crate::command::{Ran, run};
use crate::verdicts::corpus::paragraphs;
use call::{Answer, Call};
use client::Client;

/// Documents, by the host of the fixtures that they are about.
const DOCUMENTS: [(&str, &str); 2] = [
    ("every-kind", include_str!("requests/mediated.txt")),
    ("fibre-channel", include_str!("requests/vports.txt")),
];

/// What a document is headed by that is answered otherwise on purpose, with the reason.
const INTENDED: &str = "differs: ";

/// Stands for mdevctl. Who asks is told from the name of the process above.
const MDEVCTL: &str = r#"#!/bin/sh
case "$*" in
"list --dumpjson --defined")
  echo '[{"0000:00:02.0":[{"22222222-2222-4333-8444-555555555555":{"mdev_type":"t","start":"auto"}}]}]'
  exit ;;
"list --dumpjson") echo '[]'; exit ;;
--version) echo 'mdevctl 1.4.0'; exit ;;
*--help) exit ;;
esac
{ echo "$*"; cat; echo; } >>"/mnt/asked-by-$(cat "/proc/$PPID/comm")"
echo 'not today' >&2
exit 1
"#;

/// Commands of virsh that have a document checked, on a device that need not be there.
const VALIDATING: [&str; 3] = [
    "nodedev-define --validate /mnt/bad.xml",
    "nodedev-create --validate /mnt/bad.xml",
    "nodedev-update computer /mnt/bad.xml",
];
/// A document that is taken by those who do not check its form.
const BAD_FORM: &str = "<device><parent>pci_0000_00_02_0</parent><capability type='mdev'>\
    <type id='t'/></capability></device>";
const BAD_FORM_WORDS: &str = "error: XML document failed to validate against schema: ";

/// What came of the comparison.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Calls that both answer the same.
    pub same: usize,
    /// Calls that are answered otherwise on purpose.
    pub intended: usize,
    /// What is answered otherwise.
    pub differing: Vec<String>,
}

/// Compares, with the libvirt of the system in `root` and our `daemon`.
///
/// # Errors
///
/// When the daemons cannot be started or asked.
pub fn compare(root: &Path, daemon: &Path) -> Tried<Outcome> {
    let mut outcome = Outcome::default();
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hosts");
    for (host, documents) in DOCUMENTS {
        let host = Host::File(hosts.join(host).with_extension("umockdev")).prepare()?;
        let stage = Stage::make(Some(root), &host, daemon)?;
        place_mdevctl(&stage)?;
        let mut both = Both::start(&stage)?;
        for call in Call::without_document() {
            both.compare(call, "same", "<device/>", &mut outcome)?;
        }
        outcome.differing.extend(both.virsh()?);
        for (head, document) in paragraphs(documents) {
            let intended = outcome.intended;
            for call in Call::WITH_DOCUMENT {
                both.compare(call, head, &document, &mut outcome)?;
            }
            if head.starts_with(INTENDED) && outcome.intended == intended {
                outcome.differing.push(format!("{head}: it does not, in {document}"));
            }
        }
    }
    Ok(outcome)
}

fn place_mdevctl(stage: &Stage) -> Tried<()> {
    let tools = stage.outside("tools");
    fs::create_dir_all(&tools)?;
    fs::write(tools.join("mdevctl"), MDEVCTL)?;
    Ok(fs::set_permissions(tools.join("mdevctl"), fs::Permissions::from_mode(0o755))?)
}

/// Both daemons on one host.
struct Both<'a> {
    stage: &'a Stage,
    sides: [(Client, Running); 2],
}

impl<'a> Both<'a> {
    fn start(stage: &'a Stage) -> Tried<Self> {
        let side = |whose| -> Tried<(Client, Running)> {
            let daemon = Running::start(whose, stage)?;
            Ok((Client::open(&daemon.socket(stage))?, daemon))
        };
        Ok(Self { stage, sides: [side(Whose::Theirs)?, side(Whose::Ours)?] })
    }

    /// What virsh says where the form of a document is checked, if it is not what it has to be.
    fn virsh(&self) -> Tried<Vec<String>> {
        fs::write(self.stage.outside("bad.xml"), BAD_FORM)?;
        let mut wrong = Vec::new();
        for words in VALIDATING {
            let said = self.sides.iter().map(|(_, daemon)| {
                let mut virsh = self.stage.command(&[], "virsh");
                virsh.args(["-q", "-c", &daemon.uri()]).args(words.split(' '));
                run(&mut virsh)
            });
            let is_so = |ran: &Ran| ran.status == Some(1) && ran.stderr.contains(BAD_FORM_WORDS);
            let said: Vec<_> = said.collect();
            if !said.iter().all(is_so) {
                wrong.push(format!("virsh {words}: {said:#?}"));
            }
        }
        Ok(wrong)
    }

    fn compare(
        &mut self,
        call: Call,
        head: &str,
        document: &str,
        outcome: &mut Outcome,
    ) -> Tried<()> {
        let [theirs, ours] = &mut self.sides;
        let ask = |(client, daemon): &mut (Client, Running)| {
            let answer = call.make(client, document);
            let answer = answer
                .map_err(|error| daemon.blame(&error.context(format!("{call:?} {document}"))))?;
            Ok::<_, anyhow::Error>((answer, asked(self.stage, daemon)?))
        };
        let (theirs, ours) = (ask(theirs)?, ask(ours)?);
        let is_same = facts(&theirs) == facts(&ours);
        match is_same {
            true => outcome.same += 1,
            false if head.starts_with(INTENDED) => outcome.intended += 1,
            false => outcome
                .differing
                .push(format!("{call:?} of {document}\n  libvirt: {theirs:?}\n  ours: {ours:?}")),
        }
        Ok(())
    }
}

/// What has to be the same: the words behind libvirt's own are ours.
fn facts((answer, asked): &(Answer, String)) -> (Result<&str, (i32, i32)>, &str) {
    let answer = answer.as_deref().map_err(|refusal| (refusal.code, refusal.domain));
    (answer, asked)
}

/// What mdevctl was asked for since the last time.
fn asked(stage: &Stage, daemon: &Running) -> Tried<String> {
    let notes = stage.outside(&format!("asked-by-{}", daemon.name()));
    match fs::read_to_string(&notes) {
        Ok(text) => {
            fs::remove_file(&notes)?;
            Ok(text)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => bail!("{}: {error}", notes.display()),
    }
}
