//! The procedures that this project knows by their arguments: one table, from which the numbers, the
//! types, the decoding of calls and the page of what is served are made.

use alloc::vec::Vec;

use crate::frame::{Frame, Header};
use crate::message::{
    AuthListReply, ConnectOpenArgs, DetachFlagsArgs, DeviceFlagsArgs, DocumentArgs,
    EventDeregisterArgs, EventRegisterArgs, LargeNumberReply, ListAllArgs, ListAllReply,
    ListCapsArgs, ListDevicesArgs, LookupByWwnArgs, NamesReply, NodeDevice, NumOfDevicesArgs,
    NumberReply, OptionalTextReply, PolkitReply, SaslInitReply, SaslReply, SaslStartArgs,
    SaslStepArgs, SetAutostartArgs, SetIdentityArgs, SupportsFeatureArgs, TextReply, UpdateArgs,
};
use crate::xdr::{DecodeError, EncodeError, Xdr, from_payload};

/// What a connection must have come to before a procedure may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing: it is part of authenticating.
    Connected,
    /// The client is known.
    Authenticated,
    /// `CONNECT_OPEN` has been answered.
    Open,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Served,
    /// It is refused as libvirt's node-device driver refuses it: not supported.
    Refused,
}

/// What is to be known of a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcedureInfo {
    /// Its number.
    pub number: i32,
    /// Its name in the protocol.
    pub name: &'static str,
    /// The function of libvirt's library that calls it.
    pub api: &'static str,
    /// When it may be called.
    pub stage: Stage,
    /// Whether it changes something, so that a read-only connection may not call it.
    pub changes: bool,
    /// What becomes of a call.
    pub answer: Answer,
}

/// A procedure with the types of its arguments and its answer.
pub trait Procedure {
    /// What is to be known of it.
    const INFO: ProcedureInfo;
    /// What it is called with.
    type Args: Xdr;
    /// What it answers.
    type Reply: Xdr;

    /// The frame of a call, as the bytes that travel.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when an argument is longer than the server accepts.
    fn call(serial: u32, args: &Self::Args) -> Result<Vec<u8>, EncodeError> {
        Frame::bytes_of(&Header::call(Self::INFO.number, serial), args)
    }

    /// The answer in the payload of a reply.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is none.
    fn reply(payload: &[u8]) -> Result<Self::Reply, DecodeError> {
        from_payload(payload)
    }
}

/// Why a frame is no call of a known procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No procedure of the table has that number.
    #[error("unknown procedure: {0}")]
    UnknownProcedure(i32),
    /// The arguments are not what they should be.
    #[error("the arguments cannot be read")]
    Arguments(#[from] DecodeError),
}

const fn changes(word: &str) -> bool {
    word.len() == "changes".len()
}

macro_rules! table {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal $api:literal
        $stage:ident $access:ident $answer:ident ($args:ty) -> $reply:ty;)*) => {
        /// A call with its arguments.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Call {
            $($(#[$doc])* $variant($args),)*
        }

        impl Call {
            /// The call that a frame with that number and payload is.
            ///
            /// # Errors
            ///
            /// [`CallError`] when it is none.
            pub fn decode(procedure: i32, payload: &[u8]) -> Result<Self, CallError> {
                match procedure {
                    $($number => Ok(Self::$variant(from_payload(payload)?)),)*
                    other => Err(CallError::UnknownProcedure(other)),
                }
            }

            /// What is to be known of its procedure.
            #[must_use]
            pub const fn info(&self) -> &'static ProcedureInfo {
                match self {
                    $(Self::$variant(_) => &<procedures::$variant as Procedure>::INFO,)*
                }
            }

            /// Appends the arguments.
            ///
            /// # Errors
            ///
            /// [`EncodeError`] when one is longer than the server accepts.
            pub fn encode_args(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(args) => args.encode(out),)*
                }
            }
        }

        /// Each procedure as a type, for clients.
        pub mod procedures {
            $($(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $variant;)*
        }

        $(impl Procedure for procedures::$variant {
            const INFO: ProcedureInfo = ProcedureInfo {
                number: $number,
                name: $name,
                api: $api,
                stage: Stage::$stage,
                changes: changes(stringify!($access)),
                answer: Answer::$answer,
            };
            type Args = $args;
            type Reply = $reply;
        })*

        /// All procedures that are known by their arguments.
        pub const PROCEDURES: &[ProcedureInfo] =
            &[$(<procedures::$variant as Procedure>::INFO,)*];

        /// An answer, by the procedure that it answers.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Reply {
            $($(#[$doc])* $variant($reply),)*
        }

        impl Reply {
            /// The answer that a payload is.
            ///
            /// # Errors
            ///
            /// [`CallError`] when it is none of that procedure.
            pub fn decode(procedure: i32, payload: &[u8]) -> Result<Self, CallError> {
                match procedure {
                    $($number => Ok(Self::$variant(from_payload(payload)?)),)*
                    other => Err(CallError::UnknownProcedure(other)),
                }
            }

            /// Appends the payload.
            ///
            /// # Errors
            ///
            /// [`EncodeError`] when something of it is longer than the client accepts.
            pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(reply) => reply.encode(out),)*
                }
            }
        }
    };
}

