/* SPDX-License-Identifier: MIT */
/*
 * api/routes - the one table of operations.
 *
 * Purpose  Everything that is decided before a handler runs is a column here: method,
 *          path, scope, body limit, media types, parameters. openapi.yaml says the same, and a
 *          test holds the two together (waypost --dump-routes).
 * Owns     Nothing: constants.
 * Threads  Any.
 * Errors   -
 */
#ifndef WAY_API_ROUTES_H
#define WAY_API_ROUTES_H

#include "api/exchange.h"

enum {
    API_BODY_MAX = 64 * 1024,             /* bytes */
    API_BODY_SPARE = 4 * 1024,            /* bytes that do not count: one change always fits */
    API_BATCH_BODY_MAX = 4 * 1024 * 1024, /* bytes of a batch lookup */
};

typedef void (*api_handler_fn)(struct api_exchange *exchange);

struct api_route {
    enum api_method method;
    const char *path;          /* "{key}" is one segment */
    const char *operation;     /* operationId in openapi.yaml */
    enum way_scope scope;      /* what a token must be good for, when there are tokens */
    bool is_lookup;            /* answered from memory: says so when that is stale */
    size_t body_max;           /* 0: a body is refused */
    unsigned consumes;         /* media of the body */
    unsigned produces;         /* media to choose from by Accept; 0: Accept plays no part */
    const char *const *params; /* allowed in the query, NULL-ended */
    api_handler_fn handle;
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

/* How a path and a method fared. */
struct api_match {
    const struct api_route *route; /* NULL: see below */
    bool is_known_path;            /* false: 404 no_route */
    struct api_bytes key;
    char allow[64]; /* the methods of the path, for Allow */
};

/* A literal segment beats "{key}"; the order of rows plays no part. HEAD is GET. */
void api_route_find(const struct api_request *request, struct api_match *match);
/* A JSON list of {"method","path","operation","scope"}. */
void api_routes_dump(struct way_text *out);

#endif
