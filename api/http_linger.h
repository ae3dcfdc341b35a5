/* SPDX-License-Identifier: MIT */
/*
 * api/http_linger - sockets that were refused while they were still sending.
 *
 * Purpose  A server that closes with unread data in its buffer makes the kernel send a
 *          reset, which can destroy the refusal before the client has read it. So a
 *          copy of the socket stays half-open for a moment and swallows the rest.
 * Owns     The copies, each with its watch and a deadline.
 * Threads  One loop's.
 * Errors   None: without room or descriptors the socket is simply closed.
 */
#ifndef WAY_API_HTTP_LINGER_H
#define WAY_API_HTTP_LINGER_H

#include "base/loop.h"

enum {
    API_LINGER_MS = 2000, /* for a refused sender to read why */
    API_LINGER_MAX = 64,  /* of those at a time, a loop */
};

struct api_lingering {
    bool is_open;
    int fd;
    struct way_watch *watch;
    uint64_t until_ms;
};

struct api_linger {
    struct way_loop *loop; /* borrowed */
    struct api_lingering sockets[API_LINGER_MAX];
};

/* Call before `fd` is closed; sends what is queued and a FIN. */
void api_linger_begin(struct api_linger *linger, int fd);
/* Ends those whose time is over. */
void api_linger_sweep(struct api_linger *linger, uint64_t now_ms);
void api_linger_fini(struct api_linger *linger);

#endif
