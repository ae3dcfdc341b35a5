/* SPDX-License-Identifier: MIT */
/*
 * domain/lookup - where should mail for this domain or address go right now?
 *
 * Purpose  The rules of design section 2, for every door alike: an override answers at
 *          once, an address is its own answer, everything else is asked of real DNS.
 *          Knows nothing of HTTP.
 * Owns     One index reader and the lookups that wait for DNS.
 * Threads  One a loop; every call from that loop's thread.
 * Errors   As outcomes of an answer.
 *
 * Sources  Implicit MX: RFC 5321 5.1. Null MX: RFC 7505.
 */
#ifndef WAY_DOMAIN_LOOKUP_H
#define WAY_DOMAIN_LOOKUP_H

#include "dns/resolver.h"
#include "domain/index.h"

enum way_lookup_kind { WAY_LOOKUP_RESOLVE, WAY_LOOKUP_MX, WAY_LOOKUP_KIND_COUNT };

enum way_source {
    WAY_SOURCE_OVERRIDE,
    WAY_SOURCE_LITERAL,
    WAY_SOURCE_DNS,
    WAY_SOURCE_NONE,
    WAY_SOURCE_COUNT
};

enum way_lookup_outcome {
    WAY_LOOKUP_ANSWERED,
    WAY_LOOKUP_NXDOMAIN,
    WAY_LOOKUP_NO_MAIL_HOST, /* mx: the name exists and has neither MX nor address */
    WAY_LOOKUP_NO_ADDRESS,   /* resolve: the name exists and has no address */
    WAY_LOOKUP_DNS_FAILURE,
    WAY_LOOKUP_DNS_TIMEOUT,
    WAY_LOOKUP_BUSY,      /* too many lookups wait for DNS */
    WAY_LOOKUP_NOT_READY, /* this instance has never had data: it invents no route */
    WAY_LOOKUP_OUTCOME_COUNT
};

enum way_log_lookups { WAY_LOG_LOOKUPS_NONE, WAY_LOG_LOOKUPS_OVERRIDES, WAY_LOG_LOOKUPS_ALL };

struct way_mail_host {
    uint16_t preference;
    char host[WAY_KEY_MAX + 1]; /* a name or an address, no trailing dot */
};

/* An address of DNS, as canonical text. */
struct way_address {
    char text[48]; /* INET6_ADDRSTRLEN is 46 */
};

struct way_answer {
    enum way_lookup_kind kind;
    enum way_lookup_outcome outcome;
    enum way_source source;   /* of an answer */
    struct way_target target; /* WAY_SOURCE_OVERRIDE */
    uint64_t revision;        /* WAY_SOURCE_OVERRIDE: the row's */
    /* WAY_SOURCE_DNS */
    uint32_t ttl; /* seconds */
    bool is_null_mx;
    bool is_implicit; /* the one record is the domain itself */
    size_t address_count;
    const struct way_address
        *addresses; /* resolve; borrowed during the call that gives the answer */
    size_t host_count;
    const struct way_mail_host *hosts; /* mx, ascending preference; borrowed likewise */
};

/* What is asked, and by whom. */
struct way_question {
    enum way_lookup_kind kind;
    bool is_dns_wanted;     /* false: ?fallback=none */
    struct way_key key;     /* mx: of the domain, not of the mailbox */
    const char *door;       /* "http", for the log */
    const char *request_id; /* likewise; borrowed until the answer */
    uint64_t deadline_ms;   /* of all DNS for it */
    bool is_one_of_many;    /* of a batch: such may take half of the room to wait, so that a few
                             * large batches leave the other half to single lookups */
};

typedef void (*way_answered_fn)(void *owner, const struct way_answer *answer);

struct way_lookup;
struct way_pending; /* a lookup that waits for DNS */
struct way_meter;

struct way_lookup_options {
    struct way_index *index;       /* borrowed */
    struct way_resolver *resolver; /* borrowed */
    struct way_meter *meter;       /* borrowed */
    size_t waiting_max;            /* lookups that may wait for DNS at a time */
    enum way_log_lookups log;
    bool is_empty_served; /* without any data: answer as if there were no overrides */
    bool (*has_data)(const void *owner); /* whether the index was ever filled */
    const void *owner;
};

/* NULL: out of memory or readers. */
struct way_lookup *way_lookup_new(const struct way_lookup_options *options);
/* Nothing may be pending. NULL is fine. */
void way_lookup_free(struct way_lookup *lookup);

/* False: every lookup will be answered WAY_LOOKUP_NOT_READY. */
bool way_lookup_is_ready(const struct way_lookup *lookup);
/* Before a way_lookup_now() of each of these keys, at most WAY_INDEX_WARM_MAX: makes them faster
 * together. */
void way_lookup_warm(struct way_lookup *lookup, const struct way_key *const *keys, size_t count);
/* True: *answer is the whole answer, made without DNS. False: call way_lookup_wait(). */
bool way_lookup_now(struct way_lookup *lookup, const struct way_question *question,
                    struct way_answer *answer);
/* Asks DNS; `answered` is called once, later. NULL: too many wait, or no memory (answer busy). */
struct way_pending *way_lookup_wait(struct way_lookup *lookup, const struct way_question *question,
                                    way_answered_fn answered, void *owner);
/* `answered` will not be called any more. Only while pending. */
void way_lookup_cancel(struct way_pending *pending);

/* A question that cannot be asked (WAY_LOOKUP_BUSY, _DNS_TIMEOUT): makes its answer, counts and
 * logs it as any other. */
void way_lookup_refuse(struct way_lookup *lookup, const struct way_question *question,
                       enum way_lookup_outcome outcome, struct way_answer *answer);

/* A stable word: "override", "dns", ... */
const char *way_source_name(enum way_source source);
/* "nxdomain", "busy", ...: the words of design and metrics; "answered" for an answer. */
const char *way_lookup_outcome_name(enum way_lookup_outcome outcome);

#endif
