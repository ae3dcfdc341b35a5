/* SPDX-License-Identifier: MIT */
/*
 * How  A page is read on a store thread. When there is nothing on it and the reader wants to
 *      wait, the exchange waits for the index to go on, and the page is read once more.
 */
#include "api/entry.h"
#include "api/epoch.h"
#include "api/handlers/handlers.h"
#include "api/handlers/store_call.h"
#include "api/params.h"
#include "base/clock.h"
#include "base/json.h"
#include "domain/waiters.h"

#include <stdint.h>

enum {
    LIMIT_DEFAULT = 100,
    WAIT_MAX = 60, /* seconds that a reader may wait for a change */
};

/* One page of the feed. */
struct feed_call {
    struct api_store_call base;
    struct way_waiter waiter;
    uint64_t until_ms; /* how long to wait for a change; 0: an empty page is the answer */
    size_t row_count;  /* on the page */
};

/* On a store thread. */
static bool visit_entry(void *owner, const struct way_entry *entry)
{
    struct feed_call *feed_call = owner;
    struct way_text *rows = &feed_call->base.rows;

    feed_call->row_count++;
    way_json_separate(rows);
    way_text_putc(rows, '{');
    way_json_member_u64(rows, "revision", entry->revision);
    api_entry_write(rows, entry);
    api_entry_write_override(rows, "override", entry->after);
    way_text_putc(rows, '}');
    return way_text_status(rows) == WAY_OK;
}

static void respond_page(struct feed_call *feed_call)
{
    const struct api_store_call *self = &feed_call->base;
    const struct way_feed_page *page = &self->call.of.feed.page;
    struct way_text *body = &self->exchange->response.body;

    api_respond(self->exchange, 200, API_MEDIA_JSON);
    /* The rows begin with their bracket and the name before it. */
    way_text_append(body, self->rows.data, self->rows.len);
    way_text_putc(body, ']');
    way_json_member_u64(body, "revision", page->revision);
    way_json_name(body, "epoch");
    way_text_putc(body, '"');
    api_epoch_write(body, page->position.epoch);
    way_text_puts(body, "\"}\n");
}

static void wait_for_change(struct feed_call *feed_call);

static void on_page(struct api_store_call *self)
{
    struct feed_call *feed_call = WAY_OWNER_OF(self, struct feed_call, base);

    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    if (feed_call->row_count == 0 && way_clock_mono_ms() < feed_call->until_ms) {
        wait_for_change(feed_call);
        return;
    }
    respond_page(feed_call);
    api_store_call_finish(self);
}

static void stop_waiting(struct api_exchange *exchange)
{
    struct feed_call *feed_call = exchange->waiting;

    feed_call->base.exchange = NULL;
    way_waiters_cancel(&feed_call->waiter);
}

/* Nobody may be there to read more. What the page said when the wait began is still true. */
static void end_waiting(struct api_exchange *exchange)
{
    struct feed_call *feed_call = exchange->waiting;

    respond_page(feed_call);
    stop_waiting(exchange);
    api_exchange_finish(exchange);
}

/* Whatever ended the wait, the page says what there is. */
static void on_waited(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    struct feed_call *feed_call = WAY_OWNER_OF(waiter, struct feed_call, waiter);
    struct api_store_call *self = &feed_call->base;

    (void)outcome;
    if (self->exchange == NULL) {
        api_store_call_free(self);
        return;
    }
    feed_call->until_ms = 0;
    self->deadline_ms = way_clock_mono_ms() + API_STORE_WAIT_MS;
    api_store_call_post(self, WAY_SERVICE_FEED, on_page);
}

static void wait_for_change(struct feed_call *feed_call)
{
    struct api_store_call *self = &feed_call->base;
    struct api_exchange *exchange = self->exchange;
    struct way_waiter *waiter = &feed_call->waiter;
    struct way_error err;

    waiter->home = exchange->context->loop;
    waiter->revision = self->call.of.feed.query.since + 1;
    waiter->deadline_ms = feed_call->until_ms;
    waiter->done = on_waited;
    waiter->is_woken_with_all = true;
    if (way_waiters_start(exchange->context->waiters, waiter, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    api_exchange_wait(exchange, 0, stop_waiting, feed_call);
    exchange->cut_short = end_waiting;
}

static enum way_status read_epoch(const struct api_request *request, struct way_feed_query *query,
                                  struct way_error *err)
{
    const struct api_bytes *value = api_request_param(request, "epoch");

    query->has_epoch = value != NULL;
    if (value != NULL && !api_epoch_read(*value, query->epoch)) {
        return way_fail(err, WAY_INVALID, "epoch", "must be 32 hexadecimal digits");
    }
    return WAY_OK;
}

static enum way_status read_request(const struct api_request *request, struct feed_call *feed_call,
                                    struct way_error *err)
{
    static const struct api_number_rule since_rule = {
        .name = "since", .max = INT64_MAX, .is_required = true};
    static const struct api_number_rule limit_rule = {
        .name = "limit", .min = 1, .max = WAY_FEED_PAGE_MAX, .fallback = LIMIT_DEFAULT};
    static const struct api_number_rule wait_rule = {.name = "wait", .max = WAIT_MAX};

    struct way_feed_query *query = &feed_call->base.call.of.feed.query;
    uint64_t limit = 0;
    uint64_t seconds = 0;
    enum way_status status = api_param_number(request, &since_rule, &query->since, err);

    if (status == WAY_OK) {
        status = api_param_number(request, &limit_rule, &limit, err);
    }
    if (status == WAY_OK) {
        status = api_param_number(request, &wait_rule, &seconds, err);
    }
    if (status == WAY_OK) {
        status = read_epoch(request, query, err);
    }
    query->limit = (size_t)limit;
    feed_call->until_ms = seconds == 0 ? 0 : way_clock_mono_ms() + seconds * 1000;
    return status;
}

void api_list_changes(struct api_exchange *exchange)
{
    struct feed_call *feed_call = api_store_call_new(exchange, sizeof *feed_call);
    struct api_store_call *self;
    struct way_error err;

    if (feed_call == NULL) {
        return;
    }
    self = &feed_call->base;
    if (read_request(&exchange->request, feed_call, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    way_text_puts(&self->rows, "{\"changes\":[");
    /* Before the first look, so that a reload between the look and the wait ends the wait. */
    feed_call->waiter.wakes_seen = way_waiters_wakes(exchange->context->waiters);
    self->call.of.feed.visit = visit_entry;
    self->call.of.feed.owner = feed_call;
    api_store_call_post(self, WAY_SERVICE_FEED, on_page);
}
