"""A client of libvirt's node-device calls in Python. Prints what they answer, one call a line.

    nodedev.py [-r] URI list | dump NAME... | events LAST | calls NAME...
"""

import sys
import time

import libvirt

CAPABILITIES = ["system", "pci", "net", "storage", "mdev", "mdev_types", "nonsense"]
DOCUMENTS = [
    "",
    "<domain/>",
    "<device><name>x</name><capability type='net'><interface>x</interface></capability></device>",
]
KINDS = ["created", "deleted", "defined", "undefined"]
PATIENCE = 30


def plain(value):
    """A value without anything that differs from one run to the next."""
    if isinstance(value, libvirt.virNodeDevice):
        return value.name()
    if isinstance(value, list):
        return sorted(map(plain, value))
    return value


def call(what, function, *args):
    """Prints what the call answers, or all that its error holds."""
    try:
        print(what, "=", plain(function(*args)))
    except libvirt.libvirtError as error:
        numbers = [error.get_error_code(), error.get_error_domain(), error.get_error_level()]
        texts = [error.get_error_message(), error.get_str1(), error.get_str2(), error.get_str3()]
        print(what, "!", *numbers, *map(repr, texts), error.get_int1(), error.get_int2())


def list_names(connection):
    for name in sorted(device.name() for device in connection.listAllDevices()):
        print(name)


def dump(connection, names):
    for name in names:
        print(connection.nodeDeviceLookupByName(name).XMLDesc(), end="")


def ask_connection(connection):
    for name in ["getType", "getLibVersion", "isSecure", "isEncrypted", "isAlive"]:
        call(name, getattr(connection, name))
    for name in ["getHostname", "getVersion", "getCapabilities", "getInfo", "listAllDomains"]:
        call(name, getattr(connection, name))
    for flags in [0, 1, 2, 16, 1 << 30, 1 << 31, 3 << 30, 1 << 24]:
        call(f"listAllDevices({flags:#x})", connection.listAllDevices, flags)
    for capability in [None, *CAPABILITIES]:
        call(f"numOfDevices({capability})", connection.numOfDevices, capability)
        call(f"listDevices({capability})", connection.listDevices, capability)
    call("nodeDeviceLookupByName", connection.nodeDeviceLookupByName, "absent")
    call("nodeDeviceLookupSCSIHostByWWN", connection.nodeDeviceLookupSCSIHostByWWN, "20", "21")
    for document in DOCUMENTS:
        call(f"nodeDeviceCreateXML({document})", connection.nodeDeviceCreateXML, document)
        call(f"nodeDeviceDefineXML({document})", connection.nodeDeviceDefineXML, document)
    call("setIdentity", connection.setIdentity, {"user-name": "joe"})


def ask_device(connection, name):
    device = connection.nodeDeviceLookupByName(name)
    for method in ["name", "parent", "numOfCaps", "listCaps", "isActive", "isPersistent",
                   "autostart", "destroy", "undefine", "create", "dettach", "reAttach", "reset"]:
        call(f"{name}.{method}", getattr(device, method))
    call(f"{name}.setAutostart", device.setAutostart, 1)
    call(f"{name}.detachFlags", device.detachFlags, None)
    call(f"{name}.detachFlags(vfio)", device.detachFlags, "vfio")
    call(f"{name}.XMLDesc(2)", device.XMLDesc, 2)


class Events:
    """Prints events until one tells of the last device."""

    def __init__(self, connection, last):
        self.last = last
        self.running = True
        register = connection.nodeDeviceEventRegisterAny
        self.callbacks = [
            register(None, libvirt.VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE, self.on_lifecycle, None),
            register(None, libvirt.VIR_NODE_DEVICE_EVENT_ID_UPDATE, self.on_update, None),
        ]
        print("ready", flush=True)
        end = time.monotonic() + PATIENCE
        while self.running and time.monotonic() < end:
            libvirt.virEventRunDefaultImpl()
        for callback in self.callbacks:
            connection.nodeDeviceEventDeregisterAny(callback)

    def happened(self, what, device):
        print(what, device.name(), flush=True)
        self.running = self.running and self.last not in device.name()

    def on_lifecycle(self, _connection, device, event, _detail, _opaque):
        self.happened(KINDS[event], device)

    def on_update(self, _connection, device, _opaque):
        self.happened("updated", device)


def keep_loop_awake():
    """The loop looks at its own deadline only between events."""
    libvirt.virEventAddTimeout(1000, lambda _timer, _opaque: None, None)


def main(args):
    read_only = args[0] == "-r"
    uri, verb, *rest = args[read_only:]
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()
    keep_loop_awake()
    connection = (libvirt.openReadOnly if read_only else libvirt.open)(uri)
    if verb == "list":
        list_names(connection)
    elif verb == "dump":
        dump(connection, rest)
    elif verb == "events":
        Events(connection, rest[0])
    elif verb == "calls":
        ask_connection(connection)
        for name in rest:
            ask_device(connection, name)
    connection.close()


main(sys.argv[1:])
