/* SPDX-License-Identifier: MIT */
#include "api/problem.h"

#include "base/json.h"

#include <stdio.h>

struct problem_row {
    unsigned status;
    unsigned retry_after; /* seconds */
    const char *code;
    const char *title;
};

/* clang-format off */
static const struct problem_row rows[] = {
    [API_BAD_REQUEST]            = { 400, 0, "bad_request",            "The request does not parse" },
    [API_UNAUTHORIZED]           = { 401, 0, "unauthorized",           "It is not known who asks" },
    [API_FORBIDDEN]              = { 403, 0, "forbidden",              "The token is not good for this" },
    [API_CROSS_ORIGIN]           = { 403, 0, "cross_origin",           "Pages from there may change nothing here" },
    [API_NOT_FOUND]              = { 404, 0, "not_found",              "There is no such thing" },
    [API_NO_ROUTE]               = { 404, 0, "no_route",               "There is nothing at this path" },
    [API_NXDOMAIN]               = { 404, 0, "nxdomain",               "The name does not exist in DNS" },
    [API_NO_MAIL_HOST]           = { 404, 0, "no_mail_host",           "The domain has neither MX nor address records" },
    [API_NO_ADDRESS]             = { 404, 0, "no_address",             "The name has no address records" },
    [API_METHOD_NOT_ALLOWED]     = { 405, 0, "method_not_allowed",     "The method is not allowed here" },
    [API_NOT_ACCEPTABLE]         = { 406, 0, "not_acceptable",         "No acceptable representation" },
    [API_EXISTS]                 = { 409, 0, "exists",                 "The key has an override already" },
    [API_CHANGED_SINCE]          = { 409, 0, "changed_since",          "What is to be undone has changed since" },
    [API_GONE]                   = { 410, 0, "gone",                   "It is not kept any more" },
    [API_STALE]                  = { 412, 0, "stale",                  "A precondition failed" },
    [API_TOO_LARGE]              = { 413, 0, "too_large",              "The body is too large" },
    [API_URI_TOO_LONG]           = { 414, 0, "uri_too_long",           "The request target is too long" },
    [API_UNSUPPORTED_MEDIA_TYPE] = { 415, 0, "unsupported_media_type", "The body's media type is not known here" },
    [API_INVALID]                = { 422, 0, "invalid",                "The request breaks a rule" },
    [API_TOO_MANY_REQUESTS]      = { 429, 0, "too_many_requests",      "Too many wrong tokens" },
    [API_HEADERS_TOO_LARGE]      = { 431, 0, "headers_too_large",      "The headers are too large" },
    [API_INTERNAL]               = { 500, 0, "internal",               "A defect of the service" },
    [API_DNS_FAILURE]            = { 502, 0, "dns_failure",            "DNS failed" },
    [API_BUSY]                   = { 503, 1, "busy",                   "Too much is under way" },
    [API_BEHIND]                 = { 503, 1, "behind",                 "The data is older than was asked for" },
    [API_STORE_UNAVAILABLE]      = { 503, 5, "store_unavailable",      "The database does not answer" },
    [API_NOT_READY]              = { 503, 2, "not_ready",              "Not ready to answer" },
    [API_DNS_TIMEOUT]            = { 504, 0, "dns_timeout",            "DNS did not answer in time" },
};

static const enum api_problem of_status[] = {
    [WAY_OK]          = API_INTERNAL,
    [WAY_MALFORMED]   = API_BAD_REQUEST,
    [WAY_INVALID]     = API_INVALID,
    [WAY_NOT_FOUND]   = API_NOT_FOUND,
    [WAY_EXISTS]      = API_EXISTS,
    [WAY_STALE]       = API_STALE,
    [WAY_GONE]        = API_GONE,
    [WAY_TOO_LARGE]   = API_TOO_LARGE,
    [WAY_BUSY]        = API_BUSY,
    [WAY_BEHIND]      = API_BEHIND,
    [WAY_UNAVAILABLE] = API_STORE_UNAVAILABLE,
    [WAY_UNSETTLED]   = API_STORE_UNAVAILABLE,
    [WAY_TIMEOUT]     = API_STORE_UNAVAILABLE,
    [WAY_NO_MEMORY]   = API_BUSY,
    [WAY_INTERNAL]    = API_INTERNAL,
};

