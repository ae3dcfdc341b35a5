/* SPDX-License-Identifier: MIT */
/*
 * dns/channel - queries to one DNS server; channel.c is the only file that knows c-ares.
 *
 * Purpose  One query out, one end in: an answer's bytes, or why there is none. A
 *          channel makes one attempt; whom to ask next is decided above.
 * Owns     The c-ares channel, its sockets and their watches. A struct way_query is the
 *          caller's and must stay where it is until `ended` was called.
 * Threads  One loop's thread; the two library calls once each, around all threads.
 * Errors   new(): NULL, out of memory or refused by c-ares. Queries: as ends.
 *
 * `ended` may be called from inside way_channel_query(), and always runs deep inside
 * c-ares: it must not call this module. What it sets off is done later, in `settled`,
 * or by the one who called way_channel_query() or way_channel_tick().
 */
#ifndef WAY_DNS_CHANNEL_H
#define WAY_DNS_CHANNEL_H

#include "base/loop.h"
#include "dns/resolver.h"
#include "dns/server_list.h"

struct way_channel;
struct way_query;

enum way_query_end {
    WAY_QUERY_ANSWERED,
    WAY_QUERY_TIMED_OUT,
    WAY_QUERY_UNREACHABLE, /* refused, no route, a connection that broke */
    WAY_QUERY_NXDOMAIN,    /* c-ares asks nobody for names under .onion (RFC 7686) */
    WAY_QUERY_IMPOSSIBLE,  /* a name that no query can carry, no memory */
    WAY_QUERY_DROPPED      /* the channel was freed */
};

/* `bytes`: the answer, borrowed during the call; NULL unless WAY_QUERY_ANSWERED. */
typedef void (*way_query_ended_fn)(struct way_query *query, enum way_query_end end,
                                   const uint8_t *bytes, size_t len);

struct way_query {
    way_query_ended_fn ended;
};

struct way_channel_options {
    uint64_t attempt_ms; /* until a query has timed out; over TCP it starts anew */
    /* After a socket's events were handled: all `ended` calls they caused are over. The channel
     * may be freed in it. */
    void (*settled)(void *owner);
    void *owner;
};

WAY_MUST_CHECK enum way_status way_channel_library_start(struct way_error *err);
void way_channel_library_stop(void);

struct way_channel *way_channel_new(struct way_loop *loop, const struct way_dns_server *server,
                                    bool has_edns, const struct way_channel_options *options);
/* Queries in flight end as WAY_QUERY_DROPPED. NULL is fine. Not from inside `ended`. */
void way_channel_free(struct way_channel *channel);

/* `name` in the normal form of model/key. */
void way_channel_query(struct way_channel *channel, enum way_dns_type type, const char *name,
                       struct way_query *query);
/* Ends what has timed out. To be called every now and then while queries are in flight. */
void way_channel_tick(struct way_channel *channel);

/* The servers that a file in the format of resolv.conf names; without any, the local one. What is
 * above WAY_DNS_SERVERS_MAX is left out. */
WAY_MUST_CHECK enum way_status way_channel_system_servers(const char *path,
                                                          struct way_dns_server_list *out,
                                                          struct way_error *err);

#endif
