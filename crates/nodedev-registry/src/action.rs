//! Actions: done by the source that controls such devices, then awaited in the published list.
//!
//! What is done to one device is done one after the other; different devices do not wait for each
//! other. Whether an action makes sense is the caller's question: nothing is judged here. An action
//! that has begun is brought to its end, also when nobody waits for it any more, unless the process
//! is killed: one that ends waits for [`Registry::finish_actions`]. So many may be under way at once, or
//! clients that come and go could begin any number.

mod goal;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{Action, Hint, NodeDeviceControl, SourceError};
use nodedev_types::{Capability, Device, DeviceId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::actor::Question;
use crate::call::{Call, CallError};
use crate::error::RegistryError;
use crate::registry::Registry;
use crate::state::SourceIndex;

use goal::Goal;
pub(crate) use turns::Turns;

/// Why an action was not done, or cannot be seen to have been done.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// No source changes devices of this kind.
    #[error("nothing here changes devices of the kind `{0}`")]
    Uncontrolled(Capability),
    /// Another action on the device did not end in time.
    #[error("another action on {device} has not ended within {after:?}")]
    Occupied {
        /// Which device.
        device: DeviceId,
        /// How long it was waited for.
        after: Duration,
    },
    /// Too many other actions did not end in time.
    #[error("too many other actions have not ended within {0:?}")]
    Crowded(Duration),
    /// The source could not do it.
    #[error("{}", .0.full_message())]
    Failed(SourceError),
    /// The source did not answer in time: it may have been done or not.
    #[error("no answer within {0:?}: it may have been done or not")]
    Unanswered(Duration),
    /// The source's own code failed.
    #[error("the source {0}")]
    Broken(&'static str),
    /// It was done, and the list does not show it.
    #[error("done, but after {after:?} {missing}")]
    Unseen {
        /// What the list still does not show.
        missing: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The registry has been shut down, or is about to be.
    #[error("the registry has been shut down")]
    Closed,
}

impl From<RegistryError> for ActionError {
    fn from(_: RegistryError) -> Self {
        Self::Closed
    }
}

/// What each kind of device is changed by.
#[derive(Debug, Default)]
pub(crate) struct Controls(Vec<(Capability, Arc<dyn NodeDeviceControl>)>);

impl Controls {
    /// # Errors
    ///
    /// When two control one capability.
    pub(crate) fn new(controls: Vec<Arc<dyn NodeDeviceControl>>) -> Result<Self, RegistryError> {
        let mut all: Vec<(Capability, Arc<dyn NodeDeviceControl>)> = Vec::new();
        for control in controls {
            for capability in control.controls() {
                if all.iter().any(|(known, _)| *known == capability) {
                    return Err(RegistryError::DuplicateControl(capability));
                }
                all.push((capability, Arc::clone(&control)));
            }
        }
        Ok(Self(all))
    }

    fn of(&self, capability: Capability) -> Option<&Arc<dyn NodeDeviceControl>> {
        self.0.iter().find(|(known, _)| *known == capability).map(|(_, control)| control)
    }
}

/// Who does it, and what is held meanwhile.
type Admitted = (Arc<dyn NodeDeviceControl>, Option<turns::Turn>, OwnedSemaphorePermit);

/// Has the log tell of an action that was not done, or not seen to be done.
fn told<T>(action: &Action, result: Result<T, ActionError>) -> Result<T, ActionError> {
    result.inspect_err(|error| tracing::warn!(%action, "failed: {error}"))
}

/// One action on its way.
struct Performance {
    registry: Registry,
    action: Action,
    within: Duration,
    due: Instant,
}

impl Registry {
    /// Has it done, and returns once the list shows it: the device as it is then, `None` if it is
    /// gone. A definition is seen as `persistent`, a start as `active`, and so on.
    ///
    /// All of it has to happen within [`RegistryConfig::action`](crate::RegistryConfig::action), from
    /// when what is done to the device before has ended, which is waited for as long.
    ///
    /// # Errors
    ///
    /// [`ActionError`].
    pub async fn perform(&self, action: Action) -> Result<Option<Arc<Device>>, ActionError> {
        let within = self.config().action;
        let due = Instant::now() + within;
        let performance = Performance { registry: self.clone(), action, within, due };
        performance.begin().await
    }

    /// Begins no further action, and returns when all that have begun have been done by their
    /// sources. What the list shows of them is not waited for.
    ///
    /// For a process that ends: a tool that is killed may leave half of its work behind.
    pub async fn finish_actions(&self) {
        self.acting().close();
        self.acting().wait().await;
    }
}

impl Performance {
    /// Waits for what has to end before. Who leaves meanwhile leaves nothing behind.
    async fn begin(self) -> Result<Option<Arc<Device>>, ActionError> {
        let action = self.action.clone();
        let (control, turn, place) = told(&action, self.admit().await)?;
        // A task, because a client that leaves in the middle must not leave half an action.
        let performed = tokio::spawn(async move {
            // Here, because nobody else may be left to hear of a failure.
            let result = told(&action, self.run(control).await);
            drop((turn, place));
            result
        });
        performed.await.unwrap_or(Err(ActionError::Broken("panicked")))
    }

    async fn admit(&self) -> Result<Admitted, ActionError> {
        let capability = self.action.capability();
        let control = self.registry.controls().of(capability).cloned();
        let control = control.ok_or(ActionError::Uncontrolled(capability))?;
        Ok((control, self.turn().await?, self.place().await?))
    }

    async fn run(
        mut self,
        control: Arc<dyn NodeDeviceControl>,
    ) -> Result<Option<Arc<Device>>, ActionError> {
        let capability = self.action.capability();
        // Nothing is begun that would be ended in the middle because others took their time.
        self.due = Instant::now() + self.within;
        // Taken before the look, so that either side sees the other.
        let acting = self.registry.acting().token();
        self.require_open()?;
        let done = self.act(control).await;
        drop(acting);
        // Also when it has failed: some of it may have been done.
        let hints = self.look_again(capability).await;
        let (device, hints) = (done?, hints?);
        let seen = self.see(&Goal::of(&self.action, device), &hints).await;
        tracing::debug!(action = ?self.action, seen = seen.is_ok(), "performed");
        seen
    }

    async fn turn(&self) -> Result<Option<turns::Turn>, ActionError> {
        let Some(device) = self.action.device() else {
            return Ok(None);
        };
        match timeout_at(self.due, self.registry.turns().take(&device)).await {
            Ok(turn) => Ok(Some(turn)),
            Err(_) => Err(ActionError::Occupied { device, after: self.within }),
        }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, ActionError> {
        let places = Arc::clone(self.registry.places());
        match timeout_at(self.due, places.acquire_owned()).await {
            Ok(place) => place.map_err(|_| ActionError::Closed),
            Err(_) => Err(ActionError::Crowded(self.within)),
        }
    }

    /// Nothing is begun whose result nobody could see any more.
    fn require_open(&self) -> Result<(), ActionError> {
        if self.registry.acting().is_closed() {
            return Err(ActionError::Closed);
        }
        self.registry.changes().has_changed().map(drop).map_err(|_| ActionError::Closed)
    }

    async fn act(
        &self,
        control: Arc<dyn NodeDeviceControl>,
    ) -> Result<Option<DeviceId>, ActionError> {
        let action = self.action.clone();
        let left = self.due.saturating_duration_since(Instant::now());
        let mut call = Call::start(left, async move { control.perform(action).await });
        call.outcome().await.map_err(|error| match error {
            CallError::Source(error) => ActionError::Failed(error),
            CallError::Panicked => ActionError::Broken("panicked"),
            CallError::Ended => ActionError::Broken("ended the call"),
            CallError::Late(_) => ActionError::Unanswered(self.within),
        })
    }

    /// Tells everyone who watches such devices to look again: not every change makes an event.
    async fn look_again(
        &self,
        capability: Capability,
    ) -> Result<Vec<(SourceIndex, Hint)>, ActionError> {
        let (answer, answered) = oneshot::channel();
        self.registry.question(Question::LookAgain { capability, answer }).await?;
        answered.await.map_err(|_| ActionError::Closed)
    }

    /// Waits until the published list shows what was to be reached.
    async fn see(
        &self,
        goal: &Goal,
        hints: &[(SourceIndex, Hint)],
    ) -> Result<Option<Arc<Device>>, ActionError> {
        let mut changes = self.registry.changes();
        loop {
            let reached = goal.reached(&changes.borrow_and_update(), hints);
            let missing = match reached {
                Ok(device) => return Ok(device),
                Err(missing) => missing,
            };
            match timeout_at(self.due, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(ActionError::Closed),
                Err(_) => return Err(ActionError::Unseen { missing, after: self.within }),
            }
        }
    }
}

impl fmt::Debug for Performance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Performance").field("action", &self.action).finish_non_exhaustive()
    }
}