table! {
    /// Opens the connection.
    ConnectOpen = 1 "CONNECT_OPEN" "virConnectOpen" Authenticated reads Served (ConnectOpenArgs) -> ();
    /// Ends the connection.
    ConnectClose = 2 "CONNECT_CLOSE" "virConnectClose" Authenticated reads Served (()) -> ();
    /// Name of the driver.
    ConnectGetType = 3 "CONNECT_GET_TYPE" "virConnectGetType" Open reads Served (()) -> TextReply;
    /// Version of the hypervisor: there is none.
    ConnectGetVersion = 4 "CONNECT_GET_VERSION" "virConnectGetVersion" Open reads Refused (()) -> LargeNumberReply;
    /// What the hypervisor can do: there is none.
    ConnectGetCapabilities = 7 "CONNECT_GET_CAPABILITIES" "virConnectGetCapabilities" Open reads Refused (()) -> TextReply;
    /// Name of the host.
    ConnectGetHostname = 59 "CONNECT_GET_HOSTNAME" "virConnectGetHostname" Open reads Refused (()) -> TextReply;
    /// Whether the server has something. One question may come before the connection is open.
    ConnectSupportsFeature = 60 "CONNECT_SUPPORTS_FEATURE" "virConnectSupportsFeature" Authenticated reads Served (SupportsFeatureArgs) -> NumberReply;
    /// Which ways to authenticate there are.
    AuthList = 66 "AUTH_LIST" "virConnectOpenAuth" Connected reads Served (()) -> AuthListReply;
    /// Begins SASL.
    AuthSaslInit = 67 "AUTH_SASL_INIT" "virConnectOpenAuth" Connected reads Refused (()) -> SaslInitReply;
    /// Chooses a mechanism of SASL.
    AuthSaslStart = 68 "AUTH_SASL_START" "virConnectOpenAuth" Connected reads Refused (SaslStartArgs) -> SaslReply;
    /// Goes on with SASL.
    AuthSaslStep = 69 "AUTH_SASL_STEP" "virConnectOpenAuth" Connected reads Refused (SaslStepArgs) -> SaslReply;
    /// Asks polkit.
    AuthPolkit = 70 "AUTH_POLKIT" "virConnectOpenAuth" Connected reads Served (()) -> PolkitReply;
    /// The URI that was opened.
    ConnectGetUri = 110 "CONNECT_GET_URI" "virConnectGetURI" Open reads Served (()) -> TextReply;
    /// How many devices there are.
    NodeNumOfDevices = 111 "NODE_NUM_OF_DEVICES" "virNodeNumOfDevices" Open reads Served (NumOfDevicesArgs) -> NumberReply;
    /// Names of the devices.
    NodeListDevices = 112 "NODE_LIST_DEVICES" "virNodeListDevices" Open reads Served (ListDevicesArgs) -> NamesReply;
    /// Whether there is such a device.
    NodeDeviceLookupByName = 113 "NODE_DEVICE_LOOKUP_BY_NAME" "virNodeDeviceLookupByName" Open reads Served (NodeDevice) -> NodeDevice;
    /// A device as a document.
    NodeDeviceGetXmlDesc = 114 "NODE_DEVICE_GET_XML_DESC" "virNodeDeviceGetXMLDesc" Open reads Served (DeviceFlagsArgs) -> TextReply;
    /// A device's parent.
    NodeDeviceGetParent = 115 "NODE_DEVICE_GET_PARENT" "virNodeDeviceGetParent" Open reads Served (NodeDevice) -> OptionalTextReply;
    /// How many capabilities a device has.
    NodeDeviceNumOfCaps = 116 "NODE_DEVICE_NUM_OF_CAPS" "virNodeDeviceNumOfCaps" Open reads Served (NodeDevice) -> NumberReply;
    /// Names of a device's capabilities.
    NodeDeviceListCaps = 117 "NODE_DEVICE_LIST_CAPS" "virNodeDeviceListCaps" Open reads Served (ListCapsArgs) -> NamesReply;
    /// Takes a device from the host: the business of hypervisor drivers.
    NodeDeviceDettach = 118 "NODE_DEVICE_DETTACH" "virNodeDeviceDettach" Open changes Refused (NodeDevice) -> ();
    /// Gives a device back to the host: the business of hypervisor drivers.
    NodeDeviceReAttach = 119 "NODE_DEVICE_RE_ATTACH" "virNodeDeviceReAttach" Open changes Refused (NodeDevice) -> ();
    /// Resets a device: the business of hypervisor drivers.
    NodeDeviceReset = 120 "NODE_DEVICE_RESET" "virNodeDeviceReset" Open changes Refused (NodeDevice) -> ();
    /// Makes and starts a device without a definition.
    NodeDeviceCreateXml = 123 "NODE_DEVICE_CREATE_XML" "virNodeDeviceCreateXML" Open changes Served (DocumentArgs) -> NodeDevice;
    /// Stops a device.
    NodeDeviceDestroy = 124 "NODE_DEVICE_DESTROY" "virNodeDeviceDestroy" Open changes Served (NodeDevice) -> ();
    /// Whether the connection is secure.
    ConnectIsSecure = 149 "CONNECT_IS_SECURE" "virConnectIsSecure" Open reads Served (()) -> NumberReply;
    /// Version of the library that the server is like.
    ConnectGetLibVersion = 157 "CONNECT_GET_LIB_VERSION" "virConnectGetLibVersion" Open reads Served (()) -> LargeNumberReply;
    /// The devices that a filter lets through.
    ConnectListAllNodeDevices = 285 "CONNECT_LIST_ALL_NODE_DEVICES" "virConnectListAllNodeDevices" Open reads Served (ListAllArgs) -> ListAllReply;
    /// The SCSI host with these world-wide names.
    NodeDeviceLookupScsiHostByWwn = 297 "NODE_DEVICE_LOOKUP_SCSI_HOST_BY_WWN" "virNodeDeviceLookupSCSIHostByWWN" Open reads Served (LookupByWwnArgs) -> NodeDevice;
    /// Takes a device from the host: the business of hypervisor drivers.
    NodeDeviceDetachFlags = 301 "NODE_DEVICE_DETACH_FLAGS" "virNodeDeviceDetachFlags" Open changes Refused (DetachFlagsArgs) -> ();
    /// The client wants to know when the connection ends.
    ConnectRegisterCloseCallback = 360 "CONNECT_REGISTER_CLOSE_CALLBACK" "virConnectRegisterCloseCallback" Open reads Served (()) -> ();
    /// The client no longer wants to know it.
    ConnectUnregisterCloseCallback = 361 "CONNECT_UNREGISTER_CLOSE_CALLBACK" "virConnectUnregisterCloseCallback" Open reads Served (()) -> ();
    /// Asks for events.
    ConnectNodeDeviceEventRegisterAny = 374 "CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY" "virConnectNodeDeviceEventRegisterAny" Open reads Served (EventRegisterArgs) -> NumberReply;
    /// Asks for no more events.
    ConnectNodeDeviceEventDeregisterAny = 375 "CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY" "virConnectNodeDeviceEventDeregisterAny" Open reads Served (EventDeregisterArgs) -> ();
    /// Another daemon says for whom it asks.
    ConnectSetIdentity = 419 "CONNECT_SET_IDENTITY" "virConnectSetIdentity" Open reads Served (SetIdentityArgs) -> ();
    /// Defines a device.
    NodeDeviceDefineXml = 428 "NODE_DEVICE_DEFINE_XML" "virNodeDeviceDefineXML" Open changes Served (DocumentArgs) -> NodeDevice;
    /// Removes a definition.
    NodeDeviceUndefine = 429 "NODE_DEVICE_UNDEFINE" "virNodeDeviceUndefine" Open changes Served (DeviceFlagsArgs) -> ();
    /// Starts a defined device.
    NodeDeviceCreate = 430 "NODE_DEVICE_CREATE" "virNodeDeviceCreate" Open changes Served (DeviceFlagsArgs) -> ();
    /// Whether a device starts with its parent.
    NodeDeviceGetAutostart = 433 "NODE_DEVICE_GET_AUTOSTART" "virNodeDeviceGetAutostart" Open reads Served (NodeDevice) -> NumberReply;
    /// Sets whether a device starts with its parent.
    NodeDeviceSetAutostart = 434 "NODE_DEVICE_SET_AUTOSTART" "virNodeDeviceSetAutostart" Open changes Served (SetAutostartArgs) -> ();
    /// Whether a device is defined.
    NodeDeviceIsPersistent = 435 "NODE_DEVICE_IS_PERSISTENT" "virNodeDeviceIsPersistent" Open reads Served (NodeDevice) -> NumberReply;
    /// Whether a device runs.
    NodeDeviceIsActive = 436 "NODE_DEVICE_IS_ACTIVE" "virNodeDeviceIsActive" Open reads Served (NodeDevice) -> NumberReply;
    /// Changes a device or its definition.
    NodeDeviceUpdate = 447 "NODE_DEVICE_UPDATE" "virNodeDeviceUpdate" Open changes Served (UpdateArgs) -> ();
}

