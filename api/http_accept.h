/* SPDX-License-Identifier: MIT */
/*
 * api/http_accept - from the kernel's queue to a place and libmicrohttpd, or to a refusal.
 *
 * Purpose  Nobody waits without end for a place. For a new connection one whose head
 *          trickles gives way, or the one that has been silent for longest. Where nobody is silent,
 * the new one waits in the kernel's queue, a second at most, and is then answered 503. Of an
 * address that has all it may have, only its own connections give way. Owns     Watches of the
 * listeners, and a timer. Threads  One loop's. Errors   start(): WAY_NO_MEMORY.
 */
#ifndef WAY_API_HTTP_ACCEPT_H
#define WAY_API_HTTP_ACCEPT_H

#include "api/http_connections.h"
#include "api/http_daemon.h"
#include "api/http_linger.h"
#include "api/http_listener.h"
#include "api/http_slot.h"

struct api_accept;

struct api_accepting {
    struct api_accept *accept;
    int fd;
    bool is_tls;
    struct way_watch *watch; /* NULL: closed */
    uint64_t full_since_ms;  /* somebody waits who found no place; 0: nobody */
};

struct api_accept {
    /* the server's, set before start(); all borrowed */
    struct way_loop *loop;
    struct api_daemon *plain;
    struct api_daemon *tls;
    struct api_handshakes *handshakes;
    size_t handshakes_max;
    struct api_places *places;
    struct api_connections *connections;
    struct api_slot_pool *slots;
    struct api_linger *linger;
    struct way_metrics *metrics;
    void (*pump)(void *owner); /* lets the daemons work */
    void *owner;
    /* its own */
    struct way_timer *timer;
    bool is_starved;  /* of descriptors: told once */
    uint64_t told_ms; /* when somebody was refused and the log said so; 0: never */
    size_t listener_count;
    struct api_accepting listeners[API_LISTEN_MAX];
};

WAY_MUST_CHECK enum way_status api_accept_start(struct api_accept *accept,
                                                const struct api_listener *listeners, size_t count,
                                                size_t loop_index, struct way_error *err);
/* Takes whom the kernel has let in already; others are refused from now on. */
void api_accept_stop(struct api_accept *accept);
/* Also without start(). */
void api_accept_fini(struct api_accept *accept);

#endif
