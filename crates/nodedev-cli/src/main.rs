//! `nodedev`: the command. Parses, connects, hands over to the sub-command, maps the end to a status.
//!
//! It never merges, and never reads or changes a device itself.

#![forbid(unsafe_code)]

mod act;
mod args;
mod command_line;
mod complete;
mod connect;
mod document;
mod dump;
mod explain;
mod explore;
mod graph;
mod health;
mod list;
#[cfg(test)]
mod man;
mod output;
mod record;
mod replay;
mod sources;
mod status;
mod watch;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::connect::Connection;
use crate::output::Output;
use crate::status::Failure;

fn main() -> ExitCode {
    let args = Args::parse_checked();
    let output = Output::new(args.color, args.quiet);
    args.start_logging(output.has_error_color());
    match run(&args, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.error(&failure);
            failure.exit_code()
        }
    }
}

fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::other("cannot start", error))?;
    runtime.block_on(async {
        match &args.command {
            Command::Record(record) => return record::run(args, record, output).await,
            Command::Replay(replay) => return replay::run(replay, output).await,
            _ => {}
        }
        let mut connection = Connection::open(args, output).await?;
        let done = dispatch(args, &mut connection, output).await;
        connection.close().await;
        done
    })
}

async fn dispatch(
    args: &Args,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    match &args.command {
        Command::List(list) => list::run(list, connection, output).await,
        Command::Dump(dump) => dump::run(dump, connection, output).await,
        Command::Explain(explain) => explain::run(explain, connection, output).await,
        Command::Watch(watch) => watch::run(watch, connection, output).await,
        Command::Explore(_) => explore::run(args, connection, output).await,
        Command::Graph(graph) => graph::run(graph, connection, output).await,
        Command::Sources(sources) => sources::run(sources, connection, output).await,
        Command::Define(_)
        | Command::Create(_)
        | Command::Start(_)
        | Command::Stop(_)
        | Command::Undefine(_)
        | Command::Autostart(_)
        | Command::Update(_) => match act::action(&args.command)? {
            Some(action) => act::run(&action, connection, output).await,
            None => Ok(()),
        },
        // They need no list that is there already.
        Command::Record(_) | Command::Replay(_) => Ok(()),
    }
}
