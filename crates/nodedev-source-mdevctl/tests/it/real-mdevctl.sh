#!/bin/sh
# Runs the real mdevctl with the folder of the link that it is called through as its host: etc/mdevctl.d,
# and sys where there is one, in a mount namespace of its own.
folder=$(cd "$(dirname "$0")" && pwd)
export folder
if [ -n "$1" ] && [ "$1" != --version ]; then
    printf '%s\n' "$*" >>"$folder/log"
fi
if [ -f "$folder/vanish" ] && [ "$3" = --defined ]; then
    # After mdevctl has begun, as far as anybody can tell.
    rm -f "$(cat "$folder/vanish")" "$folder/vanish"
fi
exec unshare --mount --propagation private sh -c '
    mount --bind "$folder/etc/mdevctl.d" /etc/mdevctl.d &&
    { [ ! -d "$folder/sys" ] || mount --bind "$folder/sys" /sys; } &&
    exec mdevctl "$@"' mdevctl "$@"
