/* SPDX-License-Identifier: MIT */
/*
 * How  A question is in one of three places:
 *
 *        put --> a server's queue --> on the wire --> `ended` --> finished, or again
 *                       ^                                             |
 *                       +---------------------------------------------+
 *
 *      What c-ares calls only moves a question to `ended`. Everything that follows,
 *      asking another server included, happens in way_forwarder_settle(). So nothing of
 *      ours runs inside c-ares, not even when c-ares ends a query at once.
 */
#include "dns/forwarder.h"

#include "base/clock.h"
#include "base/log.h"
#include "dns/resolv_conf.h"

#include <stdlib.h>
#include <string.h>

struct way_forwarder {
    /* constant after new */
    struct way_loop *loop; /* borrowed */
    struct way_forwarder_options options;
    bool follows_resolv_conf;

    struct way_resolv_conf resolv_conf;
    struct way_upstream *upstream; /* owned; for new queries */
    struct way_node retired;       /* owned; older sets with queries in flight */
    struct way_node ended;         /* questions to settle */
};

static struct way_question *question_at(struct way_node *place)
{
    return WAY_OWNER_OF(place, struct way_question, place);
}

static struct way_upstream *upstream_at(struct way_node *node)
{
    return WAY_OWNER_OF(node, struct way_upstream, node);
}

static void put_ended(struct way_forwarder *forwarder, struct way_question *question,
                      enum way_query_end end)
{
    question->state = WAY_QUESTION_ENDED;
    question->end = end;
    way_list_put(&forwarder->ended, &question->place);
}

static enum way_dns_outcome outcome_of(enum way_dns_verdict verdict)
{
    switch (verdict) {
    case WAY_DNS_SAYS_FOUND:
    case WAY_DNS_SAYS_ASK_AGAIN: /* a CNAME was found */
        return WAY_DNS_FOUND;
    case WAY_DNS_SAYS_NO_DATA:
        return WAY_DNS_NO_DATA;
    case WAY_DNS_SAYS_NXDOMAIN:
        return WAY_DNS_NXDOMAIN;
    case WAY_DNS_SAYS_FORMERR:
    case WAY_DNS_SAYS_FAILURE:
        break;
    }
    return WAY_DNS_FAILURE;
}

static void observe(const struct way_forwarder *forwarder, const struct way_question *question)
{
    enum way_dns_outcome outcome;

    if (forwarder->options.observe == NULL) {
        return;
    }
    if (question->end == WAY_QUERY_ANSWERED) {
        outcome = outcome_of(question->message.verdict);
    } else if (question->end == WAY_QUERY_TIMED_OUT) {
        outcome = WAY_DNS_TIMEOUT;
    } else if (question->end == WAY_QUERY_UNREACHABLE) {
        outcome = WAY_DNS_FAILURE;
    } else {
        return; /* the servers had no part in it */
    }
    forwarder->options.observe(forwarder->options.observe_owner, question->type, outcome,
                               way_clock_mono_us() - question->sent_us);
}

/* Runs inside c-ares. */
static void on_query_ended(struct way_query *query, enum way_query_end end, const uint8_t *bytes,
                           size_t len)
{
    struct way_question *question = WAY_OWNER_OF(query, struct way_question, query);
    struct way_forwarder *forwarder = question->owner;

    way_upstream_end(question->upstream, question->server, end, way_clock_mono_ms());
    if (end == WAY_QUERY_ANSWERED) {
        way_dns_message_parse(bytes, len, question->type, question->asked, &question->message);
    }
    put_ended(forwarder, question, end);
    observe(forwarder, question);
}

static void send_query(struct way_forwarder *forwarder, struct way_question *question,
                       size_t server, uint64_t now_ms)
{
    struct way_channel *channel =
        way_upstream_begin(forwarder->upstream, server, question->trials[server].is_plain, now_ms);

    question->state = WAY_QUESTION_ON_WIRE;
    question->upstream = forwarder->upstream;
    question->server = server;
    question->query.ended = on_query_ended;
    question->sent_us = way_clock_mono_us();
    way_channel_query(channel, question->type, question->asked, &question->query);
}

