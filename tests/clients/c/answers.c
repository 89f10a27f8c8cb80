/* The calls that only ask: of a connection, of its lists, of one device. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static const char *const CAPABILITIES[] = {
    "system",  "pci",        "usb_device", "usb",         "net",          "scsi_host",
    "scsi_target", "scsi",   "storage",    "fc_host",     "vports",       "scsi_generic",
    "drm",     "mdev_types", "mdev",       "ccw",         "css",          "vdpa",
    "ap_card", "ap_queue",   "ap_matrix",  "vpd",         "ccwgroup",     "ccwgroup_member",
    "nonsense",
};
#define COUNT(array) (sizeof(array) / sizeof(*array))
#define MOST_NAMES 65536

static void on_close(virConnectPtr connection, int reason, void *opaque)
{
    (void)connection, (void)reason, (void)opaque;
}

void print_connection(virConnectPtr connection)
{
    unsigned long version = 0;
    const char *type = virConnectGetType(connection);
    text("virConnectGetType", "", type ? strdup(type) : NULL);
    number("virConnectGetLibVersion", "", virConnectGetLibVersion(connection, &version));
    number("virConnectIsSecure", "", virConnectIsSecure(connection));
    number("virConnectIsEncrypted", "", virConnectIsEncrypted(connection));
    number("virConnectIsAlive", "", virConnectIsAlive(connection));
    number("virConnectSetKeepAlive", "5, 3", virConnectSetKeepAlive(connection, 5, 3));
    number("virConnectRegisterCloseCallback", "",
           virConnectRegisterCloseCallback(connection, on_close, NULL, NULL));
    number("virConnectUnregisterCloseCallback", "",
           virConnectUnregisterCloseCallback(connection, on_close));
}

static void list_all(virConnectPtr connection, unsigned int flags)
{
    char subject[16];
    virNodeDevicePtr *devices = NULL;
    char **list = NULL;
    snprintf(subject, sizeof(subject), "%#x", flags);
    number("virConnectListAllNodeDevices, count", subject,
           virConnectListAllNodeDevices(connection, NULL, flags));
    int count = virConnectListAllNodeDevices(connection, &devices, flags);
    if (count > 0)
        list = calloc(count, sizeof(*list));
    for (int i = 0; i < count; i++) {
        list[i] = strdup(virNodeDeviceGetName(devices[i]));
        virNodeDeviceFree(devices[i]);
    }
    names("virConnectListAllNodeDevices", subject, list, count);
    free(list);
    free(devices);
}

static void list_capability(virConnectPtr connection, const char *capability)
{
    const char *subject = capability ? capability : "any";
    char **list = calloc(MOST_NAMES, sizeof(*list));
    number("virNodeNumOfDevices", subject, virNodeNumOfDevices(connection, capability, 0));
    int count = virNodeListDevices(connection, capability, list, MOST_NAMES, 0);
    names("virNodeListDevices", subject, list, count);
    free(list);
}

void print_lists(virConnectPtr connection)
{
    list_all(connection, 0);
    for (int bit = 0; bit < 32; bit++)
        list_all(connection, 1u << bit);
    list_all(connection, VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM |
                             VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET |
                             VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE);
    list_all(connection,
             VIR_CONNECT_LIST_NODE_DEVICES_INACTIVE | VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE);
    list_capability(connection, NULL);
    for (size_t i = 0; i < COUNT(CAPABILITIES); i++)
        list_capability(connection, CAPABILITIES[i]);
}

static char *copy(const char *value)
{
    return value ? strdup(value) : NULL;
}

void print_device(virConnectPtr connection, const char *name)
{
    virNodeDevicePtr found = virNodeDeviceLookupByName(connection, name);
    int autostart = -1;
    if (!found) {
        device("virNodeDeviceLookupByName", name, found);
        return;
    }
    char **list = calloc(MOST_NAMES, sizeof(*list));
    text("virNodeDeviceGetName", name, copy(virNodeDeviceGetName(found)));
    text("virNodeDeviceGetParent", name, copy(virNodeDeviceGetParent(found)));
    number("virNodeDeviceNumOfCaps", name, virNodeDeviceNumOfCaps(found));
    names("virNodeDeviceListCaps", name, list, virNodeDeviceListCaps(found, list, MOST_NAMES));
    number("virNodeDeviceIsActive", name, virNodeDeviceIsActive(found));
    number("virNodeDeviceIsPersistent", name, virNodeDeviceIsPersistent(found));
    number("virNodeDeviceGetAutostart", name, virNodeDeviceGetAutostart(found, &autostart));
    number("virNodeDeviceGetAutostart, value", name, autostart);
    free(list);
    virNodeDeviceFree(found);
}
