/* SPDX-License-Identifier: MIT */
/*
 * api/problem - every refusal, as application/problem+json (RFC 9457).
 *
 * Purpose  The closed list of codes with their HTTP status and title, and the total
 *          mappings onto it from what the domain says.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   -
 */
#ifndef WAY_API_PROBLEM_H
#define WAY_API_PROBLEM_H

#include "base/text.h"
#include "domain/lookup.h"

enum api_problem {
    API_BAD_REQUEST,
    API_UNAUTHORIZED,
    API_FORBIDDEN,
    API_CROSS_ORIGIN,
    API_NOT_FOUND,
    API_NO_ROUTE,
    API_NXDOMAIN,
    API_NO_MAIL_HOST,
    API_NO_ADDRESS,
    API_METHOD_NOT_ALLOWED,
    API_NOT_ACCEPTABLE,
    API_EXISTS,
    API_CHANGED_SINCE,
    API_GONE,
    API_STALE,
    API_TOO_LARGE,
    API_URI_TOO_LONG,
    API_UNSUPPORTED_MEDIA_TYPE,
    API_INVALID,
    API_TOO_MANY_REQUESTS,
    API_HEADERS_TOO_LARGE,
    API_INTERNAL,
    API_DNS_FAILURE,
    API_BUSY,
    API_BEHIND,
    API_STORE_UNAVAILABLE,
    API_NOT_READY,
    API_DNS_TIMEOUT,
    API_PROBLEM_COUNT
};

unsigned api_problem_status(enum api_problem problem);
const char *api_problem_code(enum api_problem problem);
/* Seconds for Retry-After; 0: none is sent. */
unsigned api_problem_retry_after(enum api_problem problem);

enum api_problem api_problem_of_status(enum way_status status);
/* Not for WAY_LOOKUP_ANSWERED. */
enum api_problem api_problem_of_outcome(enum way_lookup_outcome outcome);

/* The document. `field` may be empty; for API_INVALID it then reads "body". */
void api_problem_write(struct way_text *out, enum api_problem problem, const char *field,
                       const char *detail, const char *request_id);

enum { API_PROBLEM_ERRORS_MAX = 64 /* things that one document lists */ };

/* What is wrong with one thing: a field, a parameter, a header, a lookup key. */
struct api_problem_error {
    const char *field;
    const char *message;
};

/* The document with a list of errors; what is over API_PROBLEM_ERRORS_MAX is left out. */
void api_problem_write_errors(struct way_text *out, enum api_problem problem, const char *detail,
                              const struct api_problem_error *errors, size_t count,
                              const char *request_id);

/* What went wrong with DNS for `key`, for people. */
void api_problem_describe_outcome(enum way_lookup_outcome outcome, const char *key, char *out,
                                  size_t out_bytes);

#endif
