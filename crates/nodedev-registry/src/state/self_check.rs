//! Whether the list is that of the host: the comparison of a source's claims with its inventory.
//!
//! What differs once may be an event on its way. What differs twice, with a pause in between and no
//! word about it, is drift: a fault of ours or of the source.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_source::Inventory;
use nodedev_types::{DeviceId, Diagnostic, Revision, Severity, SourceId};

use super::{SourceIndex, State};

/// Devices that are named in the log and in diagnostics; of the others only how many there are.
const NAMED: usize = 8;

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing differs.
    Agrees,
    /// Something does, and may be under way: to be compared once more.
    Suspicious,
    /// So many devices differ for no reason: the source is to be read again.
    Drifted(usize),
}

/// How the list differs from the host in one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// It is there and not listed.
    Missing,
    /// It is listed and not there.
    Extra,
}

/// What differed in the last comparison, with the last word about it.
pub(super) type Suspects = BTreeMap<(SourceId, DeviceId), (Difference, Revision)>;

impl State {
    /// Compares what the source has said with what it finds now.
    pub(super) fn compare(&mut self, source: SourceIndex, inventory: &Inventory) -> Verdict {
        let suspects = self.suspects(source, inventory);
        let entry = &mut self.sources[source];
        entry.checks += 1;
        entry.set_uncounted(None);
        let before = std::mem::take(&mut entry.suspects);
        let confirmed: Vec<_> = suspects
            .iter()
            .filter(|(device, how)| before.get(*device) == Some(*how))
            .map(|((_, device), (difference, _))| (device.clone(), *difference))
            .collect();
        if !confirmed.is_empty() {
            self.report_drift(source, &confirmed);
            return Verdict::Drifted(confirmed.len());
        }
        let entry = &mut self.sources[source];
        if suspects.is_empty() {
            entry.drift.clear();
            return Verdict::Agrees;
        }
        entry.suspects = suspects;
        Verdict::Suspicious
    }

    fn suspects(&self, source: SourceIndex, inventory: &Inventory) -> Suspects {
        let mut suspects = Suspects::new();
        let of_source = |stream: &SourceId| self.sources[source].info.stream(stream).is_some();
        let streams = inventory.streams.iter().filter(|(stream, _)| of_source(stream));
        for (stream, there) in streams {
            let listed: BTreeSet<_> = self.claims.devices_of(stream).cloned().collect();
            let differ = |device: &DeviceId, how| {
                let word = self.claims.newest(stream, device).unwrap_or_default();
                ((stream.clone(), device.clone()), (how, word))
            };
            // Who was left out is known to be missing.
            let is_crowded = self.sources[source].crowd.has(stream);
            let missing = there.difference(&listed).filter(|_| !is_crowded);
            let missing = missing.map(|id| differ(id, Difference::Missing));
            let extra = listed.difference(there).map(|id| differ(id, Difference::Extra));
            suspects.extend(missing.chain(extra));
        }
        suspects
    }

    fn report_drift(&mut self, source: SourceIndex, drift: &[(DeviceId, Difference)]) {
        let entry = &mut self.sources[source];
        entry.drifts += drift.len() as u64;
        let mut told: Vec<_> = drift.iter().take(NAMED).map(diagnostic).collect();
        if let Some(more) = drift.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let text = format!("{more} more devices differ from the host");
            told.push(Diagnostic::warning("self-check", text).with_severity(Severity::Error));
        }
        let devices: Vec<_> = drift.iter().take(NAMED).map(|(id, _)| id.to_string()).collect();
        tracing::error!(
            source = %entry.info.name,
            count = drift.len(),
            devices = devices.join(", "),
            "the list differs from the host and no event is to blame: please report it; reading again"
        );
        entry.drift = told;
    }
}

fn diagnostic((device, difference): &(DeviceId, Difference)) -> Diagnostic {
    let text = match difference {
        Difference::Missing => {
            "was there and not listed: found by the self-check, read again since"
        }
        Difference::Extra => "was listed and not there: found by the self-check, read again since",
    };
    Diagnostic::warning(device.to_string(), text).with_severity(Severity::Error)
}
