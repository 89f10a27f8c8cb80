//! A source that is recorded: says what the source in it says, and puts it on the tape.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use nodedev_source::{
    Counter, ErrorKind, EventReceiver, EventSink, HintStream, Inventory, NodeDeviceSource,
    Snapshot, SourceError, SourceInfo, Watch, event_channel,
};
use nodedev_types::{DeviceId, Observation};
use tokio::task::JoinHandle;

use crate::format::{Answer, Call, Failure, Message};
use crate::tape::Tape;

/// Messages that may wait between the source and its recording; with one more the source is read again,
/// as with the registry's own queue.
const QUEUE: usize = 4096;

/// The source and where it is recorded.
pub(crate) struct Recorded {
    source: Arc<dyn NodeDeviceSource>,
    name: String,
    tape: Arc<Tape>,
}

impl Recorded {
    pub(crate) fn new(source: Arc<dyn NodeDeviceSource>, tape: Arc<Tape>) -> Self {
        let name = source.info().name;
        Self { source, name, tape }
    }

    fn begin(&self, call: Call) -> Begun<'_> {
        Begun { recorded: self, call, is_over: false }
    }

    fn put(&self, message: Message) {
        self.tape.put(&self.name, message);
    }
}

#[async_trait]
impl NodeDeviceSource for Recorded {
    fn info(&self) -> SourceInfo {
        self.source.info()
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        self.put(Message::Watching);
        let begun = self.begin(Call::Watch);
        let (inner, receiver) = event_channel(QUEUE);
        let result = self.source.watch(inner, hints).await;
        begun.over();
        let watch = match result {
            Ok(watch) => watch,
            Err(error) => {
                let failure = Failure::from(&error);
                self.put(Message::Failed { call: Call::Watch, error: failure });
                return Err(error);
            }
        };
        let (tape, name) = (Arc::clone(&self.tape), self.name.clone());
        let passing = tokio::spawn(pass_on(receiver, sink, tape, name));
        Ok(Watch::new(Guard { _watch: watch, passing }))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let begun = self.begin(Call::Snapshot);
        let result = self.source.snapshot().await;
        begun.over();
        self.tape.put_snapshot(&self.name, result.clone());
        result
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        let result = self.source.refresh(id).await;
        let answer = match &result {
            Ok(None) => Answer::Nothing,
            Ok(Some(observation)) => Answer::Said(observation.into()),
            Err(error) => Answer::Failed(error.into()),
        };
        self.put(Message::Refreshed { device: id.clone(), answer });
        result
    }

    async fn inventory(&self) -> Result<Option<Inventory>, SourceError> {
        self.source.inventory().await
    }

    fn counters(&self) -> Vec<Counter> {
        self.source.counters()
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recorded").field(&self.source).finish()
    }
}

/// Passes events on until the source ends, whose end ends the sink.
async fn pass_on(mut receiver: EventReceiver, sink: EventSink, tape: Arc<Tape>, name: String) {
    while let Some(event) = receiver.recv().await {
        if let Some(message) = Message::of_event(&event) {
            tape.put(&name, message);
        }
        sink.send(event);
    }
    tape.put(&name, Message::Stopped);
}

/// Ends the passing on before the watch, whose end is not the source's own.
struct Guard {
    _watch: Watch,
    passing: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.passing.abort();
    }
}

/// A call that is under way. One that is given up, or that panics, has failed too.
struct Begun<'a> {
    recorded: &'a Recorded,
    call: Call,
    is_over: bool,
}

impl Begun<'_> {
    fn over(mut self) {
        self.is_over = true;
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let error = SourceError::new(ErrorKind::Timeout, "no answer was waited for any longer");
            let error = Failure::from(&error);
            self.recorded.put(Message::Failed { call: self.call, error });
        }
    }
}
