//! How often the source has gone to look for the interface of a changed link: what it does where
//! nothing comes of it, and nothing else shows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const LONG: Duration = Duration::from_secs(20);

/// Counts from the moment when it was made, for the whole process.
#[derive(Debug)]
pub(crate) struct Looks(watch::Receiver<usize>);

impl Looks {
    pub(crate) fn count() -> Self {
        let (sender, receiver) = watch::channel(0);
        let listener = Listener(Arc::new(sender));
        tracing::subscriber::set_global_default(listener).expect("one test in a process");
        Self(receiver)
    }

    /// Waits until it has looked once more than when it was last asked.
    pub(crate) async fn once_more(&mut self) {
        let looked = tokio::time::timeout(LONG, self.0.changed()).await;
        looked.expect("it looks for the interface").expect("the listener is there for ever");
    }
}

struct Listener(Arc<watch::Sender<usize>>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("nodedev_source_udev")
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        if message.0 == "link changed" {
            self.0.send_modify(|looks| *looks += 1);
        }
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
