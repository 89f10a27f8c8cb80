//! The answers that a registry gives, for whoever serves one or shows one without a service in
//! between. Reads the registry only; knows of no socket.

mod action;
mod convert;
mod follow;

use nodedev_registry::{Registry, RegistryError};
use nodedev_types::DeviceName;
use nodedev_xml::Form;

pub use action::act;
pub use follow::Follower;

use crate::Error;
use crate::message::{Explanation, Filter, Found, List, Row, Source, Sources};

/// The devices that the filter admits.
#[must_use]
pub fn list(registry: &Registry, filter: &Filter) -> List {
    let snapshot = registry.snapshot();
    let rows = snapshot.devices().map(|device| Row::from(&**device));
    List {
        instance: instance(registry),
        generation: snapshot.generation(),
        devices: rows.filter(|row| filter.admits(row)).collect(),
    }
}

/// One device, its changing fields read again, and its document.
///
/// # Errors
///
/// [`Error::NoSuchDevice`], [`Error::NotPersistent`] where the inactive form is asked for, or
/// [`Error::Ended`].
pub async fn get(registry: &Registry, name: &DeviceName, inactive: bool) -> Result<Found, Error> {
    let refreshed = registry.refresh(name).await.map_err(|error| refused(error, name))?;
    if inactive && !refreshed.device.persistent {
        return Err(Error::NotPersistent { name: name.clone() });
    }
    let form = if inactive { Form::Inactive } else { Form::Live };
    Ok(Found {
        xml: nodedev_xml::write(&refreshed.device, form),
        device: refreshed.device,
        diagnostics: refreshed.diagnostics,
    })
}

/// For every field of a device: whose word it is.
///
/// # Errors
///
/// [`Error::NoSuchDevice`] or [`Error::Ended`].
pub async fn explain(registry: &Registry, name: &DeviceName) -> Result<Explanation, Error> {
    let explanation = registry.explain(name).await.map_err(|error| refused(error, name))?;
    Ok(explanation.into())
}

/// How each source and the registry fare.
#[must_use]
pub fn sources(registry: &Registry) -> Sources {
    Sources { sources: every_source(registry), registry: registry.into() }
}

fn every_source(registry: &Registry) -> Vec<Source> {
    registry.sources().iter().map(Source::from).collect()
}

fn instance(registry: &Registry) -> String {
    format!("{:016x}", registry.instance())
}

fn refused(error: RegistryError, name: &DeviceName) -> Error {
    match error {
        RegistryError::NoSuchDevice(_) => Error::NoSuchDevice { name: name.clone() },
        // The others are about its start, or say that it has ended.
        _ => Error::Ended,
    }
}
