//! Devices and complaints of one listing and of what came after it, within their bounds.

use std::collections::BTreeMap;

use nodedev_types::{DeviceId, Diagnostic, Fields};

use crate::config::ExecConfig;

/// Complaints that are kept and told; further ones are counted alone.
pub(super) const COMPLAINTS: usize = 64;
/// Devices that are remembered as left out. It is also the room that is waited for where there are more of
/// them: so many places stay empty at most, and so many devices go before the program has to list anew.
pub(super) const LEFT_OUT: usize = 16;

/// How much a book may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    devices: usize,
    total: usize,
}

/// Why something does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// There are so many devices.
    Devices(usize),
    /// The lines about them have so many bytes.
    Bytes(usize),
}

#[derive(Debug, Default)]
pub(super) struct Book {
    devices: BTreeMap<DeviceId, Entry>,
    /// Bytes of the lines about all of them.
    total: usize,
    complaints: Vec<(Option<DeviceId>, Diagnostic)>,
    /// Devices whose last word did not fit, and the bytes of it.
    left_out: BTreeMap<DeviceId, usize>,
}

#[derive(Debug)]
struct Entry {
    /// None of a device that cannot be read.
    fields: Option<Fields>,
    size: usize,
}

impl Bounds {
    pub(super) fn new(config: &ExecConfig) -> Self {
        Self { devices: config.devices_limit, total: config.total_limit }
    }
}

impl Full {
    pub(super) fn problem(self) -> String {
        match self {
            Self::Devices(bound) => {
                format!("left out: there are {bound} devices, which is the bound")
            }
            Self::Bytes(bound) => {
                format!("left out: the devices take {bound} bytes, which is the bound")
            }
        }
    }
}

impl Book {
    /// The devices in their order; without fields those that cannot be read.
    pub(super) fn devices(&self) -> impl Iterator<Item = (&DeviceId, Option<&Fields>)> {
        self.devices.iter().map(|(device, entry)| (device, entry.fields.as_ref()))
    }

    pub(super) fn complaints(&self) -> impl Iterator<Item = &Diagnostic> {
        self.complaints.iter().map(|(_, told)| told)
    }

    /// Keeps what is known of a device, if there is room for it.
    pub(super) fn observe(
        &mut self,
        device: &DeviceId,
        fields: Fields,
        size: usize,
        bounds: Bounds,
    ) -> Result<(), Full> {
        self.place_for(device, bounds)?;
        let before = self.devices.get(device).map_or(0, |entry| entry.size);
        if self.total - before + size > bounds.total {
            return Err(Full::Bytes(bounds.total));
        }
        self.set(device, Some(fields), size);
        Ok(())
    }

    /// Notes that a device cannot be read, if there is a place for it.
    pub(super) fn doubt(&mut self, device: &DeviceId, bounds: Bounds) -> Result<(), Full> {
        self.place_for(device, bounds)?;
        self.set(device, None, 0);
        Ok(())
    }

    /// Remembers that a word about the device did not fit.
    pub(super) fn leave_out(&mut self, device: &DeviceId, size: usize, bounds: Bounds) {
        let is_known = self.left_out.contains_key(device);
        // For what does not fit into an empty book there will be no room.
        if size <= bounds.total && (is_known || self.left_out.len() < LEFT_OUT) {
            self.left_out.insert(device.clone(), size);
        }
    }

    /// Whether something was left out for which, as far as it is remembered, there is room now.
    pub(super) fn has_room_again(&self, bounds: Bounds) -> bool {
        let places = self.left_out.keys().filter(|device| !self.devices.contains_key(*device));
        let bytes: usize = self.left_out.values().sum();
        !self.left_out.is_empty()
            && self.devices.len() + places.count() <= bounds.devices
            && self.total + bytes <= bounds.total
    }

    pub(super) fn forget_left_out(&mut self) {
        self.left_out.clear();
    }

    /// Drops the device, with what was wrong with it.
    pub(super) fn remove(&mut self, device: &DeviceId) {
        if let Some(entry) = self.devices.remove(device) {
            self.total -= entry.size;
        }
        self.left_out.remove(device);
        self.complaints.retain(|(of, _)| of.as_ref() != Some(device));
    }

    /// Whether there was room for the complaint.
    pub(super) fn keep(&mut self, device: Option<DeviceId>, told: Diagnostic) -> bool {
        let has_room = self.complaints.len() < COMPLAINTS;
        if has_room {
            self.complaints.push((device, told));
        }
        has_room
    }

    /// Whether the device is not shown as it is, and an operator can know why.
    pub(super) fn is_excused(&self, device: &DeviceId) -> bool {
        let is_shown = self.devices.get(device).is_some_and(|entry| entry.fields.is_some());
        !is_shown && self.complaints.iter().any(|(of, _)| of.as_ref() == Some(device))
    }

    fn place_for(&self, device: &DeviceId, bounds: Bounds) -> Result<(), Full> {
        if !self.devices.contains_key(device) && self.devices.len() >= bounds.devices {
            return Err(Full::Devices(bounds.devices));
        }
        Ok(())
    }

    fn set(&mut self, device: &DeviceId, fields: Option<Fields>, size: usize) {
        self.remove(device);
        self.total += size;
        self.devices.insert(device.clone(), Entry { fields, size });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: usize) -> DeviceId {
        format!("acme:{n}").parse().unwrap()
    }

    /// Leaves out what does not fit, as it is done with what a program says.
    fn say(book: &mut Book, n: usize, size: usize, bounds: Bounds) {
        if book.observe(&device(n), Fields::new(), size, bounds).is_err() {
            book.leave_out(&device(n), size, bounds);
        }
    }

    /// Of so many left out, how many have to go until there is room.
    fn gone_until_there_is_room(left_out: usize) -> usize {
        let bounds = Bounds { devices: 100, total: 1000 };
        let mut book = Book::default();
        (0..100 + left_out).for_each(|n| say(&mut book, n, 1, bounds));
        let gone = (0..100).position(|n| {
            book.remove(&device(n));
            book.has_room_again(bounds)
        });
        gone.expect("room") + 1
    }

    #[test]
    fn room_is_waited_for_until_it_is_worth_it() {
        let gone = [1, 5, LEFT_OUT, LEFT_OUT + 1, 1000].map(gone_until_there_is_room);
        assert_eq!(gone, [1, 5, LEFT_OUT, LEFT_OUT, LEFT_OUT]);
    }

    #[test]
    fn room_is_counted_in_bytes_too() {
        let bounds = Bounds { devices: 10, total: 100 };
        let mut book = Book::default();
        for (n, size) in [(0, 40), (1, 40), (2, 50), (3, 101)] {
            say(&mut book, n, size, bounds);
        }
        assert!(!book.has_room_again(bounds));
        say(&mut book, 0, 20, bounds);
        assert!(!book.has_room_again(bounds), "40 bytes for 50");
        say(&mut book, 0, 10, bounds);
        assert!(book.has_room_again(bounds), "what never fits is not waited for");
    }
}
