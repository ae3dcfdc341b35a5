/* SPDX-License-Identifier: MIT */
#include "api/cors.h"

#include <string.h>

/* Every header of a request that is read here and that browsers ask about. */
#define ACCEPTED                                                                      \
    "Authorization, Content-Type, If-Match, If-None-Match, X-API-Key, X-Request-Id, " \
    "X-Waypost-Reason"
/* Seconds. Chromium keeps no answer for longer; who is taken off the list is refused all the same,
 * for the request itself is judged, too. */
#define MAX_AGE "7200"

void api_cors_recognise(struct api_exchange *exchange)
{
    const char *sent = exchange->request.headers.origin;

    if (sent == NULL || api_origin_parse(sent, strlen(sent), &exchange->origin, NULL) != WAY_OK) {
        return;
    }
    exchange->is_origin_allowed =
        api_origins_have(&exchange->context->origins->allowed, &exchange->origin);
}

void api_cors_answer_preflight(struct api_exchange *exchange, const char *methods)
{
    if (!exchange->is_origin_allowed || exchange->request.headers.wanted_method == NULL) {
        return;
    }
    api_respond_header(exchange, "Access-Control-Allow-Methods", methods);
    api_respond_header(exchange, "Access-Control-Allow-Headers", ACCEPTED);
    api_respond_header(exchange, "Access-Control-Max-Age", MAX_AGE);
}
