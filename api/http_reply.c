/* SPDX-License-Identifier: MIT */
#include "api/http_reply.h"

#include "api/cors.h"
#include "api/http_tls.h"
#include "api/request_metrics.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_ID "X-Request-Id"
#define REVISION   "X-Waypost-Revision"

enum { WHOLE_MAX = 4096 /* bytes of an answer that goes past the library, with its head */ };

/* Where the headers of an answer go. */
struct sink {
    struct MHD_Response *response; /* NULL: to the text */
    struct way_text *text;
};

/* What every answer tells a browser. None of them is a page: it is not to be taken for one, runs
 * nothing, is shown in no frame, and what stands in its path goes to nobody. frame-ancestors does
 * what X-Frame-Options did. */
static const struct {
    const char *name;
    const char *value;
} of_all[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
};

static void add_header(const struct sink *sink, const char *name, const char *value)
{
    if (sink->response == NULL) {
        way_text_printf(sink->text, "%s: %s\r\n", name, value);
        return;
    }
    /* Fails only for want of memory; an answer without one header beats none. */
    (void)MHD_add_response_header(sink->response, name, value);
}

static void add_cors(const struct api_exchange *exchange, const struct sink *sink)
{
    if (exchange->context->origins->allowed.count == 0) {
        return;
    }
    add_header(sink, "Vary", "Origin");
    if (exchange->is_origin_allowed) {
        add_header(sink, "Access-Control-Allow-Origin", exchange->origin.text);
        add_header(sink, "Access-Control-Expose-Headers", API_CORS_EXPOSED);
    }
}

/* How old the data is, for relays that want to know that the database has not been heard of for a
 * while; 0: not old enough to speak of. */
static uint64_t stale_seconds(const struct api_exchange *exchange)
{
    const struct api_context *context = exchange->context;
    uint64_t age_ms;

    if (exchange->route == NULL || !exchange->route->is_lookup) {
        return 0;
    }
    age_ms = way_sync_age_ms(context->sync, way_loop_now_ms(context->loop));
    return age_ms > context->stale_after_ms && way_sync_has_data(context->sync) ? age_ms / 1000 : 0;
}

static void add_number(const struct sink *sink, const char *name, uint64_t number)
{
    char digits[24];
    struct way_text text;

    way_text_init(&text, digits, sizeof digits, sizeof digits);
    way_text_put_u64(&text, number);
    add_header(sink, name, way_text_string(&text));
}

/* Others may have committed just before a write, and their changes not be in the index yet: then it
 * is not true as of the write either. Its client must be told the write's own revision all the
 * same, to ask for it with min_revision. */
static uint64_t revision_of(const struct api_exchange *exchange)
{
    uint64_t revision = way_index_revision(exchange->context->index);

    return exchange->response.revision > revision ? exchange->response.revision : revision;
}

/* Those that every answer of the same kind has. */
static void add_kind(const struct api_exchange *exchange, const struct sink *sink)
{
    const struct api_response *made = &exchange->response;

    if (made->is_problem) {
        add_header(sink, "Content-Type", "application/problem+json");
    } else if (made->media != API_MEDIA_NONE) {
        add_header(sink, "Content-Type", api_media_type(made->media));
    }
    add_header(sink, "Cache-Control", made->may_be_kept ? "no-cache" : "no-store");
    for (size_t i = 0; i < WAY_COUNT_OF(of_all); i++) {
        add_header(sink, of_all[i].name, of_all[i].value);
    }
    add_cors(exchange, sink);
}

static void add_headers(const struct api_slot *slot, const struct sink *sink)
{
    const struct api_exchange *exchange = &slot->exchange;
    const struct api_response *made = &exchange->response;
    uint64_t seconds = stale_seconds(exchange);

    add_kind(exchange, sink);
    add_header(sink, REQUEST_ID, exchange->request.id);
    add_number(sink, REVISION, revision_of(exchange));
    if (seconds > 0) {
        add_number(sink, "X-Waypost-Stale", seconds);
    }
    for (size_t i = 0; i < made->header_count; i++) {
        add_header(sink, made->headers[i].name, made->headers[i].value);
    }
    if (slot->must_close || exchange->context->is_draining) {
        add_header(sink, "Connection", "close");
    }
}

static void log_request(const struct api_slot *slot, uint64_t micros)
{
    const struct api_exchange *exchange = &slot->exchange;
    unsigned status = exchange->response.status;
    enum way_log_level level = status == 500 ? WAY_LOG_ERROR : WAY_LOG_INFO;

    char actor[API_ACTOR_QUOTED_MAX];

    if (!way_log_is_on(level)) {
        return;
    }
    way_log(level, "request",
            "operation=%s method=%s status=%u us=%" PRIu64 " bytes=%zu actor=%s request_id=%s",
            exchange->route == NULL ? "none" : exchange->route->operation,
            api_method_name(exchange->request.method), status, micros, exchange->response.body.len,
            api_exchange_actor(exchange, actor), exchange->request.id);
}

/* An answer that did not fit its buffer is no answer. */
static void check_answer(struct api_exchange *exchange)
{
    if (exchange->response.constant == NULL &&
        way_text_status(&exchange->response.body) != WAY_OK) {
        api_refuse(exchange, API_BUSY, "", "the answers under way take too much memory");
    }
}

