/* How an answer is printed: one line for a call, with the error's numbers and message if it failed. */

#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* Whether the last call failed; its error is printed then. */
static int failed(void)
{
    virErrorPtr error = virGetLastError();
    if (!error || error->code == VIR_ERR_OK)
        return 0;
    printf("error %d domain %d level %d: ", error->code, error->domain, error->level);
    for (const char *at = error->message; *at; at++)
        putchar(*at == '\n' ? ' ' : *at);
    putchar('\n');
    return 1;
}

static void called(const char *call, const char *subject)
{
    printf("%s(%s) ", call, subject);
}

void number(const char *call, const char *subject, long long value)
{
    called(call, subject);
    if (value >= 0 || !failed())
        printf("= %lld\n", value);
}

void text(const char *call, const char *subject, char *value)
{
    called(call, subject);
    if (value || !failed())
        printf("= %s\n", value ? value : "none");
    free(value);
}

void device(const char *call, const char *subject, virNodeDevicePtr value)
{
    called(call, subject);
    if (value)
        printf("= %s\n", virNodeDeviceGetName(value));
    else if (!failed())
        printf("= none\n");
    if (value)
        virNodeDeviceFree(value);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

void names(const char *call, const char *subject, char **list, int count)
{
    called(call, subject);
    if (count < 0 && failed())
        return;
    printf("= %d:", count);
    if (count > 0)
        qsort(list, count, sizeof(*list), by_name);
    for (int i = 0; i < count; i++) {
        printf(" %s", list[i]);
        free(list[i]);
    }
    printf("\n");
}
