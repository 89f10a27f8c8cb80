#!/bin/sh
# The first process in the guest's root: makes this a system with devices, runs the one command, and
# tells the host how it ended. Never returns; the host ends the machine.
#
# Where a system is to be booted it gives way to that one's systemd, which calls it again as `session.sh booted`.
#
# `settings` and `command` beside it are written for each run (guest.rs).
. /run/vm/settings
PATH=/run/vm/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
export PATH HOME

# The file of the channel to the host that has this name. udev makes links of these names, but it is
# not there yet, and may be what is broken.
channel() {
    for port in /sys/class/virtio-ports/*; do
        [ "$(cat "$port/name")" != "$1" ] || echo "/dev/${port##*/}"
    done
}

tell() {
    echo "$*" >"$control"
}

fail() {
    tell "failed $*"
    wait_for_end
}

wait_for_end() {
    while :; do
        sleep 3600
    done
}

file_systems() {
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mkdir -p /dev/pts /dev/shm /run/lock /run/udev
    mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
    mount -t tmpfs -o mode=1777 shm /dev/shm
    ln -sfn /proc/self/fd /dev/fd
    ln -sfn fd/0 /dev/stdin
    ln -sfn fd/1 /dev/stdout
    ln -sfn fd/2 /dev/stderr

    [ -z "$system" ] || return 0
    version=$(uname -r)
    mkdir -p "/lib/modules/$version"
    mount --bind "$modules" "/lib/modules/$version"
}

# What the host shares, at the host's paths: share0, share1, …
shared_folders() {
    number=0
    for folder in "$@"; do
        mkdir -p "$folder"
        mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 "share$number" "$folder" ||
            fail "cannot mount the shared folder $folder"
        number=$((number + 1))
    done
}

# No definitions of the host, and mdevctl where its udev rule looks for it: Debian 12 installs the
# command in /usr/bin, but the rule that starts devices marked `auto` calls /usr/sbin/mdevctl.
mediated_devices() {
    mkdir -p /etc/mdevctl.d
    mount -t tmpfs -o mode=755 mdevctl /etc/mdevctl.d
    mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers
    if [ -x /usr/bin/mdevctl ] && [ ! -e /usr/sbin/mdevctl ] &&
        ! grep -qw nodedev.no_mdevctl_link /proc/cmdline; then
        ln -s ../bin/mdevctl /usr/sbin/mdevctl
    fi
}

devices() {
    /lib/systemd/systemd-udevd --daemon || fail "systemd-udevd does not start"
    udevadm trigger --type=subsystems --action=add
    udevadm trigger --type=devices --action=add
    # It may hang up on who asks it, and is asked again.
    udevadm settle --timeout=120 || udevadm settle --timeout=120 || fail "udevd does not come to rest"
}

# The command writes into pipes and not into the channels themselves, which cannot be opened twice
# (`/dev/stderr`). What it leaves running in the background may hold the pipes: that is not waited for
# longer than a moment.
run_command() {
    mkfifo /run/vm/out /run/vm/err
    cat /run/vm/out >"$(channel out)" &
    out=$!
    cat /run/vm/err >"$(channel err)" &
    err=$!
    sh /run/vm/command </dev/null >/run/vm/out 2>/run/vm/err
    status=$?
    (
        sleep 2
        kill $out $err
    ) &
    wait $out $err
}

# The command is a service that begins when all others are up.
boot() {
    mkdir -p /run/systemd/system/multi-user.target.wants
    cat >/run/systemd/system/host-command.service <<-END
	[Unit]
	Description=The command of the host
	DefaultDependencies=no
	After=multi-user.target
	[Service]
	Type=oneshot
	TimeoutStartSec=infinity
	ExecStart=/run/vm/session.sh booted
	END
    ln -s ../host-command.service /run/systemd/system/multi-user.target.wants/
    # Nobody sits before the console who could be asked for what a new system wants to know.
    [ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
    exec /lib/systemd/systemd --unit=multi-user.target
}

if [ "$1" = booted ]; then
    control=$(channel control)
    tell "booted"
    run_command
    sync
    tell "status $status"
    wait_for_end
fi

file_systems
control=$(channel control)
eval "shared_folders $shares"
[ -z "$system" ] || boot
mediated_devices
busybox syslogd -O /run/messages
busybox hostname nodedev
busybox ifconfig lo 127.0.0.1 up
devices
tell "booted"
run_command
sync
tell "status $status"
wait_for_end
