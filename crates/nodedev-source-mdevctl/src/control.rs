//! Changing mediated devices: one run of mdevctl for each action, and what it is told.
//!
//! Never writes into sysfs or the configuration directory itself, and never judges whether an action
//! makes sense: mdevctl and the kernel do. Says nothing of the result but mdevctl's own word.

use std::path::PathBuf;

use nodedev_source::{Action, ErrorKind, MdevConfig, NodeDeviceControl, SourceError, async_trait};
use nodedev_types::{Capability, DeviceId, MdevUuid};
use serde_json::json;

use crate::command::{self, Output, Run, WORDS};
use crate::files::Unseen;
use crate::left_behind::LeftBehind;
use crate::source::MdevctlSource;
use crate::{definitions, in_use};

#[async_trait]
impl NodeDeviceControl for MdevctlSource {
    fn controls(&self) -> Vec<Capability> {
        vec![Capability::Mdev]
    }

    #[tracing::instrument(level = "debug", skip(self), fields(source = "mdevctl"))]
    async fn perform(&self, action: Action) -> Result<Option<DeviceId>, SourceError> {
        match action {
            Action::Define { parent, uuid, config } => {
                self.make("define", &parent, uuid.as_deref(), &config).await
            }
            Action::Create { parent, uuid, config } => {
                self.make("start", &parent, uuid.as_deref(), &config).await
            }
            Action::Start(device) => self.by_uuid("start", device, None).await,
            Action::Undefine(device) => self.by_uuid("undefine", device, None).await,
            Action::SetAutostart { device, autostart } => {
                let flag = if autostart { "--auto" } else { "--manual" };
                self.by_uuid("modify", device, Some(flag)).await
            }
            Action::Stop(device) => self.stop(device).await,
            Action::Modify { device, config, live, defined } => {
                self.modify(device, &config, live, defined).await
            }
            other => Err(SourceError::new(
                ErrorKind::Unsupported,
                format!("mdevctl changes mediated devices only: {:?}", other.capability()),
            )),
        }
    }
}

impl MdevctlSource {
    /// `define` and `start` of what has no definition yet; mdevctl chooses a missing uuid and tells it.
    async fn make(
        &self,
        command: &str,
        parent: &str,
        uuid: Option<&str>,
        config: &MdevConfig,
    ) -> Result<Option<DeviceId>, SourceError> {
        let mut arguments = vec![
            command.to_owned(),
            format!("--parent={parent}"),
            "--jsonfile=/dev/stdin".to_owned(),
        ];
        arguments.extend(uuid.map(|uuid| format!("--uuid={uuid}")));
        let output = self.act(&arguments, &document(config)).await?;
        let uuid = match uuid {
            Some(uuid) => uuid.to_owned(),
            None => told_uuid(&arguments, &output)?,
        };
        Ok(Some(DeviceId::mdev(&uuid, parent)))
    }

    /// What mdevctl finds by the uuid alone, unless several parents have a definition of that uuid.
    async fn by_uuid(
        &self,
        command: &str,
        device: DeviceId,
        flag: Option<&str>,
    ) -> Result<Option<DeviceId>, SourceError> {
        let (uuid, parent) = mdev(&device)?;
        let mut arguments = vec![command.to_owned()];
        match flag {
            // Both forms mean the same to mdevctl; these are the ones that libvirt uses.
            Some(flag) => arguments.extend(["--uuid", uuid.as_str(), flag].map(str::to_owned)),
            None => arguments.push(format!("--uuid={uuid}")),
        }
        if self.is_ambiguous(&device).await {
            arguments.push(format!("--parent={parent}"));
        }
        self.act(&arguments, &[]).await?;
        Ok(Some(device))
    }

    async fn stop(&self, device: DeviceId) -> Result<Option<DeviceId>, SourceError> {
        let (uuid, _) = mdev(&device)?;
        let (root, of) = (self.config().root.clone(), uuid.clone());
        // The kernel would let mdevctl wait until the last user has gone.
        let deadline = self.config().deadline;
        let users = move || in_use::check(&root, of.as_str());
        self.files().look_within(deadline, users).await.map_err(|unseen| match unseen {
            Unseen::Panicked(error) => {
                let message = format!("{uuid}: looking for its users panicked");
                SourceError::new(ErrorKind::Bug, message).with_source(error)
            }
            Unseen::Late => {
                let message =
                    format!("{uuid}: whether it is in use is not known within {deadline:?}");
                SourceError::new(ErrorKind::Timeout, message)
            }
        })??;
        // A uuid runs below one parent only.
        self.act(&["stop".to_owned(), format!("--uuid={uuid}")], &[]).await?;
        Ok(Some(device))
    }

    async fn modify(
        &self,
        device: DeviceId,
        config: &MdevConfig,
        live: bool,
        defined: bool,
    ) -> Result<Option<DeviceId>, SourceError> {
        self.require_modify().await?;
        let (uuid, parent) = mdev(&device)?;
        let mut arguments = vec![
            "modify".to_owned(),
            format!("--parent={parent}"),
            "--jsonfile=/dev/stdin".to_owned(),
            format!("--uuid={uuid}"),
        ];
        arguments.extend(defined.then(|| "--defined".to_owned()));
        arguments.extend(live.then(|| "--live".to_owned()));
        self.act(&arguments, &document(config)).await?;
        Ok(Some(device))
    }

