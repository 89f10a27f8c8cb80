"""A client of python-libvirt with one connection, for `cargo xtask bench`: it is told by words on its input what
to ask, and answers with the seconds that it took.

    bench.py URI
"""

import sys
import time

import libvirt


def gone(call):
    """A device may go between the list and the question."""
    try:
        call()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_NODE_DEVICE:
            raise


def documents(connection):
    for device in connection.listAllDevices():
        gone(device.XMLDesc)


def parents(connection):
    for device in connection.listAllDevices():
        gone(lambda: (device.parent(), device.listCaps()))


VERBS = {
    "list": lambda connection: connection.listAllDevices(),
    "names": lambda connection: connection.listDevices(None),
    "documents": documents,
    "parents": parents,
}


def main(uri):
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    connection = libvirt.open(uri)
    print("ready", flush=True)
    for line in sys.stdin:
        begun = time.monotonic()
        VERBS[line.strip()](connection)
        print(time.monotonic() - begun, flush=True)


main(*sys.argv[1:])
