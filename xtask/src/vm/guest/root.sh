#!/bin/sh
# The first process of the guest, in the kernel's first file system: makes the host's files the root, or those of
# a system among them, under a layer that takes what is written, and gives way to session.sh in there.
#
# Runs in busybox. When it fails, the kernel panics, and the console says after which command.
set -ex

. /vm/settings
mount -t devtmpfs dev /dev
for driver in /drivers/*; do
    insmod "$driver"
done

mkdir -p /host /writes /guest
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 root /host
mount -t tmpfs -o mode=755 writes /writes
mkdir /writes/upper /writes/work
mount -t overlay -o "lowerdir=/host$system,upperdir=/writes/upper,workdir=/writes/work" overlay /guest
if [ -n "$system" ]; then
    # Elsewhere session.sh does that; here it would not see them any more.
    mkdir -p "/guest/lib/modules/${modules##*/}"
    mount --bind "/host$modules" "/guest/lib/modules/${modules##*/}"
fi

mount -t tmpfs -o mode=755,nosuid,nodev run /guest/run
cp -a /vm /guest/run/vm
mount --move /dev /guest/dev
exec switch_root /guest /run/vm/session.sh
