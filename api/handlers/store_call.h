/* SPDX-License-Identifier: MIT */
/*
 * api/handlers/store_call - a call to the service and the exchange that waits for it.
 *
 * Purpose  What every handler that needs the database does in the same way: hand the call
 *          over, wait, be gone when the client or the deadline was quicker. A handler
 *          embeds it as the first member of what it needs besides.
 * Owns     The handler's object, from api_store_call_new() until it is finished, refused
 *          or, when the exchange gave up first, until the call comes back.
 * Threads  The exchange's loop; visitors run on a store thread and may use `rows` alone.
 * Errors   As domain/service.h, answered as problems.
 */
#ifndef WAY_API_HANDLERS_STORE_CALL_H
#define WAY_API_HANDLERS_STORE_CALL_H

#include "api/exchange.h"

struct api_store_call {
    struct way_service_call call;
    struct api_exchange *exchange; /* NULL: it has given up */
    uint64_t deadline_ms;          /* the exchange's, for all calls that it waits for */
    struct way_text rows;          /* for visitors; owned */
    void (*answered)(struct api_store_call *self);
    void (*release)(struct api_store_call *self); /* what the object owns besides; may be NULL */
};

/* An object of `size` bytes, zero but for its first member, this. NULL: there was no memory, and
 * the exchange has its answer. */
void *api_store_call_new(struct api_exchange *exchange, size_t size);

/* Hands `self->call` over, whose `of` is set. `answered` comes with call.status when the exchange
 * still waits. Several calls may follow each other. */
void api_store_call_post(struct api_store_call *self, enum way_service_kind kind,
                         void (*answered)(struct api_store_call *self));

/* The answer is made: the exchange goes on, the object is freed. */
void api_store_call_finish(struct api_store_call *self);
/* Likewise, and the answer is this error. */
void api_store_call_refuse(struct api_store_call *self, const struct way_error *err);
/* The exchange has given up, nothing is under way: frees the object. */
void api_store_call_free(struct api_store_call *self);

/* Adds the actor and the reason that the request gives to a wish. */
WAY_MUST_CHECK enum way_status api_store_call_sign(const struct api_exchange *exchange,
                                                   struct way_wish *wish, struct way_error *err);

/* An override as the answer, with its entity tag. */
void api_respond_override(struct api_exchange *exchange, unsigned status,
                          const struct way_override *row);
/* One line about a change of one override. */
void api_log_written(const struct api_exchange *exchange, const struct way_write *write);

#endif
