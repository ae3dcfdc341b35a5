/* SPDX-License-Identifier: MIT */
#include "api/body.h"
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

void api_get_override(struct api_exchange *exchange)
{
    struct api_store_call *self = api_store_call_new(exchange, sizeof *self);
    struct way_error err;

    if (self == NULL) {
        return;
    }
    if (api_param_key(exchange->request.key, &self->call.of.read.key, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    api_store_call_post(self, WAY_SERVICE_READ, on_read);
}

static void respond_written(struct api_exchange *exchange, const struct way_write *write)
{
    char location[API_HEADER_VALUE_MAX];

    api_log_written(exchange, write);
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
