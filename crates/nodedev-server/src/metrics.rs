//! Metrics: what the registry, its sources and the server have counted, as OpenMetrics text over HTTP.
//!
//! Off unless somebody listens. Whoever scrapes sees numbers and names of sources, no devices, and costs
//! itself only: so many at once, so much of a request, so long for all of it.

mod address;
mod http;
mod page;
mod registry;
mod server;
mod sources;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nodedev_registry::Registry;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry as Families;
use tokio::time::Instant;

pub use self::address::{MetricsAddress, MetricsAddressError};
pub(crate) use self::http::{PLACES, serve};
use self::page::Page;
use crate::counts::Counts;

/// How long a text serves further scrapes, so that a flood of them costs no more than one.
const FRESH: Duration = Duration::from_millis(100);

/// Makes the text.
#[derive(Debug)]
pub(crate) struct Metrics {
    families: Families,
    last: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Metrics {
    pub(crate) fn new(registry: Registry, counts: Arc<Counts>) -> Self {
        let mut families = Families::with_prefix("nodedev");
        families.register_collector(Box::new(Everything { registry, counts }));
        Self { families, last: Mutex::default() }
    }

    /// The text as it is now, or was a moment ago.
    pub(crate) fn text(&self) -> Result<Arc<str>, std::fmt::Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, text)) = &*last
            && made.elapsed() < FRESH
        {
            return Ok(Arc::clone(text));
        }
        let mut text = String::with_capacity(32 << 10);
        encode(&mut text, &self.families)?;
        let text: Arc<str> = text.into();
        *last = Some((Instant::now(), Arc::clone(&text)));
        Ok(text)
    }
}

/// All families, read from where they are counted at each scrape.
#[derive(Debug)]
struct Everything {
    registry: Registry,
    counts: Arc<Counts>,
}

impl Collector for Everything {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let mut page = Page(encoder);
        registry::write(&mut page, &self.registry)?;
        sources::write(&mut page, &self.registry)?;
        server::write(&mut page, &self.counts)
    }
}
