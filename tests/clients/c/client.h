/* What the parts of the C client share: how an answer is printed, and the verbs. */
#ifndef CLIENT_H
#define CLIENT_H

#include <libvirt/libvirt.h>

/* An answer, or the error of the call if the value says that it failed. */
void number(const char *call, const char *subject, long long value);
/* The same for text, which is freed. No text and no error is an answer as well. */
void text(const char *call, const char *subject, char *value);
/* The same for a node device, which is freed. */
void device(const char *call, const char *subject, virNodeDevicePtr value);
/* A sorted list of names, which are freed. */
void names(const char *call, const char *subject, char **list, int count);

void print_connection(virConnectPtr connection);
void print_lists(virConnectPtr connection);
void print_device(virConnectPtr connection, const char *name);
void print_refusals(virConnectPtr connection);
void print_calls_on(virConnectPtr connection, const char *name);
int follow_events(virConnectPtr connection, const char *last, const char *only);

#endif
