/* SPDX-License-Identifier: MIT */
#include "api/handlers/store_call.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/override_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *api_store_call_new(struct api_exchange *exchange, size_t size)
{
    struct api_store_call *self = calloc(1, size);

    if (self == NULL) {
        api_refuse(exchange, API_BUSY, "", "out of memory");
        api_exchange_finish(exchange);
        return NULL;
    }
    way_text_init(&self->rows, NULL, 0, API_RESPONSE_MAX);
    way_text_charge(&self->rows, exchange->context->answers, API_RESPONSE_SPARE);
    self->exchange = exchange;
    self->deadline_ms = way_clock_mono_ms() + API_STORE_WAIT_MS;
    return self;
}

void api_store_call_free(struct api_store_call *self)
{
    if (self->release != NULL) {
        self->release(self);
    }
    way_text_fini(&self->rows);
    free(self);
}

void api_store_call_finish(struct api_store_call *self)
{
    api_exchange_finish(self->exchange);
    api_store_call_free(self);
}

void api_store_call_refuse(struct api_store_call *self, const struct way_error *err)
{
    api_refuse_error(self->exchange, err);
    api_store_call_finish(self);
}

static void abandon(struct api_exchange *exchange)
{
    struct api_store_call *self = exchange->waiting;

    self->exchange = NULL;
}

/* What nobody waits for any more. */
static void note_late(const struct way_service_call *call)
{
    if (call->kind == WAY_SERVICE_WRITE && call->status == WAY_OK) {
        way_log(WAY_LOG_WARN, "override.late",
                "key=%s detail=\"stored after its request was answered 503\"",
                call->of.write.kind == WAY_WRITE_WISH ? call->of.write.wish.key.text : "-");
    }
}

static void on_done(struct way_service_call *call)
{
    struct api_store_call *self = WAY_OWNER_OF(call, struct api_store_call, call);

    if (self->exchange == NULL) {
        note_late(call);
        api_store_call_free(self);
        return;
    }
    if (call->status == WAY_OK && way_text_status(&self->rows) != WAY_OK) {
        call->status =
            way_fail(&call->err, WAY_NO_MEMORY, "", "the answers under way take too much memory");
    }
    self->answered(self);
}

void api_store_call_post(struct api_store_call *self, enum way_service_kind kind,
                         void (*answered)(struct api_store_call *self))
{
    struct api_exchange *exchange = self->exchange;
    struct way_error err;

    self->answered = answered;
    self->call.kind = kind;
    self->call.home = exchange->context->loop;
    self->call.done = on_done;
    /* Of several calls for one request the last has what time the others left. */
    self->call.latest_ms = self->deadline_ms - (API_STORE_WAIT_MS - WAY_SERVICE_DEADLINE_MS);
    if (way_service_post(exchange->context->service, &self->call, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    api_exchange_wait(exchange, self->deadline_ms, abandon, self);
}

enum way_status api_store_call_sign(const struct api_exchange *exchange, struct way_wish *wish,
                                    struct way_error *err)
{
    const char *reason = exchange->request.headers.reason;
    size_t len = reason == NULL ? 0 : strlen(reason);

    while (len > 0 && (reason[len - 1] == ' ' || reason[len - 1] == '\t')) {
        len--; /* what stands behind a header's value is no part of it */
    }
    (void)snprintf(wish->actor, sizeof wish->actor, "%s",
                   exchange->actor[0] == '\0' ? "-" : exchange->actor);
    wish->reason[0] = '\0';
    return len == 0 ? WAY_OK : way_reason_parse(reason, len, wish->reason, err);
}

void api_respond_override(struct api_exchange *exchange, unsigned status,
                          const struct way_override *row)
{
    char etag[WAY_ETAG_MAX];

    way_override_etag(row, etag);
    api_respond_header(exchange, "ETag", etag);
    exchange->response.may_be_kept = true;
    api_respond(exchange, status, API_MEDIA_JSON);
    way_override_write_json(&exchange->response.body, row);
    way_text_putc(&exchange->response.body, '\n');
}

void api_log_written(const struct api_exchange *exchange, const struct way_write *write)
{
    static const char *const events[] = {
        [WAY_VERDICT_NONE] = "override.unchanged",
        [WAY_VERDICT_CREATED] = "override.created",
        [WAY_VERDICT_CHANGED] = "override.changed",
        [WAY_VERDICT_DELETED] = "override.deleted",
    };
    char actor[API_ACTOR_QUOTED_MAX];

    way_log(WAY_LOG_NOTICE, events[write->verdict],
            "key=%s target=%s enabled=%s revision=%" PRIu64 " actor=%s request_id=%s",
            write->row.lookup_key.text, write->row.target.host.text,
            write->row.is_enabled ? "true" : "false", write->row.revision,
            api_exchange_actor(exchange, actor), exchange->request.id);
}
