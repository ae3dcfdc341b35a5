/* SPDX-License-Identifier: MIT */
/*
 * dns/resolver_cares - the resolver over c-ares, asynchronous, one a loop.
 *
 * Purpose  Implements dns/resolver.h on dns/channel: the same question asked once, servers
 *          tried in turn, deadlines kept.
 * Owns     Its servers' channels, its questions and two timers, of which one runs while
 *          questions are open.
 * Threads  As dns/resolver.h. way_cares_library_start() once, before threads.
 * Errors   new(): WAY_INVALID (server list), WAY_NO_MEMORY, WAY_INTERNAL.
 *
 * c-ares sends all queries of a busy time from one port, so somebody who sees none of
 * them has only 16 bits to guess: the servers should be on this machine or on a network
 * that others cannot send into.
 */
#ifndef WAY_DNS_RESOLVER_CARES_H
#define WAY_DNS_RESOLVER_CARES_H

#include "base/loop.h"
#include "dns/resolver.h"

/* How one query to a server ended, for metrics. Called on the loop; must not call the resolver. */
typedef void (*way_dns_observe_fn)(void *owner, enum way_dns_type type,
                                   enum way_dns_outcome outcome, uint64_t micros);

struct way_cares_options {
    const char *servers;        /* see dns/server_list.h; NULL or "": those of resolv_conf */
    const char *resolv_conf;    /* NULL: /etc/resolv.conf. A changed file is read again */
    uint64_t timeout_ms;        /* usual time of a question; the time of one attempt is derived */
    size_t on_wire_max;         /* queries to one server at a time, at least 1; the rest waits */
    way_dns_observe_fn observe; /* may be NULL; once for each query that was sent, retries too */
    void *owner;
};

WAY_MUST_CHECK enum way_status way_cares_library_start(struct way_error *err);
void way_cares_library_stop(void);

/* Checks a server list without a loop, for --check-config; NULL and "" are fine. Field "dns". */
WAY_MUST_CHECK enum way_status way_cares_servers_check(const char *servers, struct way_error *err);

/* Options are copied. Gives a resolver, to be freed with way_resolver_free() before the loop. */
WAY_MUST_CHECK enum way_status way_resolver_cares_new(struct way_loop *loop,
                                                      const struct way_cares_options *options,
                                                      struct way_resolver **resolver,
                                                      struct way_error *err);

#endif
