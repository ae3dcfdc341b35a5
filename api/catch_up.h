/* SPDX-License-Identifier: MIT */
/*
 * api/catch_up - `min_revision`: an answer that is not older than what the client has seen.
 *
 * Purpose  A client that has written through one instance may ask another at once: the
 *          other waits until it has caught up, or says that it is behind.
 * Owns     Nothing: the waiter is the handler's, as domain/waiters says.
 * Threads  One loop's.
 * Errors   WAY_BUSY, WAY_NO_MEMORY: nobody waits.
 */
#ifndef WAY_API_CATCH_UP_H
#define WAY_API_CATCH_UP_H

#include "api/exchange.h"

enum { API_CATCH_UP_MS = 2000 /* a request waits as long for its min_revision */ };

/* The answer can be made now. */
bool api_has_caught_up(const struct api_exchange *exchange, uint64_t min_revision);
/* Calls `done` later, when it can or when the time is over. */
WAY_MUST_CHECK enum way_status
api_catch_up(struct api_exchange *exchange, uint64_t min_revision, struct way_waiter *waiter,
             void (*done)(struct way_waiter *waiter, enum way_wait_outcome outcome),
             struct way_error *err);
/* For `done`, on every outcome but WAY_WAIT_REACHED: makes the response. */
void api_refuse_behind(struct api_exchange *exchange, uint64_t min_revision);

#endif
