/* SPDX-License-Identifier: MIT */
/*
 * api/http_server - HTTP/1.1 on one loop.
 *
 * Purpose  Accepts connections, leads each request from api/http_intake through its
 *          handler to api/http_reply, and keeps a deadline for every phase. Only the
 *          files api/http_*.c know libmicrohttpd.
 * Owns     Its connections, their slots, a libmicrohttpd daemon, and another one for TLS.
 * Threads  One a loop; everything on that loop's thread, but new() and free(), which
 *          come before the loop runs and after.
 * Errors   new(): WAY_NO_MEMORY, WAY_INTERNAL.
 *
 * Sources  RFC 9110, RFC 9112. Requests that libmicrohttpd cannot parse get its own
 *          bare status page and never reach us.
 */
#ifndef WAY_API_HTTP_SERVER_H
#define WAY_API_HTTP_SERVER_H

#include "api/exchange.h"
#include "api/http_listener.h"
#include "api/places.h"

enum {
    /* Of the connections of a loop, one in so many may be in its TLS handshake; for another one the
     * oldest of them is closed. That is less than one address may have: so whoever opens handshakes
     * and ends none closes his own, and nobody's idle ones. */
    API_HANDSHAKES_SHARE = 4,
};

/* How long a connection may take, in all, for each thing it does. */
struct api_deadlines {
    uint64_t head_ms;   /* from accept, so with a TLS handshake, or a later request's line, to the
                         * end of the headers */
    uint64_t body_ms;   /* for the whole body */
    uint64_t answer_ms; /* until the client has taken the whole answer */
    uint64_t idle_ms;   /* from an answer to the end of the next request's line */
};

struct api_server;

struct api_server_options {
    struct api_context *context; /* borrowed; is_draining is the server's to set */
    struct api_places *places;   /* borrowed; of all loops */
    struct api_deadlines deadlines;
    size_t loop_count;
    size_t loop_index;              /* which descriptor of each listener is ours */
    struct api_listener *listeners; /* borrowed */
    size_t listener_count;
    struct api_tls *tls; /* borrowed, of all loops; NULL: no listener speaks TLS */
};

WAY_MUST_CHECK enum way_status api_server_new(const struct api_server_options *options,
                                              struct api_server **server, struct way_error *err);
/* After stop. NULL is fine. */
void api_server_free(struct api_server *server);

/* On the loop: no new connections; those that are idle are closed, the others after their answer.
 * Calls `drained` (once, on the loop) when none is left. */
void api_server_drain(struct api_server *server, void (*drained)(void *owner), void *owner);
/* On the loop: answers what still waits with 503 and closes everything. */
void api_server_stop(struct api_server *server);

#endif
