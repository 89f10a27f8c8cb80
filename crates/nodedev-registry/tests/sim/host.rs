//! The simulated host: kernel, mdevctl and weather behind one handle, and who listens to them.
//!
//! What changes here reaches the sources as it does on a host: through a bounded socket, or by a
//! directory that says no more than that something changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nodedev_source::{Action, SourceError};
use nodedev_types::DeviceId;
use tokio::sync::Notify;

use crate::kernel::{Kernel, Mdev, Node, SLOTS, Uevent};
use crate::seed::Rng;
use crate::tool::Tool;
use crate::trace::Trace;
use crate::weather::{Fate, Weather};

/// A handle of the host. Clones are the same host.
#[derive(Debug, Clone)]
pub(crate) struct Host(Arc<Mutex<World>>);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) tool: Tool,
    pub(crate) weather: Weather,
    pub(crate) rng: Rng,
    pub(crate) trace: Trace,
    /// Something was lost of which no listener can know.
    pub(crate) is_silently_wrong: bool,
    sockets: BTreeMap<usize, Socket>,
    directories: BTreeMap<usize, Arc<Notify>>,
    next: usize,
}

/// A listener's queue in the kernel.
#[derive(Debug, Default)]
struct Socket {
    queue: VecDeque<Uevent>,
    is_overrun: bool,
    news: Arc<Notify>,
}

/// What a listener gets.
#[derive(Debug)]
pub(crate) enum Heard {
    Uevent(Uevent),
    /// Everything that had been queued before the loss has been taken.
    Overrun,
}

impl Host {
    pub(crate) fn new(mut rng: Rng, trace: Trace) -> Self {
        Self(Arc::new(Mutex::new(World {
            kernel: Kernel::booted(),
            tool: Tool::default(),
            weather: Weather::calm(),
            rng: rng.fork(),
            trace,
            is_silently_wrong: false,
            sockets: BTreeMap::new(),
            directories: BTreeMap::new(),
            next: 0,
        })))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        self.world().trace.note(what);
    }

