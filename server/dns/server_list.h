/* SPDX-License-Identifier: MIT */
/*
 * dns/server_list - which DNS servers to ask, as the operator writes it.
 *
 * Purpose  Turn "192.0.2.1,192.0.2.2:5353,2001:db8::1,[::1]:5353" into addresses.
 * Owns     Nothing. A list is a plain value and may be copied with '='.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "dns".
 */
#ifndef WAY_DNS_SERVER_LIST_H
#define WAY_DNS_SERVER_LIST_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAY_DNS_SERVERS_MAX = 8, /* servers in one list */
    WAY_DNS_PORT = 53,       /* of a server without one */
};

struct way_dns_server {
    bool is_ipv6;
    uint16_t port;
    uint8_t address[16]; /* network order; of IPv4 the first four, the rest 0 */
};

struct way_dns_server_list {
    size_t count;
    struct way_dns_server servers[WAY_DNS_SERVERS_MAX]; /* in the order of preference */
};

/* "ADDR[:PORT],...", at least one; an IPv6 address with a port stands in brackets. No blanks, no
 * names, no zone ids, no port 0. On failure *out is untouched. */
WAY_MUST_CHECK enum way_status
way_dns_server_list_parse(const char *text, struct way_dns_server_list *out, struct way_error *err);
bool way_dns_server_list_equal(const struct way_dns_server_list *a,
                               const struct way_dns_server_list *b);

#endif