/* To the wire; to the queue of a server without room; or to the end, when no server is left. */
static void dispatch(struct way_forwarder *forwarder, struct way_question *question,
                     uint64_t now_ms)
{
    struct way_upstream *upstream = forwarder->upstream;
    size_t server;

    if (question->generation != upstream->generation) {
        question->generation = upstream->generation;
        memset(question->trials, 0, sizeof question->trials);
    }
    server = way_upstream_choose(upstream, question->trials, now_ms);
    if (server == upstream->list.count) {
        put_ended(forwarder, question, WAY_QUERY_IMPOSSIBLE);
    } else if (way_upstream_has_room(upstream, server)) {
        send_query(forwarder, question, server, now_ms);
    } else {
        question->state = WAY_QUESTION_QUEUED;
        way_list_put(&upstream->servers[server].queue, &question->place);
    }
}

/* The one that has waited longest. It chooses its server anew: the one whose queue it is in may
 * have turned out to be dead. */
static void dispatch_first(struct way_forwarder *forwarder, struct way_node *queue, uint64_t now_ms)
{
    struct way_question *question = question_at(queue->next);

    way_list_del(&question->place);
    dispatch(forwarder, question, now_ms);
}

static void fill_wire(struct way_forwarder *forwarder, uint64_t now_ms)
{
    struct way_upstream *upstream = forwarder->upstream;

    for (size_t i = 0; i < upstream->list.count; i++) {
        struct way_node *queue = &upstream->servers[i].queue;

        while (!way_list_is_empty(queue) && way_upstream_has_room(upstream, i)) {
            dispatch_first(forwarder, queue, now_ms);
        }
    }
}

/* Makes the servers those for new queries, and takes what was queued to them. */
static enum way_status install_servers(struct way_forwarder *forwarder,
                                       const struct way_dns_server_list *list, uint64_t now_ms,
                                       struct way_error *err)
{
    const struct way_upstream_options options = {
        .timeout_ms = forwarder->options.timeout_ms,
        .on_wire_max = forwarder->options.on_wire_max,
        .settled = forwarder->options.arrived,
        .owner = forwarder->options.owner,
    };
    struct way_upstream *old = forwarder->upstream;
    struct way_upstream *upstream =
        way_upstream_new(forwarder->loop, list, &options, old == NULL ? 1 : old->generation + 1);

    if (upstream == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "dns", "no room for the DNS servers' channels");
    }
    forwarder->upstream = upstream;
    if (old == NULL) {
        return WAY_OK;
    }
    way_list_put(&forwarder->retired, &old->node);
    for (size_t i = 0; i < old->list.count; i++) {
        while (!way_list_is_empty(&old->servers[i].queue)) {
            dispatch_first(forwarder, &old->servers[i].queue, now_ms);
        }
    }
    return WAY_OK;
}

/* What goes wrong here leaves us with the servers that we have. */
static void follow_resolv_conf(struct way_forwarder *forwarder, uint64_t now_ms)
{
    struct way_dns_server_list list;
    struct way_error err;
    enum way_status status;

    if (!forwarder->follows_resolv_conf ||
        !way_resolv_conf_is_changed(&forwarder->resolv_conf, now_ms)) {
        return;
    }
    status = way_channel_system_servers(forwarder->resolv_conf.path, &list, &err);
    if (status == WAY_OK && way_dns_server_list_equal(&list, &forwarder->upstream->list)) {
        return;
    }
    if (status == WAY_OK) {
        status = install_servers(forwarder, &list, now_ms, &err);
    }
    if (status == WAY_OK) {
        way_log(WAY_LOG_NOTICE, "dns.servers", "servers=%zu", list.count);
    } else {
        way_log(WAY_LOG_WARN, "dns.servers", "error=\"%s\"", err.detail);
    }
}

