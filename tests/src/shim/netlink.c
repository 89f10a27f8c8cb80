/* libvirt's daemon also opens a netlink socket for uevents through libnl. The mock turns such
 * sockets into unix ones, which libnl cannot bind, so the daemon would not start. Its node-device
 * driver does not use that socket: give libnl one of a family that does nothing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>

int nl_connect(void *socket, int protocol)
{
    static int (*next)(void *, int);
    if (!next)
        next = dlsym(RTLD_NEXT, "nl_connect");
    return next(socket, protocol == NETLINK_KOBJECT_UEVENT ? NETLINK_USERSOCK : protocol);
}
