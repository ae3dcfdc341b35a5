/* SPDX-License-Identifier: MIT */
/*
 * api/origin - which web page asks: https://dash.example.org, http://127.0.0.1:8080.
 *
 * Purpose  Read an origin, bring it into the one form that a browser writes, and say
 *          whether its pages may use this service.
 * Owns     Nothing: plain values.
 * Threads  Pure functions; call from anywhere.
 * Errors   parse: WAY_INVALID, field "cors-origin".
 *
 * Sources  RFC 6454 6.2 and 7.1; the Fetch standard, "Origin header"; the URL standard,
 *          "host serializing".
 */
#ifndef WAY_API_ORIGIN_H
#define WAY_API_ORIGIN_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    API_ORIGINS_MAX = 16,      /* of one list: as many as an option may repeat */
    API_ORIGIN_HOST_MAX = 253, /* octets of the name in an origin */
    API_ORIGIN_MAX = 267,      /* octets of an origin: https://, the name, a colon, five digits */
};

struct api_origin {
    bool is_https; /* else http; no other page can be a client */
    uint16_t port;
    bool is_loopback;    /* localhost, 127.0.0.0/8, [::1] */
    bool is_any_address; /* 0.0.0.0, [::] */
    char text[API_ORIGIN_MAX + 1];
};

struct api_origin_list {
    size_t count;
    struct api_origin items[API_ORIGINS_MAX];
};

/* Whose pages may do what. Constant once it is made. */
struct api_origins {
    struct api_origin_list allowed; /* may read answers, and change things */
    struct api_origin_list own;     /* our listeners, as a browser sees them; may change things */
};

/* Upper case in scheme and host, a default port and the long forms of an IPv6 address are
 * understood and do not stay; everything else that a browser does not write is refused. */
WAY_MUST_CHECK enum way_status api_origin_parse(const char *text, size_t len,
                                                struct api_origin *out, struct way_error *err);
/* Parses and adds. */
WAY_MUST_CHECK enum way_status api_origins_add(struct api_origin_list *list, const char *text,
                                               struct way_error *err);

bool api_origins_have(const struct api_origin_list *list, const struct api_origin *origin);
/* Whether pages of `origin` may change things. `local`: our end of the connection, NULL if it has
 * no address; a listener on all addresses is known by the one that was connected to. */
bool api_origins_may_change(const struct api_origins *origins, const struct api_origin *origin,
                            const struct sockaddr *local);

#endif