    /// The kernel changes, and says so.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Kernel) -> Vec<Uevent>) {
        let uevents = {
            let mut world = self.world();
            let uevents = change(&mut world.kernel);
            world.deliver(&uevents);
            uevents
        };
        for uevent in uevents {
            self.follow_up(&uevent);
        }
    }

    /// The tool does it, now and completely.
    pub(crate) fn run_tool(&self, action: &Action) -> Result<Option<DeviceId>, SourceError> {
        let mut world = self.world();
        let World { kernel, tool, .. } = &mut *world;
        let done = tool.run(action, kernel);
        let outcome = done.as_ref().map_or_else(ToString::to_string, |_| "done".to_owned());
        world.trace.note(format_args!("mdevctl: {action:?}: {outcome}"));
        let done = done?;
        world.deliver(&done.uevents);
        if done.definitions {
            world.notify_directories();
        }
        drop(world);
        for uevent in done.uevents {
            self.follow_up(&uevent);
        }
        Ok(done.device)
    }

    /// Whether the tool would do it, were it run now.
    pub(crate) fn would_do(&self, action: &Action) -> bool {
        let world = self.world();
        let (mut kernel, mut tool) = (world.kernel.clone(), world.tool.clone());
        tool.run(action, &mut kernel).is_ok()
    }

    /// A definition's file is broken, or mended.
    pub(crate) fn break_definitions(&self, broken: bool) {
        let mut world = self.world();
        if world.tool.is_broken != broken {
            world.trace.note(format_args!("definitions broken: {broken}"));
            world.tool.is_broken = broken;
            world.notify_directories();
        }
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm_down(&self) {
        self.world().weather = Weather::calm();
        self.break_definitions(false);
    }

    /// What happens by itself when something has come: a mediated device gets its driver, a parent
    /// the devices that start with it.
    fn follow_up(&self, uevent: &Uevent) {
        if !matches!(uevent.action, "add" | "bind") {
            return;
        }
        let (host, id) = (self.clone(), uevent.id.clone());
        let (node, delay) = {
            let mut world = self.world();
            (world.kernel.node(&id).cloned(), world.rng.up_to(Duration::from_millis(50)))
        };
        match node {
            Some(Node::Mdev(Mdev { group: None, .. })) => drop(tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                host.change(|kernel| kernel.bind_mdev(&id));
            })),
            Some(Node::Parent { slot, driver: true }) => drop(tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                host.start_automatic(slot);
            })),
            _ => {}
        }
    }

    fn start_automatic(&self, slot: usize) {
        let starting: Vec<_> = {
            let world = self.world();
            let definitions = world.tool.definitions().iter();
            let automatic = definitions.filter(|(id, config)| {
                let below =
                    matches!(id, DeviceId::Mdev { parent, .. } if **parent == *SLOTS[slot].address);
                below && config.autostart && world.kernel.node(id).is_none()
            });
            automatic.map(|(id, _)| id.clone()).collect()
        };
        for device in starting {
            // What cannot be started stays stopped.
            let _ = self.run_tool(&Action::Start(device));
        }
    }

    /// The mediated devices that run or are defined.
    pub(crate) fn mediated(&self) -> Vec<DeviceId> {
        let world = self.world();
        let running = world.kernel.mdevs().map(|(id, _)| id);
        let mut ids: Vec<_> = running.chain(world.tool.definitions().keys()).cloned().collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// A socket that hears every uevent from now on.
    pub(crate) fn listen(&self) -> usize {
        let mut world = self.world();
        let id = world.new_id();
        world.sockets.insert(id, Socket::default());
        id
    }

    /// Waits for the next thing that the socket hears. Never returns once it is closed.
    pub(crate) async fn hear(&self, socket: usize) -> Heard {
        loop {
            let news = {
                let mut world = self.world();
                match world.sockets.get_mut(&socket) {
                    None => Arc::default(),
                    Some(socket) => {
                        if let Some(uevent) = socket.queue.pop_front() {
                            return Heard::Uevent(uevent);
                        }
                        if std::mem::take(&mut socket.is_overrun) {
                            return Heard::Overrun;
                        }
                        Arc::clone(&socket.news)
                    }
                }
            };
            news.notified().await;
        }
    }

    /// Told whenever a definition changes.
    pub(crate) fn watch_directory(&self) -> (usize, Arc<Notify>) {
        let mut world = self.world();
        let (id, news) = (world.new_id(), Arc::new(Notify::new()));
        world.directories.insert(id, Arc::clone(&news));
        (id, news)
    }

    /// Ends a socket or the watch of the directory.
    pub(crate) fn close(&self, id: usize) {
        let mut world = self.world();
        world.sockets.remove(&id);
        world.directories.remove(&id);
    }

    /// How many sockets and watches are open.
    pub(crate) fn open(&self) -> usize {
        let world = self.world();
        world.sockets.len() + world.directories.len()
    }

    /// Every listener of the kernel has lost something, and knows it.
    pub(crate) fn overrun(&self) {
        let mut world = self.world();
        world.trace.note("overrun");
        for socket in world.sockets.values_mut() {
            socket.is_overrun = true;
            socket.news.notify_one();
        }
    }

    /// The kernel announces every device once more, although nothing has changed.
    pub(crate) fn tell_all_again(&self) {
        let again = |id: &DeviceId| Uevent { action: "change", id: id.clone(), old: None };
        self.change(|kernel| kernel.nodes().keys().map(again).collect());
    }

    /// Every watcher of definitions is told, although nothing has changed.
    pub(crate) fn touch_definitions(&self) {
        self.world().notify_directories();
    }
}

impl World {
    fn new_id(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    pub(crate) fn fate(&mut self) -> Fate {
        let Weather { fail, hang, panic, .. } = self.weather;
        match self.rng.below(100) {
            drawn if drawn < fail => Fate::Fail,
            drawn if drawn < fail + hang => Fate::Hang,
            drawn if drawn < fail + hang + panic => Fate::Panic,
            _ => Fate::Fine,
        }
    }

    pub(crate) fn delay(&mut self) -> Duration {
        self.rng.up_to(self.weather.delay)
    }

    fn deliver(&mut self, uevents: &[Uevent]) {
        for uevent in uevents {
            self.trace.note(format_args!("kernel: {} {}", uevent.action, uevent.id));
            for socket in self.sockets.values_mut() {
                if self.rng.percent(self.weather.silent) {
                    self.is_silently_wrong = true;
                    self.trace.note("lost in silence");
                    continue;
                }
                // As netlink does it: nothing more until all that waits has been taken.
                socket.is_overrun |= socket.queue.len() >= self.weather.socket;
                if !socket.is_overrun {
                    socket.queue.push_back(uevent.clone());
                }
                socket.news.notify_one();
            }
        }
    }

    fn notify_directories(&self) {
        self.directories.values().for_each(|news| news.notify_one());
    }
}
