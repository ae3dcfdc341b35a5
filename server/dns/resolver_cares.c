/* SPDX-License-Identifier: MIT */
/*
 * How  Here are the asks: who waits for which question, and until when. What happens to
 *      the questions is dns/forwarder's. `done` is called only from the loop's own calls
 *      (a socket, a timer), never from inside an ask or a cancel, so whatever it does
 *      cannot pull the ground from under its caller.
 */
#include "dns/resolver_cares.h"

#include "base/clock.h"
#include "dns/forwarder.h"
#include "dns/wheel.h"

#include <stdlib.h>

enum { TICK_MS = 50 }; /* time-outs and deadlines are noticed at most this late */

static const char default_resolv_conf[] = "/etc/resolv.conf";

struct cares_resolver {
    struct way_resolver base;        /* first: see dns/resolver.h */
    struct way_forwarder *forwarder; /* owned */
    struct way_timer *tick;          /* owned; runs while questions are open */
    struct way_timer *soon;          /* owned; fires on the loop's next turn */
    bool is_ticking;
    struct way_question_table table;
    struct way_wheel wheel;
    struct way_node starved; /* asks that no question could be made for */
};

/* Keeps the timers as they must be after anything may have changed. */
static void wind(struct cares_resolver *resolver)
{
    bool is_open = resolver->table.count > 0;

    if (is_open != resolver->is_ticking) {
        resolver->is_ticking = is_open;
        if (is_open) {
            way_timer_start(resolver->tick, TICK_MS, TICK_MS);
        } else {
            way_timer_stop(resolver->tick);
        }
    }
    if (way_forwarder_has_ended(resolver->forwarder) || !way_list_is_empty(&resolver->starved)) {
        way_timer_start(resolver->soon, 0, 0);
    }
}

static void forget_ask(struct way_dns_ask *ask)
{
    way_list_del(&ask->waiting);
    way_list_del(&ask->timing);
}

/* Leaves the question, which is of no use any more when it is still in a queue. One on the wire
 * goes on: somebody may ask the same before its answer comes. */
static void leave(struct cares_resolver *resolver, struct way_dns_ask *ask)
{
    struct way_question *question = ask->question;

    forget_ask(ask);
    if (question != NULL && way_list_is_empty(&question->asks) &&
        question->state == WAY_QUESTION_QUEUED) {
        way_question_free(&resolver->table, question);
    }
}

/* Tells everybody who waits. */
static void on_finished(void *owner, struct way_question *question, enum way_dns_outcome outcome)
{
    struct cares_resolver *resolver = owner;
    struct way_dns_answer answer = {.outcome = outcome, .type = question->type};

    if (outcome != WAY_DNS_FAILURE) {
        answer.ttl = question->ttl;
        answer.count = question->message.count;
        answer.records = question->message.records;
    }
    way_question_close(question);
    while (!way_list_is_empty(&question->asks)) {
        struct way_dns_ask *ask = WAY_OWNER_OF(question->asks.next, struct way_dns_ask, waiting);

        forget_ask(ask);
        ask->done(ask->owner, &answer);
    }
    way_question_free(&resolver->table, question);
}

static void fail_starved(struct cares_resolver *resolver)
{
    struct way_node starved;

    way_list_init(&starved);
    way_list_move(&starved, &resolver->starved);
    while (!way_list_is_empty(&starved)) {
        struct way_dns_ask *ask = WAY_OWNER_OF(starved.next, struct way_dns_ask, waiting);
        const struct way_dns_answer answer = {.outcome = WAY_DNS_FAILURE, .type = ask->type};

        forget_ask(ask);
        ask->done(ask->owner, &answer);
    }
}

static void settle(void *owner)
{
    struct cares_resolver *resolver = owner;

    way_forwarder_settle(resolver->forwarder);
    fail_starved(resolver);
    wind(resolver);
}

static void expire_asks(struct cares_resolver *resolver)
{
    struct way_node expired;

    way_list_init(&expired);
    way_wheel_turn(&resolver->wheel, way_clock_mono_ms(), &expired);
    while (!way_list_is_empty(&expired)) {
        struct way_dns_ask *ask = WAY_OWNER_OF(expired.next, struct way_dns_ask, timing);
        const struct way_dns_answer answer = {.outcome = WAY_DNS_TIMEOUT, .type = ask->type};

        leave(resolver, ask);
        ask->done(ask->owner, &answer);
    }
}

