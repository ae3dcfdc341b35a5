/* SPDX-License-Identifier: MIT */
/*
 * api/exchange - one request and the answer that is being made for it.
 *
 * Purpose  What a handler works with. A handler either makes the answer and returns,
 *          or says api_exchange_wait() and has api_exchange_finish() called later.
 * Owns     The request's memory, the response, and nothing of the connection.
 * Threads  One loop's; a handler's callbacks come back to that loop.
 * Errors   -
 */
#ifndef WAY_API_EXCHANGE_H
#define WAY_API_EXCHANGE_H

#include "api/media.h"
#include "api/origin.h"
#include "api/problem.h"
#include "api/request.h"
#include "domain/service.h"
#include "model/token.h"

enum {
    API_RESPONSE_HEADERS_MAX = 6,        /* that one answer adds to those of all */
    API_RESPONSE_INLINE = 2048,          /* bytes of an answer that need no heap */
    API_RESPONSE_MAX = 64 * 1024 * 1024, /* bytes of any answer */
    API_RESPONSE_SPARE = 64 * 1024, /* bytes of an answer that do not count: a client that does not
                                     * read leaves as many to the kernel */
    API_HEADER_VALUE_MAX = 320,     /* a Location with a key of 253 octets fits */
    API_ACTOR_QUOTED_MAX = 2 * WAY_ACTOR_MAX + 3, /* bytes of an actor in the log, with NUL */
    API_STORE_WAIT_MS = 9000, /* a request that waits for the database is answered by then */
};

struct api_failures;
struct api_places;
struct api_route;
struct api_tls;

/* What every handler of one loop shares. All borrowed; constant while the loop runs, but for the
 * last two. */
struct api_context {
    struct way_loop *loop;
    struct way_lookup *lookup;
    struct way_service *service;
    struct way_sync *sync;
    struct way_index *index;
    struct way_waiters *waiters;
    struct way_meter *meter;
    struct way_metrics *requests; /* api/request_metrics.h */
    const char *version;
    struct api_places *places;  /* of connections, over all loops */
    struct way_budget *bodies;  /* memory of requests' bodies, over all loops */
    struct way_budget *answers; /* likewise of answers */
    uint64_t dns_timeout_ms;
    uint64_t stale_after_ms;              /* older data is called stale in lookups' answers */
    struct api_failures *failures;        /* of all loops; NULL without tokens */
    const struct api_origins *origins;    /* whose pages may do what */
    const struct api_tls *tls;            /* of all loops; NULL: no listener speaks TLS */
    const struct way_token_table *tokens; /* replaced on the loop; NULL: every operation is open */
    bool is_draining;                     /* set on the loop by the server */
};

struct api_response_header {
    const char *name; /* a literal */
    char value[API_HEADER_VALUE_MAX];
};

struct api_response {
    unsigned status;
    enum api_media media; /* of the body; API_MEDIA_NONE: no body, or a problem */
    bool is_problem;
    uint64_t revision; /* of the write that it answers; 0: none */
    bool may_be_kept;  /* false: Cache-Control: no-store; true: no-cache, with an entity tag */
    struct way_text body;
    const void *constant; /* a body that lives for ever, instead of `body` */
    size_t constant_len;
    size_t header_count;
    struct api_response_header headers[API_RESPONSE_HEADERS_MAX];
    char inline_body[API_RESPONSE_INLINE];
};

struct api_exchange {
    struct api_context *context;
    const struct api_route *route; /* NULL: none matched */
    struct api_request request;
    struct api_origin origin;      /* of the page that asks; empty text: none, or not readable */
    bool is_origin_allowed;        /* it may read the answer */
    char actor[WAY_ACTOR_MAX + 1]; /* the token's name; empty: nobody is known by name */
    enum api_media produces;       /* what Accept and the route agreed on */
    struct api_response response;
    bool is_finished;
    /* While the handler waits: */
    uint64_t deadline_ms;                           /* 0: the handler keeps its own */
    void (*abandon)(struct api_exchange *exchange); /* let go of `waiting`: it is over */
    void *waiting;                                  /* the handler's */
    /* The client has left, or has closed its side and may still read: finish at once with what
     * there is. NULL, and after every api_exchange_wait(): go on. */
    void (*cut_short)(struct api_exchange *exchange);
};

/* The answer is made. From inside a handler, or later on the loop. */
void api_exchange_finish(struct api_exchange *exchange);
/* The handler returns without an answer. At `deadline_ms` (0: never) or when the server stops,
 * `abandon` is called, must forget the exchange, and the server answers by itself. */
void api_exchange_wait(struct api_exchange *exchange, uint64_t deadline_ms,
                       void (*abandon)(struct api_exchange *exchange), void *waiting);

/* Who asks, as the log writes it: "-" when nobody is known by name. Returns `out`. */
const char *api_exchange_actor(const struct api_exchange *exchange,
                               char out[static API_ACTOR_QUOTED_MAX]);

/* Makes the response; `finish` is still to be called. */
void api_respond(struct api_exchange *exchange, unsigned status, enum api_media media);
void api_respond_header(struct api_exchange *exchange, const char *name, const char *value);
void api_refuse(struct api_exchange *exchange, enum api_problem problem, const char *field,
                const char *detail);
/* With a list of what is wrong with what. */
void api_refuse_errors(struct api_exchange *exchange, enum api_problem problem, const char *detail,
                       const struct api_problem_error *errors, size_t count);
/* As the domain said it; WAY_UNSETTLED gets words of its own. */
void api_refuse_error(struct api_exchange *exchange, const struct way_error *err);

/* The server's: called by finish() when the handler has returned already. */
void api_exchange_resume(struct api_exchange *exchange);

#endif