static void free_idle_upstreams(struct way_forwarder *forwarder)
{
    struct way_node *next;

    for (struct way_node *node = forwarder->retired.next; node != &forwarder->retired;
         node = next) {
        next = node->next;
        if (upstream_at(node)->on_wire == 0) {
            way_list_del(node);
            way_upstream_free(upstream_at(node));
        }
    }
}

static void finish(struct way_forwarder *forwarder, struct way_question *question,
                   enum way_dns_outcome outcome)
{
    forwarder->options.finished(forwarder->options.owner, question, outcome);
}

/* A bare CNAME: the same question goes on with the target, at any server. */
static void follow_link(struct way_forwarder *forwarder, struct way_question *question,
                        uint64_t now_ms)
{
    memcpy(question->asked, question->message.target, sizeof question->asked);
    memset(question->trials, 0, sizeof question->trials);
    dispatch(forwarder, question, now_ms);
}

/* The server said that it cannot answer. What one cannot say, another may. */
static void give_up_server(struct way_forwarder *forwarder, struct way_question *question,
                           uint64_t now_ms)
{
    struct way_upstream_trial *trial = &question->trials[question->server];
    bool is_edns_trouble = question->message.verdict == WAY_DNS_SAYS_FORMERR && !trial->is_plain;

    /* At the first FORMERR c-ares gives EDNS up for the channel and asks again by itself; what was
     * in flight meanwhile ends here and goes over a channel that never had EDNS. */
    if (is_edns_trouble && question->upstream == forwarder->upstream &&
        way_upstream_open_plain(question->upstream, question->server)) {
        trial->is_plain = true;
    } else {
        trial->is_out = true;
    }
    dispatch(forwarder, question, now_ms);
}

static void settle_answer(struct way_forwarder *forwarder, struct way_question *question,
                          uint64_t now_ms)
{
    const struct way_dns_message *message = &question->message;
    enum way_dns_outcome outcome = outcome_of(message->verdict);

    if (outcome == WAY_DNS_FAILURE) {
        give_up_server(forwarder, question, now_ms);
        return;
    }
    question->ttl = message->ttl < question->ttl ? message->ttl : question->ttl;
    question->links += message->links;
    if (question->links > WAY_DNS_CNAMES_MAX) {
        finish(forwarder, question, WAY_DNS_FAILURE); /* other servers know the same chain */
    } else if (message->verdict == WAY_DNS_SAYS_ASK_AGAIN) {
        follow_link(forwarder, question, now_ms);
    } else {
        finish(forwarder, question, outcome);
    }
}

static void settle_silence(struct way_forwarder *forwarder, struct way_question *question,
                           uint64_t now_ms)
{
    struct way_upstream_trial *trial = &question->trials[question->server];

    if (trial->attempts < UINT8_MAX) {
        trial->attempts++;
    }
    if (question->end == WAY_QUERY_UNREACHABLE) {
        trial->faults++;
        trial->is_out = trial->faults >= WAY_UPSTREAM_FAULTS_MAX;
    }
    dispatch(forwarder, question, now_ms);
}

static void settle(struct way_forwarder *forwarder, struct way_question *question, uint64_t now_ms)
{
    if (way_list_is_empty(&question->asks)) {
        finish(forwarder, question, WAY_DNS_FAILURE);
        return;
    }
    switch (question->end) {
    case WAY_QUERY_ANSWERED:
        settle_answer(forwarder, question, now_ms);
        break;
    case WAY_QUERY_TIMED_OUT:
    case WAY_QUERY_UNREACHABLE:
        settle_silence(forwarder, question, now_ms);
        break;
    case WAY_QUERY_NXDOMAIN:
        question->ttl = 0;
        finish(forwarder, question, WAY_DNS_NXDOMAIN);
        break;
    case WAY_QUERY_IMPOSSIBLE:
    case WAY_QUERY_DROPPED:
        finish(forwarder, question, WAY_DNS_FAILURE);
        break;
    }
}