static void on_tick(void *owner)
{
    struct cares_resolver *resolver = owner;

    way_forwarder_tick(resolver->forwarder);
    expire_asks(resolver);
    settle(resolver);
}

static struct way_question *open_question(struct cares_resolver *resolver, enum way_dns_type type,
                                          const char *name)
{
    struct way_question *question = way_question_find(&resolver->table, type, name);

    if (question == NULL) {
        question = way_question_new(&resolver->table, type, name);
        if (question != NULL) {
            way_forwarder_put(resolver->forwarder, question);
        }
    }
    return question;
}

static void cares_ask(struct way_resolver *base, struct way_dns_ask *ask, enum way_dns_type type,
                      const char *name, uint64_t deadline_ms)
{
    struct cares_resolver *resolver = (struct cares_resolver *)base;
    struct way_question *question = open_question(resolver, type, name);

    ask->type = type;
    ask->deadline_ms = deadline_ms;
    ask->question = question;
    way_list_init(&ask->timing);
    if (question == NULL) {
        way_list_put(&resolver->starved, &ask->waiting);
    } else {
        way_list_put(&question->asks, &ask->waiting);
        way_wheel_put(&resolver->wheel, ask);
    }
    wind(resolver);
}

static void cares_cancel(struct way_resolver *base, struct way_dns_ask *ask)
{
    leave((struct cares_resolver *)base, ask);
}

static void cares_free(struct way_resolver *base)
{
    struct cares_resolver *resolver = (struct cares_resolver *)base;

    WAY_ASSERT(way_list_is_empty(&resolver->starved));
    way_timer_close(resolver->tick);
    way_timer_close(resolver->soon);
    way_forwarder_free(resolver->forwarder);
    WAY_ASSERT(resolver->table.count == 0);
    free(resolver);
}

static const struct way_resolver_ops cares_ops = {
    .ask = cares_ask,
    .cancel = cares_cancel,
    .free = cares_free,
};

enum way_status way_cares_library_start(struct way_error *err)
{
    return way_channel_library_start(err);
}

void way_cares_library_stop(void)
{
    way_channel_library_stop();
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

enum way_status way_cares_servers_check(const char *servers, struct way_error *err)
{
    struct way_dns_server_list list;

    return is_given(servers) ? way_dns_server_list_parse(servers, &list, err) : WAY_OK;
}

static enum way_status open_forwarder(struct cares_resolver *resolver, struct way_loop *loop,
                                      const struct way_cares_options *options,
                                      struct way_error *err)
{
    struct way_dns_server_list list;
    struct way_forwarder_options wanted = {
        .resolv_conf = options->resolv_conf == NULL ? default_resolv_conf : options->resolv_conf,
        .timeout_ms = options->timeout_ms,
        .on_wire_max = options->on_wire_max,
        .observe = options->observe,
        .observe_owner = options->owner,
        .finished = on_finished,
        .arrived = settle,
        .owner = resolver,
    };

    if (is_given(options->servers)) {
        enum way_status status = way_dns_server_list_parse(options->servers, &list, err);

        if (status != WAY_OK) {
            return status;
        }
        wanted.servers = &list;
    }
    return way_forwarder_new(loop, &wanted, &resolver->forwarder, err);
}

enum way_status way_resolver_cares_new(struct way_loop *loop,
                                       const struct way_cares_options *options,
                                       struct way_resolver **resolver, struct way_error *err)
{
    struct cares_resolver *made = calloc(1, sizeof *made);
    enum way_status status;

    WAY_ASSERT(options->on_wire_max > 0);
    if (made == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no room for a resolver");
    }
    made->base.ops = &cares_ops;
    way_list_init(&made->starved);
    way_question_table_init(&made->table);
    way_wheel_init(&made->wheel, way_clock_mono_ms());
    status = open_forwarder(made, loop, options, err);
    if (status != WAY_OK) {
        goto out;
    }
    made->tick = way_timer_open(loop, on_tick, made);
    made->soon = way_timer_open(loop, settle, made);
    if (made->tick == NULL || made->soon == NULL) {
        status = way_fail(err, WAY_NO_MEMORY, "", "no room for a resolver's timers");
        goto out;
    }
    *resolver = &made->base;
    return WAY_OK;

out:
    cares_free(&made->base);
    return status;
}
