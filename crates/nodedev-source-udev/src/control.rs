//! Virtual ports of Fibre Channel hosts: made and removed by writing to the host's class attributes.
//!
//! The only place of this crate that writes to a file. Whether the port appears or goes is told by
//! events like that of any device.

use std::fs::OpenOptions;
use std::io::{ErrorKind as Io, Write as _};
use std::path::Path;
use std::sync::Arc;

use nodedev_source::{Action, ErrorKind, NodeDeviceControl, SourceError, async_trait};
use nodedev_types::{Capability, DeviceId};
use tokio::task::spawn_blocking;

use crate::source::UdevSource;

/// Where the kernel takes such orders: the transport's class first, then that of drivers which have
/// their own.
const CLASSES: [&str; 2] = ["sys/class/fc_host", "sys/class/scsi_host"];

/// How many writes may hang: each holds a thread, which nobody can call back.
pub(crate) const WRITERS: usize = 8;

#[async_trait]
impl NodeDeviceControl for UdevSource {
    fn controls(&self) -> Vec<Capability> {
        vec![Capability::ScsiHost]
    }

    #[tracing::instrument(level = "debug", skip(self), fields(source = "udev"))]
    async fn perform(&self, action: Action) -> Result<Option<DeviceId>, SourceError> {
        let (order, host, wwnn, wwpn) = match action {
            Action::CreateVport { host, wwnn, wwpn } => ("vport_create", host, wwnn, wwpn),
            Action::DeleteVport { host, wwnn, wwpn } => ("vport_delete", host, wwnn, wwpn),
            other => {
                let message = format!("no source of {:?} devices", other.capability());
                return Err(SourceError::new(ErrorKind::Unsupported, message));
            }
        };
        let root = self.root().to_owned();
        let names = format!("{wwpn}:{wwnn}");
        // Whoever ordered it gives up when that takes too long; it is never begun then.
        let place = Arc::clone(self.writers()).acquire_owned().await.map_err(|closed| {
            SourceError::new(ErrorKind::Bug, format!("{order}: no place")).with_source(closed)
        })?;
        let writing = spawn_blocking(move || {
            // Held as long as the kernel takes, even if nobody waits any more.
            let _place = place;
            write(&root, order, &host_name(&host)?, &names)
        });
        writing.await.map_err(|error| {
            let message = format!("{order}: writing panicked");
            SourceError::new(ErrorKind::Bug, message).with_source(error)
        })??;
        // The port becomes a device of its own, whose path nobody knows beforehand.
        Ok(None)
    }
}

/// `host5`, from the path of a SCSI host.
fn host_name(host: &DeviceId) -> Result<String, SourceError> {
    let name = match host {
        DeviceId::Sysfs(path) => path.as_str().rsplit('/').next(),
        _ => None,
    };
    let is_host = |name: &&str| {
        let number = name.strip_prefix("host").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.filter(is_host).map(str::to_owned).ok_or_else(|| {
        SourceError::new(ErrorKind::InvalidArgument, format!("{host}: is no SCSI host"))
    })
}

fn write(root: &Path, order: &str, host: &str, names: &str) -> Result<(), SourceError> {
    for class in CLASSES {
        let file = root.join(class).join(host).join(order);
        let mut opened = match OpenOptions::new().write(true).open(&file) {
            Err(error) if error.kind() == Io::NotFound => continue,
            other => other.map_err(|error| refused(&file, error))?,
        };
        return opened.write_all(names.as_bytes()).map_err(|error| refused(&file, error));
    }
    let message = format!("{host}: takes no virtual ports: there is no {order}");
    Err(SourceError::new(ErrorKind::Unsupported, message))
}

fn refused(file: &Path, error: std::io::Error) -> SourceError {
    let kind = match error.kind() {
        Io::PermissionDenied => ErrorKind::PermissionDenied,
        _ => ErrorKind::Failed,
    };
    SourceError::new(kind, file.display().to_string()).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::OpenOptionsExt as _;

    use nix::sys::stat::Mode;

    use super::*;
    use crate::config::UdevConfig;

    #[test]
    fn the_port_name_comes_first_and_the_class_of_the_transport_too() {
        let root = tempfile::tempdir().unwrap();
        for class in CLASSES {
            fs::create_dir_all(root.path().join(class).join("host5")).unwrap();
        }
        let file = |class: &str| root.path().join(class).join("host5/vport_create");
        let error = write(root.path(), "vport_create", "host5", "p:n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        fs::write(file(CLASSES[1]), "").unwrap();
        write(root.path(), "vport_create", "host5", "p:n").unwrap();
        assert_eq!(fs::read_to_string(file(CLASSES[1])).unwrap(), "p:n");
        fs::write(file(CLASSES[0]), "").unwrap();
        write(root.path(), "vport_create", "host5", "q:n").unwrap();
        assert_eq!(fs::read_to_string(file(CLASSES[0])).unwrap(), "q:n");
        assert_eq!(fs::read_to_string(file(CLASSES[1])).unwrap(), "p:n");
    }

    #[tokio::test]
    async fn orders_that_hang_are_so_many_and_no_more() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(CLASSES[0]).join("host5");
        fs::create_dir_all(&folder).unwrap();
        // Opening it holds who writes until somebody reads.
        let pipe = folder.join("vport_create");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let source = UdevSource::new(UdevConfig::default().with_root(root.path()));
        let order = || Action::CreateVport {
            host: DeviceId::sysfs("/sys/devices/x/host5").unwrap(),
            wwnn: "n".to_owned(),
            wwpn: "p".to_owned(),
        };
        let mut orders: Vec<_> = (0..WRITERS).map(|_| source.perform(order())).collect();
        for order in &mut orders {
            // Who ordered gives up at once; the thread hangs on.
            assert!(poll_once(order).is_none());
        }
        drop(orders);
        let mut further = source.perform(order());
        assert!(poll_once(&mut further).is_none() && poll_once(&mut further).is_none());
        assert_eq!(source.writers().available_permits(), 0);
        drop(further);
        let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
        let _reader = OpenOptions::new().read(true).custom_flags(flags).open(&pipe).unwrap();
        let places = source.writers().acquire_many(WRITERS as u32).await;
        assert!(places.is_ok(), "all have come back");
    }

    /// What is there of it without waiting.
    fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        use std::task::{Context, Poll, Waker};
        match std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn only_a_scsi_host_is_written_to() {
        let host = |path: &str| host_name(&DeviceId::sysfs(path).unwrap()).ok();
        assert_eq!(host("/sys/devices/pci0000:00/host12").as_deref(), Some("host12"));
        for path in ["/sys/devices/x/host", "/sys/devices/x/hosts1", "/sys/devices/x/target0:0:0"] {
            assert_eq!(host(path), None);
        }
        assert!(host_name(&DeviceId::Computer).is_err());
    }
}
