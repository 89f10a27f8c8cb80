//! The calls that are made of both daemons.

use anyhow::Result as Tried;
use nodedev_rpc::{
    DeviceFlagsArgs, DocumentArgs, NodeDevice, SetAutostartArgs, UPDATE_CONFIG, UPDATE_LIVE,
    UpdateArgs, XML_VALIDATE, procedures,
};

use super::client::{Client, Refusal};

/// The device that runs, and one that is only defined.
const RUNNING: &str = "mdev_11111111_2222_4333_8444_555555555555_0000_00_02_0";
const DEFINED: &str = "mdev_22222222_2222_4333_8444_555555555555_0000_00_02_0";
/// A device of another kind. libvirt hangs for ever if it is the parent in the document as well.
const OTHER: &str = "usb_usb1";
const ABSENT: &str = "absent";

/// A call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Define(u32),
    Create(u32),
    Update(&'static str, u32),
    Start(&'static str, u32),
    Stop(&'static str),
    Undefine(&'static str, u32),
    Autostart(&'static str, i32),
}

/// A device's name, or what speaks against it.
pub(super) type Answer = Result<String, Refusal>;

impl Call {
    /// Those with a document.
    pub(super) const WITH_DOCUMENT: [Self; 11] = [
        Self::Define(0),
        Self::Define(XML_VALIDATE),
        Self::Create(0),
        Self::Create(XML_VALIDATE),
        Self::Update(RUNNING, 0),
        Self::Update(RUNNING, UPDATE_LIVE),
        Self::Update(RUNNING, UPDATE_CONFIG),
        Self::Update(DEFINED, 0),
        Self::Update(DEFINED, UPDATE_LIVE | UPDATE_CONFIG),
        Self::Update(OTHER, 0),
        Self::Update(ABSENT, 0),
    ];

    /// Those without, and those that are refused before the document is looked at.
    pub(super) fn without_document() -> Vec<Self> {
        let mut calls = vec![
            Self::Define(2),
            Self::Create(2),
            Self::Update(RUNNING, 4),
            Self::Start(DEFINED, 1),
            Self::Undefine(DEFINED, 1),
        ];
        for name in [RUNNING, DEFINED, OTHER, "computer", ABSENT] {
            calls.extend([
                Self::Start(name, 0),
                Self::Stop(name),
                Self::Undefine(name, 0),
                Self::Autostart(name, 0),
                Self::Autostart(name, 1),
            ]);
        }
        calls
    }

    pub(super) fn make(self, client: &mut Client, document: &str) -> Tried<Answer> {
        let xml = document.to_owned();
        let of = |name: &str| name.to_owned();
        let done = match self {
            Self::Define(flags) => {
                let args = DocumentArgs { xml, flags };
                let made = client.call::<procedures::NodeDeviceDefineXml>(&args)?;
                return Ok(made.map(|device| device.name));
            }
            Self::Create(flags) => {
                let args = DocumentArgs { xml, flags };
                let made = client.call::<procedures::NodeDeviceCreateXml>(&args)?;
                return Ok(made.map(|device| device.name));
            }
            Self::Update(name, flags) => client.call::<procedures::NodeDeviceUpdate>(&UpdateArgs {
                name: of(name),
                xml,
                flags,
            }),
            Self::Start(name, flags) => client
                .call::<procedures::NodeDeviceCreate>(&DeviceFlagsArgs { name: of(name), flags }),
            Self::Stop(name) => {
                client.call::<procedures::NodeDeviceDestroy>(&NodeDevice { name: of(name) })
            }
            Self::Undefine(name, flags) => client
                .call::<procedures::NodeDeviceUndefine>(&DeviceFlagsArgs { name: of(name), flags }),
            Self::Autostart(name, autostart) => {
                client.call::<procedures::NodeDeviceSetAutostart>(&SetAutostartArgs {
                    name: of(name),
                    autostart,
                })
            }
        };
        Ok(done?.map(|()| String::new()))
    }
}
