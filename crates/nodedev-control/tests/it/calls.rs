//! What clients can ask for, over an mdevctl that does what it is asked and a kernel that follows.

mod table;

use std::time::Duration;

use nodedev_control::{
    Refusal, Scrutiny, Update, create, define, set_autostart, start, stop, undefine, update,
};
use nodedev_registry::{Action, MdevConfig, Registry, Subscription};
use nodedev_source_testkit::{Asked, ScriptedHost};
use nodedev_types::fields::{device, mdev};
use nodedev_types::{DeviceName, Fields, SourceId};

use crate::host::{Host, MDEV, id};
use crate::mediated::own_document;
use table::{Row, TABLE};

/// What the device is before.
#[derive(Debug, Clone, Copy)]
enum Before {
    Defined { mdev_type: &'static str, autostart: bool },
    Running(&'static str),
}

/// What is asked, with the type in the document.
#[derive(Debug, Clone, Copy)]
enum Call {
    Define(&'static str),
    Create(&'static str),
    Start,
    Destroy,
    Undefine,
    Autostart(bool),
    UpdateConfig(&'static str),
    UpdateLive(&'static str),
}

impl Call {
    async fn make(self, registry: &Registry) -> Result<(), Refusal> {
        let name = DeviceName::new(MDEV);
        let (live, config) =
            (Update { live: true, config: false }, Update { live: false, config: true });
        match self {
            Self::Define(of) => define(registry, &own_document(of), Scrutiny::Lax).await.map(drop),
            Self::Create(of) => create(registry, &own_document(of), Scrutiny::Lax).await.map(drop),
            Self::Start => start(registry, &name).await,
            Self::Destroy => stop(registry, &name).await,
            Self::Undefine => undefine(registry, &name).await,
            Self::Autostart(autostart) => set_autostart(registry, &name, autostart).await,
            Self::UpdateConfig(of) => update(registry, &name, &own_document(of), config).await,
            Self::UpdateLive(of) => update(registry, &name, &own_document(of), live).await,
        }
    }
}

/// mdevctl and the kernel.
struct World {
    kernel: ScriptedHost,
    mdevctl: ScriptedHost,
}

impl World {
    fn obey(&self, asked: Asked) {
        match &asked.action {
            Action::Define { config, .. } => self.write(Some(config)),
            Action::Modify { config, defined: true, .. } => {
                let autostart = self.definition().get(device::AUTOSTART).unwrap_or_default();
                self.write(Some(&MdevConfig { autostart, ..config.clone() }));
            }
            Action::Modify { config, .. } => {
                let mut fields = Fields::new();
                fields.set(mdev::ATTRIBUTES, config.attributes.clone());
                self.quietly(|tool| tool.set_on(&active(), &id(), fields));
            }
            Action::Create { config, .. } => self.run(&config.mdev_type),
            Action::Start(_) => {
                let definition = self.definition();
                self.run(definition.get(mdev::DEFINED_TYPE).unwrap_or_default());
            }
            Action::Stop(_) => self.kernel.remove(&id()),
            Action::Undefine(_) => self.write(None),
            Action::SetAutostart { autostart, .. } => {
                let mut fields = self.definition();
                fields.set(device::AUTOSTART, *autostart);
                self.quietly(|tool| tool.set_on(&defined(), &id(), fields));
            }
            other => panic!("{other:?}"),
        }
        asked.done(Some(id()));
    }

    fn definition(&self) -> Fields {
        self.mdevctl.fields(&id()).unwrap_or_default()
    }

    fn run(&self, mdev_type: &str) {
        self.kernel.set(&id(), Host::running(mdev_type));
    }

    fn write(&self, config: Option<&MdevConfig>) {
        let fields = config.map(|config| {
            let mut fields = Host::defined(&config.mdev_type, config.autostart);
            fields.set(mdev::DEFINED_ATTRIBUTES, config.attributes.clone());
            fields
        });
        self.quietly(|tool| match fields {
            Some(fields) => tool.set_on(&defined(), &id(), fields),
            None => tool.remove_on(&defined(), &id()),
        });
    }

    /// mdevctl writes a file and says nothing by itself.
    fn quietly(&self, change: impl FnOnce(&ScriptedHost)) {
        self.mdevctl.lose_events(true);
        change(&self.mdevctl);
        self.mdevctl.lose_events(false);
    }
}

fn defined() -> SourceId {
    SourceId::new(SourceId::MDEVCTL_DEFINED)
}

fn active() -> SourceId {
    SourceId::new(SourceId::MDEVCTL_ACTIVE)
}

fn state(registry: &Registry) -> (String, [Option<String>; 2]) {
    let snapshot = registry.snapshot();
    let Some(found) = snapshot.device(MDEV) else { return (String::new(), [None, None]) };
    let flags = [
        (found.active, "active"),
        (found.persistent, "persistent"),
        (found.autostart, "autostart"),
    ];
    let set: Vec<_> = flags.iter().filter(|(is, _)| *is).map(|(_, flag)| *flag).collect();
    let types = [found.fields.get(mdev::TYPE), found.fields.get(mdev::DEFINED_TYPE)];
    (set.join(" "), types.map(|of| of.map(str::to_owned)))
}

/// Everything that is told until nothing more is; all of it is about the device.
async fn all_told(events: &mut Subscription) -> Vec<String> {
    let long = Duration::from_secs(30);
    let mut all = Vec::new();
    while let Ok(Ok(batch)) = tokio::time::timeout(long, events.next()).await {
        for change in &batch.changes {
            assert_eq!(change.name.as_str(), MDEV);
            all.push(change.kind.to_string());
        }
    }
    all
}

async fn go_through(row: &Row) {
    let Row { what, before, call, refused, after, types, told } = row;
    let mut host = Host::start().await;
    for before in *before {
        match *before {
            Before::Defined { mdev_type, autostart } => host.define(mdev_type, autostart).await,
            Before::Running(mdev_type) => host.run(mdev_type).await,
        }
    }
    let world = World { kernel: host.kernel.clone(), mdevctl: host.mdevctl.clone() };
    let (_, mut events) = host.registry.subscribe();
    let obeying = async {
        while let Some(asked) = host.acts.next().await {
            world.obey(asked);
        }
    };
    let answer = tokio::select! {
        answer = call.make(&host.registry) => answer,
        () = obeying => panic!("{what}: nobody is in control"),
    };
    // At once: whoever has the answer sees what was done.
    let (flags, shown) = state(&host.registry);
    assert_eq!(
        (flags.as_str(), shown.each_ref().map(Option::as_deref)),
        (*after, *types),
        "{what}"
    );
    let refused = refused.map(|text| text.replace("DEVICE", MDEV));
    assert_eq!(answer.err().map(|refusal| refusal.to_string()), refused, "{what}");
    assert_eq!(all_told(&mut events).await, *told, "{what}");
}

#[tokio::test(start_paused = true)]
async fn every_call_is_answered_in_its_state_and_tells_its_events() {
    for row in TABLE {
        go_through(row).await;
    }
}
