#!/usr/bin/env -S python3 -I -S
"""Says what a test tells it over a socket, and tells the test what it is asked."""
import os, select, socket, sys

test = socket.socket(socket.AF_UNIX)
test.connect(sys.argv[1])
test.sendall(b"%d\n" % os.getpid())
while True:
    for ready in select.select([test, 0], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else test.recv(65536)
        if not data:
            sys.exit(3)
        if ready == 0:
            test.sendall(data)
        while ready != 0 and data:
            data = data[os.write(1, data):]
