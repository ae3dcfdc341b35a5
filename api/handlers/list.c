/* SPDX-License-Identifier: MIT */
#include "api/cursor.h"
#include "api/etag.h"
#include "api/handlers/handlers.h"
#include "api/handlers/store_call.h"
#include "api/params.h"
#include "base/json.h"
#include "base/random.h"
#include "model/override_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT_DEFAULT = 100 };

/* A list that a store thread writes while the exchange waits. */
struct list_call {
    struct api_store_call base;
    struct way_override last; /* the newest of the rows */
};

/* On a store thread. */
static bool visit_row(void *owner, const struct way_override *row)
{
    struct list_call *list_call = owner;

    way_json_separate(&list_call->base.rows);
    way_override_write_json(&list_call->base.rows, row);
    list_call->last = *row;
    return way_text_status(&list_call->base.rows) == WAY_OK;
}

/* The tag of a page: it changes with the data as a whole, so it never says "same" wrongly. */
static void write_etag(const struct list_call *list_call, char etag[static WAY_ETAG_MAX])
{
    const struct way_list_page *page = &list_call->base.call.of.list.page;

    (void)snprintf(etag, WAY_ETAG_MAX, "W/\"%" PRIx64 "-%08" PRIx64 "\"", page->position.revision,
                   way_hash(0, page->position.epoch, sizeof page->position.epoch) & UINT32_MAX);
}

static void respond_page(struct api_exchange *exchange, struct list_call *list_call)
{
    const struct way_list_page *page = &list_call->base.call.of.list.page;
    struct way_text *body = &exchange->response.body;
    char etag[WAY_ETAG_MAX];

    write_etag(list_call, etag);
    api_respond_header(exchange, "ETag", etag);
    exchange->response.may_be_kept = true;
    /* A 304 is made like a 200; the library leaves the body out (RFC 9110 15.4.5). */
    api_respond(exchange,
                api_etag_is_known(exchange->request.headers.if_none_match, etag) ? 304 : 200,
                API_MEDIA_JSON);
    /* The rows begin with their bracket and the name before it. */
    way_text_append(body, list_call->base.rows.data, list_call->base.rows.len);
    way_text_putc(body, ']');
    way_json_member_u64(body, "total", page->total);
    way_json_name(body, "next_cursor");
    if (page->has_more) {
        way_text_putc(body, '"');
        api_cursor_write(body, &list_call->base.call.of.list.query, &list_call->last);
        way_text_putc(body, '"');
    } else {
        way_text_puts(body, "null");
    }
    way_text_puts(body, "}\n");
}

static void on_listed(struct api_store_call *self)
{
    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    respond_page(self->exchange, WAY_OWNER_OF(self, struct list_call, base));
    api_store_call_finish(self);
}

static enum way_status read_sort(const struct api_bytes *value, struct way_list_query *query,
                                 struct way_error *err)
{
    static const struct {
        const char *word;
        enum way_sort sort;
    } words[] = {{"lookup_key", WAY_SORT_KEY},
                 {"target_host", WAY_SORT_TARGET},
                 {"updated_at", WAY_SORT_UPDATED}};
    struct api_bytes word;

    if (value == NULL) {
        return WAY_OK;
    }
    word = *value;
    if (word.len > 0 && word.at[0] == '-') {
        query->is_descending = true;
        word.at++;
        word.len--;
    }
    for (size_t i = 0; i < WAY_COUNT_OF(words); i++) {
        if (api_bytes_equal(word, words[i].word)) {
            query->sort = words[i].sort;
            return WAY_OK;
        }
    }
    return way_fail(err, WAY_INVALID, "sort",
                    "must be lookup_key, target_host or updated_at, with '-' before it to turn "
                    "it round");
}

static enum way_status read_q(const struct api_bytes *value, struct way_list_query *query,
                              struct way_error *err)
{
    if (value == NULL) {
        return WAY_OK;
    }
    if (!way_utf8_is_valid(value->at, value->len)) {
        return way_fail(err, WAY_INVALID, "q", "is not valid UTF-8");
    }
    if (way_utf8_count(value->at, value->len) > WAY_LIST_QUERY_MAX) {
        return way_fail(err, WAY_INVALID, "q", "is longer than %d characters", WAY_LIST_QUERY_MAX);
    }
    for (size_t i = 0; i < value->len; i++) {
        if (way_byte_is_control(value->at[i])) {
            return way_fail(err, WAY_INVALID, "q", "has a control byte");
        }
    }
    memcpy(query->q, value->at, value->len);
    query->q_len = value->len;
    return WAY_OK;
}

static enum way_status read_query(const struct api_request *request, struct way_list_query *query,
                                  struct way_error *err)
{
    static const struct api_number_rule limit_rule = {
        .name = "limit", .min = 1, .max = WAY_LIST_PAGE_MAX, .fallback = LIMIT_DEFAULT};

    const struct api_bytes *cursor = api_request_param(request, "cursor");
    uint64_t limit;
    enum way_status status = api_param_number(request, &limit_rule, &limit, err);

    if (status == WAY_OK) {
        query->limit = (size_t)limit;
        status = read_sort(api_request_param(request, "sort"), query, err);
    }
    if (status == WAY_OK) {
        status = read_q(api_request_param(request, "q"), query, err);
    }
    if (status == WAY_OK && cursor != NULL) {
        status = api_cursor_read(*cursor, query, err);
    }
    return status;
}

void api_list_overrides(struct api_exchange *exchange)
{
    struct list_call *list_call = api_store_call_new(exchange, sizeof *list_call);
    struct api_store_call *self;
    struct way_error err;

    if (list_call == NULL) {
        return;
    }
    self = &list_call->base;
    way_text_puts(&self->rows, "{\"overrides\":[");
    self->call.of.list.visit = visit_row;
    self->call.of.list.owner = list_call;
    if (read_query(&exchange->request, &self->call.of.list.query, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    api_store_call_post(self, WAY_SERVICE_LIST, on_listed);
}
