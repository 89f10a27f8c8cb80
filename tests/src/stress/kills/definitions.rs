//! Which definitions have to be there, which may be, and the files that are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Whether a definition is there, and if so whether it starts by itself.
pub(super) type State = Option<bool>;

/// What is known of every definition that was ever spoken of.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// Each may be in one of these states; in one alone where nothing was cut off.
    may_be: BTreeMap<String, Vec<State>>,
    /// How often what was cut off was found done.
    pub(super) done: u32,
}

impl Definitions {
    /// The state of each, which must be certain.
    pub(super) fn known(&self) -> impl Iterator<Item = (&String, bool)> {
        self.may_be.iter().filter_map(|(uuid, states)| Some((uuid, states.first().copied()??)))
    }

    pub(super) fn now(&self, uuid: &str) -> State {
        self.may_be.get(uuid).and_then(|states| states[0])
    }

    /// It was answered that it is so.
    pub(super) fn is(&mut self, uuid: &str, state: State) {
        self.may_be.insert(uuid.to_owned(), vec![state]);
    }

    /// Whoever would have answered is no more: it is so, or as before.
    pub(super) fn may_be(&mut self, uuid: &str, state: State) {
        let before = self.now(uuid);
        self.may_be.insert(uuid.to_owned(), vec![before, state]);
    }

    /// What is wrong with the files in that folder. What was not certain is so from now on.
    pub(super) fn judge(&mut self, folder: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            match state_in(&text) {
                Some(autostart) if self.may_be.contains_key(&name) => {
                    found.insert(name, autostart);
                }
                Some(_) => faults.push(format!("nobody asked for the file {name}")),
                None => faults.push(format!("the file {name} is half-written: {text:?}")),
            }
        }
        for (uuid, states) in &mut self.may_be {
            let is = found.get(uuid).copied();
            if !states.contains(&is) {
                faults.push(format!("the definition {uuid} is {is:?}, not one of {states:?}"));
            }
            self.done += u32::from(states.get(1) == Some(&is));
            *states = vec![is];
        }
        self.may_be.retain(|_, states| states[0].is_some());
        faults
    }
}

/// Whether the definition starts by itself, if that is a whole definition.
fn state_in(text: &str) -> Option<bool> {
    let definition: Value = serde_json::from_str(text).ok()?;
    let whole = definition["mdev_type"] == "some-type" && definition["attrs"][0]["weight"] == "7";
    let start = definition["start"].as_str().filter(|_| whole)?;
    Some(start == "auto")
}
