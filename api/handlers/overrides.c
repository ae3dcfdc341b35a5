/* SPDX-License-Identifier: MIT */
#include "api/body.h"
#include "api/etag.h"
#include "api/handlers/handlers.h"
#include "api/params.h"
#include "model/override_json.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call to the service and the exchange that waits for it. */
struct row_call {
    struct way_service_call call;
    struct api_exchange *exchange; /* NULL: it has given up */
};

static void abandon(struct api_exchange *exchange)
{
    struct row_call *row_call = exchange->waiting;

    row_call->exchange = NULL;
}

static struct row_call *row_call_new(struct api_exchange *exchange, enum way_service_kind kind,
                                     void (*done)(struct way_service_call *call))
{
    struct row_call *row_call = calloc(1, sizeof *row_call);

    if (row_call == NULL) {
        api_refuse(exchange, API_BUSY, "", "out of memory");
        api_exchange_finish(exchange);
        return NULL;
    }
    row_call->exchange = exchange;
    row_call->call.kind = kind;
    row_call->call.home = exchange->context->loop;
    row_call->call.done = done;
    return row_call;
}

static void refuse_and_free(struct row_call *row_call, const struct way_error *err)
{
    api_refuse_error(row_call->exchange, err);
    api_exchange_finish(row_call->exchange);
    free(row_call);
}

/* Hands the call over and leaves the exchange waiting for it. */
static void post(struct row_call *row_call)
{
    struct api_exchange *exchange = row_call->exchange;
    struct way_error err;
    enum way_status status = way_service_post(exchange->context->service, &row_call->call, &err);

    if (status != WAY_OK) {
        refuse_and_free(row_call, &err);
        return;
    }
    api_exchange_wait(exchange, way_clock_mono_ms() + API_STORE_WAIT_MS, abandon, row_call);
}

static void respond_row(struct api_exchange *exchange, unsigned status,
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

static void on_read(struct way_service_call *call)
{
    struct row_call *row_call = WAY_OWNER_OF(call, struct row_call, call);
    struct api_exchange *exchange = row_call->exchange;
    char etag[WAY_ETAG_MAX];

    if (exchange == NULL) {
        free(row_call);
        return;
    }
    if (call->status != WAY_OK) {
        refuse_and_free(row_call, &call->err);
        return;
    }
    way_override_etag(&call->of.read.row, etag);
    /* A 304 is made like a 200; the library leaves the body out (RFC 9110 15.4.5). */
    respond_row(exchange,
                api_etag_is_known(exchange->request.headers.if_none_match, etag) ? 304 : 200,
                &call->of.read.row);
    api_exchange_finish(exchange);
    free(row_call);
}

void api_get_override(struct api_exchange *exchange)
{
    struct row_call *row_call = row_call_new(exchange, WAY_SERVICE_READ, on_read);
    struct way_error err;

    if (row_call == NULL) {
        return;
    }
    if (api_param_key(exchange->request.key, &row_call->call.of.read.key, &err) != WAY_OK) {
        refuse_and_free(row_call, &err);
        return;
    }
    post(row_call);
}

static void log_write(const struct api_exchange *exchange, const struct way_write *write)
{
    static const char *const events[] = {
        [WAY_VERDICT_NONE] = "override.unchanged",
        [WAY_VERDICT_CREATED] = "override.created",
        [WAY_VERDICT_CHANGED] = "override.changed",
        [WAY_VERDICT_DELETED] = "override.deleted",
    };

    way_log(WAY_LOG_NOTICE, events[write->verdict],
            "key=%s target=%s enabled=%s revision=%" PRIu64 " actor=%s request_id=%s",
            write->row.lookup_key.text, write->row.target.host.text,
            write->row.is_enabled ? "true" : "false", write->row.revision, write->wish.actor,
            exchange->request.id);
}

static void respond_written(struct api_exchange *exchange, const struct way_write *write)
{
    char location[API_HEADER_VALUE_MAX];

    log_write(exchange, write);
    if (write->verdict == WAY_VERDICT_DELETED) {
        api_respond(exchange, 204, API_MEDIA_NONE);
        return;
    }
    if (write->verdict == WAY_VERDICT_CREATED) {
        (void)snprintf(location, sizeof location, "/overrides/%s", write->row.lookup_key.text);
        api_respond_header(exchange, "Location", location);
    }
    respond_row(exchange, write->verdict == WAY_VERDICT_CREATED ? 201 : 200, &write->row);
}

static void on_written(struct way_service_call *call)
{
    struct row_call *row_call = WAY_OWNER_OF(call, struct row_call, call);
    struct api_exchange *exchange = row_call->exchange;

    if (exchange == NULL) {
        if (call->status == WAY_OK) {
            way_log(WAY_LOG_WARN, "override.late",
                    "key=%s detail=\"stored after its request was answered 503\"",
                    call->of.write.wish.key.text);
        }
        free(row_call);
        return;
    }
    if (call->status != WAY_OK) {
        refuse_and_free(row_call, &call->err);
        return;
    }
    respond_written(exchange, &call->of.write);
    api_exchange_finish(exchange);
    free(row_call);
}

/* Reads everything a write needs from the request. */
static enum way_status read_wish(struct api_exchange *exchange, enum way_wish_kind kind,
                                 struct way_wish *wish, struct way_error *err)
{
    const struct api_request *request = &exchange->request;
    enum way_status status = WAY_OK;

    wish->kind = kind;
    (void)snprintf(wish->actor, sizeof wish->actor, "-"); /* nobody is known by name yet */
    if (kind != WAY_WISH_CREATE) {
        status = api_param_key(request->key, &wish->key, err);
        if (status == WAY_OK) {
            status = api_etag_read_precondition(&request->headers, &wish->precondition, err);
        }
    }
    if (status == WAY_OK && kind != WAY_WISH_DELETE) {
        status = api_body_read_override(request->body, wish, err);
    }
    return status;
}

static void write_override(struct api_exchange *exchange, enum way_wish_kind kind)
{
    struct row_call *row_call = row_call_new(exchange, WAY_SERVICE_WRITE, on_written);
    struct way_error err;

    if (row_call == NULL) {
        return;
    }
    if (read_wish(exchange, kind, &row_call->call.of.write.wish, &err) != WAY_OK) {
        refuse_and_free(row_call, &err);
        return;
    }
    post(row_call);
}

void api_create_override(struct api_exchange *exchange)
{
    write_override(exchange, WAY_WISH_CREATE);
}

void api_set_override(struct api_exchange *exchange)
{
    write_override(exchange, WAY_WISH_PUT);
}

void api_change_override(struct api_exchange *exchange)
{
    write_override(exchange, WAY_WISH_PATCH);
}

void api_delete_override(struct api_exchange *exchange)
{
    write_override(exchange, WAY_WISH_DELETE);
}