    /// Whether this mdevctl can change what is there (since 1.3): the options are tried on its help.
    async fn require_modify(&self) -> Result<(), SourceError> {
        const PROBE: [&str; 6] = ["modify", "--defined", "--live", "--jsonfile", "b", "--help"];
        let output = self.start(&PROBE, &[], None).await?;
        if output.status.success() {
            return Ok(());
        }
        let version = self.version(&self.program()?).await;
        let version = version.unwrap_or_else(|| "this mdevctl".to_owned());
        let message = format!(
            "{version} cannot change a mediated device, mdevctl 1.3 can; it can be undefined and defined anew"
        );
        Err(SourceError::new(ErrorKind::Unsupported, message))
    }

    /// Runs mdevctl, which must succeed.
    async fn act(&self, arguments: &[String], input: &[u8]) -> Result<Output, SourceError> {
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = self.start(&words, input, Some(self.left_behind())).await?;
        if output.status.success() {
            tracing::info!(source = "mdevctl", arguments = words.join(" "), "done");
            return Ok(output);
        }
        let message = format!("mdevctl {}: {}", words.join(" "), output.complaint());
        Err(SourceError::new(ErrorKind::Failed, message))
    }

    async fn start(
        &self,
        arguments: &[&str],
        input: &[u8],
        may_leave: Option<&LeftBehind>,
    ) -> Result<Output, SourceError> {
        let deadline = self.config().action_deadline;
        let run = Run { arguments, input, deadline, keeps: WORDS, may_leave };
        command::run(self.config(), self.counts(), &self.program()?, run).await
    }

    fn program(&self) -> Result<PathBuf, SourceError> {
        command::locate(&self.config().program).ok_or_else(|| {
            let message = format!("{}: mdevctl is not there", self.config().program.display());
            SourceError::new(ErrorKind::Unavailable, message)
        })
    }

    async fn is_ambiguous(&self, device: &DeviceId) -> bool {
        let (config, device) = (self.config().clone(), device.clone());
        let looking = move || definitions::has_namesake(&config, &device);
        // Where the directory does not answer, mdevctl will say why.
        matches!(self.files().look_within(self.config().deadline, looking).await, Ok(true))
    }
}

fn mdev(device: &DeviceId) -> Result<(MdevUuid, &str), SourceError> {
    match device {
        DeviceId::Mdev { uuid, parent } => Ok((uuid.clone(), parent)),
        other => {
            let message = format!("{other}: no mediated device");
            Err(SourceError::new(ErrorKind::InvalidArgument, message))
        }
    }
}

/// What mdevctl reads: the keys and their order are those that libvirt sends.
fn document(config: &MdevConfig) -> Vec<u8> {
    let text = |value: &str| json!(value).to_string();
    let start = if config.autostart { "auto" } else { "manual" };
    let mut json = format!("{{\"mdev_type\":{},\"start\":\"{start}\"", text(&config.mdev_type));
    if !config.attributes.is_empty() {
        let attribute =
            |a: &nodedev_types::MdevAttribute| format!("{{{}:{}}}", text(&a.name), text(&a.value));
        let attributes: Vec<_> = config.attributes.iter().map(attribute).collect();
        json.push_str(&format!(",\"attrs\":[{}]", attributes.join(",")));
    }
    json.push('}');
    json.into_bytes()
}

fn told_uuid(arguments: &[String], output: &Output) -> Result<String, SourceError> {
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if MdevUuid::new(&told).is_valid() {
        return Ok(told);
    }
    let shown: String = told.chars().take(80).flat_map(char::escape_debug).collect();
    let message = format!("mdevctl {}: told no uuid but `{shown}`", arguments.join(" "));
    Err(SourceError::new(ErrorKind::Malformed, message))
}

#[cfg(test)]
mod tests {
    use nodedev_types::MdevAttribute;

    use super::*;

    #[test]
    fn mdevctl_is_told_type_start_and_attributes_in_this_order() {
        let mut config =
            MdevConfig { mdev_type: "a\"b".into(), attributes: Vec::new(), autostart: false };
        let text = |config: &MdevConfig| String::from_utf8(document(config)).unwrap();
        assert_eq!(text(&config), r#"{"mdev_type":"a\"b","start":"manual"}"#);
        config.autostart = true;
        for (name, value) in [("z", "1"), ("a", "x y"), ("z", "2")] {
            config.attributes.push(MdevAttribute { name: name.into(), value: value.into() });
        }
        let expected =
            r#"{"mdev_type":"a\"b","start":"auto","attrs":[{"z":"1"},{"a":"x y"},{"z":"2"}]}"#;
        assert_eq!(text(&config), expected);
        serde_json::from_str::<serde_json::Value>(&text(&config)).unwrap();
    }
}
