//! A client that follows the list, loses the daemon, and comes back with the instance and the generation
//! that it knows: it has to be told whether it missed something.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::stress::varlink::Varlink;

/// What it knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    instance: String,
    generation: u64,
    /// Whether each device is active, and persistent.
    states: BTreeMap<String, [bool; 2]>,
}

/// Follows until the daemon is no more.
#[derive(Debug)]
pub(super) struct Follower(JoinHandle<Result<Known, String>>);

impl Known {
    /// Comes to a daemon that has been started anew: it must be told that it missed something, and reads
    /// the list again.
    pub(super) fn come_to_another(&self, socket: &Path) -> Result<Self, String> {
        let first = first_reply(socket, self).map_err(|error| format!("a watch: {error}"))?;
        if first["missed"] != true || first["instance"] == self.instance.as_str() {
            return Err(format!("who followed another instance is told {first}"));
        }
        read(socket).map_err(|error| format!("a list: {error}"))
    }

    /// Follows from what it knows, which is told to be nothing missed, or reads the list again.
    pub(super) fn follow(self, socket: &Path) -> Result<Follower, String> {
        let mut known = self;
        let mut watch = watch(socket, &known).map_err(|error| error.to_string())?;
        let first = watch.receive().map_err(|error| error.to_string())?;
        let is_same = first["generation"] == known.generation;
        match (first["missed"] == true, is_same) {
            (false, true) => {}
            (true, false) => known = read(socket).map_err(|error| error.to_string())?,
            _ => return Err(format!("who knows {} is told {first}", known.generation)),
        }
        Ok(Follower(thread::spawn(move || {
            while let Ok(reply) = watch.receive() {
                known.hear(&reply)?;
            }
            Ok(known)
        })))
    }

    fn hear(&mut self, reply: &Value) -> Result<(), String> {
        // What was read after the watch began may be newer than its first replies.
        let generation = reply["generation"].as_u64().unwrap_or_default();
        if generation <= self.generation {
            return Ok(());
        }
        for change in reply["changes"].as_array().into_iter().flatten() {
            let name = change["name"].as_str().unwrap_or_default();
            let (which, becomes) = match change["kind"].as_str().unwrap_or_default() {
                "created" => (0, true),
                "deleted" => (0, false),
                "defined" => (1, true),
                "undefined" => (1, false),
                _ => continue,
            };
            let state = self.states.entry(name.to_owned()).or_default();
            if state[which] == becomes {
                return Err(format!("{change} to who knows that already"));
            }
            state[which] = becomes;
            if *state == [false, false] {
                self.states.remove(name);
            }
        }
        if reply["partial"] != true {
            self.generation = generation;
        }
        Ok(())
    }
}

impl Follower {
    /// What it knows now that the daemon is no more.
    pub(super) fn end(self) -> Result<Known, String> {
        self.0.join().unwrap_or_else(|_| Err("a follower panics".to_owned()))
    }
}

/// The list as it is now.
pub(super) fn read(socket: &Path) -> io::Result<Known> {
    let list = Varlink::connect(socket)?.call("List", &json!({}))?;
    let rows = list["devices"].as_array().into_iter().flatten();
    let states = rows.map(|row| {
        let name = row["name"].as_str().unwrap_or_default().to_owned();
        (name, [row["active"] == true, row["persistent"] == true])
    });
    Ok(Known {
        instance: list["instance"].as_str().unwrap_or_default().to_owned(),
        generation: list["generation"].as_u64().unwrap_or_default(),
        states: states.collect(),
    })
}

fn watch(socket: &Path, known: &Known) -> io::Result<Varlink> {
    let since = json!({ "since": known.generation, "instance": known.instance });
    let mut varlink = Varlink::connect(socket)?;
    varlink.send("Watch", &since, true)?;
    Ok(varlink)
}

fn first_reply(socket: &Path, known: &Known) -> io::Result<Value> {
    watch(socket, known)?.receive()
}
