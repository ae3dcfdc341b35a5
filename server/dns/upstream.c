/* SPDX-License-Identifier: MIT */
#include "dns/upstream.h"

#include <limits.h>
#include <stdlib.h>

/* Attempts that must fit into a question's time: with one server, and with many. */
enum { SHARES_LEAST = 2, SHARES_MOST = 3 };

/* One share more than attempts must fit: time-outs are noticed a little late, and a chain of CNAMEs
 * may need a second query. */
static uint64_t attempt_ms(uint64_t timeout_ms, size_t servers)
{
    uint64_t shares = servers < SHARES_LEAST ? SHARES_LEAST : servers;
    uint64_t time_ms;

    shares = shares > SHARES_MOST ? SHARES_MOST : shares;
    time_ms = timeout_ms / (shares + 1);
    if (time_ms > INT_MAX) {
        return INT_MAX; /* c-ares counts in int */
    }
    return time_ms < WAY_UPSTREAM_ATTEMPT_MS_MIN ? WAY_UPSTREAM_ATTEMPT_MS_MIN : time_ms;
}

struct way_upstream *way_upstream_new(struct way_loop *loop, const struct way_dns_server_list *list,
                                      const struct way_upstream_options *options,
                                      uint64_t generation)
{
    struct way_upstream *upstream = calloc(1, sizeof *upstream);

    if (upstream == NULL) {
        return NULL;
    }
    way_list_init(&upstream->node);
    upstream->loop = loop;
    upstream->generation = generation;
    upstream->list = *list;
    upstream->on_wire_max = options->on_wire_max;
    upstream->channel_options = (struct way_channel_options){
        .attempt_ms = attempt_ms(options->timeout_ms, list->count),
        .settled = options->settled,
        .owner = options->owner,
    };
    for (size_t i = 0; i < list->count; i++) {
        way_list_init(&upstream->servers[i].queue);
    }
    for (size_t i = 0; i < list->count; i++) {
        upstream->servers[i].channel =
            way_channel_new(loop, &list->servers[i], true, &upstream->channel_options);
        if (upstream->servers[i].channel == NULL) {
            way_upstream_free(upstream);
            return NULL;
        }
    }
    return upstream;
}

void way_upstream_free(struct way_upstream *upstream)
{
    if (upstream == NULL) {
        return;
    }
    for (size_t i = 0; i < upstream->list.count; i++) {
        WAY_ASSERT(way_list_is_empty(&upstream->servers[i].queue));
        way_channel_free(upstream->servers[i].channel);
        way_channel_free(upstream->servers[i].plain);
    }
    free(upstream);
}

bool way_upstream_has_room(const struct way_upstream *upstream, size_t server)
{
    return upstream->servers[server].on_wire < upstream->on_wire_max;
}

size_t way_upstream_choose(const struct way_upstream *upstream,
                           const struct way_upstream_trial trials[static WAY_DNS_SERVERS_MAX],
                           uint64_t now_ms)
{
    size_t best = upstream->list.count;
    unsigned best_rank = UINT_MAX;

    for (size_t i = 0; i < upstream->list.count; i++) {
        bool is_suspect = upstream->servers[i].suspect_until_ms > now_ms;
        unsigned rank = trials[i].attempts * 4U + (is_suspect ? 2U : 0U) +
                        (way_upstream_has_room(upstream, i) ? 0U : 1U);

        if (!trials[i].is_out && rank < best_rank) {
            best = i;
            best_rank = rank;
        }
    }
    return best;
}

bool way_upstream_open_plain(struct way_upstream *upstream, size_t server)
{
    struct way_upstream_server *it = &upstream->servers[server];

    if (it->plain == NULL) {
        it->plain = way_channel_new(upstream->loop, &upstream->list.servers[server], false,
                                    &upstream->channel_options);
    }
    return it->plain != NULL;
}

struct way_channel *way_upstream_begin(struct way_upstream *upstream, size_t server, bool is_plain,
                                       uint64_t now_ms)
{
    struct way_upstream_server *it = &upstream->servers[server];

    upstream->on_wire++;
    it->on_wire++;
    /* This query is the probe: until it is answered, others go on asking elsewhere. */
    if (it->suspect_until_ms != 0) {
        it->suspect_until_ms = now_ms + WAY_UPSTREAM_SUSPECT_MS;
    }
    return is_plain ? it->plain : it->channel;
}

void way_upstream_end(struct way_upstream *upstream, size_t server, enum way_query_end end,
                      uint64_t now_ms)
{
    struct way_upstream_server *it = &upstream->servers[server];

    upstream->on_wire--;
    it->on_wire--;
    if (end == WAY_QUERY_ANSWERED) {
        it->suspect_until_ms = 0;
    } else if (end == WAY_QUERY_TIMED_OUT || end == WAY_QUERY_UNREACHABLE) {
        it->suspect_until_ms = now_ms + WAY_UPSTREAM_SUSPECT_MS;
    }
}

void way_upstream_tick(struct way_upstream *upstream)
{
    for (size_t i = 0; i < upstream->list.count; i++) {
        way_channel_tick(upstream->servers[i].channel);
        if (upstream->servers[i].plain != NULL) {
            way_channel_tick(upstream->servers[i].plain);
        }
    }
}
