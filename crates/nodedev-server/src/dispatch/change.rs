//! Calls that change devices: flags are judged here, all else by `nodedev-control`.

use std::future::Future;
use std::sync::Arc;

use nodedev_control::{Refusal, Scrutiny, Update};
use nodedev_rpc::{
    DeviceFlagsArgs, DocumentArgs, NodeDevice, Reply, SetAutostartArgs, UPDATE_CONFIG, UPDATE_LIVE,
    UpdateArgs, XML_VALIDATE,
};
use nodedev_types::DeviceName;

use super::{Answered, flags};
use crate::session::Shared;
use crate::virt_error::{self, Failure};

type Begun = Result<Answered, Failure>;

pub(super) fn create_document(shared: &Arc<Shared>, args: DocumentArgs) -> Begun {
    flags::check(args.flags, XML_VALIDATE, "nodeDeviceCreateXML")?;
    let shared = Arc::clone(shared);
    Ok(answer(async move {
        let scrutiny = scrutiny(args.flags);
        let name = nodedev_control::create(&shared.registry, &args.xml, scrutiny).await?;
        Ok(Reply::NodeDeviceCreateXml(named(&name)))
    }))
}

pub(super) fn define_document(shared: &Arc<Shared>, args: DocumentArgs) -> Begun {
    flags::check(args.flags, XML_VALIDATE, "nodeDeviceDefineXML")?;
    let shared = Arc::clone(shared);
    Ok(answer(async move {
        let scrutiny = scrutiny(args.flags);
        let name = nodedev_control::define(&shared.registry, &args.xml, scrutiny).await?;
        Ok(Reply::NodeDeviceDefineXml(named(&name)))
    }))
}

pub(super) fn start(shared: &Arc<Shared>, args: DeviceFlagsArgs) -> Begun {
    flags::check(args.flags, 0, "nodeDeviceCreate")?;
    let shared = Arc::clone(shared);
    Ok(answer(async move {
        nodedev_control::start(&shared.registry, &DeviceName::new(&args.name)).await?;
        Ok(Reply::NodeDeviceCreate(()))
    }))
}

pub(super) fn stop(shared: &Arc<Shared>, args: NodeDevice) -> Begun {
    let shared = Arc::clone(shared);
    Ok(answer(async move {
        nodedev_control::stop(&shared.registry, &DeviceName::new(&args.name)).await?;
        Ok(Reply::NodeDeviceDestroy(()))
    }))
}

pub(super) fn undefine(shared: &Arc<Shared>, args: DeviceFlagsArgs) -> Begun {
    flags::check(args.flags, 0, "nodeDeviceUndefine")?;
    let shared = Arc::clone(shared);
    Ok(answer(async move {
        nodedev_control::undefine(&shared.registry, &DeviceName::new(&args.name)).await?;
        Ok(Reply::NodeDeviceUndefine(()))
    }))
}

pub(super) fn set_autostart(shared: &Arc<Shared>, args: SetAutostartArgs) -> Begun {
    let shared = Arc::clone(shared);
    Ok(answer(async move {
        let (name, autostart) = (DeviceName::new(&args.name), args.autostart != 0);
        nodedev_control::set_autostart(&shared.registry, &name, autostart).await?;
        Ok(Reply::NodeDeviceSetAutostart(()))
    }))
}

pub(super) fn update(shared: &Arc<Shared>, args: UpdateArgs) -> Begun {
    flags::check(args.flags, UPDATE_LIVE | UPDATE_CONFIG, "nodeDeviceUpdate")?;
    let shared = Arc::clone(shared);
    let what =
        Update { live: args.flags & UPDATE_LIVE != 0, config: args.flags & UPDATE_CONFIG != 0 };
    Ok(answer(async move {
        let name = DeviceName::new(&args.name);
        nodedev_control::update(&shared.registry, &name, &args.xml, what).await?;
        Ok(Reply::NodeDeviceUpdate(()))
    }))
}

/// Whether the client wants the document's form checked.
const fn scrutiny(flags: u32) -> Scrutiny {
    if flags & XML_VALIDATE != 0 { Scrutiny::Schema } else { Scrutiny::Lax }
}

/// An action takes its time; other calls of the client are answered meanwhile.
fn answer(doing: impl Future<Output = Result<Reply, Refusal>> + Send + 'static) -> Answered {
    Answered::later(
        async move { doing.await.map_err(|refusal| virt_error::from_refusal(&refusal)) },
    )
}

fn named(name: &DeviceName) -> NodeDevice {
    NodeDevice { name: name.to_string() }
}
