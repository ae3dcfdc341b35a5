/* SPDX-License-Identifier: MIT */
#include "api/http_reply.h"

#include "api/cors.h"
#include "api/request_metrics.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>

enum { WHOLE_MAX = 4096 /* bytes of an answer that goes past the library, with its head */ };

/* Where the headers of an answer go. */
struct sink {
    struct MHD_Response *response; /* NULL: to the text */
    struct way_text *text;
};

/* What every answer tells a browser. None of them is a page: it is not to be taken for one, runs
 * nothing, is shown in no frame, and what stands in its path goes to nobody. Each header costs a
 * lookup about 1 %, so there are no more of them: frame-ancestors does what X-Frame-Options did. */
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

/* A relay may want to know that the database has not been heard of for a while. */
static void add_staleness(const struct api_context *context, const struct sink *sink)
{
    uint64_t age_ms = way_sync_age_ms(context->sync);
    char seconds[24];

    if (age_ms > context->stale_after_ms && way_sync_has_data(context->sync)) {
        (void)snprintf(seconds, sizeof seconds, "%" PRIu64, age_ms / 1000);
        add_header(sink, "X-Waypost-Stale", seconds);
    }
}

/* Others may have committed just before a write, and their changes not be in the index yet: then it
 * is not true as of the write either. Its client must be told the write's own revision all the
 * same, to ask for it with min_revision. */
static uint64_t revision_of(const struct api_exchange *exchange)
{
    uint64_t revision = way_index_revision(exchange->context->index);

    return exchange->response.revision > revision ? exchange->response.revision : revision;
}

static void add_headers(const struct api_slot *slot, const struct sink *sink)
{
    const struct api_response *made = &slot->exchange.response;
    char revision[24];

    if (made->is_problem) {
        add_header(sink, "Content-Type", "application/problem+json");
    } else if (made->media != API_MEDIA_NONE) {
        add_header(sink, "Content-Type", api_media_type(made->media));
    }
    add_header(sink, "X-Request-Id", slot->exchange.request.id);
    (void)snprintf(revision, sizeof revision, "%" PRIu64, revision_of(&slot->exchange));
    add_header(sink, "X-Waypost-Revision", revision);
    add_header(sink, "Cache-Control", made->may_be_kept ? "no-cache" : "no-store");
    if (slot->exchange.route != NULL && slot->exchange.route->is_lookup) {
        add_staleness(slot->exchange.context, sink);
    }
    for (size_t i = 0; i < WAY_COUNT_OF(of_all); i++) {
        add_header(sink, of_all[i].name, of_all[i].value);
    }
    add_cors(&slot->exchange, sink);
    for (size_t i = 0; i < made->header_count; i++) {
        add_header(sink, made->headers[i].name, made->headers[i].value);
    }
    if (slot->must_close || slot->exchange.context->is_draining) {
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
        api_refuse(exchange, API_BUSY, "", "out of memory");
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

bool api_reply_send(struct api_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;
    struct api_response *made = &exchange->response;
    const void *bytes;
    void *writable;
    size_t len;
    struct MHD_Response *response;
    enum MHD_Result result;

    check_answer(exchange);
    bytes = made->constant != NULL ? made->constant : made->body.data;
    len = made->constant != NULL ? made->constant_len : made->body.len;
    /* libmicrohttpd takes a writable pointer and does not write. The bytes live in the slot, which
     * lives until its request is completed. */
    writable = (void *)(uintptr_t)bytes; /* NOLINT(performance-no-int-to-ptr) */
    response = MHD_create_response_from_buffer(len, writable, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return false;
    }
    add_headers(slot, &(struct sink){.response = response});
    account(slot);
    result = MHD_queue_response(slot->mhd, made->status, response);
    MHD_destroy_response(response);
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
              send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)text.len;
    way_text_fini(&text);
    return is_sent;
}
