//! The list of the sources, or of a recording, run in this process.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use nodedev_driver::DriverConfig;
use nodedev_driver::registry::Registry;
use nodedev_recording::{Recording, Replay, Speed};
use nodedev_types::DeviceName;
use nodedev_varlink::answer::{self, Follower};
use nodedev_varlink::{Action, Done, Explanation, Filter, Found, List, Since, Sources, WatchReply};

use crate::args::Args;
use crate::output::Output;
use crate::replay;
use crate::status::Failure;

/// How long the end may take: what was to be done has been done, so nothing is lost after that.
pub(crate) const CLOSE: Duration = Duration::from_secs(1);

/// A registry of our own.
#[derive(Debug)]
pub(crate) struct Local {
    registry: Registry,
    /// What it is of, unless it is of this host.
    recording: Option<String>,
}

/// Settings of the sources, as the command line has them.
pub(crate) fn driver_config(args: &Args) -> Result<DriverConfig, Failure> {
    let mut config = DriverConfig::default();
    if let Some(program) = &args.mdevctl {
        // A bare name may be missing, an ordinary host has no mdevctl; a path was meant.
        if program.components().count() > 1 && !program.exists() {
            let program = program.display();
            return Err(Failure::Other(format!("--mdevctl {program}: there is no such program")));
        }
        config.mdevctl.program.clone_from(program);
    }
    config.udev.host_uuid.clone_from(&args.host_uuid);
    Ok(config)
}

/// Reads a recording, and tells what of it cannot be used.
pub(crate) fn read_recording(file: &Path, output: &Output) -> Result<Recording, Failure> {
    let failed =
        |doing: &str, error| Failure::other(&format!("{}: {doing}", file.display()), error);
    let input: Box<dyn BufRead> = match file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => {
            let opened = File::open(file);
            Box::new(BufReader::new(opened.map_err(|error| failed("cannot be opened", error))?))
        }
    };
    let read = Recording::read(input);
    let recording = read.map_err(|error| Failure::other(&file.display().to_string(), error))?;
    for problem in &recording.problems {
        output.warning(format_args!("{}: {problem}", file.display()));
    }
    Ok(recording)
}

impl Local {
    /// Starts the sources and waits until the list is complete.
    pub(crate) async fn open(args: &Args) -> Result<Self, Failure> {
        let started = nodedev_driver::start(driver_config(args)?, []);
        let registry =
            started.map_err(|error| Failure::other("cannot start the sources", error))?;
        registry.ready().await;
        Ok(Self::of(registry))
    }

    /// Plays a recording and waits until the list is what it was in the end.
    pub(crate) async fn replay(file: &Path, output: &Output) -> Result<Self, Failure> {
        let played = Replay::new(read_recording(file, output)?, Speed::Unpaced);
        let registry = replay::start(&played)?;
        replay::settled(&played, &registry, output).await;
        Ok(Self { registry, recording: Some(file.display().to_string()) })
    }

    /// Over a registry that runs.
    pub(crate) const fn of(registry: Registry) -> Self {
        Self { registry, recording: None }
    }

    /// Who answers, for people.
    pub(crate) fn who(&self) -> String {
        match &self.recording {
            Some(file) => format!("the recording {file}"),
            None => "this process".to_owned(),
        }
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
