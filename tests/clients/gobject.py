"""A client over GObject, whose binding has no node-device calls: it opens, asks and closes.

    gobject.py URI
"""

import sys

import gi

gi.require_version("LibvirtGObject", "1.0")
from gi.repository import LibvirtGObject  # noqa: E402

LibvirtGObject.init_object_check(None)
connection = LibvirtGObject.Connection.new(sys.argv[1])
connection.open(None)
print(connection.get_uri(), connection.is_open(), connection.is_read_only())
connection.close()
print(connection.is_open())
