//! A control that does what the test decides, when the test decides it.

use async_trait::async_trait;
use nodedev_source::{Action, ErrorKind, NodeDeviceControl, SourceError};
use nodedev_types::{Capability, DeviceId};
use tokio::sync::{mpsc, oneshot};

type Done = Result<Option<DeviceId>, SourceError>;

/// Hands every action to the test and waits for its answer.
#[derive(Debug)]
pub struct ScriptedControl {
    capabilities: Vec<Capability>,
    asked: mpsc::UnboundedSender<Asked>,
}

/// The test's end of a [`ScriptedControl`].
#[derive(Debug)]
pub struct Acts(mpsc::UnboundedReceiver<Asked>);

/// An action that waits for its answer. Dropped unanswered, it fails as a fault of the source.
#[derive(Debug)]
pub struct Asked {
    /// What is to be done.
    pub action: Action,
    answer: oneshot::Sender<Done>,
}

impl ScriptedControl {
    /// A control of these capabilities.
    #[must_use]
    pub fn new(capabilities: &[Capability]) -> (Self, Acts) {
        let (asked, acts) = mpsc::unbounded_channel();
        (Self { capabilities: capabilities.to_vec(), asked }, Acts(acts))
    }
}

impl Acts {
    /// The next action that is asked for; `None` when the control has gone.
    pub async fn next(&mut self) -> Option<Asked> {
        self.0.recv().await
    }

    /// An action that has been asked for already.
    pub fn try_next(&mut self) -> Option<Asked> {
        self.0.try_recv().ok()
    }
}

impl Asked {
    /// It is done, to this device.
    pub fn done(self, device: Option<DeviceId>) {
        // Whoever asked may not wait any more.
        let _ = self.answer.send(Ok(device));
    }

    /// It cannot be done.
    pub fn refuse(self, error: SourceError) {
        let _ = self.answer.send(Err(error));
    }

    /// Whether nobody waits for the answer any more.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

#[async_trait]
impl NodeDeviceControl for ScriptedControl {
    fn controls(&self) -> Vec<Capability> {
        self.capabilities.clone()
    }

    async fn perform(&self, action: Action) -> Done {
        let (answer, answered) = oneshot::channel();
        let unanswered = || SourceError::new(ErrorKind::Bug, "the test gave no answer");
        self.asked.send(Asked { action, answer }).map_err(|_| unanswered())?;
        answered.await.unwrap_or_else(|_| Err(unanswered()))
    }
}
