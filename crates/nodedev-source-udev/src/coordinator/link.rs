//! Links that have changed: which device it is, and when it is read again.

use std::sync::Arc;
use std::time::Instant;

use nodedev_types::Diagnostic;

use super::{Cause, Coordinator};
use crate::pool::{Lost, Order};
use crate::queue::{EventQueue, Message};

/// A reader has looked for the device of an interface, or was lost.
fn searched(queue: &EventQueue, interface: String, path: Result<Option<String>, Lost>) {
    match path {
        Ok(Some(path)) => queue.send(Message::Link(path)),
        // It is called otherwise by now, or gone.
        Ok(None) => {}
        Err(lost) => {
            let message = format!("its link has changed: {lost}");
            queue.lost(&format!("{interface}: {message}"));
            queue.diagnostic(Diagnostic::warning(interface, message));
        }
    }
}

impl Coordinator {
    /// Has a reader look for the devices of the interfaces whose links have changed.
    pub(super) fn find_links(&self, now: Instant) {
        for (index, name) in self.queue.links().due(now) {
            tracing::debug!(source = "udev", interface = name, "link changed");
            let host = Arc::clone(&self.inner.host);
            let (queue, interface) = (self.queue.clone(), name.clone());
            let submitted = self.inner.pool.submit(
                Order::event(&interface, &self.asker),
                move |announcer| host.interface_path(&name, index, announcer),
                move |path| searched(&queue, interface, path),
            );
            if submitted.is_err() {
                self.inner.counts.dropped.count();
                self.queue.lost("more links have changed than can wait to be looked at");
            }
        }
    }

    /// Reads the device again if it has been heard of: what is new, udevd announces.
    pub(super) fn link_found(&mut self, path: String) {
        let (known, listing) = {
            let memory = self.memory();
            (memory.knows(&path), memory.is_snapshot_under_way())
        };
        if known || self.reading.contains_key(&path) {
            self.read(&path, Cause::Link);
        } else if listing {
            // The snapshot may have read it before the change and will name it only at its end.
            self.hold_link(path);
        }
    }

    fn hold_link(&mut self, path: String) {
        if self.held_links.len() < self.inner.host.config.event_queue.max(1) {
            self.held_links.insert(path);
        } else {
            self.queue.lost("more links have changed during an enumeration than can be noted");
        }
    }

    /// With the last snapshot it is known which of them are devices.
    pub(super) fn read_held_links(&mut self) {
        if self.held_links.is_empty() || self.memory().is_snapshot_under_way() {
            return;
        }
        for path in std::mem::take(&mut self.held_links) {
            self.link_found(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::queue::event_queue;

    #[test]
    fn a_change_of_which_the_device_was_not_found_is_made_good_by_an_enumeration() {
        let (queue, messages) = event_queue(4, Counts::default());
        let searched = |path| {
            searched(&queue, "eth0".to_owned(), path);
            messages.try_iter().collect::<Vec<_>>()
        };
        let found = searched(Ok(Some("/sys/devices/net/eth0".to_owned())));
        assert!(matches!(&found[..], [Message::Link(path)] if path == "/sys/devices/net/eth0"));
        assert!(searched(Ok(None)).is_empty(), "it has gone");
        let lost = searched(Err(Lost::Failed));
        let [Message::Lost(reason), Message::Diagnostic(diagnostic)] = &lost[..] else {
            panic!("{lost:?}");
        };
        assert!(reason.starts_with("eth0: its link has changed"), "{reason}");
        assert!(diagnostic.to_string().contains("eth0"), "{diagnostic}");
    }
}
