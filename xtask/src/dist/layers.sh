# What both trials of the packages share. They are called with ROOT FOLDER NODEDEVD.deb NODEDEV.deb, need mounts and
# process ids of their own, and write only to layers over ROOT, a fresh Debian 12, which go with them.
#
# What the packages' manager says goes to FOLDER/check.log.
set -eu
root=$1
folder=$2
daemon=$3
command=$4
log=$folder/check.log
layers=$folder/layers
: >"$log"

say() {
    echo "dist: $*" >&2
    echo "== $*" >>"$log"
}

fail() {
    tail -n 30 "$log" >&2
    echo "dist: FAILED: $*" >&2
    echo "dist: all that was said stands in $log" >&2
    exit 1
}

# layer NAME LOWER…      a root at $layers/NAME/root: what is written to it lies over these, the first on top
layer() {
    at=$layers/$1
    shift
    mkdir -p "$at/upper" "$at/work" "$at/root"
    below=$(echo "$@" | tr ' ' :)
    mount -t overlay -o "lowerdir=$below,upperdir=$at/upper,workdir=$at/work" overlay "$at/root"
    at=$at/root
    mount -t proc proc "$at/proc"
    mount -t sysfs -o ro sysfs "$at/sys"
    mount -t tmpfs -o mode=755 run "$at/run"
    mount -t tmpfs -o mode=755 dev "$at/dev"
    mkdir -p "$at/dev/shm" "$at/dev/pts" "$at/run/lock"
    for node in null zero full random urandom tty; do
        cp -a "/dev/$node" "$at/dev/$node"
    done
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$at/dev/pts"
    ln -s pts/ptmx "$at/dev/ptmx"
    ln -s /proc/self/fd "$at/dev/fd"
    # Downloaded once for all layers.
    mkdir -p "$folder/archives"
    mount --bind "$folder/archives" "$at/var/cache/apt/archives"
    cp -L /etc/resolv.conf "$at/etc/resolv.conf"
    # Nothing is started in there: there is no init.
    printf '#!/bin/sh\nexit 101\n' >"$at/usr/sbin/policy-rc.d"
    chmod +x "$at/usr/sbin/policy-rc.d"
}

inside() {
    chroot "$at" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive timeout 300 "$@"
}

# Must succeed.
must() {
    echo "\$ $*" >>"$log"
    inside "$@" >>"$log" 2>&1 || fail "\`$*\`"
}

mkdir -p "$layers"
mount -t tmpfs layers "$layers"

say "a fresh Debian 12, with package lists of today"
layer lists "$root"
must apt-get update -q
lists=$layers/lists/upper
umount "$at/var/cache/apt/archives" "$at/proc" "$at/sys" "$at/run" "$at/dev/pts" "$at/dev" "$at"
