//! Collects the spans and events of a source, and whether they say which source they are of.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A subscriber that keeps of each span only whether it carries the field `source`.
#[derive(Debug, Clone)]
pub(crate) struct Collector(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    targets: Vec<String>,
    names: BTreeSet<String>,
    next: AtomicU64,
    spans: Mutex<BTreeMap<u64, bool>>,
    nameless: Mutex<BTreeSet<String>>,
}

impl Collector {
    /// Looks at these targets and takes these names for the source's.
    pub(crate) fn new(targets: Vec<String>, names: BTreeSet<String>) -> Self {
        Self(Arc::new(Inner {
            targets,
            names,
            next: AtomicU64::new(1),
            spans: Mutex::default(),
            nameless: Mutex::default(),
        }))
    }

    /// The spans and events without a source so far.
    pub(crate) fn nameless(&self) -> Vec<String> {
        let nameless = self.0.nameless.lock().unwrap_or_else(PoisonError::into_inner);
        nameless.iter().cloned().collect()
    }

    fn is_named(&self, span: u64) -> bool {
        let spans = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.get(&span).copied().unwrap_or(false)
    }

    fn is_context_named(&self, parent: Option<&Id>, contextual: bool) -> bool {
        match parent {
            Some(parent) => self.is_named(parent.into_u64()),
            None => {
                contextual && ENTERED.with_borrow(|stack| stack.iter().any(|id| self.is_named(*id)))
            }
        }
    }

    fn complain(&self, what: &Metadata<'_>) {
        let place = format!(
            "{} ({}:{})",
            what.target(),
            what.file().unwrap_or("?"),
            what.line().unwrap_or(0)
        );
        let mut nameless = self.0.nameless.lock().unwrap_or_else(PoisonError::into_inner);
        nameless.insert(place);
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.targets.iter().any(|target| metadata.target().starts_with(target))
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut seek = Seek::new(&self.0.names);
        attributes.record(&mut seek);
        let named =
            seek.found || self.is_context_named(attributes.parent(), attributes.is_contextual());
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.spans.lock().unwrap_or_else(PoisonError::into_inner).insert(id, named);
        if !named {
            self.complain(attributes.metadata());
        }
        Id::from_u64(id)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seek = Seek::new(&self.0.names);
        event.record(&mut seek);
        if !seek.found && !self.is_context_named(event.parent(), event.is_contextual()) {
            self.complain(event.metadata());
        }
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|stack| stack.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|stack| {
            if let Some(at) = stack.iter().rposition(|id| *id == span.into_u64()) {
                stack.remove(at);
            }
        });
    }
}

/// Looks for a field `source` with one of the names.
struct Seek<'a> {
    names: &'a BTreeSet<String>,
    found: bool,
}

impl<'a> Seek<'a> {
    const fn new(names: &'a BTreeSet<String>) -> Self {
        Self { names, found: false }
    }
}

impl Visit for Seek<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "source" {
            let text = format!("{value:?}");
            self.found |= self.names.contains(text.trim_matches('"'));
        }
    }
}
