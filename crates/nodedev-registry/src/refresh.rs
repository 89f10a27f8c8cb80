//! Reading one device again for one caller. Nothing of it is stored, so nobody else notices.

use std::sync::Arc;

use futures_util::future::join_all;
use nodedev_source::{NodeDeviceSource, SourceInfo};
use nodedev_types::{Device, DeviceId, FieldName, Fields, Observation, Refresh};

use crate::call::call_here;
use crate::claims::Said;
use crate::config::RegistryConfig;

/// A device whose dynamic fields have just been read again.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// The device.
    pub device: Device,
    /// What could not be read again: those fields have their stored values.
    pub diagnostics: Vec<String>,
}

/// A source with what it declares.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) source: Arc<dyn NodeDeviceSource>,
    pub(crate) info: Arc<SourceInfo>,
}

/// What reading a device again has brought.
#[derive(Debug)]
pub(crate) struct News {
    /// Whether anything is not as it was said before.
    pub(crate) is_new: bool,
    /// What could not be used.
    pub(crate) diagnostics: Vec<String>,
}

/// Asks every source that speaks of the device, all at once, and lays what they say over what they
/// had said.
pub(crate) async fn read_again(
    sources: &[Declared],
    config: &RegistryConfig,
    device: &DeviceId,
    said: &mut [Said],
) -> News {
    let speaks = |info: &SourceInfo| said.iter().any(|said| info.stream(&said.source).is_some());
    let asked = sources.iter().filter(|declared| speaks(&declared.info));
    let calls = asked.map(async |Declared { source, info }| {
        // Within the call: what panics before its first await is the source's as well.
        (info, call_here(config.refresh, async { source.refresh(device).await }).await)
    });
    let mut news = News { is_new: false, diagnostics: Vec::new() };
    for (info, result) in join_all(calls).await {
        let laid = match result {
            Ok(Some(fresh)) => overlay(info, device, said, &fresh),
            Ok(None) => Ok(false),
            Err(reason) => Err(reason.to_string()),
        };
        match laid {
            Ok(is_new) => news.is_new |= is_new,
            Err(reason) => news.diagnostics.push(format!("{}: {reason}", info.name)),
        }
    }
    news.diagnostics.sort_unstable();
    news
}

/// Lays what was read again over what the same stream had said, and tells whether that is different.
fn overlay(
    info: &SourceInfo,
    device: &DeviceId,
    said: &mut [Said],
    fresh: &Observation,
) -> Result<bool, String> {
    let Some(stream) = info.stream(&fresh.source) else {
        return Err(format!("`{}` is none of its streams", fresh.source));
    };
    if fresh.device != *device {
        return Err(format!("was asked for `{device}`, tells of `{}`", fresh.device));
    }
    let Some(said) = said.iter_mut().find(|said| said.source == fresh.source) else {
        return Ok(false);
    };
    let kept = said.fields.iter().filter(|(name, _)| !is_dynamic(name));
    let own = |name: &FieldName| is_dynamic(name) && stream.fields.contains(name);
    let read = fresh.fields.iter().filter(|(name, _)| own(name));
    // Mostly it is as it was, and nothing has to be merged anew.
    if read.clone().eq(said.fields.iter().filter(|(name, _)| is_dynamic(name))) {
        return Ok(false);
    }
    let fields: Fields =
        kept.chain(read).map(|(name, value)| (name.clone(), value.clone())).collect();
    said.fields = Arc::new(fields);
    Ok(true)
}

fn is_dynamic(name: &FieldName) -> bool {
    match name {
        FieldName::Known(field) => field.refresh() == Refresh::OnDump,
        _ => false,
    }
}
