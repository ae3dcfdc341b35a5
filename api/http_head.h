/* SPDX-License-Identifier: MIT */
/*
 * api/http_head - the head of a request: what libmicrohttpd lets through and we do not.
 *
 * Purpose  Read the headers once, refuse what could be read in two ways (request
 *          smuggling), and learn what body is to come.
 * Owns     Nothing: values are borrowed from the connection until the request ends, but for lists
 *          that came over several lines; see api_head.joined.
 * Threads  One loop's.
 * Errors   As a problem; the request is then not to be handled.
 *
 * Sources  RFC 9112 3.2 (Host), 6.1 and 6.3 (body length), 5.1 (field names), 5.2 (folded lines);
 *          RFC 9110 5.3 (a list over several lines), 5.5 (NUL in a value).
 */
#ifndef WAY_API_HTTP_HEAD_H
#define WAY_API_HTTP_HEAD_H

#include "api/problem.h"
#include "api/request.h"

struct MHD_Connection;

struct api_head {
    bool has_body; /* something follows the headers */
    bool is_chunked;
    uint64_t content_length; /* bytes, unless chunked */
    bool asks_request_id;    /* the client sent a usable X-Request-Id; it is in request->id */
    char *joined; /* the caller's to free: lists that request->headers lead to, or NULL */
};

/* What is wrong with the head. */
struct api_head_fault {
    enum api_problem problem;
    const char *detail; /* a literal */
};

/* Fills request->headers, *head, and request->id if the client sent one. False: see *fault.
 * `method` and `version` are the library's own, which lie where it has read them: the first and the
 * last word of the request line, before the headers. */
bool api_head_read(struct MHD_Connection *connection, const char *method, const char *version,
                   struct api_request *request, struct api_head *head,
                   struct api_head_fault *fault);

#endif
