#!/usr/bin/env python3
"""A source of node devices: the file systems that are mounted, told again whenever that changes.

Each is a device of its own; the disk that it lies on, which the kernel shows, gets a field.
"""
import json, os, re, select


def say(message, **members):
    print(json.dumps({"message": message, **members}), flush=True)


def observation(device, fields, **members):
    say("observation", device=device, fields={**members, "extensions": {"mounts": fields}})


def plain(text):  # A blank in a name stands there as \040.
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)


def listing(table):
    say("begin")  # Before the first line is read.
    disks = {}
    for line in table:
        place, _, kind = line.partition(" - ")
        number, target = place.split()[2], plain(place.split()[4])
        kind, source = kind.split()[:2]
        node = {"devnode": source} if source.startswith("/dev/") else {}
        observation("mounts:" + target, {"type": kind, "source": plain(source)}, **node)
        disks.setdefault(os.path.realpath("/sys/dev/block/" + number), []).append(target)
    for disk, targets in disks.items():
        if disk.startswith("/sys/devices/"):
            observation(disk, {"targets": targets})
    say("end")


say("hello", protocol=1, name="mounts", about="mounts.py 1.0")
with open("/proc/self/mountinfo", errors="replace") as table:
    changes = select.poll()
    changes.register(table, select.POLLPRI)
    changes.register(0, 0)  # That standard input ends is always told.
    while True:
        table.seek(0)
        listing(table)
        if 0 in dict(changes.poll()):
            break
