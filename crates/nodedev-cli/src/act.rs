//! `nodedev define|create|start|stop|undefine|autostart|update`: has something done.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use nodedev_types::DeviceName;
use nodedev_varlink::{Action, Autostart, Described, Named, Updated};

use crate::args::{self, Command};
use crate::connect::Connection;
use crate::output::Output;
use crate::status::Failure;

/// Longest document that is read from a file: longer ones are refused anyway.
const MAX_DOCUMENT: u64 = nodedev_xml::MAX_LEN as u64;

/// The action that a command asks for, if it asks for one.
///
/// # Errors
///
/// When the file with the document cannot be read.
pub(crate) fn action(command: &Command) -> Result<Option<Action>, Failure> {
    let action = match command {
        Command::Define(args) => Action::Define(described(&args.described)?),
        Command::Create(args) => Action::Create(described(&args.described)?),
        Command::Start(args) => Action::Start(named(args)),
        Command::Stop(args) => Action::Stop(named(args)),
        Command::Undefine(args) => Action::Undefine(named(args)),
        Command::Autostart(args) => Action::SetAutostart(Autostart {
            name: DeviceName::new(&args.name),
            autostart: !args.disable,
        }),
        Command::Update(args) => Action::Update(Updated {
            name: DeviceName::new(&args.name),
            document: document(&args.file)?,
            live: args.live.then_some(true),
            config: args.config.then_some(true),
        }),
        _ => return Ok(None),
    };
    Ok(Some(action))
}

pub(crate) async fn run(
    action: &Action,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    let done = connection.act(action).await.map_err(|failure| about(action, failure))?;
    let mut out = output.writer();
    match action {
        // What was made has a name that the caller may not know yet.
        Action::Define(_) | Action::Create(_) => writeln!(out, "{}", done.name)?,
        _ => {}
    }
    Ok(out.flush()?)
}

/// What went wrong says of which device, where the caller named one.
fn about(action: &Action, failure: Failure) -> Failure {
    let name = match action {
        Action::Start(device) | Action::Stop(device) | Action::Undefine(device) => &device.name,
        Action::SetAutostart(what) => &what.name,
        Action::Update(what) => &what.name,
        _ => return failure,
    };
    match failure {
        Failure::Other(text) => Failure::Other(format!("{name}: {text}")),
        other => other,
    }
}

fn named(args: &args::Name) -> Named {
    Named { name: DeviceName::new(&args.name) }
}

fn described(args: &args::Described) -> Result<Described, Failure> {
    Ok(Described { document: document(&args.file)?, validate: args.validate.then_some(true) })
}

/// The text of a file, `-` for standard input.
fn document(file: &Path) -> Result<String, Failure> {
    let cannot = |error: io::Error| Failure::other(&format!("{}", file.display()), error);
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().take(MAX_DOCUMENT + 1).read_to_string(&mut text).map_err(cannot)?;
    } else {
        let opened = fs::File::open(file).map_err(cannot)?;
        opened.take(MAX_DOCUMENT + 1).read_to_string(&mut text).map_err(cannot)?;
    }
    if text.len() as u64 > MAX_DOCUMENT {
        let text = format!("{}: more than {} KiB", file.display(), MAX_DOCUMENT >> 10);
        return Err(Failure::Other(text));
    }
    Ok(text)
}