/* Every answer passes here once. */
static void account(const struct api_slot *slot)
{
    const struct api_exchange *exchange = &slot->exchange;
    uint64_t micros = way_clock_mono_us() - slot->started_us;

    api_request_metrics_count(exchange->context->requests, exchange->route,
                              exchange->response.status, micros);
    log_request(slot, micros);
}

/* Whether the answer differs from others of its kind in nothing but its body, its request's id and
 * the revision. */
static bool fits_envelope(const struct api_slot *slot)
{
    const struct api_exchange *exchange = &slot->exchange;
    const struct api_response *made = &exchange->response;

    return (made->media == API_MEDIA_JSON || made->media == API_MEDIA_TEXT) && !made->is_problem &&
           !made->may_be_kept && made->constant == NULL && made->header_count == 0 &&
           made->body.len <= API_ENVELOPE_BYTES_MAX && !exchange->is_origin_allowed &&
           !slot->must_close && !exchange->context->is_draining && stale_seconds(exchange) == 0;
}

/* The reply of an envelope that has none. */
static void make_envelope(struct api_envelope *envelope, const struct api_exchange *exchange,
                          uint64_t revision)
{
    struct sink sink = {0};

    sink.response =
        MHD_create_response_from_buffer(envelope->len, envelope->bytes, MHD_RESPMEM_PERSISTENT);
    if (sink.response != NULL) {
        add_kind(exchange, &sink);
        add_number(&sink, REVISION, revision);
    }
    envelope->response = sink.response;
}

/* The reply of an envelope that was used before. */
static void renew_envelope(struct api_envelope *envelope, uint64_t revision)
{
    struct sink sink = {.response = envelope->response};
    char digits[24];

    (void)MHD_del_response_header(envelope->response, REQUEST_ID, envelope->id);
    if (envelope->revision != revision) {
        (void)snprintf(digits, sizeof digits, "%" PRIu64, envelope->revision);
        (void)MHD_del_response_header(envelope->response, REVISION, digits);
        add_number(&sink, REVISION, revision);
    }
}

/* A kept reply with this answer in it; NULL: out of memory. */
static struct MHD_Response *fill_envelope(struct api_slot *slot)
{
    const struct api_exchange *exchange = &slot->exchange;
    const struct api_response *made = &exchange->response;
    uint64_t revision = revision_of(exchange);
    struct api_envelope *envelope =
        api_envelope_take(&slot->pool->envelopes, made->media, made->body.len);

    if (envelope == NULL) {
        return NULL;
    }
    slot->envelope = envelope; /* it comes back when the request is completed */
    memcpy(envelope->bytes, made->body.data, envelope->len);
    if (envelope->response == NULL) {
        make_envelope(envelope, exchange, revision);
    } else {
        renew_envelope(envelope, revision);
    }
    if (envelope->response != NULL) {
        add_header(&(struct sink){.response = envelope->response}, REQUEST_ID,
                   exchange->request.id);
    }
    memcpy(envelope->id, exchange->request.id, strlen(exchange->request.id) + 1);
    envelope->revision = revision;
    return envelope->response;
}

static struct MHD_Response *make_reply(const struct api_slot *slot)
{
    const struct api_response *made = &slot->exchange.response;
    const void *bytes = made->constant != NULL ? made->constant : made->body.data;
    size_t len = made->constant != NULL ? made->constant_len : made->body.len;
    /* libmicrohttpd takes a writable pointer and does not write. The bytes live in the slot, which
     * lives until its request is completed. */
    void *writable = (void *)(uintptr_t)bytes; /* NOLINT(performance-no-int-to-ptr) */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, writable, MHD_RESPMEM_PERSISTENT);

    if (response != NULL) {
        add_headers(slot, &(struct sink){.response = response});
    }
    return response;
}

bool api_reply_send(struct api_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;
    struct MHD_Response *response;
    enum MHD_Result result;

    check_answer(exchange);
    response = fits_envelope(slot) ? fill_envelope(slot) : make_reply(slot);
    if (response == NULL) {
        return false;
    }
    account(slot);
    result = MHD_queue_response(slot->mhd, exchange->response.status, response);
    if (slot->envelope == NULL) {
        MHD_destroy_response(response);
    }
    return result == MHD_YES;
}

bool api_reply_send_past_library(struct api_slot *slot, int fd)
{
    const struct api_response *made = &slot->exchange.response;
    char lent[WHOLE_MAX];
    struct way_text text;
    bool is_sent;

    way_text_init(&text, lent, sizeof lent, sizeof lent);
    way_text_printf(&text, "HTTP/1.1 %u %s\r\nContent-Length: %zu\r\n", made->status,
                    MHD_get_reason_phrase_for(made->status), made->body.len);
    add_headers(slot, &(struct sink){.text = &text});
    way_text_puts(&text, "\r\n");
    way_text_append(&text, made->body.data, made->body.len);
    account(slot);
    /* Nothing waits in the socket's buffer, so this small answer fits whole. */
    is_sent = way_text_status(&text) == WAY_OK &&
              api_tls_send(slot->mhd, fd, text.data, text.len) == (ssize_t)text.len;
    way_text_fini(&text);
    return is_sent;
}