impl ProcedureInfo {
    /// What is to be known of the procedure with that number, if it is known by its arguments.
    #[must_use]
    pub fn of(number: i32) -> Option<&'static Self> {
        let place = PROCEDURES.binary_search_by_key(&number, |info| info.number);
        place.ok().map(|place| &PROCEDURES[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_numbers() {
        assert!(PROCEDURES.is_sorted_by(|a, b| a.number < b.number));
        assert!(PROCEDURES.iter().all(|info| ProcedureInfo::of(info.number) == Some(info)));
        assert_eq!(ProcedureInfo::of(5), None);
    }

    #[test]
    fn exactly_what_changes_something_is_marked() {
        let changing: Vec<_> =
            PROCEDURES.iter().filter(|info| info.changes).map(|info| info.number).collect();
        assert_eq!(changing, [118, 119, 120, 123, 124, 301, 428, 429, 430, 434, 447]);
    }

    #[test]
    fn a_call_is_decoded_by_its_number() {
        let bytes = procedures::NodeDeviceLookupByName::call(7, &NodeDevice { name: "pci".into() });
        let call = Call::decode(113, &bytes.unwrap()[28..]).unwrap();
        assert_eq!(call, Call::NodeDeviceLookupByName(NodeDevice { name: "pci".into() }));
        assert_eq!(call.info().api, "virNodeDeviceLookupByName");
        assert_eq!(Call::decode(999, &[]), Err(CallError::UnknownProcedure(999)));
        assert_eq!(Call::decode(113, &[]), Err(CallError::Arguments(DecodeError::Truncated)));
    }
}
