/* SPDX-License-Identifier: MIT */
/*
 * How  What the override was is asked first; then it is wished for as a client would wish for it,
 *      and the writer judges that wish like any other. What nothing has changed since is wished
 *      for as a change of nothing, so that preconditions count there, too.
 */
#include "api/body.h"
#include "api/etag.h"
#include "api/handlers/handlers.h"
#include "api/handlers/store_call.h"
#include "api/params.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

struct revert_call {
    struct api_store_call base;
    struct way_wish template; /* key, preconditions, actor and reason */
    uint64_t revision;        /* what to go back to */
    bool has_looked_twice;
};

static void look_back(struct revert_call *revert_call);

/* Nothing had changed the key when we looked, and now it is not what it was: somebody has come
 * between. Once is enough: a row of a database that was taken over may have a revision that the log
 * does not know. */
static bool must_look_again(struct revert_call *revert_call)
{
    const struct api_store_call *self = &revert_call->base;
    const struct way_write *write = &self->call.of.write;
    bool is_another =
        self->call.status == WAY_NOT_FOUND || write->row.revision > revert_call->revision;

    if (write->wish.kind != WAY_WISH_PATCH || !is_another || revert_call->has_looked_twice) {
        return false;
    }
    revert_call->has_looked_twice = true;
    return true;
}

/* There is no override, as there was none. */
static void respond_absent(struct revert_call *revert_call, uint64_t revision)
{
    struct api_exchange *exchange = revert_call->base.exchange;
    struct way_text *body = &exchange->response.body;
    const struct way_key *key = &revert_call->template.key;

    api_respond(exchange, 200, API_MEDIA_JSON);
    way_text_putc(body, '{');
    way_json_member_bytes(body, "lookup_key", key->text, key->len);
    way_json_member_bool(body, "deleted", true);
    way_json_member_u64(body, "revision", revision);
    way_text_puts(body, "}\n");
}

/* The wish met no row. Deleting is then no work, as long as the caller did not expect one. */
static void on_absent(struct revert_call *revert_call)
{
    struct api_store_call *self = &revert_call->base;
    struct way_error err;

    if (revert_call->template.precondition.has_if_match) {
        (void)way_fail(&err, WAY_STALE, "", "If-Match: there is no override for this key");
        api_store_call_refuse(self, &err);
        return;
    }
    respond_absent(revert_call, way_index_revision(self->exchange->context->index));
    api_store_call_finish(self);
}

static void on_written(struct api_store_call *self)
{
    struct revert_call *revert_call = WAY_OWNER_OF(self, struct revert_call, base);
    const struct way_write *write = &self->call.of.write;

    if ((self->call.status == WAY_OK || self->call.status == WAY_NOT_FOUND) &&
        must_look_again(revert_call)) {
        look_back(revert_call);
        return;
    }
    if (self->call.status == WAY_NOT_FOUND) {
        on_absent(revert_call);
        return;
    }
    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    api_log_written(self->exchange, write);
    self->exchange->response.revision = write->row.revision;
    if (write->verdict == WAY_VERDICT_DELETED) {
        respond_absent(revert_call, write->row.revision);
    } else {
        api_respond_override(self->exchange, 200, &write->row);
    }
    api_store_call_finish(self);
}

/* Makes what was a wish for what shall be. */
static enum way_status read_past(const struct way_past *past, struct way_wish *wish,
                                 struct way_error *err)
{
    struct way_error cause;

    if (past->kind != WAY_PAST_ROW) {
        wish->kind = past->kind == WAY_PAST_SAME ? WAY_WISH_PATCH : WAY_WISH_DELETE;
        return WAY_OK;
    }
    wish->kind = WAY_WISH_PUT;
    if (api_body_read_stored((struct api_bytes){past->json, strlen(past->json)}, wish, &cause) !=
        WAY_OK) {
        return way_fail(err, WAY_INVALID, "revision",
                        "what was stored then cannot be stored any more: %s%s%.150s", cause.field,
                        cause.field[0] == '\0' ? "" : ": ", cause.detail);
    }
    return WAY_OK;
}

static void on_past(struct api_store_call *self)
{
    struct revert_call *revert_call = WAY_OWNER_OF(self, struct revert_call, base);
    struct way_past past = self->call.of.past.past; /* it lies where the write is to be */
    struct way_write *write = &self->call.of.write;
    struct way_error err;

    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    *write = (struct way_write){.kind = WAY_WRITE_WISH, .wish = revert_call->template};
    if (read_past(&past, &write->wish, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    api_store_call_post(self, WAY_SERVICE_WRITE, on_written);
}

static void look_back(struct revert_call *revert_call)
{
    struct api_store_call *self = &revert_call->base;

    self->call.of.past.key = revert_call->template.key;
    self->call.of.past.revision = revert_call->revision;
    api_store_call_post(self, WAY_SERVICE_PAST, on_past);
}

static enum way_status read_request(const struct api_exchange *exchange,
                                    struct revert_call *revert_call, struct way_error *err)
{
    const struct api_request *request = &exchange->request;
    struct way_wish *template = &revert_call->template;
    enum way_status status = api_store_call_sign(exchange, template, err);

    if (status == WAY_OK) {
        status = api_param_key(request->key, &template->key, err);
    }
    if (status == WAY_OK) {
        status = api_etag_read_precondition(&request->headers, &template->precondition, err);
    }
    if (status == WAY_OK) {
        status = api_body_read_revision(request->body, &revert_call->revision, err);
    }
    return status;
}

void api_revert_override(struct api_exchange *exchange)
{
    struct revert_call *revert_call = api_store_call_new(exchange, sizeof *revert_call);
    struct way_error err;

    if (revert_call == NULL) {
        return;
    }
    if (read_request(exchange, revert_call, &err) != WAY_OK) {
        api_store_call_refuse(&revert_call->base, &err);
        return;
    }
    look_back(revert_call);
}
