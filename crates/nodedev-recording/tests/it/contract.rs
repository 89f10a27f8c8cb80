//! A source that is recorded keeps the contract as it did: the recording is not noticed.

use std::io;
use std::sync::Arc;

use nodedev_recording::{Options, Recorder};
use nodedev_source::NodeDeviceSource;
use nodedev_source_testkit::{Applied, Harness, HostChange, Skip, async_trait};
use nodedev_types::DeviceId;

use crate::bed::Bed;

struct Recorded(Bed);

#[async_trait]
impl Harness for Recorded {
    async fn make() -> Result<Self, Skip> {
        Bed::make().await.map(Self)
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        let sources = vec![self.0.source()];
        let (_recorder, mut recorded) =
            Recorder::start(io::sink(), &Options::new("test"), sources).unwrap();
        recorded.pop().unwrap()
    }

    fn device(&self, n: usize) -> DeviceId {
        self.0.device(n)
    }

    fn child(&self, n: usize) -> DeviceId {
        self.0.child(n)
    }

    async fn apply(&self, change: HostChange) -> Applied {
        self.0.apply(change).await
    }

    fn tracing_targets(&self) -> Vec<String> {
        self.0.tracing_targets()
    }
}

nodedev_source_testkit::conformance_tests!(Recorded);
