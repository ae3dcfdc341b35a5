/* SPDX-License-Identifier: MIT */
/*
 * fuzz/dns_name - dns/name: names as they stand in a message.
 *
 * Input  A message; a name is read at every octet of it.
 * Law    A name that is read ends with the root within its 255 octets, and what stands behind it
 * lies within the message. As a host name it is one of ours, and comes back the same. A name is
 *        under itself and under the root. Where there is no name, nothing is written.
 */
#include "law.h"

#include "dns/name.h"

enum { MESSAGE_MAX = 1024 }; /* octets: the work grows with their square */

static void obey_labels(const struct way_dns_name *name)
{
    size_t at = 0;

    LAW(name->len >= 1 && name->len <= WAY_DNS_NAME_MAX);
    while (name->octets[at] != 0) {
        LAW(name->octets[at] <= WAY_LABEL_MAX);
        at += 1 + (size_t)name->octets[at];
        LAW(at < name->len);
    }
    LAW(at + 1 == name->len);
}

static void obey_host(const struct way_dns_name *name)
{
    char host[WAY_KEY_MAX + 1];
    struct way_dns_name again;

    if (!way_dns_name_to_host(name, host)) {
        return;
    }
    LAW(memchr(host, '\0', sizeof host) != NULL);
    LAW(way_dns_name_from_host(host, &again) == (host[0] != '\0'));
    LAW(host[0] == '\0' || way_dns_name_equal(name, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct way_dns_name root = {.len = 1};

    if (size > MESSAGE_MAX) {
        return 0;
    }
    for (size_t at = 0; at <= size; at++) {
        struct way_dns_name name = {.len = 0};
        size_t end = 0;

        if (!way_dns_name_read(data, size, at, &name, &end)) {
            LAW(name.len == 0 && end == 0);
            continue;
        }
        LAW(end > at && end <= size);
        obey_labels(&name);
        obey_host(&name);
        LAW(way_dns_name_is_under(&name, &name) && way_dns_name_is_under(&name, &root));
    }
    return 0;
}
