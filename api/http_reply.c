/* SPDX-License-Identifier: MIT */
#include "api/http_reply.h"

#include "api/request_metrics.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Fails only for want of memory; an answer without one header beats none. */
    (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct api_slot *slot, struct MHD_Response *response)
{
    const struct api_response *made = &slot->exchange.response;
    char revision[24];

    if (made->is_problem) {
        add_header(response, "Content-Type", "application/problem+json");
    } else if (made->media != API_MEDIA_NONE) {
        add_header(response, "Content-Type", api_media_type(made->media));
    }
    add_header(response, "X-Request-Id", slot->exchange.request.id);
    (void)snprintf(revision, sizeof revision, "%" PRIu64,
                   way_index_revision(slot->exchange.context->index));
    add_header(response, "X-Waypost-Revision", revision);
    add_header(response, "Cache-Control", made->may_be_kept ? "no-cache" : "no-store");
    for (size_t i = 0; i < made->header_count; i++) {
        add_header(response, made->headers[i].name, made->headers[i].value);
    }
    if (slot->must_close || slot->exchange.context->is_draining) {
        add_header(response, "Connection", "close");
    }
}

static void log_request(const struct api_slot *slot, uint64_t micros)
{
    const struct api_exchange *exchange = &slot->exchange;
    unsigned status = exchange->response.status;
    enum way_log_level level = status == 500 ? WAY_LOG_ERROR : WAY_LOG_INFO;

    if (!way_log_is_on(level)) {
        return;
    }
    way_log(level, "request",
            "operation=%s method=%s status=%u us=%" PRIu64 " bytes=%zu request_id=%s",
            exchange->route == NULL ? "none" : exchange->route->operation,
            api_method_name(exchange->request.method), status, micros, exchange->response.body.len,
            exchange->request.id);
}

/* An answer that did not fit its buffer is no answer. */
static void check_answer(struct api_exchange *exchange)
{
    if (exchange->response.constant == NULL &&
        way_text_status(&exchange->response.body) != WAY_OK) {
        api_refuse(exchange, API_BUSY, "", "out of memory");
    }
}

bool api_reply_send(struct api_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;
    struct api_response *made = &exchange->response;
    uint64_t micros = way_clock_mono_us() - slot->started_us;
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
    add_headers(slot, response);
    api_request_metrics_count(exchange->context->requests, exchange->route, made->status, micros);
    log_request(slot, micros);
    result = MHD_queue_response(slot->mhd, made->status, response);
    MHD_destroy_response(response);
    return result == MHD_YES;
}