static const enum api_problem of_outcome[] = {
    [WAY_LOOKUP_ANSWERED]     = API_INTERNAL,
    [WAY_LOOKUP_NXDOMAIN]     = API_NXDOMAIN,
    [WAY_LOOKUP_NO_MAIL_HOST] = API_NO_MAIL_HOST,
    [WAY_LOOKUP_NO_ADDRESS]   = API_NO_ADDRESS,
    [WAY_LOOKUP_DNS_FAILURE]  = API_DNS_FAILURE,
    [WAY_LOOKUP_DNS_TIMEOUT]  = API_DNS_TIMEOUT,
    [WAY_LOOKUP_BUSY]         = API_BUSY,
    [WAY_LOOKUP_NOT_READY]    = API_NOT_READY,
};

/* clang-format on */
_Static_assert(WAY_COUNT_OF(rows) == API_PROBLEM_COUNT, "give every problem a row");
_Static_assert(WAY_COUNT_OF(of_status) == WAY_STATUS_COUNT, "map every status");
_Static_assert(WAY_COUNT_OF(of_outcome) == WAY_LOOKUP_OUTCOME_COUNT, "map every outcome");

unsigned api_problem_status(enum api_problem problem)
{
    return rows[problem].status;
}

const char *api_problem_code(enum api_problem problem)
{
    return rows[problem].code;
}

unsigned api_problem_retry_after(enum api_problem problem)
{
    return rows[problem].retry_after;
}

enum api_problem api_problem_of_status(enum way_status status)
{
    return of_status[status];
}

enum api_problem api_problem_of_outcome(enum way_lookup_outcome outcome)
{
    return of_outcome[outcome];
}

void api_problem_write_errors(struct way_text *out, enum api_problem problem, const char *detail,
                              const struct api_problem_error *errors, size_t count,
                              const char *request_id)
{
    way_text_puts(out, "{\"type\":\"urn:waypost:problem:");
    way_text_puts(out, rows[problem].code);
    way_text_putc(out, '"');
    way_json_member_string(out, "title", rows[problem].title);
    way_json_member_u64(out, "status", rows[problem].status);
    way_json_member_string(out, "detail", detail);
    way_text_puts(out, ",\"instance\":\"urn:waypost:request:");
    way_text_puts(out, request_id);
    way_text_putc(out, '"');
    way_json_member_string(out, "code", rows[problem].code);
    if (count > 0) {
        way_json_name(out, "errors");
        way_text_putc(out, '[');
        for (size_t i = 0; i < count && i < API_PROBLEM_ERRORS_MAX; i++) {
            way_json_separate(out);
            way_text_putc(out, '{');
            way_json_member_string(out, "field", errors[i].field);
            way_json_member_string(out, "message", errors[i].message);
            way_text_putc(out, '}');
        }
        way_text_putc(out, ']');
    }
    way_text_puts(out, "}\n");
}

void api_problem_write(struct way_text *out, enum api_problem problem, const char *field,
                       const char *detail, const char *request_id)
{
    struct api_problem_error error = {field[0] == '\0' ? "body" : field, detail};
    char text[WAY_ERROR_FIELD_MAX + WAY_ERROR_DETAIL_MAX + 2];

    (void)snprintf(text, sizeof text, "%s%s%s", field, field[0] == '\0' ? "" : ": ", detail);
    api_problem_write_errors(out, problem, text, &error, problem == API_INVALID ? 1 : 0,
                             request_id);
}

void api_problem_describe_outcome(enum way_lookup_outcome outcome, const char *key, char *out,
                                  size_t out_bytes)
{
    switch (outcome) {
    case WAY_LOOKUP_NXDOMAIN:
        (void)snprintf(out, out_bytes, "%s does not exist in DNS", key);
        return;
    case WAY_LOOKUP_NO_MAIL_HOST:
        (void)snprintf(out, out_bytes, "%s has neither MX nor address records", key);
        return;
    case WAY_LOOKUP_NO_ADDRESS:
        (void)snprintf(out, out_bytes, "%s has no address records", key);
        return;
    case WAY_LOOKUP_DNS_FAILURE:
        (void)snprintf(out, out_bytes, "DNS failed for %s: SERVFAIL, REFUSED or malformed", key);
        return;
    case WAY_LOOKUP_DNS_TIMEOUT:
        (void)snprintf(out, out_bytes, "no answer from DNS about %s in time", key);
        return;
    case WAY_LOOKUP_BUSY:
        (void)snprintf(out, out_bytes, "too many lookups wait for DNS");
        return;
    case WAY_LOOKUP_NOT_READY:
        (void)snprintf(out, out_bytes, "the overrides have not been loaded yet");
        return;
    case WAY_LOOKUP_ANSWERED:
    case WAY_LOOKUP_OUTCOME_COUNT:
        break;
    }
    (void)snprintf(out, out_bytes, "no answer for %s", key);
}
