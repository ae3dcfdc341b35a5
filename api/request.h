/* SPDX-License-Identifier: MIT */
/*
 * api/request - one HTTP request, taken apart.
 *
 * Purpose  What a handler may know of a request; no type of the HTTP library.
 * Owns     Nothing: everything points into the exchange's memory and lives as long.
 * Threads  One loop's.
 * Errors   parse_target: WAY_MALFORMED.
 *
 * A target is split first and decoded afterwards, each piece once, so that an encoded
 * separator can never act as one. '+' is a plus sign.
 */
#ifndef WAY_API_REQUEST_H
#define WAY_API_REQUEST_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum api_method {
    API_GET,
    API_HEAD,
    API_POST,
    API_PUT,
    API_PATCH,
    API_DELETE,
    API_OPTIONS,
    API_METHOD_OTHER,
};

enum {
    API_TARGET_MAX = 8 * 1024,   /* octets of a request target; more is 414 */
    API_HEADERS_MAX = 16 * 1024, /* octets of a header block; more is 431 */
    API_SEGMENTS_MAX = 8,        /* of a path; no route has as many */
    API_PARAMS_MAX = 16,         /* of a query */
    API_REQUEST_ID_MAX = 64,     /* octets of an X-Request-Id */
};

/* Octets, decoded; may hold NUL. */
struct api_bytes {
    const char *at;
    size_t len;
};

struct api_param {
    struct api_bytes name;
    struct api_bytes value;
};

/* Header values as sent, NULL where absent. */
struct api_headers {
    const char *accept;
    const char *content_type;
    const char *if_match;
    const char *if_none_match;
    const char *reason;        /* X-Waypost-Reason */
    const char *origin;        /* of the page, when a browser asks for one */
    const char *wanted_method; /* Access-Control-Request-Method */
    const char *authorization;
    const char *api_key;       /* X-API-Key */
    unsigned credential_count; /* how many of the two came, in all */
};

struct api_request {
    enum api_method method;
    bool is_asterisk; /* OPTIONS * */
    size_t segment_count;
    struct api_bytes segments[API_SEGMENTS_MAX];
    size_t param_count;
    struct api_param params[API_PARAMS_MAX];
    struct api_headers headers;
    struct api_bytes key; /* the {key} of the path, when the route has one */
    struct api_bytes body;
    char id[API_REQUEST_ID_MAX + 1];
};

enum api_method api_method_parse(const char *word);
const char *api_method_name(enum api_method method);

/* Takes `target` apart into request->segments and ->params. Overwrites `target` in place: the
 * pieces point into it. */
WAY_MUST_CHECK enum way_status api_request_parse_target(char *target, struct api_request *request,
                                                        struct way_error *err);

/* NULL: not given. */
const struct api_bytes *api_request_param(const struct api_request *request, const char *name);
/* Every parameter must be one of `allowed` (NULL-ended) and be given once. */
WAY_MUST_CHECK enum way_status api_request_check_params(const struct api_request *request,
                                                        const char *const *allowed,
                                                        struct way_error *err);

bool api_bytes_equal(struct api_bytes bytes, const char *word);

#endif
