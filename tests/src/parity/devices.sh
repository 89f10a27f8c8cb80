#!/bin/sh
# Makes devices of every kind that this machine's kernel has drivers for, then becomes the command.
# For a virtual machine that is thrown away: nothing here is undone.
# What cannot be made is said and left out.

make() {
    what=$1; shift
    if "$@" >/run/devices.log 2>&1; then echo "made: $what" >&2
    else echo "not made: $what: $(tail -n 1 /run/devices.log)" >&2; fi
}

# udevd may hang up on who asks it, and is asked again.
settle() { udevadm settle "$@" || udevadm settle "$@"; }

sr_iov() {
    for file in /sys/bus/pci/devices/*/sriov_totalvfs; do
        [ -e "$file" ] && echo 4 >"${file%totalvfs}numvfs" && return
    done
    echo "no function with SR-IOV"; false
}

# Links up only after both are made, as the kernel wants it.
fibre_channel() {
    modprobe fcoe && ip link add fc0 type veth peer name fc1 || return
    for end in fc0 fc1; do echo $end >/sys/module/libfcoe/parameters/create_vn2vn || return; done
    ip link set fc0 up && ip link set fc1 up && settle -t 20
    for host in /sys/class/fc_host/host*; do
        for _ in $(seq 100); do
            [ "$(cat "$host/port_state")" = Online ] && break
            sleep 0.1
        done
    done
    echo 2001020304050607:1001020304050607 >"$host/vport_create"
}

vdpa_device() { modprobe vdpa_sim_net && modprobe vhost_vdpa && vdpa dev add name vdpa0 mgmtdev vdpasim_net; }

# A name, a read-only section with a checksum, and the end.
product_data() {
    python3 - <<'PY'
import subprocess, sys
name = b"Network <card>"
fields = b"SN\x041234" + b"PN\x02P1" + b"V0\x01x"
data = b"\x82" + len(name).to_bytes(2, "little") + name
data += b"\x90" + (len(fields) + 4).to_bytes(2, "little") + fields + b"RV\x01"
data += bytes([-sum(data) & 255]) + b"\x78"
sys.exit(subprocess.call(["modprobe", "nodedev_vpd", "device=0000:02:00.0", "hex=" + data.hex()]))
PY
}

# One that runs and is defined, one that only runs, one that is only defined.
mediated() {
    modprobe "$1" && settle -t 20 || return
    parent=$(basename "$(find /sys/class/mdev_bus/ -name "${3:-$1}" | head -n 1)")
    type=$(basename "$(find "/sys/class/mdev_bus/$parent/mdev_supported_types/" -mindepth 1 -maxdepth 1 | sort | head -n 1)")
    uuid=00000000-0000-4000-8000-0000000000$2
    mdevctl define --auto --uuid "${uuid}1" --parent "$parent" --type "$type" &&
    mdevctl start --uuid "${uuid}1" &&
    mdevctl define --uuid "${uuid}3" --parent "$parent" --type "$type" || return
    # Not every kind has instances for two.
    mdevctl start --uuid "${uuid}2" --parent "$parent" --type "$type" || true
}

make "virtual functions" sr_iov
make "SCSI disks" modprobe scsi_debug dev_size_mb=8 num_tgts=2 max_luns=2
make "wireless interfaces" modprobe mac80211_hwsim radios=1
make "a veth pair" ip link add veth0 type veth peer name veth1
make "a vdpa device" vdpa_device
make "Fibre Channel" fibre_channel
make "vital product data" product_data
make "mtty" mediated mtty 1
make "mdpy" mediated mdpy 2
make "mbochs" mediated mbochs 3
make "mediated devices in a PCI function" mediated nodedev_mdev 4 0000:00:07.0
settle -t 60
exec "$@"
