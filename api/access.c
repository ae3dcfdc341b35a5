/* SPDX-License-Identifier: MIT */
#include "api/access.h"

#include "api/failures.h"
#include "api/routes.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define CHALLENGE "Bearer realm=\"waypost\""

static void refuse_unknown(struct api_exchange *exchange, const char *challenge, const char *detail)
{
    api_refuse(exchange, API_UNAUTHORIZED, "", detail);
    api_respond_header(exchange, "WWW-Authenticate", challenge);
}

static struct api_bytes trim(const char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    return (struct api_bytes){text, len};
}

/* What stands behind "Bearer "; empty when that is something else. */
static struct api_bytes bearer(const char *authorization)
{
    static const char scheme[] = "Bearer";

    enum { LEN = sizeof scheme - 1 };

    if (strlen(authorization) <= LEN || !way_ascii_equal_nocase(authorization, LEN, scheme, LEN) ||
        authorization[LEN] != ' ') {
        return (struct api_bytes){"", 0};
    }
    return trim(authorization + LEN);
}

/* The one token of the request. False: the answer is made. */
static bool read_secret(struct api_exchange *exchange, struct api_bytes *secret)
{
    const struct api_headers *headers = &exchange->request.headers;

    if (headers->credential_count == 0) {
        refuse_unknown(exchange, CHALLENGE,
                       "this operation wants a token: Authorization: Bearer TOKEN");
        return false;
    }
    if (headers->credential_count > 1) {
        refuse_unknown(exchange, CHALLENGE ", error=\"invalid_request\"",
                       "send one token, in Authorization or in X-API-Key");
        return false;
    }
    *secret = headers->api_key != NULL ? trim(headers->api_key) : bearer(headers->authorization);
    if (secret->len == 0) {
        refuse_unknown(exchange, CHALLENGE ", error=\"invalid_request\"",
                       "the header has no token: send Authorization: Bearer TOKEN");
        return false;
    }
    return true;
}

static void refuse_wrong(struct api_exchange *exchange, const struct sockaddr *peer)
{
    unsigned seconds = api_failures_count(exchange->context->failures, peer, way_clock_mono_ms());
    char text[16];

    if (seconds == 0) {
        refuse_unknown(exchange, CHALLENGE ", error=\"invalid_token\"", "nobody has this token");
        return;
    }
    api_refuse(exchange, API_TOO_MANY_REQUESTS, "",
               "this address has sent too many wrong tokens; a right one is taken all the same");
    (void)snprintf(text, sizeof text, "%u", seconds);
    api_respond_header(exchange, "Retry-After", text);
}

static bool is_change(const struct api_route *route)
{
    return route->scope == WAY_SCOPE_CHANGE || route->scope == WAY_SCOPE_ADMIN;
}

/* Nobody but browsers sends an origin, and they send one with each request that is not GET or HEAD;
 * what is not the origin of a page ("null", two of them in one line) is nobody's. */
static bool may_page_change(const struct api_exchange *exchange, int fd)
{
    struct sockaddr_storage local = {0};
    socklen_t len = sizeof local;
    bool is_known = getsockname(fd, (struct sockaddr *)(void *)&local, &len) == 0;

    return exchange->origin.text[0] != '\0' &&
           api_origins_may_change(exchange->context->origins, &exchange->origin,
                                  is_known ? (const struct sockaddr *)(const void *)&local : NULL);
}

bool api_access_check_origin(struct api_exchange *exchange, int fd)
{
    char detail[API_ORIGIN_MAX + 64];

    if (exchange->request.headers.origin == NULL || !is_change(exchange->route) ||
        may_page_change(exchange, fd)) {
        return true;
    }
    if (exchange->origin.text[0] == '\0') {
        api_refuse(exchange, API_CROSS_ORIGIN, "", "the header Origin names no page that is known");
        return false;
    }
    (void)snprintf(detail, sizeof detail, "pages of %s are let in by --cors-origin only",
                   exchange->origin.text);
    api_refuse(exchange, API_CROSS_ORIGIN, "", detail);
    return false;
}

bool api_access_check(struct api_exchange *exchange, const struct sockaddr *peer)
{
    const struct way_token_table *tokens = exchange->context->tokens;
    const struct way_token *token;
    struct api_bytes secret;
    char detail[96];

    if (tokens == NULL || exchange->route->scope == WAY_SCOPE_OPEN) {
        return true;
    }
    if (!read_secret(exchange, &secret)) {
        return false;
    }
    token = way_tokens_find(tokens, secret.at, secret.len);
    if (token == NULL) {
        refuse_wrong(exchange, peer);
        return false;
    }
    memcpy(exchange->actor, token->name, sizeof exchange->actor);
    if (!way_role_may(token->role, exchange->route->scope)) {
        (void)snprintf(detail, sizeof detail, "the role %s may not do this",
                       way_role_name(token->role));
        api_refuse(exchange, API_FORBIDDEN, "", detail);
        return false;
    }
    return true;
}