void way_forwarder_settle(struct way_forwarder *forwarder)
{
    uint64_t now_ms = way_clock_mono_ms();
    struct way_node ended;

    way_list_init(&ended);
    way_list_move(&ended, &forwarder->ended);
    while (!way_list_is_empty(&ended)) {
        struct way_question *question = question_at(ended.next);

        way_list_del(&question->place);
        settle(forwarder, question, now_ms);
    }
    fill_wire(forwarder, now_ms);
    free_idle_upstreams(forwarder);
}

bool way_forwarder_has_ended(const struct way_forwarder *forwarder)
{
    return !way_list_is_empty(&forwarder->ended);
}

void way_forwarder_put(struct way_forwarder *forwarder, struct way_question *question)
{
    uint64_t now_ms = way_clock_mono_ms();

    follow_resolv_conf(forwarder, now_ms);
    question->owner = forwarder;
    dispatch(forwarder, question, now_ms);
}

void way_forwarder_tick(struct way_forwarder *forwarder)
{
    way_upstream_tick(forwarder->upstream);
    for (struct way_node *node = forwarder->retired.next; node != &forwarder->retired;
         node = node->next) {
        way_upstream_tick(upstream_at(node));
    }
}

static enum way_status find_servers(struct way_forwarder *forwarder,
                                    const struct way_forwarder_options *options,
                                    struct way_error *err)
{
    uint64_t now_ms = way_clock_mono_ms();
    struct way_dns_server_list list;
    enum way_status status;

    if (options->servers != NULL) {
        return install_servers(forwarder, options->servers, now_ms, err);
    }
    forwarder->follows_resolv_conf = true;
    if (way_resolv_conf_init(&forwarder->resolv_conf, options->resolv_conf, now_ms) != WAY_OK) {
        return way_fail(err, WAY_NO_MEMORY, "dns", "no room for the path of resolv.conf");
    }
    status = way_channel_system_servers(options->resolv_conf, &list, err);
    return status == WAY_OK ? install_servers(forwarder, &list, now_ms, err) : status;
}

enum way_status way_forwarder_new(struct way_loop *loop,
                                  const struct way_forwarder_options *options,
                                  struct way_forwarder **out, struct way_error *err)
{
    struct way_forwarder *forwarder = calloc(1, sizeof *forwarder);
    enum way_status status;

    if (forwarder == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "dns", "no room for a forwarder");
    }
    forwarder->loop = loop;
    forwarder->options = *options;
    /* The caller's to free; what we keep of them is ours. */
    forwarder->options.servers = NULL;
    forwarder->options.resolv_conf = NULL;
    way_list_init(&forwarder->retired);
    way_list_init(&forwarder->ended);
    status = find_servers(forwarder, options, err);
    if (status != WAY_OK) {
        way_forwarder_free(forwarder);
        return status;
    }
    *out = forwarder;
    return WAY_OK;
}

void way_forwarder_free(struct way_forwarder *forwarder)
{
    if (forwarder == NULL) {
        return;
    }
    /* What was on the wire comes to `ended`. */
    way_upstream_free(forwarder->upstream);
    while (!way_list_is_empty(&forwarder->retired)) {
        struct way_upstream *upstream = upstream_at(forwarder->retired.next);

        way_list_del(&upstream->node);
        way_upstream_free(upstream);
    }
    while (!way_list_is_empty(&forwarder->ended)) {
        struct way_question *question = question_at(forwarder->ended.next);

        way_list_del(&question->place);
        finish(forwarder, question, WAY_DNS_FAILURE);
    }
    way_resolv_conf_fini(&forwarder->resolv_conf);
    free(forwarder);
}
