/* SPDX-License-Identifier: MIT */
/*
 * api/http_handshake - TLS handshakes that wait for the client.
 *
 * Purpose  libmicrohttpd tries a handshake again and again, without a pause, from the first byte of
 *          it to its end: a client that goes silent in between would take a whole core. So a
 *          connection that has tried is suspended, and resumed when there is more to read.
 * Owns     The watches of the connections' descriptors.
 * Threads  One loop's.
 * Errors   Without memory for a watch the connection is shut.
 */
#ifndef WAY_API_HTTP_HANDSHAKE_H
#define WAY_API_HTTP_HANDSHAKE_H

#include "api/http_daemon.h"
#include "api/http_tls.h"

/* One connection's. Zero: no handshake is under way. */
struct api_handshake {
    struct api_handshakes *all; /* NULL: none is under way */
    struct MHD_Connection *mhd;
    struct api_tls_link *link;
    bool is_parked;          /* suspended, with a watch */
    struct way_watch *watch; /* NULL: it was never parked */
    struct api_handshake *next;
    struct api_handshake **at;
};

struct api_handshakes {
    struct way_loop *loop;     /* borrowed */
    struct api_daemon *daemon; /* borrowed: whose connections they are */
    size_t count;
    struct api_handshake *awake; /* the daemon's turn may try these */
    struct api_handshake *parked;
};

void api_handshake_begin(struct api_handshakes *all, struct api_handshake *handshake,
                         struct MHD_Connection *mhd, struct api_tls_link *link);
/* It is over, one way or the other. Does nothing when it was before. */
void api_handshake_end(struct api_handshake *handshake);
/* There may be something to read, or the connection was shut: it is tried in the daemon's next
 * turn. Does nothing when that is so already. */
void api_handshake_wake(struct api_handshake *handshake);

/* After each turn of the daemon. */
void api_handshakes_park(struct api_handshakes *all);
/* Before the daemon ends, which bears no suspended connection. */
void api_handshakes_wake_all(struct api_handshakes *all);

#endif
