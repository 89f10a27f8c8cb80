/* A client of libvirt's node-device calls in C. Prints what they answer, one call a line.
 *
 *     client [-r] URI connection | lists | device NAME... | dump NAME... | refusals
 *                     | calls NAME | events LAST [DEVICE] | list | uri
 */

#include <libvirt/virterror.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static void silent(void *opaque, virErrorPtr error)
{
    (void)opaque, (void)error;
}

static void dump(virConnectPtr connection, const char *name)
{
    virNodeDevicePtr found = virNodeDeviceLookupByName(connection, name);
    char *document = found ? virNodeDeviceGetXMLDesc(found, 0) : NULL;
    if (document)
        printf("%s", document);
    else
        text("virNodeDeviceGetXMLDesc", name, NULL);
    free(document);
    if (found)
        virNodeDeviceFree(found);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(virNodeDeviceGetName(*(virNodeDevicePtr *)one),
                  virNodeDeviceGetName(*(virNodeDevicePtr *)other));
}

static int list(virConnectPtr connection)
{
    virNodeDevicePtr *devices = NULL;
    int count = virConnectListAllNodeDevices(connection, &devices, 0);
    if (count < 0)
        return 1;
    qsort(devices, count, sizeof(*devices), by_name);
    for (int i = 0; i < count; i++) {
        printf("%s\n", virNodeDeviceGetName(devices[i]));
        virNodeDeviceFree(devices[i]);
    }
    free(devices);
    return 0;
}

static int run(virConnectPtr connection, const char *verb, int count, char **rest)
{
    if (strcmp(verb, "connection") == 0)
        print_connection(connection);
    else if (strcmp(verb, "uri") == 0)
        text("virConnectGetURI", "", virConnectGetURI(connection));
    else if (strcmp(verb, "list") == 0)
        return list(connection);
    else if (strcmp(verb, "lists") == 0)
        print_lists(connection);
    else if (strcmp(verb, "refusals") == 0)
        print_refusals(connection);
    else if (strcmp(verb, "calls") == 0 && count == 1)
        print_calls_on(connection, rest[0]);
    else if (strcmp(verb, "events") == 0 && count >= 1)
        return follow_events(connection, rest[0], count > 1 ? rest[1] : NULL);
    else if (strcmp(verb, "device") == 0)
        for (int i = 0; i < count; i++)
            print_device(connection, rest[i]);
    else if (strcmp(verb, "dump") == 0)
        for (int i = 0; i < count; i++)
            dump(connection, rest[i]);
    else
        return 2;
    return 0;
}

int main(int argc, char **argv)
{
    int read_only = argc > 1 && strcmp(argv[1], "-r") == 0;
    argc -= read_only;
    argv += read_only;
    if (argc < 3)
        return 2;
    /* A server that refuses a certificate may have gone while libvirt still writes. */
    signal(SIGPIPE, SIG_IGN);
    virSetErrorFunc(NULL, silent);
    virEventRegisterDefaultImpl();
    virConnectPtr connection =
        read_only ? virConnectOpenReadOnly(argv[1]) : virConnectOpen(argv[1]);
    if (!connection) {
        virErrorPtr error = virGetLastError();
        printf("error %d domain %d level %d: %s\n", error->code, error->domain, error->level,
               error->message);
        return 1;
    }
    int status = run(connection, argv[2], argc - 3, argv + 3);
    virConnectClose(connection);
    return status;
}
