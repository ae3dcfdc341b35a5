/* SPDX-License-Identifier: MIT */
/*
 * api/etag - entity tags in If-Match and If-None-Match (RFC 9110 8.8.3, 13.1).
 *
 * Purpose  Read the two headers once, strictly, for reads and for writes.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_MALFORMED.
 */
#ifndef WAY_API_ETAG_H
#define WAY_API_ETAG_H

#include "api/request.h"
#include "model/change.h"

/* For PUT, PATCH and DELETE. Weak tags match nothing. If-None-Match may only be "*" here. */
WAY_MUST_CHECK enum way_status api_etag_read_precondition(const struct api_headers *headers,
                                                          struct way_precondition *out,
                                                          struct way_error *err);
/* For GET: whether If-None-Match (NULL: absent) names `etag`; compared weakly (13.1.2). */
bool api_etag_is_known(const char *if_none_match, const char *etag);

#endif
