//! From a frame to its answer: the checks that every call passes, in libvirt's order, and the
//! hand-over to what does it. Knows no socket.

mod change;
mod connect;
mod filter;
mod flags;
mod identity;
mod list;
mod look;
mod open_uri;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use nodedev_rpc::{
    Call, CallError, ErrorCode, ErrorDomain, Frame, Header, MessageType, PROGRAM_REMOTE,
    PROGRAM_VERSION, Procedure as _, ProcedureInfo, Reply, Stage, Status, procedures, unserved,
};

use crate::session::{Session, Shared};
use crate::virt_error::{self, Failure};

/// What a call comes to.
pub(crate) type Outcome = Result<Reply, Failure>;

/// What an answer that took its time does to the session once it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// The client is known now.
    #[cfg(feature = "polkit")]
    Authenticated,
    /// The client is not let in.
    #[cfg(feature = "polkit")]
    Refused,
}

/// An answer that takes its time.
pub(crate) type Later = Pin<Box<dyn Future<Output = (Outcome, Effect)> + Send>>;

/// How a call is answered.
pub(crate) enum Answered {
    /// At once.
    Now(Outcome),
    /// When the future ends. Other calls may be answered before.
    Later(Later),
}

impl Answered {
    fn later(future: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Self::Later(Box::pin(async move { (future.await, Effect::None) }))
    }
}

/// What is to be done about a frame.
pub(crate) enum Reaction {
    /// Answer it.
    Answer(Answered),
    /// Nothing: it asks for no answer.
    Ignore,
    /// The connection is of no more use.
    Close,
}

impl Reaction {
    fn refuse(error: Failure) -> Self {
        Self::Answer(Answered::Now(Err(error)))
    }
}

/// Whether the call must wait until the list is complete.
pub(crate) fn needs_list(header: &Header) -> bool {
    matches!(header.kind, MessageType::Call | MessageType::CallWithFds)
        && ProcedureInfo::of(header.procedure).is_some_and(is_node_device)
}

/// Whether the call asks for a document.
pub(crate) const fn is_document(header: &Header) -> bool {
    header.procedure == procedures::NodeDeviceGetXmlDesc::INFO.number
}

/// Whether the call only looks at the list or at one device: nothing about the session comes of it.
pub(crate) fn is_look(header: &Header) -> bool {
    let is_look = |info: &ProcedureInfo| {
        is_node_device(info) && !info.changes && !info.name.contains("EVENT")
    };
    (header.program, header.version) == (PROGRAM_REMOTE, PROGRAM_VERSION)
        && ProcedureInfo::of(header.procedure).is_some_and(is_look)
}

/// What is to be done about a frame that is no word of keepalive.
pub(crate) fn react(session: &mut Session, shared: &Arc<Shared>, frame: &Frame) -> Reaction {
    let header = &frame.header;
    let payload = match header.kind {
        MessageType::Call => &frame.payload[..],
        MessageType::CallWithFds => match without_fds(&frame.payload) {
            Some(payload) => payload,
            None => return Reaction::Close,
        },
        _ => return Reaction::Ignore,
    };
    if (header.program, header.version) != (PROGRAM_REMOTE, PROGRAM_VERSION) {
        let Header { program, version, .. } = header;
        let text = format!("Cannot find program {program} version {version}");
        return Reaction::refuse(virt_error::rpc(text));
    }
    if header.status != Status::Ok {
        let status = i32::from(header.status).cast_unsigned();
        return Reaction::refuse(virt_error::rpc(format!("Unexpected message status {status}")));
    }
    match call(session, shared, header.procedure, payload) {
        Ok(answered) => Reaction::Answer(answered),
        Err(error) => Reaction::refuse(error),
    }
}

/// A frame that was too long to be held, of a client that may send long ones.
pub(crate) fn oversized(header: &Header) -> Reaction {
    match header.kind {
        MessageType::Call => Reaction::refuse(virt_error::undecodable()),
        MessageType::CallWithFds => Reaction::Close,
        _ => Reaction::Ignore,
    }
}

