//! A client in Python, with libvirt's own library: started once for all tests, told what to do, and
//! following events all the while (`client.py`).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};

use serde_json::{Value, json};

use crate::device::Mdev;
use crate::guest::PATIENCE;

/// All that a client can know of a device.
pub(crate) type Described = BTreeMap<String, Value>;

/// Devices by name.
pub(crate) type Devices = BTreeMap<String, Described>;

/// A call that was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// libvirt's name of the code, without `VIR_ERR_`.
    pub(crate) code: String,
    pub(crate) text: String,
}

/// A running client. It ends with its input, which is when this process does.
#[derive(Debug)]
pub(crate) struct Client {
    pipes: Mutex<Pipes>,
}

#[derive(Debug)]
struct Pipes {
    requests: ChildStdin,
    answers: mpsc::Receiver<String>,
    number: u64,
}

impl Client {
    /// The one that all tests use, one after the other: to start one takes a second or two in there.
    pub(crate) fn of_all() -> &'static Self {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(Self::start)
    }

    fn start() -> Self {
        let mut process = Command::new("/usr/bin/python3")
            .args(["-c", include_str!("client.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { pipes: Mutex::new(Pipes { requests, answers, number: 0 }) }
    }

    /// Connects to the daemon at this URI; what is done there is done to `to`.
    pub(crate) fn open(&self, to: &str, uri: &str) {
        self.must(json!({"do": "open_connection", "to": to, "uri": uri}));
    }

    pub(crate) fn close(&self, to: &str) {
        self.must(json!({"do": "close_connection", "to": to}));
    }

    /// Leaves the daemon and all that was heard of it, whatever state they are in.
    pub(crate) fn forget(&self) {
        let _ = self.ask(json!({"do": "forget"}));
    }

    /// A method of the connection.
    pub(crate) fn call(&self, method: &str, arguments: Value) -> Result<Value, Refused> {
        self.ask(json!({"do": "call", "to": "ours", "method": method, "arguments": arguments}))
    }

    /// A method of a device.
    pub(crate) fn call_on(
        &self,
        device: &str,
        method: &str,
        arguments: Value,
    ) -> Result<Value, Refused> {
        self.ask(json!({
            "do": "call", "to": "ours", "device": device, "method": method, "arguments": arguments,
        }))
    }

    /// Defines the device by its document.
    pub(crate) fn define(&self, mdev: &Mdev) -> Result<Value, Refused> {
        self.call("nodeDeviceDefineXML", json!([mdev.document(), 0]))
    }

    /// Has the device made by its document, without a definition.
    pub(crate) fn create(&self, mdev: &Mdev) -> Result<Value, Refused> {
        self.call("nodeDeviceCreateXML", json!([mdev.document(), 0]))
    }

    /// A method of the device that takes nothing: `create` starts it, `destroy` stops it.
    pub(crate) fn act(&self, name: &str, method: &str) -> Result<Value, Refused> {
        self.call_on(name, method, json!([]))
    }

    /// Every device, active or not, with all that can be asked of it.
    pub(crate) fn devices(&self, of: &str) -> Devices {
        serde_json::from_value(self.must(json!({"do": "devices", "to": of}))).unwrap()
    }

    /// Names of all devices, active or not.
    pub(crate) fn names(&self) -> Vec<String> {
        serde_json::from_value(self.must(json!({"do": "names"}))).unwrap()
    }

    /// Names of the mediated devices that answer this question (`isActive`, `isPersistent`) with yes.
    pub(crate) fn mdevs(&self, question: &str) -> Vec<String> {
        serde_json::from_value(self.must(json!({"do": "mdevs", "question": question}))).unwrap()
    }

    /// The device of this name, if there is one.
    pub(crate) fn device(&self, name: &str) -> Option<Described> {
        serde_json::from_value(self.must(json!({"do": "device", "name": name}))).unwrap()
    }

    /// Begins to hear events, and to keep a view by them.
    pub(crate) fn follow(&self) {
        self.must(json!({"do": "follow", "to": "ours"}));
    }

    /// What the view is by now; nothing while there are events to be folded into it.
    pub(crate) fn view(&self) -> Option<Devices> {
        serde_json::from_value(self.must(json!({"do": "view"}))).unwrap()
    }

    /// Waits for the next event of this device: `created`, `updated` and so on.
    #[track_caller]
    pub(crate) fn next_of(&self, name: &str) -> String {
        let request = json!({"do": "next_event", "name": name, "patience": PATIENCE.as_secs()});
        serde_json::from_value(self.must(request)).unwrap()
    }

    /// All that was heard of this device by now.
    pub(crate) fn heard_of(&self, name: &str) -> Vec<String> {
        let heard = self.heard().into_iter();
        heard.filter(|(_, of)| of == name).map(|(kind, _)| kind).collect()
    }

    /// All that was heard by now: the kind of event, and of which device.
    pub(crate) fn heard(&self) -> Vec<(String, String)> {
        serde_json::from_value(self.must(json!({"do": "events"}))).unwrap()
    }

    #[track_caller]
    fn must(&self, request: Value) -> Value {
        let shown = request.to_string();
        self.ask(request).unwrap_or_else(|refused| panic!("{shown}: {refused:?}"))
    }

    fn ask(&self, mut request: Value) -> Result<Value, Refused> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        pipes.number += 1;
        request["id"] = pipes.number.into();
        writeln!(pipes.requests, "{request}").unwrap();
        loop {
            let answer = pipes.answers.recv_timeout(PATIENCE * 2);
            let line = answer.unwrap_or_else(|error| panic!("no answer to {request}: {error}"));
            let mut answer: Value = serde_json::from_str(&line).unwrap();
            // One that nobody waited for.
            if answer["id"] != pipes.number {
                continue;
            }
            return match answer.get_mut("error") {
                None => Ok(answer["value"].take()),
                Some(error) => {
                    let (code, text) = serde_json::from_value(error.take()).unwrap();
                    Err(Refused { code, text })
                }
            };
        }
    }
}
