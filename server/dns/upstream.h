/* SPDX-License-Identifier: MIT */
/*
 * dns/upstream - a set of DNS servers, and which of them is asked next.
 *
 * Purpose  Keep for each server its channels, how much is on the wire to it, and
 *          whether it answers; choose for a question that has tried some of them.
 * Owns     The channels. A server's queue borrows the questions that wait in it.
 * Threads  One loop's thread.
 * Errors   NULL or false: out of memory.
 *
 * The list of servers never changes: a new list is a new set. An old one is freed
 * once nothing of it is on the wire or in a queue.
 */
#ifndef WAY_DNS_UPSTREAM_H
#define WAY_DNS_UPSTREAM_H

#include "dns/channel.h"
#include "dns/list.h"
#include "dns/server_list.h"

enum {
    WAY_UPSTREAM_SUSPECT_MS = 5000, /* how long a silent server comes last before it is probed */
    WAY_UPSTREAM_FAULTS_MAX = 4, /* refusals after which a question gives a server up. Not 1: when
                                    a server closes TCP, c-ares ends its UDP queries as well */
    WAY_UPSTREAM_ATTEMPT_MS_MIN = 50,
};

/* What one question has been through with one server. */
struct way_upstream_trial {
    uint8_t attempts;
    uint8_t faults; /* connections that broke or were refused */
    bool is_plain;  /* without EDNS from now on */
    bool is_out;    /* asking again is no use */
};

struct way_upstream_server {
    struct way_channel *channel; /* owned */
    struct way_channel *plain;   /* owned; without EDNS; NULL until it is needed */
    size_t on_wire;
    uint64_t suspect_until_ms; /* 0: its last query was answered */
    struct way_node queue;     /* of way_question.place: waiting for room on the wire */
};

struct way_upstream {
    struct way_node node;  /* the resolver's */
    struct way_loop *loop; /* borrowed */
    uint64_t generation;   /* differs from set to set */
    struct way_dns_server_list list;
    struct way_channel_options channel_options;
    size_t on_wire_max; /* to each server */
    size_t on_wire;     /* to all of them */
    struct way_upstream_server servers[WAY_DNS_SERVERS_MAX];
};

struct way_upstream_options {
    uint64_t timeout_ms; /* of a whole question */
    size_t on_wire_max;
    void (*settled)(void *owner); /* see channel.h */
    void *owner;
};

struct way_upstream *way_upstream_new(struct way_loop *loop, const struct way_dns_server_list *list,
                                      const struct way_upstream_options *options,
                                      uint64_t generation);
/* Ends what is on the wire as WAY_QUERY_DROPPED; the queues must be empty. NULL is fine. */
void way_upstream_free(struct way_upstream *upstream);

/* The server that a question with these trials should ask now: the one it has asked least, rather
 * one that answers, rather one with room on the wire, rather an earlier one. list.count when all
 * are out. */
size_t way_upstream_choose(const struct way_upstream *upstream,
                           const struct way_upstream_trial trials[static WAY_DNS_SERVERS_MAX],
                           uint64_t now_ms);
bool way_upstream_has_room(const struct way_upstream *upstream, size_t server);
/* Makes the channel without EDNS ready. */
bool way_upstream_open_plain(struct way_upstream *upstream, size_t server);

/* A query is about to be sent: counts it, and gives the channel for it. */
struct way_channel *way_upstream_begin(struct way_upstream *upstream, size_t server, bool is_plain,
                                       uint64_t now_ms);
/* Once for each begin(). */
void way_upstream_end(struct way_upstream *upstream, size_t server, enum way_query_end end,
                      uint64_t now_ms);
void way_upstream_tick(struct way_upstream *upstream);

#endif
