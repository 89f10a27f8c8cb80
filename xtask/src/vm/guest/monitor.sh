#!/bin/sh
# hmp COMMAND…      a command for this machine's own QEMU, in the words of its monitor
# qmp JSON          the same in QEMU's own protocol; prints the answer
#
# Ends with a status other than 0 when QEMU refuses. The host's side is monitor.rs: a request is a
# line `NUMBER hmp|qmp TEXT`, its answer a line `NUMBER STATUS LINES` and so many lines.
exec 9>/run/vm/monitor.lock
flock 9
exec 3<>/dev/virtio-ports/monitor

printf '%s %s %s\n' "$$" "${0##*/}" "$(printf '%s' "$*" | tr '\n' ' ')" >&3
# An answer that somebody did not wait for may be left over.
while read -r number status lines <&3; do
    mine=$([ "$number" = "$$" ] && echo yes)
    while [ "$lines" -gt 0 ]; do
        IFS= read -r line <&3
        [ -z "$mine" ] || printf '%s\n' "$line"
        lines=$((lines - 1))
    done
    [ -z "$mine" ] || exit "$status"
done
exit 1
