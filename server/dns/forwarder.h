/* SPDX-License-Identifier: MIT */
/*
 * dns/forwarder - takes a question from server to server until it has an outcome.
 *
 * Purpose  Which server, when again, when with or without EDNS, when for another name
 *          (a bare CNAME), when to give up. Time-outs never end a question here: as
 *          long as somebody waits, servers that were silent are asked again.
 * Owns     The sets of servers, their channels and queues. Questions are borrowed from
 *          way_forwarder_put() until `finished`; one that is queued may be freed.
 * Threads  One loop's thread.
 * Errors   new(): WAY_NO_MEMORY, WAY_INTERNAL. Questions: as outcomes.
 */
#ifndef WAY_DNS_FORWARDER_H
#define WAY_DNS_FORWARDER_H

#include "dns/question.h"
#include "dns/resolver_cares.h"

struct way_forwarder;

struct way_forwarder_options {
    const struct way_dns_server_list *servers; /* NULL: those of resolv_conf, and its changes */
    const char *resolv_conf;
    uint64_t timeout_ms; /* see dns/resolver_cares.h, as the next two */
    size_t on_wire_max;
    way_dns_observe_fn observe;
    void *observe_owner;
    /* Only from inside settle() and free(). WAY_DNS_TIMEOUT never comes; an outcome other than
     * WAY_DNS_FAILURE is told by question->message and question->ttl. The question is the
     * callee's again. */
    void (*finished)(void *owner, struct way_question *question, enum way_dns_outcome outcome);
    /* There may be something to settle: call settle(). From the loop, never from a call below. */
    void (*arrived)(void *owner);
    void *owner;
};

/* Options are copied. */
WAY_MUST_CHECK enum way_status way_forwarder_new(struct way_loop *loop,
                                                 const struct way_forwarder_options *options,
                                                 struct way_forwarder **out, struct way_error *err);
/* Nobody may wait for a question any more. NULL is fine. */
void way_forwarder_free(struct way_forwarder *forwarder);

/* A new question: to the wire, or into a queue. */
void way_forwarder_put(struct way_forwarder *forwarder, struct way_question *question);
/* Looks for time-outs; to be called every now and then while questions are open. */
void way_forwarder_tick(struct way_forwarder *forwarder);
/* Deals with every query that has ended up to now. What ends meanwhile is left for the next time,
 * so that a `finished` that asks again and again cannot keep the loop from its other work. */
void way_forwarder_settle(struct way_forwarder *forwarder);
/* True: settle() has to be called, and no event will remind of it. */
bool way_forwarder_has_ended(const struct way_forwarder *forwarder);

#endif
