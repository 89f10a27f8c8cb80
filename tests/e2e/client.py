"""A client of our daemon that does what it is told and folds events into a view of its own.

Reads one JSON object a line: {"id": 1, "do": "call", ...}, where `do` is the name of a function below
and the rest its arguments. Answers {"id": 1, "value": ...} or {"id": 1, "error": [CODE, TEXT]}.
"""

import json
import re
import sys
import threading

import libvirt

# What no event tells of: how many devices a parent can still make, which is read whenever the document
# is asked for, and the state of a PCI link, which is read only when the PCI device changes.
WITHOUT_EVENT = re.compile(r"<availableInstances>\d+</availableInstances>|<link validity='sta'[^>]*>")

# Of libvirt 10.1, newer than this binding.
XML_INACTIVE = 1

KINDS = ["created", "deleted", "defined", "undefined"]

CODES = {
    getattr(libvirt, name): name.removeprefix("VIR_ERR_")
    for name in dir(libvirt)
    if name.startswith("VIR_ERR_") and name not in ("VIR_ERR_NONE", "VIR_ERR_WARNING", "VIR_ERR_ERROR")
}

connections = {}
follower = None


def plain(value):
    if isinstance(value, libvirt.virNodeDevice):
        return value.name()
    if isinstance(value, list):
        return sorted(map(plain, value))
    return value


def unless_gone(ask):
    """What is answered; nothing if the device has gone."""
    try:
        return ask()
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_NODE_DEVICE:
            return None
        raise


def describe(connection, name):
    """All that events tell of a device."""
    device = connection.nodeDeviceLookupByName(name)
    document = WITHOUT_EVENT.sub("", device.XMLDesc(0))
    described = {
        "active": bool(device.isActive()),
        "persistent": bool(device.isPersistent()),
        "parent": "".join(re.findall("<parent>(.*)</parent>", document)),
        "document": document,
    }
    if described["persistent"]:
        described["definition"] = device.XMLDesc(XML_INACTIVE)
        described["autostart"] = bool(device.autostart())
    return described


def describe_all(connection):
    names = [device.name() for device in connection.listAllDevices()]
    described = {name: unless_gone(lambda: describe(connection, name)) for name in names}
    return {name: what for name, what in described.items() if what}


class Follower:
    """Keeps a list by events alone: a device is asked for only when an event tells of it."""

    def __init__(self, connection):
        self.connection = connection
        self.changed = threading.Condition()
        self.ended = False
        self.events = []
        self.folded = 0
        self.told = {}
        register = connection.nodeDeviceEventRegisterAny
        self.callbacks = [
            register(None, libvirt.VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE, self.on_lifecycle, None),
            register(None, libvirt.VIR_NODE_DEVICE_EVENT_ID_UPDATE, self.on_update, None),
        ]
        self.view = describe_all(connection)
        threading.Thread(target=self.fold_until_the_end, daemon=True).start()

    def end(self):
        with self.changed:
            self.ended = True
            self.changed.notify_all()
        if self.connection.isAlive():
            for callback in self.callbacks:
                self.connection.nodeDeviceEventDeregisterAny(callback)

    def on_lifecycle(self, _connection, device, event, _detail, _opaque):
        self.happened(KINDS[event], device.name())

    def on_update(self, _connection, device, _opaque):
        self.happened("updated", device.name())

    def happened(self, kind, name):
        with self.changed:
            self.events.append((kind, name))
            self.changed.notify_all()

    def fold_until_the_end(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.ended or self.folded < len(self.events))
                if self.ended:
                    return
                kind, name = self.events[self.folded]
            self.fold(kind, name)
            with self.changed:
                self.folded += 1

    def fold(self, kind, name):
        """What is there and what is defined is known from the events alone."""
        old = self.view.get(name, {"active": False, "persistent": False})
        flags = {"active": old["active"], "persistent": old["persistent"]}
        if kind in ("created", "deleted"):
            flags["active"] = kind == "created"
        elif kind in ("defined", "undefined"):
            flags["persistent"] = kind == "defined"
        if any(flags.values()):
            now = unless_gone(lambda: describe(self.connection, name))
            self.view[name] = {**(now or old), **flags}
        else:
            self.view.pop(name, None)

    def next_of(self, name, patience):
        """The next event of this device that was not yet asked for."""
        def found():
            first = self.told.get(name, 0)
            of_name = [i for i, (_, of) in enumerate(self.events) if of == name and i >= first]
            return of_name[:1]
        with self.changed:
            if not self.changed.wait_for(found, patience):
                raise TimeoutError(f"no event of {name}, but {self.events}")
            index = found()[0]
            self.told[name] = index + 1
            return self.events[index][0]


def open_connection(to, uri):
    connections[to] = libvirt.open(uri)


def close_connection(to):
    connections.pop(to).close()


def forget():
    global follower
    if follower:
        follower.end()
        follower = None
    for to in list(connections):
        close_connection(to)


def call(to, method, arguments, device=None):
    on = connections[to]
    if device is not None:
        on = on.nodeDeviceLookupByName(device)
    return plain(getattr(on, method)(*arguments))


def devices(to):
    return describe_all(connections[to])


def names():
    return plain(connections["ours"].listAllDevices())


def mdevs(question):
    flag = libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV
    devices = connections["ours"].listAllDevices(flag)
    return sorted(device.name() for device in devices if unless_gone(getattr(device, question)))


def device(name):
    return unless_gone(lambda: describe(connections["ours"], name))


def follow(to):
    global follower
    if follower:
        follower.end()
    follower = Follower(connections[to])


def view():
    """What was folded; nothing while there is more to fold."""
    with follower.changed:
        return follower.view if follower.folded == len(follower.events) else None


def next_event(name, patience):
    return follower.next_of(name, patience)


def events():
    with follower.changed:
        return follower.events


def answer(line):
    request = json.loads(line)
    number, do = request.pop("id"), request.pop("do")
    try:
        reply = {"id": number, "value": globals()[do](**request)}
    except libvirt.libvirtError as error:
        code = CODES.get(error.get_error_code(), str(error.get_error_code()))
        reply = {"id": number, "error": [code, error.get_error_message()]}
    except Exception as error:
        reply = {"id": number, "error": ["", f"{type(error).__name__}: {error}"]}
    print(json.dumps(reply), flush=True)


def run_loop():
    while True:
        libvirt.virEventRunDefaultImpl()


libvirt.registerErrorHandler(lambda _context, _error: None, None)
libvirt.virEventRegisterDefaultImpl()
threading.Thread(target=run_loop, daemon=True).start()
for line in sys.stdin:
    answer(line)
