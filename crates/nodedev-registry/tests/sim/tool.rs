//! The simulated mdevctl: definitions, and what each of its commands does to the host.

use std::collections::BTreeMap;

use nodedev_source::{Action, ErrorKind, MdevConfig, SourceError};
use nodedev_types::DeviceId;

use crate::kernel::{Kernel, Mdev, Node, SLOTS, Uevent, mdev_id};

#[derive(Debug, Default, Clone)]
pub(crate) struct Tool {
    definitions: BTreeMap<DeviceId, MdevConfig>,
    /// A definition's file is broken, and mdevctl lists none for it.
    pub(crate) is_broken: bool,
    chosen: u64,
}

/// What a command changed.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) device: Option<DeviceId>,
    pub(crate) uevents: Vec<Uevent>,
    pub(crate) definitions: bool,
}

fn refused(why: &str) -> SourceError {
    SourceError::new(ErrorKind::Failed, why)
}

/// The slot and the uuid of a mediated device.
fn parts(device: &DeviceId) -> Result<(usize, String), SourceError> {
    let DeviceId::Mdev { uuid, parent } = device else {
        return Err(refused("no mediated device"));
    };
    Ok((slot_at(parent)?, uuid.to_string()))
}

fn slot_at(address: &str) -> Result<usize, SourceError> {
    let slot = SLOTS.iter().position(|slot| slot.address == address);
    slot.ok_or_else(|| refused("no such parent"))
}

impl Tool {
    pub(crate) fn definitions(&self) -> &BTreeMap<DeviceId, MdevConfig> {
        &self.definitions
    }

    pub(crate) fn definition(&self, device: &DeviceId) -> Option<&MdevConfig> {
        self.definitions.get(device)
    }

    /// Runs one command to its end.
    ///
    /// # Errors
    ///
    /// In mdevctl's stead: what speaks against it.
    pub(crate) fn run(
        &mut self,
        action: &Action,
        kernel: &mut Kernel,
    ) -> Result<Done, SourceError> {
        match action {
            Action::Define { parent, uuid, config } => self.define(parent, uuid.as_deref(), config),
            Action::Create { parent, uuid, config } => {
                let device = self.identity(parent, uuid.as_deref())?;
                start(&device, config, kernel)
            }
            Action::Start(device) => {
                let config = self.definitions.get(device).ok_or_else(|| refused("not defined"))?;
                start(device, config, kernel)
            }
            Action::Stop(device) => match kernel.node(device) {
                Some(Node::Mdev(_)) => Ok(Done {
                    device: Some(device.clone()),
                    uevents: kernel.unplug(device),
                    ..Done::default()
                }),
                _ => Err(refused("not running")),
            },
            Action::Undefine(device) => match self.definitions.remove(device) {
                Some(_) => Ok(defined(device)),
                None => Err(refused("not defined")),
            },
            Action::SetAutostart { device, autostart } => {
                self.change(device, |config| config.autostart = *autostart)
            }
            Action::Modify { device, config, live, defined } => {
                self.modify(device, config, (*live, *defined), kernel)
            }
            _ => Err(SourceError::new(ErrorKind::Unsupported, "not simulated")),
        }
    }

    fn define(
        &mut self,
        parent: &str,
        uuid: Option<&str>,
        config: &MdevConfig,
    ) -> Result<Done, SourceError> {
        let device = self.identity(parent, uuid)?;
        if self.definitions.contains_key(&device) {
            return Err(refused("already defined"));
        }
        self.definitions.insert(device.clone(), config.clone());
        Ok(defined(&device))
    }

    fn identity(&mut self, parent: &str, uuid: Option<&str>) -> Result<DeviceId, SourceError> {
        let slot = slot_at(parent)?;
        if let Some(uuid) = uuid {
            return Ok(mdev_id(slot, uuid));
        }
        self.chosen += 1;
        Ok(mdev_id(slot, &format!("cccccccc-0000-4000-8000-{:012x}", self.chosen)))
    }

    fn change(
        &mut self,
        device: &DeviceId,
        change: impl FnOnce(&mut MdevConfig),
    ) -> Result<Done, SourceError> {
        let config = self.definitions.get_mut(device).ok_or_else(|| refused("not defined"))?;
        change(config);
        Ok(defined(device))
    }

    fn modify(
        &mut self,
        device: &DeviceId,
        config: &MdevConfig,
        (live, in_definition): (bool, bool),
        kernel: &mut Kernel,
    ) -> Result<Done, SourceError> {
        let running = matches!(kernel.node(device), Some(Node::Mdev(_)));
        if live && !running {
            return Err(refused("not running"));
        }
        let mut done = Done { device: Some(device.clone()), ..Done::default() };
        if in_definition {
            done = self.change(device, |old| *old = config.clone())?;
        }
        if live {
            kernel.set_attributes(device, &config.attributes);
        }
        Ok(done)
    }
}

fn defined(device: &DeviceId) -> Done {
    Done { device: Some(device.clone()), uevents: Vec::new(), definitions: true }
}

fn start(device: &DeviceId, config: &MdevConfig, kernel: &mut Kernel) -> Result<Done, SourceError> {
    let (slot, uuid) = parts(device)?;
    let (mdev_type, attributes) = (config.mdev_type.clone(), config.attributes.clone());
    let mdev = Mdev { slot, uuid, mdev_type, attributes, group: None };
    let uevents = kernel.start(mdev).map_err(refused)?;
    Ok(Done { device: Some(device.clone()), uevents, definitions: false })
}
