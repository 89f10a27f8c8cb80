//! What is asked of the daemon when it is killed, and whether it had answered.

use std::path::Path;

use nodedev_mutants::Random;
use nodedev_rpc::{
    DeviceFlagsArgs, DocumentArgs, MessageType, Procedure, SetAutostartArgs, procedures,
};

use super::definitions::{Definitions, State};
use crate::stress::mediated::{Parent, uuid};
use crate::wire::{Client, outcome, payload};

/// Most definitions at a time.
const MOST: usize = 12;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Define,
    Undefine,
    Autostart,
}

/// Something that is asked for on a connection of its own.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) kind: Kind,
    uuid: String,
    /// What becomes of the definition.
    after: State,
    number: i32,
    arguments: Vec<u8>,
    client: Client,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Refused,
    CutOff,
}

impl Action {
    /// Up to three, of different definitions, each ready to be sent.
    pub(super) fn some(
        socket: &Path,
        parent: &Parent,
        definitions: &Definitions,
        random: &mut Random,
    ) -> Vec<Self> {
        let mut known: Vec<_> =
            definitions.known().map(|(uuid, auto)| (uuid.clone(), auto)).collect();
        let mut actions = Vec::new();
        for _ in 0..1 + random.below(3) {
            let client = Client::open(socket, 0);
            let is_new = known.is_empty() || (known.len() < MOST && random.below(5) < 2);
            let action = if is_new {
                Self::define(client, parent, uuid(random))
            } else {
                let (uuid, auto) = known.swap_remove(random.below(known.len()));
                match random.below(2) {
                    0 => Self::undefine(client, parent, uuid),
                    _ => Self::set_autostart(client, parent, uuid, !auto),
                }
            };
            actions.push(action);
        }
        actions
    }

    fn define(client: Client, parent: &Parent, uuid: String) -> Self {
        let args = DocumentArgs { xml: parent.document(&uuid), flags: 0 };
        Self::of::<procedures::NodeDeviceDefineXml>(client, Kind::Define, uuid, Some(false), &args)
    }

    fn undefine(client: Client, parent: &Parent, uuid: String) -> Self {
        let args = DeviceFlagsArgs { name: parent.device(&uuid), flags: 0 };
        Self::of::<procedures::NodeDeviceUndefine>(client, Kind::Undefine, uuid, None, &args)
    }

    fn set_autostart(client: Client, parent: &Parent, uuid: String, on: bool) -> Self {
        let args = SetAutostartArgs { name: parent.device(&uuid), autostart: i32::from(on) };
        Self::of::<procedures::NodeDeviceSetAutostart>(
            client,
            Kind::Autostart,
            uuid,
            Some(on),
            &args,
        )
    }

    fn of<P: Procedure>(
        client: Client,
        kind: Kind,
        uuid: String,
        after: State,
        args: &P::Args,
    ) -> Self {
        let arguments = payload(args);
        Self { kind, uuid, after, number: P::INFO.number, arguments, client }
    }

    pub(super) fn send(&mut self) {
        self.client.start(self.number, &self.arguments);
    }

    /// Once the daemon is no more: what it had answered, and what follows from that.
    pub(super) fn conclude(mut self, definitions: &mut Definitions) -> (Kind, Outcome) {
        let reply = loop {
            match self.client.next_frame() {
                Ok(Some(frame)) if frame.header.kind == MessageType::Reply => break Some(frame),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break None,
            }
        };
        let became = match reply.map(outcome) {
            Some(Ok(_)) => {
                definitions.is(&self.uuid, self.after);
                Outcome::Answered
            }
            Some(Err(_)) => Outcome::Refused,
            None => {
                definitions.may_be(&self.uuid, self.after);
                Outcome::CutOff
            }
        };
        (self.kind, became)
    }
}
