//! One source's keeper: arms it, reads it, passes its messages on, starts it again when it fails.
//!
//! Every call of the source runs in a task of its own, so that a panic or a hang is the source's
//! alone. The keeper never merges and never publishes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{
    EventReceiver, HintStream, NodeDeviceSource, Snapshot as Reading, SourceError, SourceEvent,
    Watch, event_channel,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::RegistryConfig;
use crate::state::{Message, SourceIndex};
use crate::status::SourceState;

/// What a keeper needs.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) source: Arc<dyn NodeDeviceSource>,
    pub(crate) index: SourceIndex,
    pub(crate) hints: HintStream,
    pub(crate) messages: mpsc::Sender<(SourceIndex, Message)>,
    pub(crate) config: RegistryConfig,
    /// Turns true when this source may be read for the first time.
    pub(crate) may_read: watch::Receiver<bool>,
}

/// The registry is gone: nothing is left to do.
struct RegistryGone;

/// Why a source has to be started again.
struct Failure(String);

type Sent = Result<(), RegistryGone>;

impl Supervisor {
    pub(crate) async fn run(mut self) {
        let mut pause = self.config.backoff;
        loop {
            match self.keep(&mut pause).await {
                Err(RegistryGone) => return,
                Ok(Failure(reason)) => {
                    if self
                        .send(Message::State(SourceState::Degraded(reason)))
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.messages.closed() => return,
            }
            pause = (pause * 2).min(self.config.backoff_max);
            if self.send(Message::Restarted).await.is_err() {
                return;
            }
        }
    }

    /// Watches the source until it fails.
    async fn keep(&mut self, pause: &mut Duration) -> Result<Failure, RegistryGone> {
        let (watch, receiver) = match self.arm().await {
            Ok(armed) => armed,
            Err(failure) => return Ok(failure),
        };
        // Held until the end of this round; dropping it ends the source's threads.
        let _watch = watch;
        self.may_read
            .wait_for(|may| *may)
            .await
            .map_err(|_| RegistryGone)?;
        self.follow(receiver, pause).await
    }

    async fn arm(&self) -> Result<(Watch, EventReceiver), Failure> {
        let (sink, receiver) = event_channel(self.config.source_queue);
        let (source, hints) = (Arc::clone(&self.source), self.hints.clone());
        let call = Call::start(
            self.config.watch,
            async move { source.watch(sink, hints).await },
        );
        match call.result().await {
            Ok(Ok(watch)) => Ok((watch, receiver)),
            Ok(Err(error)) => Err(Failure(error.full_message())),
            Err(reason) => Err(Failure(format!("cannot be watched: {reason}"))),
        }
    }

    async fn follow(
        &self,
        mut receiver: EventReceiver,
        pause: &mut Duration,
    ) -> Result<Failure, RegistryGone> {
        let mut reading = Some(self.begin_reading(false).await?);
        let mut read_again = false;
        let mut retry: Option<Duration> = None;
        loop {
            tokio::select! {
                event = receiver.recv() => match event {
                    None => return Ok(Failure("it ended by itself".to_owned())),
                    Some(SourceEvent::Resync { reason }) => {
                        tracing::debug!(source = %self.source.info().name, %reason, "resync");
                        read_again = true;
                    }
                    Some(event) => self.send(Message::Event(event)).await?,
                },
                result = finish(&mut reading) => {
                    retry = self.end_reading(result, pause).await?;
                },
                () = sleep_for(retry), if reading.is_none() => {
                    retry = None;
                    read_again = true;
                }
                () = self.messages.closed() => return Err(RegistryGone),
            }
            if read_again && reading.is_none() {
                read_again = false;
                reading = Some(self.begin_reading(true).await?);
            }
        }
    }

    async fn begin_reading(&self, resync: bool) -> Result<Call<Reading>, RegistryGone> {
        self.send(Message::SnapshotBegan { resync }).await?;
        let source = Arc::clone(&self.source);
        Ok(Call::start(self.config.snapshot, async move {
            source.snapshot().await
        }))
    }

    /// Passes the result on, and tells after what pause to read again where reading has failed.
    async fn end_reading(
        &self,
        result: Result<Result<Reading, SourceError>, String>,
        pause: &mut Duration,
    ) -> Result<Option<Duration>, RegistryGone> {
        let result = match result {
            Ok(Ok(reading)) => Ok(reading),
            Ok(Err(error)) => Err(error.full_message()),
            Err(reason) => Err(format!("cannot be read: {reason}")),
        };
        let failed = match &result {
            Ok(reading) => reading.listings.iter().any(|listing| {
                listing
                    .devices
                    .as_ref()
                    .is_err_and(SourceError::is_transient)
            }),
            Err(_) => true,
        };
        self.send(Message::SnapshotEnded(result)).await?;
        if !failed {
            *pause = self.config.backoff;
            return Ok(None);
        }
        let now = *pause;
        *pause = (*pause * 2).min(self.config.backoff_max);
        Ok(Some(now))
    }

    async fn send(&self, message: Message) -> Sent {
        self.messages
            .send((self.index, message))
            .await
            .map_err(|_| RegistryGone)
    }
}

/// A call of a source under a deadline, ended when dropped.
struct Call<T> {
    task: JoinHandle<Result<T, SourceError>>,
    deadline: Duration,
}

impl<T: Send + 'static> Call<T> {
    fn start(
        deadline: Duration,
        call: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Self {
        let limited = async move {
            tokio::time::timeout(deadline, call)
                .await
                .unwrap_or_else(|_| {
                    let text = format!("no answer within {deadline:?}");
                    Err(SourceError::new(nodedev_source::ErrorKind::Timeout, text))
                })
        };
        Self {
            task: tokio::spawn(limited),
            deadline,
        }
    }

    /// The call's own result, or how it broke.
    async fn result(mut self) -> Result<Result<T, SourceError>, String> {
        self.wait().await
    }

    async fn wait(&mut self) -> Result<Result<T, SourceError>, String> {
        match (&mut self.task).await {
            Ok(result) => Ok(result),
            Err(error) if error.is_panic() => Err("it panicked".to_owned()),
            Err(_) => Err(format!(
                "the call ended before its deadline of {:?}",
                self.deadline
            )),
        }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The result of the reading under way; never, if there is none. May be dropped and called again.
async fn finish(
    reading: &mut Option<Call<Reading>>,
) -> Result<Result<Reading, SourceError>, String> {
    let Some(call) = reading else {
        return std::future::pending().await;
    };
    let result = call.wait().await;
    *reading = None;
    result
}

async fn sleep_for(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}
