/* SPDX-License-Identifier: MIT */
/*
 * api/http_connections - the connections of one loop, by what they do and since when.
 *
 * Purpose  Find, without looking at all of them, who has taken too long and who has been
 *          silent for longest.
 * Owns     The connections' records and their places; sockets are libmicrohttpd's.
 * Threads  One loop's.
 * Errors   join(): NULL, out of memory.
 */
#ifndef WAY_API_HTTP_CONNECTIONS_H
#define WAY_API_HTTP_CONNECTIONS_H

#include "api/http_handshake.h"
#include "api/http_tls.h"
#include "api/places.h"
#include "base/loop.h"
#include "dns/list.h"

#include <stdint.h>

enum api_phase {
    API_PHASE_HANDSHAKE, /* of TLS */
    API_PHASE_HEAD,      /* from accept, or a later request's line, to the end of the headers */
    API_PHASE_BODY,
    API_PHASE_HANDLING, /* handlers keep deadlines of their own */
    API_PHASE_WRITING,
    API_PHASE_IDLE,
    API_PHASE_COUNT
};

struct api_connections;
struct api_slot;

struct api_connection {
    struct api_connections *all;
    struct way_node node; /* of those in its phase, or that join */
    int fd;
    enum api_phase phase;
    uint64_t since_ms; /* that it has been in its phase */
    struct api_peer peer;
    struct api_slot *slot; /* the request that is being made, or NULL */
    bool must_linger;      /* it was refused while it was still sending */
    struct api_tls_link tls;
    struct api_handshake handshake;
};

struct api_connections {
    struct api_places *places;   /* borrowed */
    const struct way_loop *loop; /* borrowed, for its time */
    size_t count;
    struct way_node joining;                 /* that libmicrohttpd has not taken yet */
    struct way_node phases[API_PHASE_COUNT]; /* each in the order of since_ms */
};

void api_connections_init(struct api_connections *connections, struct api_places *places,
                          const struct way_loop *loop);

/* For a descriptor whose place is claimed, before libmicrohttpd gets it. */
struct api_connection *api_connections_join(struct api_connections *connections, int fd,
                                            const struct api_peer *peer);
/* libmicrohttpd has taken it: its head counts from now on. NULL: none with this descriptor joins.
 */
struct api_connection *api_connections_start(struct api_connections *connections, int fd);
/* Those that libmicrohttpd has refused, and closed, when none can be under way any more. */
void api_connections_drop_joining(struct api_connections *connections);
/* Leaves its place and frees it. */
void api_connections_end(struct api_connections *connections, struct api_connection *connection);

/* NULL is fine. */
void api_connection_enter(struct api_connections *connections, struct api_connection *connection,
                          enum api_phase phase);

/* The same, and the time of the phase before counts on. */
void api_connection_go_on(struct api_connections *connections, struct api_connection *connection,
                          enum api_phase phase);

/* Who is to make room for somebody: who has trickled a handshake or a head for longest, which no
 * good client does for a second, or else the longest idle one. `peer`: of this address only; NULL:
 * of any. NULL: nobody. */
struct api_connection *api_connections_quietest(const struct api_connections *connections,
                                                const struct api_peer *peer);

/* Who has been in a phase for longest. NULL: nobody is in it. */
struct api_connection *api_connections_first(const struct api_connections *connections,
                                             enum api_phase phase);

#endif
