/* SPDX-License-Identifier: MIT */
/*
 * dns/question - questions that are open, each with everybody who waits for its answer.
 *
 * Purpose  The same (type, name) is asked once, however many want to know.
 * Owns     The questions, from way_question_new() to way_question_free(). They borrow
 *          their asks.
 * Threads  One loop's thread.
 * Errors   new(): NULL, out of memory.
 *
 * The names come from strangers, so the table's hash has a seed of its own.
 */
#ifndef WAY_DNS_QUESTION_H
#define WAY_DNS_QUESTION_H

#include "dns/message.h"
#include "dns/upstream.h"

enum { WAY_QUESTION_BUCKETS = 4096 };

enum way_question_state {
    WAY_QUESTION_QUEUED,  /* `place` is in a server's queue */
    WAY_QUESTION_ON_WIRE, /* `query` belongs to a channel */
    WAY_QUESTION_ENDED    /* its query has ended; `place` is in the forwarder's list of those */
};

struct way_question {
    struct way_node node;  /* in the table, as long as asks may join */
    struct way_node place; /* see enum way_question_state */
    struct way_node asks;  /* of way_dns_ask.waiting; empty when nobody waits any more */
    enum way_question_state state;
    enum way_dns_type type;
    char name[WAY_KEY_MAX + 1];  /* what the asks want to know */
    char asked[WAY_KEY_MAX + 1]; /* what the servers are asked: `name`, or where its CNAMEs lead */
    unsigned links;              /* of the chain, so far */
    uint32_t ttl;                /* the least along the chain, so far */
    /* of the query in flight, or of the last one */
    struct way_query query;
    struct way_upstream *upstream; /* borrowed while the query is in flight */
    size_t server;
    uint64_t sent_us;
    enum way_query_end end;
    struct way_dns_message message; /* owned; WAY_QUERY_ANSWERED only */
    /* of `asked` */
    uint64_t generation; /* the set of servers that `trials` speaks of */
    struct way_upstream_trial trials[WAY_DNS_SERVERS_MAX];
    void *owner; /* the forwarder */
};

struct way_question_table {
    uint64_t seed;
    size_t count; /* questions that are not freed, in the table or not */
    struct way_node buckets[WAY_QUESTION_BUCKETS];
};

void way_question_table_init(struct way_question_table *table);

/* NULL: not asked at the moment. */
struct way_question *way_question_find(struct way_question_table *table, enum way_dns_type type,
                                       const char *name);
/* In the table, with no asks. `name` has at most WAY_KEY_MAX octets. */
struct way_question *way_question_new(struct way_question_table *table, enum way_dns_type type,
                                      const char *name);
/* From now on nobody joins: who asks the same again asks anew. */
void way_question_close(struct way_question *question);
/* Nobody may wait for it, and it must not be on the wire. */
void way_question_free(struct way_question_table *table, struct way_question *question);

#endif
