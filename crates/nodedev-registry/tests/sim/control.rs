//! What changes mediated devices on the simulated host: mdevctl run with delays, and going wrong.

use nodedev_source::{Action, ErrorKind, NodeDeviceControl, SourceError, async_trait};
use nodedev_types::{Capability, DeviceId};

use crate::host::Host;

#[derive(Debug)]
pub(crate) struct SimControl(pub(crate) Host);

/// How an action goes wrong.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    RefusedBefore,
    FailedAfter,
    HungBefore,
    HungAfter,
    PanickedAfter,
}

const MISHAPS: [Mishap; 5] = [
    Mishap::RefusedBefore,
    Mishap::FailedAfter,
    Mishap::HungBefore,
    Mishap::HungAfter,
    Mishap::PanickedAfter,
];

#[async_trait]
impl NodeDeviceControl for SimControl {
    fn controls(&self) -> Vec<Capability> {
        vec![Capability::Mdev]
    }

    async fn perform(&self, action: Action) -> Result<Option<DeviceId>, SourceError> {
        let (mishap, before, after) = {
            let mut world = self.0.world();
            let chance = world.weather.action;
            let mishap = world.rng.percent(chance).then(|| world.rng.pick(&MISHAPS));
            (mishap, world.delay(), world.delay())
        };
        let failed = || SourceError::new(ErrorKind::Failed, "simulated");
        tokio::time::sleep(before).await;
        match mishap {
            Some(Mishap::RefusedBefore) => return Err(failed()),
            Some(Mishap::HungBefore) => std::future::pending().await,
            _ => {}
        }
        let done = self.0.run_tool(&action);
        tokio::time::sleep(after).await;
        match mishap {
            Some(Mishap::FailedAfter) => Err(failed()),
            Some(Mishap::HungAfter) => std::future::pending().await,
            Some(Mishap::PanickedAfter) => std::panic::resume_unwind(Box::new("simulated")),
            _ => done,
        }
    }
}
