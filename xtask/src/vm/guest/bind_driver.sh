#!/bin/sh
# bind-driver DRIVER ADDRESS…      gives PCI devices to this driver, whatever has them now
# bind-driver '' ADDRESS…          gives them back to whichever driver wants them
set -e
driver=$1
shift
[ -z "$driver" ] || modprobe "$(echo "$driver" | tr - _)"
for address in "$@"; do
    device=/sys/bus/pci/devices/$address
    echo "$driver" >"$device/driver_override"
    [ ! -e "$device/driver" ] || echo "$address" >"$device/driver/unbind"
    echo "$address" >/sys/bus/pci/drivers_probe
    bound=$(basename "$(readlink "$device/driver")")
    if [ -n "$driver" ] && [ "$bound" != "$driver" ]; then
        echo "bind-driver: $address is bound to ${bound:-nothing}, not to $driver" >&2
        exit 1
    fi
done
