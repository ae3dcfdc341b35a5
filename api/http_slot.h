/* SPDX-License-Identifier: MIT */
/*
 * api/http_slot - the memory of one request, from its first line to the end of its answer.
 *
 * Purpose  Holds the exchange that handlers see together with what only the HTTP side
 *          needs. Slots are large, so they are used again.
 * Owns     The request's target, body and split headers, the response's body.
 * Threads  One loop's.
 * Errors   NULL or false: out of memory.
 */
#ifndef WAY_API_HTTP_SLOT_H
#define WAY_API_HTTP_SLOT_H

#include "api/exchange.h"
#include "api/http_envelope.h"

enum {
    API_TARGET_INLINE = 512, /* bytes of a request target that need no heap */
    API_SLOTS_KEPT = 256,    /* freed slots that are kept for the next requests, a loop */
    API_ID_PREFIX = 8,       /* digits of a request id that are drawn once a loop */
};

struct MHD_Connection;
struct api_connection; /* the server's */

struct api_slot {
    struct api_exchange exchange; /* first */
    struct api_slot_pool *pool;
    struct MHD_Connection *mhd;
    struct api_connection *connection; /* NULL: there was no memory for one */
    struct api_slot *next_free;
    uint64_t started_us;
    bool has_head; /* the headers have been read */
    bool is_suspended;
    bool must_close; /* the connection, after this answer */
    struct way_text body;
    struct api_envelope *envelope; /* its answer, where that is a kept one */
    char *joined;      /* lists among the headers that came over several lines; NULL: none did */
    size_t target_len; /* as it came; a target of more than API_TARGET_MAX is not kept */
    char *target;      /* inline_target, or on the heap */
    char inline_target[API_TARGET_INLINE];
};

struct api_slot_pool {
    struct api_context *context; /* borrowed: every exchange gets it */
    struct api_slot *free_slots;
    size_t free_count;
    uint64_t request_count;
    char id_prefix[API_ID_PREFIX + 1];
    struct api_envelope_pool envelopes;
    void *owner; /* of the pool, for whoever resumes an exchange */
};

void api_slot_pool_init(struct api_slot_pool *pool, struct api_context *context, void *owner);
void api_slot_pool_fini(struct api_slot_pool *pool);

/* For a request whose raw target is `uri`; the exchange has a fresh id and no answer. */
struct api_slot *api_slot_take(struct api_slot_pool *pool, struct MHD_Connection *mhd,
                               const char *uri);
void api_slot_release(struct api_slot *slot);

#endif
