#!/bin/sh
# A callout script of mdevctl for the devices of mtty, whose attributes it keeps in a file: it can read
# them and change them while the device runs. Written from mdevctl's manual page.
config=$(cat)
while getopts t:e:a:s:u:p: option; do
    case $option in
    t) type=$OPTARG ;;
    e) event=$OPTARG ;;
    a) action=$OPTARG ;;
    *) ;;
    esac
done
case $type in
mtty-*) ;;
*) exit 2 ;;
esac

case $event-$action in
get-capabilities)
    echo '{"supports": {"version": 2,
        "actions": ["start", "stop", "define", "undefine", "modify", "attributes", "capabilities"],
        "events": ["pre", "post", "notify", "get", "live"]}}'
    ;;
get-attributes)
    cat 'STATE'
    ;;
live-modify)
    # {"mdev_type": …, "start": …, "attrs": […]} on one line or several.
    printf '%s' "$config" | tr -d '\n' | sed 's/.*"attrs": *\(\[[^]]*\]\).*/\1/' >'STATE'
    ;;
*) ;;
esac
