/* SPDX-License-Identifier: MIT */
/*
 * api/http_envelope - replies that are used again.
 *
 * Purpose  To make a reply for libmicrohttpd and to throw it away costs more than the
 *          lookup it answers: each of its headers is three pieces of heap. So a reply
 *          that has been sent is kept, with its headers, for the next answer of the same
 *          media type and length; only what differs is put in anew (api/http_reply.c).
 * Owns     The replies, and the bytes of their bodies.
 * Threads  One loop's.
 * Errors   NULL: out of memory.
 */
#ifndef WAY_API_HTTP_ENVELOPE_H
#define WAY_API_HTTP_ENVELOPE_H

#include "api/media.h"
#include "api/request.h"

#include <stdint.h>

enum {
    API_ENVELOPE_BYTES_MAX = 512, /* bytes of a body; a longer one gets a reply of its own */
    API_ENVELOPES_KEPT_MAX = 512, /* replies kept for the next requests, a loop */
};

struct MHD_Response;

struct api_envelope {
    struct api_envelope *next;
    struct MHD_Response *response; /* NULL: to be made, with `bytes` as its body */
    enum api_media media;
    size_t len;
    /* What its headers say now. */
    uint64_t revision;
    char id[API_REQUEST_ID_MAX + 1];
    char bytes[]; /* len */
};

struct api_envelope_pool {
    size_t kept;
    /* By media type (API_MEDIA_JSON, API_MEDIA_TEXT) and length. */
    struct api_envelope *free[2][API_ENVELOPE_BYTES_MAX + 1];
};

/* Frees what is kept. */
void api_envelope_pool_fini(struct api_envelope_pool *pool);

/* One that nobody uses, for a body of `len` bytes. media: JSON or TEXT. */
struct api_envelope *api_envelope_take(struct api_envelope_pool *pool, enum api_media media,
                                       size_t len);
/* When the library holds its reply no longer, or is about to let go of it in this same turn. NULL
 * is fine. */
void api_envelope_return(struct api_envelope_pool *pool, struct api_envelope *envelope);

#endif
