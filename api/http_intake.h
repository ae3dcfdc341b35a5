/* SPDX-License-Identifier: MIT */
/*
 * api/http_intake - everything that is decided about a request before its body is read.
 *
 * Purpose  From the head to a route: target, method, token, parameters, representation, size
 *          and type of the body. Also keeps the body, within the route's limit.
 * Owns     Nothing; works on a slot.
 * Threads  One loop's.
 * Errors   As a problem in the slot's exchange, which is then finished.
 */
#ifndef WAY_API_HTTP_INTAKE_H
#define WAY_API_HTTP_INTAKE_H

#include "api/http_slot.h"

/* False: the exchange is finished with a refusal (or is an OPTIONS, which needs no handler).
 * *has_body: whether more of the request is to come. */
bool api_intake_head(struct api_slot *slot, const char *url, const char *version,
                     const char *method, bool *has_body);
/* False: the body is too large, or there is no memory; the exchange is finished with a refusal. */
bool api_intake_body(struct api_slot *slot, const char *bytes, size_t len);

#endif
