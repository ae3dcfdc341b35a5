/* SPDX-License-Identifier: MIT */
/*
 * api/cors - what a browser is told about pages from elsewhere.
 *
 * Purpose  Knows the page that asks, and answers the question that a browser asks before
 *          it lets such a page send a request.
 * Owns     Nothing; works on an exchange.
 * Threads  The exchange's loop.
 * Errors   -
 *
 * Sources  The Fetch standard, "HTTP extensions". There is no credentials mode: tokens are sent
 *          by the page itself, and nothing here knows a cookie.
 */
#ifndef WAY_API_CORS_H
#define WAY_API_CORS_H

#include "api/exchange.h"

/* Every header of an answer that a page may want and browsers would else hide from it. */
#define API_CORS_EXPOSED                                                                       \
    "Allow, ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id, X-Waypost-Revision, " \
    "X-Waypost-Stale"

/* Sets exchange->origin and ->is_origin_allowed from the request's headers. */
void api_cors_recognise(struct api_exchange *exchange);
/* For an OPTIONS of a path that has these methods. */
void api_cors_answer_preflight(struct api_exchange *exchange, const char *methods);

#endif
