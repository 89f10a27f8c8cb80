//! The list of the sources, run in this process.

use std::time::Duration;

use nodedev_driver::DriverConfig;
use nodedev_driver::registry::Registry;
use nodedev_types::DeviceName;
use nodedev_varlink::answer::{self, Follower};
use nodedev_varlink::{Action, Done, Explanation, Filter, Found, List, Since, Sources, WatchReply};

use crate::args::Args;
use crate::status::Failure;

/// How long the end may take: what was to be done has been done, so nothing is lost after that.
const CLOSE: Duration = Duration::from_secs(1);

/// A registry of our own.
#[derive(Debug)]
pub(crate) struct Local {
    registry: Registry,
}

impl Local {
    /// Starts the sources and waits until the list is complete.
    pub(crate) async fn open(args: &Args) -> Result<Self, Failure> {
        let mut config = DriverConfig::default();
        if let Some(program) = &args.mdevctl {
            // A bare name may be missing, an ordinary host has no mdevctl; a path was meant.
            if program.components().count() > 1 && !program.exists() {
                let program = program.display();
                return Err(Failure::Other(format!(
                    "--mdevctl {program}: there is no such program"
                )));
            }
            config.mdevctl.program.clone_from(program);
        }
        config.udev.host_uuid.clone_from(&args.host_uuid);
        let started = nodedev_driver::start(config, []);
        let registry =
            started.map_err(|error| Failure::other("cannot start the sources", error))?;
        registry.ready().await;
        Ok(Self { registry })
    }

    pub(crate) fn list(&self, filter: &Filter) -> List {
        answer::list(&self.registry, filter)
    }

    pub(crate) async fn device(&self, name: &DeviceName, inactive: bool) -> Result<Found, Failure> {
        Ok(answer::get(&self.registry, name, inactive).await?)
    }

    pub(crate) async fn explain(&self, name: &DeviceName) -> Result<Explanation, Failure> {
        Ok(answer::explain(&self.registry, name).await?)
    }

    pub(crate) fn sources(&self) -> Sources {
        answer::sources(&self.registry)
    }

    pub(crate) async fn act(&self, action: &Action) -> Result<Done, Failure> {
        Ok(answer::act(&self.registry, action).await?)
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch(Follower::new(&self.registry, &Since::default()))
    }

    pub(crate) async fn close(self) {
        // A source that does not end in time ends with the process.
        let _ = tokio::time::timeout(CLOSE, self.registry.shutdown()).await;
    }
}

/// Follows the registry.
#[derive(Debug)]
pub(crate) struct Watch(Follower);

impl Watch {
    pub(crate) async fn next(&mut self) -> Result<WatchReply, Failure> {
        self.0.next().await.ok_or_else(|| Failure::Other("the list has ended".to_owned()))
    }
}
