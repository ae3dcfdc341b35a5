/* SPDX-License-Identifier: MIT */
#include "api/body.h"
#include "api/catch_up.h"
#include "api/etag.h"
#include "api/handlers/handlers.h"
#include "api/handlers/store_call.h"
#include "api/params.h"

#include <stdio.h>

static void on_read(struct api_store_call *self)
{
    struct api_exchange *exchange = self->exchange;
    const struct way_override *row = &self->call.of.read.row;
    char etag[WAY_ETAG_MAX];

    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    way_override_etag(row, etag);
    /* A 304 is made like a 200; the library leaves the body out (RFC 9110 15.4.5). */
    api_respond_override(
        exchange, api_etag_is_known(exchange->request.headers.if_none_match, etag) ? 304 : 200,
        row);
    api_store_call_finish(self);
}

/* A read of one override, which may have to wait for its revision. */
struct read_call {
    struct api_store_call base;
    struct way_waiter waiter;
};

static void on_caught_up(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    struct read_call *read_call = WAY_OWNER_OF(waiter, struct read_call, waiter);
    struct api_store_call *self = &read_call->base;

    if (self->exchange == NULL) {
        api_store_call_free(self);
    } else if (outcome == WAY_WAIT_REACHED) {
        api_store_call_post(self, WAY_SERVICE_READ, on_read);
    } else {
        api_refuse_behind(self->exchange, waiter->revision);
        api_store_call_finish(self);
    }
}

static void abandon_catching_up(struct api_exchange *exchange)
{
    struct read_call *read_call = exchange->waiting;

    read_call->base.exchange = NULL;
    way_waiters_cancel(&read_call->waiter);
}

/* The index first: it tells without SQL whether there is a chance, and can be waited for. */
static void read_or_catch_up(struct read_call *read_call)
{
    struct api_store_call *self = &read_call->base;
    struct api_exchange *exchange = self->exchange;
    uint64_t min_revision = self->call.of.read.min_revision;
    struct way_error err;

    if (api_has_caught_up(exchange, min_revision)) {
        api_store_call_post(self, WAY_SERVICE_READ, on_read);
    } else if (api_catch_up(exchange, min_revision, &read_call->waiter, on_caught_up, &err) ==
               WAY_OK) {
        api_exchange_wait(exchange, 0, abandon_catching_up, read_call);
    } else {
        api_store_call_refuse(self, &err);
    }
}

void api_get_override(struct api_exchange *exchange)
{
    struct read_call *read_call = api_store_call_new(exchange, sizeof *read_call);
    struct way_service_call *call;
    struct way_error err;

    if (read_call == NULL) {
        return;
    }
    call = &read_call->base.call;
    if (api_param_key(exchange->request.key, &call->of.read.key, &err) != WAY_OK ||
        api_param_min_revision(&exchange->request, &call->of.read.min_revision, &err) != WAY_OK) {
        api_store_call_refuse(&read_call->base, &err);
        return;
    }
    read_or_catch_up(read_call);
}

static void respond_written(struct api_exchange *exchange, const struct way_write *write)
{
    char location[API_HEADER_VALUE_MAX];

    api_log_written(exchange, write);
    exchange->response.revision = write->row.revision;
    if (write->verdict == WAY_VERDICT_DELETED) {
        api_respond(exchange, 204, API_MEDIA_NONE);
        return;
    }
    if (write->verdict == WAY_VERDICT_CREATED) {
        (void)snprintf(location, sizeof location, "/overrides/%s", write->row.lookup_key.text);
        api_respond_header(exchange, "Location", location);
    }
    api_respond_override(exchange, write->verdict == WAY_VERDICT_CREATED ? 201 : 200, &write->row);
}

static void on_written(struct api_store_call *self)
{
    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    respond_written(self->exchange, &self->call.of.write);
    api_store_call_finish(self);
}

/* Reads everything a write needs from the request. */
static enum way_status read_wish(struct api_exchange *exchange, enum way_wish_kind kind,
                                 struct way_wish *wish, struct way_error *err)
{
    const struct api_request *request = &exchange->request;
    enum way_status status = api_store_call_sign(exchange, wish, err);

    wish->kind = kind;
    if (status == WAY_OK && kind != WAY_WISH_CREATE) {
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
    struct api_store_call *self = api_store_call_new(exchange, sizeof *self);
    struct way_error err;

    if (self == NULL) {
        return;
    }
    if (read_wish(exchange, kind, &self->call.of.write.wish, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    api_store_call_post(self, WAY_SERVICE_WRITE, on_written);
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
