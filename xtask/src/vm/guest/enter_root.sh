#!/bin/sh
# enter-root FOLDER COMMAND…      runs the command with this folder as its root: another distribution
# that sees this guest's devices, processes, /run and definitions of mediated devices
set -e
root=$(realpath "$1")
shift
for folder in proc sys dev run etc/mdevctl.d; do
    if ! grep -q " $root/$folder " /proc/mounts; then
        mkdir -p "$root/$folder"
        mount --rbind "/$folder" "$root/$folder"
    fi
done
exec chroot "$root" "$@"
