//! Having something done, and how a refusal reads.

use nodedev_control::{Refusal, Scrutiny, Update};
use nodedev_registry::{ActionError, Registry};
use nodedev_types::DeviceName;

use crate::Error;
use crate::message::{Action, Described, Done};

/// Has it done. Whether the caller may is judged elsewhere.
///
/// # Errors
///
/// [`Error::NoSuchDevice`], [`Error::ActionRefused`] where nothing was tried, [`Error::ActionFailed`]
/// where it did not succeed, or [`Error::Ended`].
pub async fn act(registry: &Registry, action: &Action) -> Result<Done, Error> {
    let done = match action {
        Action::Define(what) => {
            nodedev_control::define(registry, &what.document, scrutiny(what)).await
        }
        Action::Create(what) => {
            nodedev_control::create(registry, &what.document, scrutiny(what)).await
        }
        Action::Start(device) => {
            kept(&device.name, nodedev_control::start(registry, &device.name).await)
        }
        Action::Stop(device) => {
            kept(&device.name, nodedev_control::stop(registry, &device.name).await)
        }
        Action::Undefine(device) => {
            kept(&device.name, nodedev_control::undefine(registry, &device.name).await)
        }
        Action::SetAutostart(what) => {
            let set = nodedev_control::set_autostart(registry, &what.name, what.autostart).await;
            kept(&what.name, set)
        }
        Action::Update(what) => {
            let [live, config] = [what.live, what.config].map(Option::unwrap_or_default);
            let (name, document) = (&what.name, &what.document);
            let update = Update { live, config };
            kept(name, nodedev_control::update(registry, name, document, update).await)
        }
    };
    done.map(|name| Done { name }).map_err(refused)
}

fn scrutiny(what: &Described) -> Scrutiny {
    if what.validate == Some(true) { Scrutiny::Schema } else { Scrutiny::Lax }
}

fn kept(name: &DeviceName, done: Result<(), Refusal>) -> Result<DeviceName, Refusal> {
    done.map(|()| name.clone())
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NoSuchDevice(name) => Error::NoSuchDevice { name },
        Refusal::Failed { error: ActionError::Closed, .. } => Error::Ended,
        Refusal::Failed { .. } => Error::ActionFailed { reason: refusal.to_string() },
        other => Error::ActionRefused { reason: in_full(&other) },
    }
}

/// With every cause behind it: what is wrong with a document is told by its reader.
fn in_full(refusal: &Refusal) -> String {
    let causes = std::iter::successors(std::error::Error::source(refusal), |cause| cause.source());
    causes.fold(refusal.to_string(), |text, cause| format!("{text}: {cause}"))
}
