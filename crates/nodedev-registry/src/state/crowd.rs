//! Devices of a source that has more of them than it may: who is left out, until there is room.
//!
//! Names only. Who is in is the claims' affair, and only the state asks for the reading that lets others in.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_types::{DeviceId, Diagnostic, SourceId};

use super::{SourceIndex, State};

/// Names that are kept for each stream; of further ones only that there are some.
const NAMED: usize = 1024;
/// Why a source is read that has room again.
const ROOM: &str = "there is room again for devices that were left out";

/// One source's devices that are left out.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    left_out: BTreeMap<SourceId, LeftOut>,
    /// The reading that was asked for them has not ended.
    is_awaited: bool,
}

/// Those of one stream, since its last listing.
#[derive(Debug, Default)]
struct LeftOut {
    devices: BTreeSet<DeviceId>,
    has_more: bool,
    /// With so much room the source has been asked to be read again for them.
    asked: Option<usize>,
}

impl Crowd {
    pub(super) fn is_empty(&self) -> bool {
        self.left_out.is_empty()
    }

    /// Whether any device of this stream is left out.
    pub(super) fn has(&self, stream: &SourceId) -> bool {
        self.left_out.contains_key(stream)
    }

    fn leave_out(&mut self, stream: &SourceId, device: &DeviceId) {
        let left_out = match self.left_out.get_mut(stream) {
            Some(left_out) => left_out,
            None => self.left_out.entry(stream.clone()).or_default(),
        };
        if left_out.devices.len() < NAMED {
            left_out.devices.insert(device.clone());
        } else {
            left_out.has_more |= !left_out.devices.contains(device);
        }
    }

    /// The device is in, or gone.
    fn forget(&mut self, stream: &SourceId, device: &DeviceId) {
        if let Some(left_out) = self.left_out.get_mut(stream) {
            left_out.devices.remove(device);
            if left_out.devices.is_empty() && !left_out.has_more {
                self.left_out.remove(stream);
            }
        }
    }

    /// A complete listing comes, which tells anew who has no room.
    pub(super) fn begin_listing(&mut self, stream: &SourceId) {
        self.left_out.remove(stream);
    }

    /// The source has been read, well or not.
    pub(super) fn end_reading(&mut self) {
        self.is_awaited = false;
    }

    fn named(&self) -> usize {
        self.left_out.values().map(|left_out| left_out.devices.len()).sum()
    }

    /// Whether a reading would bring all those in whose names are kept; until the next listing once, and again with
    /// more room.
    fn wants_in(&mut self, room: usize) -> bool {
        let is_new = |left_out: &LeftOut| left_out.asked.is_none_or(|asked| asked < room);
        let wants = !self.is_awaited
            && room > 0
            && self.named() <= room
            && self.left_out.values().any(is_new);
        if wants {
            self.left_out.values_mut().for_each(|left_out| left_out.asked = Some(room));
            self.is_awaited = true;
        }
        wants
    }

    /// What the log is told, which does not change with their number.
    pub(super) fn line(&self, source: &str, bound: usize) -> Option<Diagnostic> {
        let text = format!("has more than {bound} devices, the bound: further ones are left out");
        (!self.is_empty()).then(|| Diagnostic::warning(source, text))
    }

    /// What operators are shown.
    pub(super) fn diagnostic(&self, source: &str, bound: usize) -> Option<Diagnostic> {
        if self.is_empty() {
            return None;
        }
        let more = self.left_out.values().any(|left_out| left_out.has_more);
        let (more, count) = (if more { "more than " } else { "" }, self.named());
        let text = format!(
            "has more than {bound} devices, which is the bound: {more}{count} are left out until there is room"
        );
        Some(Diagnostic::warning(source, text))
    }
}

impl State {
    /// There is no room for what the source says of this device.
    pub(super) fn leave_out(&mut self, source: SourceIndex, stream: &SourceId, device: &DeviceId) {
        self.sources[source].crowd.leave_out(stream, device);
    }

    /// The device has room now, or needs none any more.
    pub(super) fn no_longer_left_out(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        device: &DeviceId,
    ) {
        let crowd = &mut self.sources[source].crowd;
        if !crowd.is_empty() {
            crowd.forget(stream, device);
        }
    }

    /// With room for those who were left out, the source is read again.
    pub(super) fn let_in(&mut self, source: SourceIndex) {
        let entry = &mut self.sources[source];
        if entry.crowd.is_empty() || entry.is_reading() {
            return;
        }
        let count = self.claims.count_of(&entry.info.streams);
        if entry.crowd.wants_in(self.config.source_devices.saturating_sub(count)) {
            entry.doubt(ROOM);
            entry.again.ask();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: usize) -> DeviceId {
        DeviceId::foreign("test", &n.to_string())
    }

    #[test]
    fn who_is_left_out_is_named_up_to_a_bound() {
        let (mut crowd, stream) = (Crowd::default(), SourceId::new("test"));
        let told = |crowd: &Crowd| crowd.diagnostic("test", 9).map(|told| told.message);
        assert_eq!((told(&crowd), crowd.line("test", 9)), (None, None));
        (0..NAMED).chain(0..NAMED).for_each(|n| crowd.leave_out(&stream, &device(n)));
        assert!(told(&crowd).unwrap().contains(": 1024 are left out"), "{:?}", told(&crowd));
        crowd.leave_out(&stream, &device(NAMED));
        assert!(told(&crowd).unwrap().contains(": more than 1024 are"), "{:?}", told(&crowd));
        assert!(!crowd.wants_in(NAMED - 1) && crowd.wants_in(NAMED) && !crowd.wants_in(NAMED));
        assert!(!crowd.wants_in(NAMED + 1), "it has not ended");
        crowd.end_reading();
        assert!(crowd.wants_in(NAMED + 1) && !crowd.wants_in(NAMED + 1), "the last reading failed");
        (0..NAMED).for_each(|n| crowd.forget(&stream, &device(n)));
        assert!(!crowd.is_empty(), "those without a name");
        crowd.begin_listing(&stream);
        assert!(crowd.is_empty());
        crowd.leave_out(&stream, &device(1));
        crowd.forget(&stream, &device(1));
        assert!(crowd.is_empty() && !crowd.wants_in(NAMED));
    }
}
