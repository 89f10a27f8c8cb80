#!/bin/sh
# Stands for mdevctl 1.4 where hundreds of listings are asked for, and starts no process of its own.
# Definitions lie in etc/mdevctl.d of the folder of the link that it is called through; what runs is
# what /sys shows. A running device has the attribute that its file "weight" holds, as one of mdevctl's
# own callout scripts would have it.
definitions=${0%/*}/etc/mdevctl.d

# The contents of a file, in one line.
contents() {
    text=
    while IFS= read -r line || [ -n "$line" ]; do
        text="$text$line"
    done <"$1"
}

# Sets type, start and attributes of the running device in that directory.
describe() {
    type= start=manual attributes=
    for candidate in "$1"/../mdev_supported_types/*; do
        [ "$candidate" -ef "$1/mdev_type" ] && type=${candidate##*/}
    done
    if [ -f "$1/weight" ]; then
        contents "$1/weight"
        attributes="{\"weight\":\"$text\"}"
    fi
    if [ -f "$definitions/$2/${1##*/}" ]; then
        contents "$definitions/$2/${1##*/}"
        case "$text" in *'"start": "auto"'*) start=auto ;; esac
    fi
    text="{\"mdev_type\":\"$type\",\"start\":\"$start\",\"attrs\":[$attributes]}"
}

# Prints one parent with what has been collected of its devices, if there was any.
parent() {
    [ -n "$devices" ] || return
    printf '%s"%s":[%s]' "$comma" "$1" "$devices"
    comma=,
}

defined() {
    for folder in "$definitions"/*; do
        devices=
        for file in "$folder"/*-*; do
            [ -f "$file" ] || continue
            contents "$file"
            devices="$devices${devices:+,}{\"${file##*/}\":$text}"
        done
        parent "${folder##*/}"
    done
}

active() {
    for folder in /sys/class/mdev_bus/*; do
        devices=
        for device in "$folder"/*-*-*-*-*; do
            [ -e "/sys/bus/mdev/devices/${device##*/}" ] || continue
            describe "$device" "${folder##*/}"
            devices="$devices${devices:+,}{\"${device##*/}\":$text}"
        done
        parent "${folder##*/}"
    done
}

comma=
case "$*" in
"list --dumpjson --defined") printf '[{'; defined; printf '}]' ;;
"list --dumpjson") printf '[{'; active; printf '}]' ;;
--version) echo "mdevctl 1.4.0" ;;
*) exit 2 ;;
esac
exit 0
