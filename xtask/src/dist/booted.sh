#!/bin/sh
# In a booted Debian 12 with our packages, as root: what systemd does with them. Says what it finds, and ends at
# the first thing that is not as it should be.
set -eu

say() {
    echo "booted: $*"
}

fail() {
    echo "booted: FAILED: $*"
    systemctl --no-pager --full status 'nodedevd*' || true
    journalctl --no-pager -n 60 || true
    exit 1
}

# within SECONDS COMMAND…      waits until it succeeds
within() {
    limit=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$limit" ] || return 1
        sleep 0.5
    done
}

devices() {
    virsh -q -c nodedev:///system nodedev-list
}

# answers SERVICE      virsh is answered, and by this service
answers() {
    devices >/run/devices || fail "virsh is not answered"
    grep -q computer /run/devices || fail "virsh lists no computer"
    systemctl is-active --quiet "$1" || fail "it was not $1 that answered"
}

value() {
    systemctl show --value --property "$2" "$1"
}

process() {
    value nodedevd.service MainPID
}

is_another() {
    [ "$(process)" != 0 ] && [ "$(process)" != "$1" ]
}

install_again() {
    dpkg --install /srv/nodedevd.deb >/run/dpkg 2>&1 || { cat /run/dpkg; fail "it cannot be installed over itself"; }
}

logged() {
    journalctl --no-pager -u nodedevd.service | grep -q "$1"
}

noticed_udevd() {
    nodedev sources | grep -q 'udevd has been started'
}

OURS="nodedevd.service nodedevd.socket nodedevd-ro.socket nodedevd-varlink.socket"

say "$(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r), first process $(cat /proc/1/comm)"
within 60 systemctl is-active --quiet nodedevd.socket || fail "nodedevd.socket was not started at boot"
within 60 systemctl is-active --quiet nodedevd-varlink.socket || fail "nodedevd-varlink.socket was not started at boot"
systemctl list-units --failed --no-legend --plain | sed 's/^/booted: failed unit: /'

systemctl stop nodedevd.service 2>/dev/null
! systemctl is-active --quiet nodedevd.service || fail "it does not stop"
answers nodedevd.service
say "socket activation: virsh wakes the daemon, which lists $(grep -c . /run/devices) devices"
nodedev list | grep -q computer || fail "nodedev is not answered"

! noticed_udevd || fail "another udevd was noticed before there was one"
systemctl restart systemd-udevd.service
within 60 noticed_udevd || fail "another udevd was not noticed: $(nodedev sources)"
say "udevd: another one behind the socket that systemd keeps is noticed, and all is read again"

before=$(process)
systemctl reload nodedevd.service
[ "$(process)" = "$before" ] || fail "a reload is a restart"
within 10 logged 'read again' || fail "the reload left no word"
say "reload: the same process"

kill -KILL "$before"
within 60 is_another "$before" || fail "it does not come back after kill -KILL"
answers nodedevd.service
say "restart: after kill -KILL another process serves"

before=$(process)
kill -STOP "$before"
began=$(date +%s)
within 300 is_another "$before" || fail "the watchdog does not end a daemon that hangs"
answers nodedevd.service
within 10 logged 'Watchdog timeout' || fail "it was not the watchdog"
say "watchdog: a daemon that hangs is replaced after $(($(date +%s) - began)) s (WatchdogSec=$(value nodedevd.service WatchdogUSec))"

# Debian 12 has no virtnodedevd. Ours under that name takes its part, with units as libvirt names them.
ln -s nodedevd /usr/sbin/virtnodedevd
units=/lib/systemd/system
sed '/^Conflicts=/d; s/nodedevd\.service/virtnodedevd.service/' $units/nodedevd.socket >$units/virtnodedevd.socket
sed '/^Conflicts=/d; s/nodedevd\.service/virtnodedevd.service/' $units/nodedevd-ro.socket >$units/virtnodedevd-ro.socket
cat >$units/virtnodedevd.service <<END
[Unit]
Description=In the place of libvirt's daemon
Requires=virtnodedevd.socket virtnodedevd-ro.socket
[Service]
Type=notify
ExecStart=/usr/sbin/virtnodedevd --timeout 120 --varlink-socket none
Sockets=virtnodedevd.socket virtnodedevd-ro.socket
[Install]
WantedBy=multi-user.target
Also=virtnodedevd.socket
Also=virtnodedevd-ro.socket
END
systemctl daemon-reload

systemctl enable --quiet virtnodedevd.service

# The commands of docs/installing.md.
bash -c 'systemctl disable --now nodedevd.{service,socket} nodedevd-{ro,varlink}.socket && systemctl start virtnodedevd{,-ro}.socket' 2>/run/said ||
    fail "$(cat /run/said)"
answers virtnodedevd.service
! systemctl is-active --quiet nodedevd.socket || fail "both sockets are active"
say "switched: virtnodedevd.service answers"
install_again
answers virtnodedevd.service
! systemctl is-active --quiet nodedevd.socket || fail "an upgrade starts what was disabled"
say "an upgrade of what is disabled starts nothing"

bash -c 'systemctl enable --now nodedevd.{service,socket} nodedevd-{ro,varlink}.socket' 2>/run/said || fail "$(cat /run/said)"
for unit in virtnodedevd.socket virtnodedevd-ro.socket virtnodedevd.service; do
    ! systemctl is-active --quiet $unit || fail "$unit is still active"
done
systemctl stop nodedevd.service 2>/dev/null
answers nodedevd.service
say "switched back: nodedevd.service answers"

# As at boot: both are wanted at once, in one transaction.
systemctl stop $OURS
systemctl stop sockets.target 2>/dev/null || true
systemctl start sockets.target
within 30 systemctl is-active --quiet nodedevd.socket || fail "with both enabled, ours does not come up"
! systemctl is-active --quiet virtnodedevd.socket || fail "with both enabled, both come up"
say "where both are enabled, ours is started"
systemctl disable --now --quiet virtnodedevd.socket virtnodedevd-ro.socket virtnodedevd.service

answers nodedevd.service
before=$(process)
install_again
answers nodedevd.service
is_another "$before" || fail "the upgrade leaves the old daemon running"
say "upgrade: the daemon is another, and its sockets answer"

say "systemd-analyze security: $(systemd-analyze --no-pager security nodedevd.service | tail -n 1)"

rm -f $units/virtnodedevd* /usr/sbin/virtnodedevd
apt-get purge -y -q nodedevd nodedev >/run/dpkg 2>&1 || { cat /run/dpkg; fail "apt purge"; }
systemctl list-units --all --plain --no-legend 'nodedev*' >/run/left
find / -xdev -name '*nodedev*' ! -path '/srv/*' ! -path '/usr/share/libvirt/*' >>/run/left
find /run /var/log -name '*nodedev*' ! -path '/run/vm/*' >>/run/left
[ ! -s /run/left ] || { cat /run/left; fail "apt purge leaves that"; }
! pidof nodedevd || fail "apt purge leaves the daemon running"
say "apt purge: no unit, no file, no process is left"
