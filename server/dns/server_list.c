/* SPDX-License-Identifier: MIT */
#include "dns/server_list.h"

#include "base/log.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

enum { ITEM_TEXT_MAX = 64 }; /* bytes of a wrong item that a message shows */

static enum way_status refuse(struct way_error *err, const char *item, size_t len,
                              const char *reason)
{
    char shown[ITEM_TEXT_MAX];

    return way_fail(err, WAY_INVALID, "dns", "%s: %s", reason,
                    way_log_quote(item, len, shown, sizeof shown));
}

static bool address_parse(const char *text, size_t len, bool is_ipv6, struct way_dns_server *out)
{
    char address[INET6_ADDRSTRLEN];

    if (len >= sizeof address || memchr(text, '\0', len) != NULL) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    out->is_ipv6 = is_ipv6;
    return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, address, out->address) == 1;
}

/* `text`: what follows the address, ":PORT" or nothing. */
static bool port_parse(const char *text, size_t len, struct way_dns_server *out)
{
    uint64_t port = WAY_DNS_PORT;

    if (len > 0 && (text[0] != ':' || !way_u64_parse(text + 1, len - 1, UINT16_MAX, &port))) {
        return false;
    }
    out->port = (uint16_t)port;
    return port != 0;
}

static enum way_status server_parse(const char *item, size_t len, struct way_dns_server *out,
                                    struct way_error *err)
{
    struct way_dns_server server = {.port = WAY_DNS_PORT};
    const char *colon = memchr(item, ':', len);
    const char *address = item;
    const char *end = item + len; /* of the address */
    const char *port;
    bool is_ipv6 = false;

    if (len > 0 && item[0] == '[') {
        address = item + 1;
        end = memchr(item, ']', len);
        if (end == NULL) {
            return refuse(err, item, len, "the bracket of a DNS server is not closed");
        }
        port = end + 1;
        is_ipv6 = true;
    } else if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon) - 1) != NULL) {
        port = end; /* two colons and no bracket: all of it is the address */
        is_ipv6 = true;
    } else {
        end = colon == NULL ? end : colon;
        port = end;
    }
    if (!address_parse(address, (size_t)(end - address), is_ipv6, &server)) {
        return refuse(err, item, len,
                      is_ipv6 ? "not the IPv6 address of a DNS server"
                              : "not the IP address of a DNS server");
    }
    if (!port_parse(port, (size_t)(item + len - port), &server)) {
        return refuse(err, item, len, "a DNS server's port is a number from 1 to 65535");
    }
    *out = server;
    return WAY_OK;
}

enum way_status way_dns_server_list_parse(const char *text, struct way_dns_server_list *out,
                                          struct way_error *err)
{
    struct way_dns_server_list list = {.count = 0};

    for (;;) {
        size_t len = strcspn(text, ",");
        enum way_status status;

        if (list.count == WAY_DNS_SERVERS_MAX) {
            return way_fail(err, WAY_INVALID, "dns", "more than %d DNS servers",
                            WAY_DNS_SERVERS_MAX);
        }
        status = server_parse(text, len, &list.servers[list.count], err);
        if (status != WAY_OK) {
            return status;
        }
        list.count++;
        if (text[len] == '\0') {
            break;
        }
        text += len + 1;
    }
    *out = list;
    return WAY_OK;
}

bool way_dns_server_list_equal(const struct way_dns_server_list *a,
                               const struct way_dns_server_list *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct way_dns_server *left = &a->servers[i];
        const struct way_dns_server *right = &b->servers[i];

        if (left->is_ipv6 != right->is_ipv6 || left->port != right->port ||
            memcmp(left->address, right->address, sizeof left->address) != 0) {
            return false;
        }
    }
    return true;
}
