/* SPDX-License-Identifier: MIT */
/*
 * unit/dns/fixture - a loop, a resolver, and servers on loopback to ask.
 *
 * Nothing here sleeps: a test runs the loop until its asks are answered, and a guard fails it when
 * they never are.
 */
#ifndef WAY_TESTS_UNIT_DNS_FIXTURE_H
#define WAY_TESTS_UNIT_DNS_FIXTURE_H

#include "dns/resolver_cares.h"

#include "base/clock.h"
#include "base/log.h"
#include "fake_server.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* wants the others first */

enum {
    GUARD_MS = 60000,
    QUICK_MS = 1000, /* nobody has waited for a time-out, even under a sanitizer */
    PATIENT_MS = 20000,
    TIMEOUT_MS = 5000,
    ON_WIRE_MAX = 100,
    EXACT_MS = 60, /* how late a deadline may be kept */
    SERVERS_MAX = 4,
    ASKS_MAX = 256,
};

struct fixture;

struct probe {
    struct way_dns_ask ask;
    struct fixture *fixture;
    void (*then)(struct probe *probe); /* NULL: nothing */
    int calls;
    enum way_dns_outcome outcome;
    uint32_t ttl;
    size_t count;
    struct way_dns_record first;
    uint64_t deadline_ms;
    uint64_t done_ms;
};

struct fixture {
    struct way_loop *loop;
    struct way_timer *guard;
    struct way_resolver *resolver;
    struct server *servers[SERVERS_MAX];
    size_t open;
    bool is_asking;
    bool has_failed;
    unsigned observed[WAY_DNS_OUTCOME_COUNT];
    struct probe probes[ASKS_MAX];
};

static inline void on_guard(void *owner)
{
    struct fixture *fixture = owner;

    fixture->has_failed = true;
    way_loop_stop(fixture->loop);
}

static inline void on_observed(void *owner, enum way_dns_type type, enum way_dns_outcome outcome,
                               uint64_t micros)
{
    struct fixture *fixture = owner;

    assert_true(type < WAY_DNS_TYPE_COUNT);
    assert_true(micros < (uint64_t)GUARD_MS * 1000);
    fixture->observed[outcome]++;
}

static inline void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->loop = way_loop_new();
    assert_non_null(fixture->loop);
    fixture->guard = way_timer_open(fixture->loop, on_guard, fixture);
    assert_non_null(fixture->guard);
    way_timer_start(fixture->guard, GUARD_MS, 0);
}

static inline void open_resolver(struct fixture *fixture, const char *servers, uint64_t timeout_ms,
                                 size_t on_wire_max)
{
    const struct way_cares_options options = {
        .servers = servers,
        .timeout_ms = timeout_ms,
        .on_wire_max = on_wire_max,
        .observe = on_observed,
        .owner = fixture,
    };
    struct way_error err;

    assert_int_equal(way_resolver_cares_new(fixture->loop, &options, &fixture->resolver, &err),
                     WAY_OK);
}

/* A resolver and up to three servers; a NULL script ends them. */
static inline void start(struct fixture *fixture, uint64_t timeout_ms, size_t on_wire_max,
                         const server_script_fn scripts[SERVERS_MAX])
{
    char list[SERVERS_MAX * 24] = "";
    size_t used = 0;

    fixture_init(fixture);
    for (size_t i = 0; i < SERVERS_MAX && scripts[i] != NULL; i++) {
        fixture->servers[i] = server_start("127.0.0.1", 0, scripts[i]);
        assert_non_null(fixture->servers[i]);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s127.0.0.1:%u",
                                 i == 0 ? "" : ",", fixture->servers[i]->port);
    }
    open_resolver(fixture, list, timeout_ms, on_wire_max);
}

#define START(fixture, ...) \
    start(fixture, TIMEOUT_MS, ON_WIRE_MAX, (const server_script_fn[SERVERS_MAX]){__VA_ARGS__})

static inline void finish(struct fixture *fixture)
{
    way_resolver_free(fixture->resolver);
    way_timer_close(fixture->guard);
    way_loop_free(fixture->loop);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        if (fixture->servers[i] != NULL) {
            server_stop(fixture->servers[i]);
        }
    }
}

static inline void on_done(void *owner, const struct way_dns_answer *answer)
{
    struct probe *probe = owner;
    struct fixture *fixture = probe->fixture;

    assert_false(fixture->is_asking);
    probe->calls++;
    probe->done_ms = way_clock_mono_ms();
    probe->outcome = answer->outcome;
    probe->ttl = answer->ttl;
    probe->count = answer->count;
    if (answer->count > 0) {
        probe->first = answer->records[0];
    }
    fixture->open--;
    if (probe->then != NULL) {
        probe->then(probe);
    }
    if (fixture->open == 0) {
        way_loop_stop(fixture->loop);
    }
}

static inline void ask(struct fixture *fixture, size_t index, enum way_dns_type type,
                       const char *name, uint64_t patience_ms)
{
    struct probe *probe = &fixture->probes[index];

    probe->fixture = fixture;
    probe->ask.done = on_done;
    probe->ask.owner = probe;
    probe->deadline_ms = way_clock_mono_ms() + patience_ms;
    fixture->open++;
    fixture->is_asking = true;
    way_resolver_ask(fixture->resolver, &probe->ask, type, name, probe->deadline_ms);
    fixture->is_asking = false;
}

static inline void cancel(struct probe *probe)
{
    way_resolver_cancel(probe->fixture->resolver, &probe->ask);
    probe->fixture->open--;
}

static inline void run(struct fixture *fixture)
{
    way_loop_run(fixture->loop);
    assert_false(fixture->has_failed);
    assert_int_equal(fixture->open, 0);
}

static inline void run_quickly(struct fixture *fixture)
{
    uint64_t start_ms = way_clock_mono_ms();

    run(fixture);
    assert_true(way_clock_mono_ms() - start_ms < QUICK_MS);
}

/* Asks and waits. */
static inline struct probe *look_up(struct fixture *fixture, enum way_dns_type type,
                                    const char *name)
{
    ask(fixture, 0, type, name, PATIENT_MS);
    run(fixture);
    return &fixture->probes[0];
}

/* Scripts. */

static inline void be_silent(struct server *server, const struct query *query)
{
    (void)server;
    (void)query;
}

static inline void answer_with(struct server *server, const struct query *query, unsigned flags)
{
    packet_start(&server->packet, flags, query->name, query->type);
}

/* One record of whatever type. */
static inline void answer(struct server *server, const struct query *query)
{
    answer_with(server, query, 0x8180);
    if (query->type == ns_t_a) {
        packet_address(&server->packet, "@12", 300, "192.0.2.7");
    } else if (query->type == ns_t_aaaa) {
        packet_address(&server->packet, "@12", 300, "2001:db8::7");
    } else {
        packet_mx(&server->packet, "@12", 300, 10, "MX.Example.ORG");
    }
    server_reply(server, query);
}

/* Keeps everything until the test wakes it, then answers all of it. */
static inline void answer_when_woken(struct server *server, const struct query *query)
{
    if (query != NULL) {
        server_hold(server, query);
        return;
    }
    for (size_t i = 0; i < server->held_count; i++) {
        answer(server, &server->held[i]);
    }
    server->held_count = 0;
}

static inline int start_library(void **state)
{
    (void)state;
    way_log_set_level(WAY_LOG_ERROR);
    return way_cares_library_start(NULL) == WAY_OK ? 0 : -1;
}

static inline int stop_library(void **state)
{
    (void)state;
    way_cares_library_stop();
    return 0;
}

#endif
