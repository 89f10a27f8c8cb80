//! Hosts to measure on, of any size, and the stage that both daemons run on. What is made lies in
//! memory where the machine allows it, as the kernel's own files do.

pub mod mdev;
pub mod pci;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::links::{Links, Stay};
use crate::lab::Lab;
use crate::mock::Mock;
use crate::parity::hosts::{Prepared, remove_sockets};
use crate::parity::stage::Stage;

/// What devices a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PCI devices, as files.
    Pci,
    /// Mediated devices and definitions, as files.
    Mdev,
    /// Real network interfaces with a udevd.
    Net,
}

impl Kind {
    /// Its name in those of cases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pci => "pci",
            Self::Mdev => "mdev",
            Self::Net => "net",
        }
    }
}

/// A host on which daemons can be started.
#[derive(Debug)]
pub struct Host {
    // Dropped in this order: what runs on the stage ends before its host.
    pub(super) stage: Stage,
    prepared: Prepared,
    links: Option<Links>,
    /// What it is made of.
    pub kind: Kind,
    /// How many of the devices were made.
    pub size: usize,
}

impl Host {
    /// Makes it. Both daemons run in the system at `root`, the machine's own if there is none;
    /// `daemon` is ours.
    ///
    /// # Errors
    ///
    /// When it or its namespaces cannot be made.
    pub fn make(kind: Kind, size: usize, root: Option<&Path>, daemon: &Path) -> Result<Self> {
        let mut definitions = Vec::new();
        let prepared = match kind {
            Kind::Pci => Prepared::Mock(Mock::of_text(&pci::describe(size), &memory())?),
            Kind::Mdev => {
                let described = mdev::describe(size);
                definitions = described.definitions;
                Prepared::Mock(Mock::of_text(&described.text, &memory())?)
            }
            Kind::Net => Prepared::Lab(Lab::start()),
        };
        let links = match &prepared {
            Prepared::Lab(lab) => Some(Links::of(lab.process())?),
            _ => None,
        };
        let stage = Stage::make(root, &prepared, daemon)?;
        for (path, contents) in definitions {
            let file = stage.outside("mdevctl.d").join(path);
            fs::create_dir_all(file.parent().context("a definition lies in a folder")?)?;
            fs::write(file, contents)?;
        }
        let mut host = Self { stage, prepared, links, kind, size };
        if kind == Kind::Net {
            host.links()?.add_all(0..size, Stay::Always)?;
            host.settle()?;
        }
        Ok(host)
    }

    /// The interfaces of a real host.
    pub(super) fn links(&mut self) -> Result<&mut Links> {
        self.links.as_mut().context("this host has no real interfaces")
    }

    /// A host that is made of files, to be changed.
    pub(super) fn mock(&mut self) -> Result<&mut Mock> {
        match &mut self.prepared {
            Prepared::Mock(mock) => Ok(mock),
            _ => anyhow::bail!("this host is not made of files"),
        }
    }

    /// Waits until udevd has done what there is to do.
    pub(super) fn settle(&self) -> Result<()> {
        if let Prepared::Lab(lab) = &self.prepared {
            lab.try_settle()?;
        }
        Ok(())
    }

    /// Takes away what daemons that were killed left behind.
    pub(super) fn tidy(&self) -> Result<()> {
        match &self.prepared {
            Prepared::Mock(mock) => remove_sockets(mock.host().root()),
            _ => Ok(()),
        }
    }

    /// A program of ours on the stage that sees the devices as a daemon does.
    pub(super) fn command(&self, program: &str) -> Command {
        let environment = self.stage.mocked(None);
        let borrowed: Vec<_> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.stage.command(&borrowed, program)
    }
}

/// A folder in memory, if there is one with room.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}
