/* SPDX-License-Identifier: MIT */
#include "api/entry.h"
#include "api/handlers/handlers.h"
#include "api/handlers/store_call.h"
#include "api/history_cursor.h"
#include "api/params.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdint.h>
#include <string.h>

enum {
    LIMIT_DEFAULT = 100,
    MOMENT_MAX = 64, /* octets of a time: more digits of a second than any clock has */
};

/* A page that a store thread writes while the exchange waits. */
struct history_call {
    struct api_store_call base;
    uint64_t last_revision; /* the place of the last entry on the page */
    uint32_t last_seq;
};

/* On a store thread. */
static bool visit_entry(void *owner, const struct way_entry *entry)
{
    struct history_call *history_call = owner;
    struct way_text *rows = &history_call->base.rows;
    char at[WAY_TIME_TEXT_MAX];

    way_time_format(entry->at_us, at);
    way_json_separate(rows);
    way_text_putc(rows, '{');
    way_json_member_u64(rows, "revision", entry->revision);
    way_json_member_string(rows, "at", at);
    way_json_member_string(rows, "actor", entry->actor);
    way_json_member_string(rows, "reason", entry->reason);
    api_entry_write(rows, entry);
    api_entry_write_override(rows, "before", entry->before);
    api_entry_write_override(rows, "after", entry->after);
    way_text_putc(rows, '}');
    history_call->last_revision = entry->revision;
    history_call->last_seq = entry->seq;
    return way_text_status(rows) == WAY_OK;
}

static void on_found(struct api_store_call *self)
{
    struct history_call *history_call = WAY_OWNER_OF(self, struct history_call, base);
    struct way_text *body = &self->exchange->response.body;

    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    api_respond(self->exchange, 200, API_MEDIA_JSON);
    /* The rows begin with their bracket and the name before it. */
    way_text_append(body, self->rows.data, self->rows.len);
    way_text_putc(body, ']');
    way_json_name(body, "next_cursor");
    if (self->call.of.history.has_more) {
        way_text_putc(body, '"');
        api_history_cursor_write(body, &self->call.of.history.query, history_call->last_revision,
                                 history_call->last_seq);
        way_text_putc(body, '"');
    } else {
        way_text_puts(body, "null");
    }
    way_text_puts(body, "}\n");
    api_store_call_finish(self);
}

static enum way_status read_actor(const struct api_bytes *value, struct way_history_query *query,
                                  struct way_error *err)
{
    if (value == NULL) {
        return WAY_OK;
    }
    if (value->len == 0 || value->len > WAY_ACTOR_MAX) {
        return way_fail(err, WAY_INVALID, "actor", "must have 1 to %d characters", WAY_ACTOR_MAX);
    }
    for (size_t i = 0; i < value->len; i++) {
        if (way_byte_is_control(value->at[i]) || ((unsigned char)value->at[i] & 0x80) != 0) {
            return way_fail(err, WAY_INVALID, "actor", "must be printable ASCII");
        }
    }
    memcpy(query->actor, value->at, value->len);
    query->actor[value->len] = '\0';
    return WAY_OK;
}

static enum way_status read_time(const struct api_request *request, const char *name, int64_t *out,
                                 struct way_error *err)
{
    const struct api_bytes *value = api_request_param(request, name);

    if (value != NULL && (value->len > MOMENT_MAX || !way_time_parse(value->at, value->len, out))) {
        return way_fail(err, WAY_INVALID, name,
                        "must be a time as in 2026-01-02T03:04:05Z or 2026-01-02T04:04:05+01:00");
    }
    return WAY_OK;
}

static enum way_status read_query(const struct api_request *request,
                                  struct way_history_query *query, struct way_error *err)
{
    static const struct api_number_rule limit_rule = {
        .name = "limit", .min = 1, .max = WAY_HISTORY_PAGE_MAX, .fallback = LIMIT_DEFAULT};
    static const struct api_number_rule since_rule = {.name = "since", .max = INT64_MAX};

    const struct api_bytes *cursor = api_request_param(request, "cursor");
    uint64_t limit = 0;
    enum way_status status = api_param_number(request, &limit_rule, &limit, err);

    query->limit = (size_t)limit;
    query->from_us = INT64_MIN;
    query->until_us = INT64_MAX;
    if (status == WAY_OK) {
        status = api_param_number(request, &since_rule, &query->since, err);
    }
    if (status == WAY_OK) {
        status = read_actor(api_request_param(request, "actor"), query, err);
    }
    if (status == WAY_OK) {
        status = read_time(request, "from", &query->from_us, err);
    }
    if (status == WAY_OK) {
        status = read_time(request, "until", &query->until_us, err);
    }
    if (status == WAY_OK && cursor != NULL) {
        status = api_history_cursor_read(*cursor, query, err);
    }
    return status;
}

static void list_history(struct api_exchange *exchange, bool has_key)
{
    struct history_call *history_call = api_store_call_new(exchange, sizeof *history_call);
    struct way_history_query *query;
    struct api_store_call *self;
    struct way_error err;
    enum way_status status = WAY_OK;

    if (history_call == NULL) {
        return;
    }
    self = &history_call->base;
    query = &self->call.of.history.query;
    query->has_key = has_key;
    if (has_key) {
        status = api_param_key(exchange->request.key, &query->key, &err);
    }
    if (status == WAY_OK) {
        status = read_query(&exchange->request, query, &err);
    }
    if (status != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    way_text_puts(&self->rows, "{\"history\":[");
    self->call.of.history.visit = visit_entry;
    self->call.of.history.owner = history_call;
    api_store_call_post(self, WAY_SERVICE_HISTORY, on_found);
}

void api_list_history(struct api_exchange *exchange)
{
    list_history(exchange, false);
}

void api_list_override_history(struct api_exchange *exchange)
{
    list_history(exchange, true);
}
