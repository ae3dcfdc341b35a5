/* SPDX-License-Identifier: MIT */
#include "api/http_intake.h"

#include "api/access.h"
#include "api/cors.h"
#include "api/http_head.h"
#include "api/routes.h"

#include <microhttpd.h>
#include <stdio.h>

/* The answer that a request gets before any handler sees it. */
static void refuse_head(struct api_slot *slot, enum api_problem problem, const char *field,
                        const char *detail)
{
    api_refuse(&slot->exchange, problem, field, detail);
    slot->exchange.is_finished = true;
}

static void answer_options(struct api_slot *slot, const char *allow)
{
    api_respond(&slot->exchange, 204, API_MEDIA_NONE);
    api_respond_header(&slot->exchange, "Allow", allow);
    api_cors_answer_preflight(&slot->exchange, allow);
    slot->exchange.is_finished = true;
}

static bool find_route(struct api_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;
    struct api_match match;

    api_route_find(&exchange->request, &match);
    if (match.route != NULL) {
        exchange->route = match.route;
        exchange->request.key = match.key;
        return true;
    }
    if (!match.is_known_path && !exchange->request.is_asterisk) {
        refuse_head(slot, API_NO_ROUTE, "", "no operation has this path");
    } else if (exchange->request.method == API_OPTIONS) {
        answer_options(slot, match.allow);
    } else {
        refuse_head(slot, API_METHOD_NOT_ALLOWED, "",
                    "the header Allow lists the methods of this path");
        api_respond_header(exchange, "Allow", match.allow);
    }
    return false;
}

static bool check_access(struct api_slot *slot)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(slot->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const union MHD_ConnectionInfo *ours =
        MHD_get_connection_info(slot->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

    slot->exchange.is_finished =
        !api_access_check_origin(&slot->exchange, ours == NULL ? -1 : ours->connect_fd) ||
        !api_access_check(&slot->exchange, info == NULL ? NULL : info->client_addr);
    return !slot->exchange.is_finished;
}

static bool check_body(struct api_slot *slot, const struct api_head *head)
{
    struct api_exchange *exchange = &slot->exchange;
    const struct api_route *route = exchange->route;
    char detail[96];

    if (route->body_max == 0) {
        if (head->has_body) {
            refuse_head(slot, API_BAD_REQUEST, "", "this operation takes no body");
            return false;
        }
        return true;
    }
    if (head->has_body && !head->is_chunked && head->content_length > route->body_max) {
        (void)snprintf(detail, sizeof detail, "a body here has at most %zu bytes", route->body_max);
        refuse_head(slot, API_TOO_LARGE, "", detail);
        return false;
    }
    if (head->has_body && (exchange->request.headers.content_type == NULL ||
                           api_media_of_content(exchange->request.headers.content_type,
                                                route->consumes) == API_MEDIA_NONE)) {
        refuse_head(slot, API_UNSUPPORTED_MEDIA_TYPE, "",
                    (route->consumes & API_MEDIA_MERGE_PATCH) != 0
                        ? "send Content-Type: application/merge-patch+json or application/json"
                        : "send Content-Type: application/json");
        return false;
    }
    way_text_init(&slot->body, NULL, 0, route->body_max);
    way_text_charge(&slot->body, exchange->context->bodies, API_BODY_SPARE);
    return true;
}

static bool negotiate(struct api_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;

    if (exchange->route->produces == 0) {
        return true;
    }
    exchange->produces =
        api_media_negotiate(exchange->request.headers.accept, exchange->route->produces);
    if (exchange->produces == API_MEDIA_NONE) {
        refuse_head(slot, API_NOT_ACCEPTABLE, "",
                    "the operation has no representation that Accept allows");
        return false;
    }
    return true;
}

/* Everything that can be decided before the body. False: the exchange is finished. */
static bool judge(struct api_slot *slot, const char *url, const char *version, const char *method,
                  struct api_head *head)
{
    struct api_request *request = &slot->exchange.request;
    struct api_head_fault fault;
    struct way_error err;
    bool is_read;

    is_read = api_head_read(slot->mhd, method, version, request, head, &fault);
    api_cors_recognise(&slot->exchange); /* its page may read a refusal, too */
    if (!is_read) {
        refuse_head(slot, fault.problem, "", fault.detail);
        return false;
    }
    if (slot->target_len > API_TARGET_MAX) {
        refuse_head(slot, API_URI_TOO_LONG, "", "a request target has at most 8192 bytes");
        return false;
    }
    /* libmicrohttpd hands out the line up to a NUL; the version, one byte behind the target, tells
     * where it really ended. */
    if ((size_t)(version - 1 - url) != slot->target_len) {
        head->has_body = true; /* nothing of this connection can be trusted any more */
        refuse_head(slot, API_BAD_REQUEST, "", "the URL has a NUL byte");
        return false;
    }
    request->method = api_method_parse(method);
    if (api_request_parse_target(slot->target, request, &err) != WAY_OK) {
        api_refuse_error(&slot->exchange, &err);
        slot->exchange.is_finished = true;
        return false;
    }
    if (!find_route(slot) || !check_access(slot)) {
        return false;
    }
    if (api_request_check_params(request, slot->exchange.route->params, &err) != WAY_OK) {
        api_refuse_error(&slot->exchange, &err);
        slot->exchange.is_finished = true;
        return false;
    }
    return negotiate(slot) && check_body(slot, head);
}

bool api_intake_head(struct api_slot *slot, const char *url, const char *version,
                     const char *method, bool *has_body)
{
    struct api_head head;
    bool goes_on = judge(slot, url, version, method, &head);

    slot->joined = head.joined;
    *has_body = head.has_body;
    return goes_on;
}

bool api_intake_body(struct api_slot *slot, const char *bytes, size_t len)
{
    char detail[96];

    way_text_append(&slot->body, bytes, len);
    if (way_text_status(&slot->body) == WAY_OK) {
        return true;
    }
    (void)snprintf(detail, sizeof detail, "a body here has at most %zu bytes",
                   slot->exchange.route->body_max);
    refuse_head(slot, slot->body.is_full ? API_TOO_LARGE : API_BUSY, "",
                slot->body.is_full ? detail : "the bodies under way take too much memory");
    return false;
}
