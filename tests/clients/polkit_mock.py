"""A system bus of its own with dbusmock's polkit on it. Prints the bus's address, then obeys.

Commands, one a line, each answered with a line: `allow ACTION...`, or `dismiss` and `challenge`, after
which nothing is allowed. It ends with its input.
"""

import os
import sys
from subprocess import DEVNULL

import dbus
import dbusmock

NAME = "org.freedesktop.PolicyKit1"
PATH = "/org/freedesktop/PolicyKit1/Authority"
CHECK = (NAME + ".Authority", "CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})")
ANSWERS = {
    "dismiss": "ret = (False, False, {'polkit.dismissed': 'true'})",
    "challenge": "ret = (False, True, {})",
}


def start(bus, template):
    if template:
        return bus.spawn_server_template("polkitd", {}, DEVNULL)
    server = bus.spawn_server(NAME, PATH, NAME + ".Authority", True, DEVNULL)
    return server, bus.get_dbus(True).get_object(NAME, PATH)


def main():
    bus = dbusmock.DBusTestCase
    bus.setUpClass()
    bus.start_system_bus()
    print(os.environ["DBUS_SYSTEM_BUS_ADDRESS"], flush=True)
    server = None
    for line in sys.stdin:
        verb, *actions = line.split()
        if server:
            server.terminate()
            server.wait()
        server, polkit = start(bus, template=verb == "allow")
        if verb == "allow":
            polkit.SetAllowed(dbus.Array(actions, signature="s"),
                              dbus_interface=dbusmock.MOCK_IFACE)
        else:
            polkit.AddMethod(*CHECK, ANSWERS[verb], dbus_interface=dbusmock.MOCK_IFACE)
        print("done", flush=True)
    if server:
        server.terminate()
        server.wait()
    bus.tearDownClass()


main()