/// The arguments after the count of descriptors, of which none are ever needed.
fn without_fds(payload: &[u8]) -> Option<&[u8]> {
    let (count, rest) = payload.split_first_chunk::<4>()?;
    (*count == [0; 4]).then_some(rest)
}

fn call(
    session: &mut Session,
    shared: &Arc<Shared>,
    procedure: i32,
    payload: &[u8],
) -> Result<Answered, Failure> {
    let info = ProcedureInfo::of(procedure);
    let other = unserved(procedure);
    if info.is_none() && other.is_none() {
        return Err(virt_error::rpc(CallError::UnknownProcedure(procedure).to_string()));
    }
    if !session.is_authenticated() && info.is_none_or(|info| info.stage > Stage::Connected) {
        return Err(virt_error::rpc("authentication required"));
    }
    let call = match Call::decode(procedure, payload) {
        Ok(call) => call,
        Err(CallError::UnknownProcedure(_)) => return Err(not_ours(session, procedure)),
        Err(_) => return Err(virt_error::undecodable()),
    };
    let info = call.info();
    if info.stage == Stage::Open && !session.is_open() {
        return Err(not_open(is_node_device(info)));
    }
    check_range(&call)?;
    if info.changes && session.is_read_only() {
        return Err(virt_error::read_only(info.api));
    }
    answer(session, shared, call)
}

/// A procedure of another driver of libvirt's.
fn not_ours(session: &Session, procedure: i32) -> Failure {
    match unserved(procedure) {
        Some(_) if !session.is_open() => not_open(false),
        Some(row) => virt_error::unsupported(row.api, ErrorDomain::from(row.domain)),
        None => virt_error::rpc(CallError::UnknownProcedure(procedure).to_string()),
    }
}

/// libvirt's daemon keeps a connection for each driver, and names the one that it misses.
fn not_open(node_device: bool) -> Failure {
    let text = if node_device { "connection not open" } else { "hypervisor connection not open" };
    virt_error::internal(text)
}

fn is_node_device(info: &ProcedureInfo) -> bool {
    let hypervisor = matches!(info.number, 118..=120);
    info.stage == Stage::Open && info.name.contains("NODE") && !hypervisor
}

/// Most names that a client may ask for at once.
const MAX_NAMES: i32 = 65_536;

fn check_range(call: &Call) -> Result<(), Failure> {
    let (max_names, limit) = match call {
        Call::NodeListDevices(args) => (args.max_names, "REMOTE_NODE_DEVICE_LIST_MAX"),
        Call::NodeDeviceListCaps(args) => (args.max_names, "REMOTE_NODE_DEVICE_CAPS_LIST_MAX"),
        _ => return Ok(()),
    };
    match max_names {
        ..0 => Err(virt_error::rpc("maxnames must be non-negative")),
        0..=MAX_NAMES => Ok(()),
        _ => Err(virt_error::rpc(format!("maxnames > {limit}"))),
    }
}

