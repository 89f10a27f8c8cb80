/* Events as they come, one a line, until one tells of the last device. */

#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "client.h"

#define PATIENCE_MS 30000

static const char *const KINDS[] = {"created", "deleted", "defined", "undefined"};
static const char *last_name;
static int running = 1;
static int timed_out;

static void happened(virNodeDevicePtr device, const char *what)
{
    const char *name = virNodeDeviceGetName(device);
    printf("%s %s\n", what, name);
    fflush(stdout);
    if (strstr(name, last_name))
        running = 0;
}

static void on_lifecycle(virConnectPtr connection, virNodeDevicePtr device, int event, int detail,
                         void *opaque)
{
    (void)connection, (void)opaque;
    if (detail != 0)
        printf("detail %d\n", detail);
    happened(device, event >= 0 && event < 4 ? KINDS[event] : "unknown");
}

static void on_update(virConnectPtr connection, virNodeDevicePtr device, void *opaque)
{
    (void)connection, (void)opaque;
    happened(device, "updated");
}

static void on_timeout(int timer, void *opaque)
{
    (void)timer, (void)opaque;
    timed_out = 1;
    running = 0;
}

/* Follows the events of one device, or of any if none is named. */
int follow_events(virConnectPtr connection, const char *last, const char *only)
{
    virNodeDevicePtr device = only ? virNodeDeviceLookupByName(connection, only) : NULL;
    int lifecycle = virConnectNodeDeviceEventRegisterAny(
        connection, device, VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE,
        VIR_NODE_DEVICE_EVENT_CALLBACK(on_lifecycle), NULL, NULL);
    int update = virConnectNodeDeviceEventRegisterAny(
        connection, device, VIR_NODE_DEVICE_EVENT_ID_UPDATE,
        VIR_NODE_DEVICE_EVENT_CALLBACK(on_update), NULL, NULL);
    if ((only && !device) || lifecycle < 0 || update < 0) {
        printf("error: %s\n", virGetLastErrorMessage());
        return 1;
    }
    last_name = last;
    virEventAddTimeout(PATIENCE_MS, on_timeout, NULL, NULL);
    printf("ready\n");
    fflush(stdout);
    while (running && virEventRunDefaultImpl() == 0)
        ;
    number("virConnectNodeDeviceEventDeregisterAny", "lifecycle",
           virConnectNodeDeviceEventDeregisterAny(connection, lifecycle));
    number("virConnectNodeDeviceEventDeregisterAny", "update",
           virConnectNodeDeviceEventDeregisterAny(connection, update));
    if (device)
        virNodeDeviceFree(device);
    return timed_out;
}
