/* The calls that must fail: with what number, in what domain, with what words. */

#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

#define UNKNOWN_FLAG 0x2
#define COUNT(array) (sizeof(array) / sizeof(*array))

static const char *const DOCUMENTS[] = {
    "",
    "no document",
    "<device>",
    "<domain/>",
    "<device><name>x</name><capability type='net'><interface>x</interface></capability></device>",
};

static void refuse_documents(virConnectPtr connection)
{
    for (size_t i = 0; i < COUNT(DOCUMENTS); i++) {
        device("virNodeDeviceCreateXML", DOCUMENTS[i],
               virNodeDeviceCreateXML(connection, DOCUMENTS[i], 0));
        device("virNodeDeviceDefineXML", DOCUMENTS[i],
               virNodeDeviceDefineXML(connection, DOCUMENTS[i], 0));
    }
    device("virNodeDeviceCreateXML, flag", "", virNodeDeviceCreateXML(connection, "<device/>", 4));
    device("virNodeDeviceDefineXML, flag", "", virNodeDeviceDefineXML(connection, "<device/>", 4));
}

static void refuse_lookups(virConnectPtr connection)
{
    char *list[1];
    device("virNodeDeviceLookupByName", "absent", virNodeDeviceLookupByName(connection, "absent"));
    device("virNodeDeviceLookupByName", "", virNodeDeviceLookupByName(connection, ""));
    device("virNodeDeviceLookupByName", "a 'b' <c> %s",
           virNodeDeviceLookupByName(connection, "a 'b' <c> %s"));
    device("virNodeDeviceLookupSCSIHostByWWN", "absent",
           virNodeDeviceLookupSCSIHostByWWN(connection, "2000000000000000", "2000000000000001", 0));
    device("virNodeDeviceLookupSCSIHostByWWN, flag", "absent",
           virNodeDeviceLookupSCSIHostByWWN(connection, "2000000000000000", "2000000000000001",
                                            UNKNOWN_FLAG));
    number("virNodeNumOfDevices, flag", "any",
           virNodeNumOfDevices(connection, NULL, UNKNOWN_FLAG));
    number("virNodeListDevices, flag", "any",
           virNodeListDevices(connection, NULL, list, 1, UNKNOWN_FLAG));
}

/* What a node-device daemon does not do at all. */
static void refuse_foreign(virConnectPtr connection)
{
    unsigned long version = 0;
    virNodeInfo info;
    number("virConnectGetVersion", "", virConnectGetVersion(connection, &version));
    text("virConnectGetHostname", "", virConnectGetHostname(connection));
    text("virConnectGetCapabilities", "", virConnectGetCapabilities(connection));
    text("virConnectGetSysinfo", "", virConnectGetSysinfo(connection, 0));
    number("virNodeGetInfo", "", virNodeGetInfo(connection, &info));
    number("virConnectGetMaxVcpus", "", virConnectGetMaxVcpus(connection, NULL));
    number("virConnectListAllDomains", "", virConnectListAllDomains(connection, NULL, 0));
    number("virConnectListAllNetworks", "", virConnectListAllNetworks(connection, NULL, 0));
    number("virConnectListAllStoragePools", "", virConnectListAllStoragePools(connection, NULL, 0));
    number("virConnectListAllInterfaces", "", virConnectListAllInterfaces(connection, NULL, 0));
    number("virConnectListAllNWFilters", "", virConnectListAllNWFilters(connection, NULL, 0));
    number("virConnectListAllSecrets", "", virConnectListAllSecrets(connection, NULL, 0));
    number("virConnectNodeDeviceEventDeregisterAny", "4711",
           virConnectNodeDeviceEventDeregisterAny(connection, 4711));
}

/* Every call that takes a device. */
static void call_on(virNodeDevicePtr found, const char *name)
{
    int autostart = -1;
    char *list[1];
    const char *parent = virNodeDeviceGetParent(found);
    number("virNodeDeviceGetParent", name, parent || !virGetLastError() ? 0 : -1);
    number("virNodeDeviceNumOfCaps", name, virNodeDeviceNumOfCaps(found));
    number("virNodeDeviceListCaps", name, virNodeDeviceListCaps(found, list, 1));
    number("virNodeDeviceIsActive", name, virNodeDeviceIsActive(found));
    number("virNodeDeviceIsPersistent", name, virNodeDeviceIsPersistent(found));
    number("virNodeDeviceGetAutostart", name, virNodeDeviceGetAutostart(found, &autostart));
    text("virNodeDeviceGetXMLDesc, flag", name, virNodeDeviceGetXMLDesc(found, UNKNOWN_FLAG));
    number("virNodeDeviceSetAutostart", name, virNodeDeviceSetAutostart(found, 1));
    number("virNodeDeviceDestroy", name, virNodeDeviceDestroy(found));
    number("virNodeDeviceUndefine", name, virNodeDeviceUndefine(found, 0));
    number("virNodeDeviceUndefine, flag", name, virNodeDeviceUndefine(found, UNKNOWN_FLAG));
    number("virNodeDeviceCreate", name, virNodeDeviceCreate(found, 0));
    number("virNodeDeviceCreate, flag", name, virNodeDeviceCreate(found, UNKNOWN_FLAG));
    number("virNodeDeviceDettach", name, virNodeDeviceDettach(found));
    number("virNodeDeviceDetachFlags", name, virNodeDeviceDetachFlags(found, NULL, 0));
    number("virNodeDeviceDetachFlags", name, virNodeDeviceDetachFlags(found, "vfio", 0));
    number("virNodeDeviceDetachFlags, flag", name,
           virNodeDeviceDetachFlags(found, NULL, UNKNOWN_FLAG));
    number("virNodeDeviceReAttach", name, virNodeDeviceReAttach(found));
    number("virNodeDeviceReset", name, virNodeDeviceReset(found));
}

void print_refusals(virConnectPtr connection)
{
    refuse_lookups(connection);
    refuse_documents(connection);
    refuse_foreign(connection);
}

/* The device may go between its lookup and the calls: a line on the standard input tells when. */
void print_calls_on(virConnectPtr connection, const char *name)
{
    virNodeDevicePtr found = virNodeDeviceLookupByName(connection, name);
    if (!found) {
        device("virNodeDeviceLookupByName", name, found);
        return;
    }
    printf("found\n");
    fflush(stdout);
    getchar();
    call_on(found, name);
    char *document = virNodeDeviceGetXMLDesc(found, 0);
    number("virNodeDeviceGetXMLDesc", name, document ? 0 : -1);
    free(document);
    virNodeDeviceFree(found);
}