fn answer(session: &mut Session, shared: &Arc<Shared>, call: Call) -> Result<Answered, Failure> {
    let snapshot = || shared.registry.snapshot();
    let reply = match call {
        Call::AuthList(()) => Reply::AuthList(session.auth_types()),
        Call::AuthPolkit(()) => return session.ask_polkit(shared),
        Call::AuthSaslInit(()) | Call::AuthSaslStart(_) | Call::AuthSaslStep(_) => {
            return Err(no_such_authentication());
        }
        Call::ConnectOpen(args) => {
            connect::open(session, shared, args)?;
            Reply::ConnectOpen(())
        }
        Call::ConnectClose(()) => {
            session.end();
            Reply::ConnectClose(())
        }
        Call::ConnectSupportsFeature(args) => {
            Reply::ConnectSupportsFeature(connect::supports(session, args.feature)?)
        }
        Call::ConnectGetType(()) => Reply::ConnectGetType(connect::driver_type()),
        Call::ConnectGetUri(()) => Reply::ConnectGetUri(session.uri()),
        Call::ConnectIsSecure(()) => Reply::ConnectIsSecure(connect::is_secure()),
        Call::ConnectGetLibVersion(()) => Reply::ConnectGetLibVersion(connect::library_version()),
        Call::ConnectRegisterCloseCallback(()) => Reply::ConnectRegisterCloseCallback(()),
        Call::ConnectUnregisterCloseCallback(()) => Reply::ConnectUnregisterCloseCallback(()),
        Call::ConnectSetIdentity(args) => {
            identity::set(session, &args.params.0)?;
            Reply::ConnectSetIdentity(())
        }
        Call::NodeNumOfDevices(args) => Reply::NodeNumOfDevices(list::count(&snapshot(), &args)?),
        Call::NodeListDevices(args) => Reply::NodeListDevices(list::names(&snapshot(), &args)?),
        Call::ConnectListAllNodeDevices(args) => {
            Reply::ConnectListAllNodeDevices(list::all(&snapshot(), args)?)
        }
        Call::NodeDeviceLookupByName(args) => {
            Reply::NodeDeviceLookupByName(look::by_name(&snapshot(), args)?)
        }
        Call::NodeDeviceLookupScsiHostByWwn(args) => {
            Reply::NodeDeviceLookupScsiHostByWwn(look::by_wwn(&snapshot(), &args)?)
        }
        Call::NodeDeviceGetXmlDesc(args) => return look::document(shared, args),
        Call::NodeDeviceGetParent(args) => {
            Reply::NodeDeviceGetParent(look::parent(&snapshot(), &args)?)
        }
        Call::NodeDeviceNumOfCaps(args) => {
            Reply::NodeDeviceNumOfCaps(look::capability_count(&snapshot(), &args)?)
        }
        Call::NodeDeviceListCaps(args) => {
            Reply::NodeDeviceListCaps(look::capabilities(&snapshot(), &args)?)
        }
        Call::NodeDeviceGetAutostart(args) => {
            Reply::NodeDeviceGetAutostart(look::autostart(&snapshot(), &args)?)
        }
        Call::NodeDeviceIsPersistent(args) => {
            Reply::NodeDeviceIsPersistent(look::is_persistent(&snapshot(), &args)?)
        }
        Call::NodeDeviceIsActive(args) => {
            Reply::NodeDeviceIsActive(look::is_active(&snapshot(), &args)?)
        }
        Call::ConnectNodeDeviceEventRegisterAny(args) => {
            let value = session.callbacks.register(shared, args)?;
            Reply::ConnectNodeDeviceEventRegisterAny(nodedev_rpc::NumberReply { value })
        }
        Call::ConnectNodeDeviceEventDeregisterAny(args) => {
            session.callbacks.deregister(args.callback)?;
            Reply::ConnectNodeDeviceEventDeregisterAny(())
        }
        Call::NodeDeviceCreateXml(args) => return change::create_document(shared, args),
        Call::NodeDeviceDefineXml(args) => return change::define_document(shared, args),
        Call::NodeDeviceCreate(args) => return change::start(shared, args),
        Call::NodeDeviceDestroy(args) => return change::stop(shared, args),
        Call::NodeDeviceUndefine(args) => return change::undefine(shared, args),
        Call::NodeDeviceSetAutostart(args) => return change::set_autostart(shared, args),
        Call::NodeDeviceUpdate(args) => return change::update(shared, args),
        // Not the business of a node-device daemon, for libvirt's neither.
        other => return Err(refused(other.info())),
    };
    Ok(Answered::Now(Ok(reply)))
}

fn refused(info: &ProcedureInfo) -> Failure {
    let domain = if info.number < 100 { ErrorDomain::Domain } else { ErrorDomain::NodeDevice };
    virt_error::unsupported(info.api, domain)
}

/// The client asks for a way to authenticate that was not offered.
pub(crate) fn no_such_authentication() -> Failure {
    virt_error::new(ErrorCode::AuthFailed, ErrorDomain::Rpc, "authentication failed")
}

/// polkit has said yes.
#[cfg(feature = "polkit")]
pub(crate) const fn polkit_agrees() -> Reply {
    Reply::AuthPolkit(nodedev_rpc::PolkitReply { complete: 1 })
}
