//! A bus with polkit on it: one process, one socket, answers by the name of the action.

use std::collections::{HashMap, HashSet};
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zbus::connection::Builder;
use zbus::message::Header;
use zbus::{Connection, Guid, OwnedVariant, fdo, interface};

/// What happened at the bus.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Connected,
    Asked(Asked),
    Cancelled(String),
}

/// A question as it arrived.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) signature: String,
    pub(crate) kind: String,
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
    pub(crate) uid: i32,
    pub(crate) action: String,
    pub(crate) flags: u32,
    pub(crate) id: String,
}

pub(crate) struct Bus {
    folder: Arc<TempDir>,
    path: PathBuf,
    events: UnboundedReceiver<Event>,
    connections: Arc<Mutex<Vec<Connection>>>,
    accepting: JoinHandle<()>,
}

/// Where a bus was, for the next one.
pub(crate) struct Place(Arc<TempDir>);

impl Bus {
    pub(crate) fn start() -> Self {
        Self::start_at(Place(Arc::new(tempfile::tempdir().unwrap())))
    }

    pub(crate) fn start_at(place: Place) -> Self {
        let path = place.0.path().join("bus");
        let listener = UnixListener::bind(&path).unwrap();
        let (sender, events) = unbounded_channel();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepting = tokio::spawn(accept(listener, sender, Arc::clone(&connections)));
        Self { folder: place.0, path, events, connections, accepting }
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.path.display())
    }

    pub(crate) async fn next(&mut self) -> Event {
        timeout(Duration::from_secs(10), self.events.recv()).await.unwrap().unwrap()
    }

    pub(crate) async fn wait_for_question(&mut self) -> Asked {
        loop {
            if let Event::Asked(asked) = self.next().await {
                return asked;
            }
        }
    }

    /// Closes the socket and every connection.
    pub(crate) async fn stop(self) -> Place {
        self.accepting.abort();
        let _ = self.accepting.await;
        let connections = std::mem::take(&mut *self.connections.lock().unwrap());
        for connection in connections {
            connection.close().await.unwrap();
        }
        std::fs::remove_file(&self.path).unwrap();
        Place(self.folder)
    }
}

async fn accept(
    listener: UnixListener,
    events: UnboundedSender<Event>,
    connections: Arc<Mutex<Vec<Connection>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let connection = serve(stream.into_std().unwrap(), events.clone()).await;
        connections.lock().unwrap().push(connection);
    }
}

async fn serve(stream: StdStream, events: UnboundedSender<Event>) -> Connection {
    let _ = events.send(Event::Connected);
    let authority = Authority { events, stubborn: Mutex::default() };
    Builder::unix_stream(stream)
        .server(Guid::generate())
        .p2p()
        .serve_at("/org/freedesktop/DBus", Hello)
        .serve_at("/org/freedesktop/PolicyKit1/Authority", authority)
        .build()
        .await
        .unwrap()
}

struct Hello;

#[interface(name = "org.freedesktop.DBus")]
impl Hello {
    fn hello(&self) -> String {
        ":1.1".to_owned()
    }
}

struct Authority {
    events: UnboundedSender<Event>,
    /// Questions of which it does not say that they are taken back.
    stubborn: Mutex<HashSet<String>>,
}

type Subject = (String, HashMap<String, OwnedVariant>);
type Answer = (bool, bool, HashMap<String, String>);

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn check_authorization(
        &self,
        subject: Subject,
        action: String,
        _details: HashMap<String, String>,
        flags: u32,
        id: String,
        #[zbus(header)] header: Header<'_>,
    ) -> fdo::Result<(Answer,)> {
        let (kind, process) = subject;
        if action == "test.stubborn" {
            self.stubborn.lock().unwrap().insert(id.clone());
        }
        let asked = Asked {
            signature: header.signature().to_string_no_parens(),
            kind,
            pid: process["pid"].downcast_ref().unwrap(),
            start_time: process["start-time"].downcast_ref().unwrap(),
            uid: process["uid"].downcast_ref().unwrap(),
            action: action.clone(),
            flags,
            id,
        };
        let _ = self.events.send(Event::Asked(asked));
        let nothing = HashMap::new();
        match action.as_str() {
            "org.libvirt.unix.monitor" => Ok(((true, false, nothing),)),
            "test.challenge" => Ok(((false, true, nothing),)),
            "test.dismissed" => {
                let details = HashMap::from([("polkit.dismissed".into(), "true".into())]);
                Ok(((false, true, details),))
            }
            "test.error" => Err(fdo::Error::Failed("no such action".into())),
            "test.never" | "test.stubborn" => std::future::pending().await,
            _ => Ok(((false, false, nothing),)),
        }
    }

    async fn cancel_check_authorization(&self, id: String) {
        let is_stubborn = self.stubborn.lock().unwrap().contains(&id);
        let _ = self.events.send(Event::Cancelled(id));
        if is_stubborn {
            std::future::pending().await
        }
    }
}
