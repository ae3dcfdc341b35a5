/* SPDX-License-Identifier: MIT */
#include "api/catch_up.h"

#include "base/clock.h"

#include <inttypes.h>

bool api_has_caught_up(const struct api_exchange *exchange, uint64_t min_revision)
{
    return min_revision == 0 || way_index_revision(exchange->context->index) >= min_revision;
}

enum way_status api_catch_up(struct api_exchange *exchange, uint64_t min_revision,
                             struct way_waiter *waiter,
                             void (*done)(struct way_waiter *waiter, enum way_wait_outcome outcome),
                             struct way_error *err)
{
    waiter->home = exchange->context->loop;
    waiter->revision = min_revision;
    waiter->deadline_ms = way_clock_mono_ms() + API_CATCH_UP_MS;
    waiter->done = done;
    return way_waiters_start(exchange->context->waiters, waiter, err);
}

void api_refuse_behind(struct api_exchange *exchange, uint64_t min_revision)
{
    struct way_error err;

    (void)way_fail(&err, WAY_BEHIND, "",
                   "this instance is at revision %" PRIu64 ", not yet at %" PRIu64,
                   way_index_revision(exchange->context->index), min_revision);
    api_refuse_error(exchange, &err);
}
