//! Plays a storm in a laboratory and judges the lists whenever it is quiet.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::beside::Beside;
use super::host::{self, Link, Socket};
use super::ours::{Losses, Ours};
use super::script::{Script, Step};
use crate::lab::Lab;
use crate::stress::Say;

/// How long ours may need at all. Whether it was soon enough is for the report to say.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long libvirt's is given, at the end, to come right by itself.
const MERCY: Duration = Duration::from_secs(30);
/// How long it is given to list one more interface.
const FRESH: Duration = Duration::from_secs(10);
/// Documents that are looked at in each quiet moment.
const DOCUMENTS: usize = 8;
/// Steps between two lines that tell how far it is.
const STEPS: usize = 50;

/// How two lists differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// What is there and is not listed.
    pub(super) missing: Vec<String>,
    /// What is listed and is not there.
    pub(super) ghosts: Vec<String>,
}

impl Difference {
    fn of(list: &BTreeSet<String>, host: &BTreeSet<String>) -> Self {
        Self {
            missing: host.difference(list).cloned().collect(),
            ghosts: list.difference(host).cloned().collect(),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        self.missing.is_empty() && self.ghosts.is_empty()
    }
}

/// What was found in a quiet moment.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Interfaces in sysfs.
    pub(super) interfaces: usize,
    /// The daemons were stopped until then.
    pub(super) was_paused: bool,
    /// When ours was equal, if it became so.
    pub(super) equal: Option<Duration>,
    pub(super) ours: Difference,
    /// Documents that say something else than sysfs.
    pub(super) documents: Vec<String>,
    /// libvirt's list, asked for after ours was equal.
    pub(super) peer: Option<Difference>,
}

/// What became of libvirt's daemon.
#[derive(Debug)]
pub(super) struct PeerEnding {
    pub(super) socket: Option<Socket>,
    /// After so long without a change.
    pub(super) waited: Duration,
    pub(super) difference: Difference,
    /// When it listed one more interface, if it did.
    pub(super) follows: Option<Duration>,
    pub(super) complaints: Vec<String>,
}

/// What became of a storm.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) losses: Losses,
    pub(super) peer: Option<PeerEnding>,
    pub(super) took: Duration,
}

/// Both daemons, and where they run.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) ours: Ours,
    pub(super) peer: Option<Beside>,
    pub(super) lab: Lab,
}

impl Stage {
    /// Plays it to its end.
    pub(super) fn play(&mut self, script: &Script, say: Say<'_>) -> Result<Outcome> {
        self.prove_that_the_peer_follows()?;
        let (before, began) = (self.ours.losses()?, Instant::now());
        let (mut verdicts, mut is_paused) = (Vec::new(), false);
        for (at, step) in script.steps.iter().enumerate() {
            match step {
                Step::Burst(lines) => host::change(&self.lab, lines)?,
                Step::Pause | Step::Resume => {
                    is_paused = *step == Step::Pause;
                    self.pause(is_paused)?;
                }
                Step::Quiet => verdicts.push(self.judge(std::mem::take(&mut is_paused))?),
            }
            if at % STEPS == STEPS - 1 {
                let (steps, seconds) = (script.steps.len(), began.elapsed().as_secs());
                say(&format!("  step {} of {steps}, {seconds} s", at + 1));
            }
        }
        let took = began.elapsed();
        let losses = self.ours.losses()?.since(before);
        let peer = self.peer.as_ref().map(|peer| self.end_of(peer)).transpose()?;
        Ok(Outcome { verdicts, losses, peer, took })
    }

    /// The socket by which ours hears of events.
    pub(super) fn socket(&self) -> Option<Socket> {
        host::socket(&self.lab, self.ours.process())
    }

    fn pause(&self, paused: bool) -> Result<()> {
        self.ours.pause(paused)?;
        self.peer.as_ref().map_or(Ok(()), |peer| peer.pause(paused))
    }

    fn judge(&mut self, was_paused: bool) -> Result<Verdict> {
        self.lab.try_settle()?;
        let links = host::links(&self.lab)?;
        let host = host::names(&links);
        if was_paused {
            self.pause(false)?;
        }
        let began = Instant::now();
        let followed = self.ours.follow_until(&host, PATIENCE)?;
        let equal = (followed == host).then(|| began.elapsed());
        // What events make of the list is the list.
        let ours = Difference::of(&self.ours.names()?, &host);
        let equal = equal.filter(|_| ours.is_none());
        let documents = self.documents(&links);
        let peer = self.peer.as_ref().map(Beside::names).transpose()?;
        let peer = peer.map(|names| Difference::of(&names, &host));
        Ok(Verdict { interfaces: links.len(), was_paused, equal, ours, documents, peer })
    }

    /// What is wrong with the documents of a sample.
    fn documents(&mut self, links: &[Link]) -> Vec<String> {
        let mut wrong = Vec::new();
        for link in links.iter().step_by(links.len().div_ceil(DOCUMENTS).max(1)) {
            let Link { interface, address } = link;
            let says = [
                format!("<path>/sys/devices/virtual/net/{interface}</path>"),
                format!("<interface>{interface}</interface>"),
                format!("<address>{address}</address>"),
            ];
            match self.ours.document(&link.name()) {
                Ok(document) if says.iter().all(|text| document.contains(text)) => {}
                Ok(document) => wrong.push(format!("{}:\n{document}", link.name())),
                Err(error) => wrong.push(format!("{}: {error:#}", link.name())),
            }
        }
        wrong
    }

    /// What is said of it later would be worthless otherwise.
    fn prove_that_the_peer_follows(&self) -> Result<()> {
        let Some(peer) = &self.peer else { return Ok(()) };
        let interface = "ndbefore";
        self.add(interface)?;
        let follows = peer.comes_to(FRESH, |names| has(names, interface))?;
        follows.context("libvirtd does not even follow before the storm")?;
        host::change(&self.lab, &[format!("link del {interface}")])?;
        self.lab.try_settle()
    }

    fn end_of(&self, peer: &Beside) -> Result<PeerEnding> {
        let socket = host::socket(&self.lab, peer.process());
        let host = host::names(&host::links(&self.lab)?);
        let difference = |names: &BTreeSet<String>| Difference::of(names, &host);
        let equal = peer.comes_to(MERCY, |names| difference(names).is_none())?;
        let difference = difference(&peer.names()?);
        self.add("ndafter")?;
        let follows = peer.comes_to(FRESH, |names| has(names, "ndafter"))?;
        host::change(&self.lab, &["link del ndafter".to_owned()])?;
        self.lab.try_settle()?;
        let waited = equal.unwrap_or(MERCY);
        Ok(PeerEnding { socket, waited, difference, follows, complaints: peer.complaints() })
    }

    fn add(&self, interface: &str) -> Result<()> {
        host::change(&self.lab, &[format!("link add {interface} type ifb")])?;
        self.lab.try_settle()
    }
}

fn has(names: &BTreeSet<String>, interface: &str) -> bool {
    names.iter().any(|name| name.starts_with(&format!("net_{interface}_")))
}
