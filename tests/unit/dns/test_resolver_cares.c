/* SPDX-License-Identifier: MIT */
/* What the askers do. */
#include "dns/resolver_cares.h"

#include "fixture.h"

static void truncate_udp(struct server *server, const struct query *query)
{
    if (!query->is_tcp) {
        answer_with(server, query, 0x8380);
        server_reply(server, query);
        return;
    }
    answer_with(server, query, 0x8180);
    for (unsigned i = 0; i < 200; i++) {
        packet_mx(&server->packet, "@12", 300, i, "mx.@12");
    }
    server_reply(server, query);
}

static void each_type_is_answered(void **state)
{
    static const uint8_t four[] = {192, 0, 2, 7};
    static const uint8_t six[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer);
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    ask(&fixture, 1, WAY_DNS_AAAA, "a.example", PATIENT_MS);
    ask(&fixture, 2, WAY_DNS_MX, "a.example", PATIENT_MS);
    run_quickly(&fixture);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fixture.probes[i].outcome, WAY_DNS_FOUND);
        assert_int_equal(fixture.probes[i].count, 1);
        assert_int_equal(fixture.probes[i].ttl, 300);
    }
    assert_memory_equal(fixture.probes[0].first.of.ipv4, four, sizeof four);
    assert_memory_equal(fixture.probes[1].first.of.ipv6, six, sizeof six);
    assert_string_equal(fixture.probes[2].first.of.mx.host, "mx.example.org");
    assert_int_equal(fixture.probes[2].first.of.mx.preference, 10);
    assert_int_equal(fixture.observed[WAY_DNS_FOUND], 3);
    finish(&fixture);
}

static void an_answer_after_the_deadline_is_nobodys(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer_when_woken);
    ask(&fixture, 0, WAY_DNS_A, "slow.example", 100);
    run(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_TIMEOUT);
    ask(&fixture, 1, WAY_DNS_A, "quick.example", PATIENT_MS);
    server_await(fixture.servers[0], 2);
    server_wake(fixture.servers[0]);
    run(&fixture);
    assert_int_equal(fixture.probes[1].outcome, WAY_DNS_FOUND);
    assert_int_equal(fixture.probes[0].calls, 1);
    finish(&fixture);
}

static void the_same_question_is_asked_once(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer_when_woken);
    for (size_t i = 0; i < 100; i++) {
        ask(&fixture, i, WAY_DNS_MX, "a.example", PATIENT_MS);
    }
    ask(&fixture, 100, WAY_DNS_A, "a.example", PATIENT_MS); /* another question */
    server_await(fixture.servers[0], 2);
    server_wake(fixture.servers[0]);
    run_quickly(&fixture);
    for (size_t i = 0; i <= 100; i++) {
        assert_int_equal(fixture.probes[i].calls, 1);
        assert_int_equal(fixture.probes[i].outcome, WAY_DNS_FOUND);
    }
    assert_int_equal(server_queries(fixture.servers[0]), 2);
    finish(&fixture);
}

static void a_forgotten_question_may_be_taken_up_again(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer_when_woken);
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    cancel(&fixture.probes[0]);
    ask(&fixture, 1, WAY_DNS_A, "a.example", PATIENT_MS);
    server_await(fixture.servers[0], 1);
    server_wake(fixture.servers[0]);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].calls, 0);
    assert_int_equal(fixture.probes[1].outcome, WAY_DNS_FOUND);
    assert_int_equal(server_queries(fixture.servers[0]), 1);
    finish(&fixture);
}

/* One on the wire for ever, one that waits behind it: their deadlines are their own. */
static void deadlines_are_kept(void **state)
{
    static struct fixture fixture;
    size_t exact = 0;

    (void)state;
    start(&fixture, TIMEOUT_MS, 1, (const server_script_fn[SERVERS_MAX]){be_silent});
    for (size_t i = 0; i < 40; i++) {
        ask(&fixture, i, WAY_DNS_A, i % 2 == 0 ? "sent.example" : "queued.example",
            100 + 23 * (uint64_t)i);
    }
    run(&fixture);
    for (size_t i = 0; i < 40; i++) {
        const struct probe *probe = &fixture.probes[i];

        assert_int_equal(probe->calls, 1);
        assert_int_equal(probe->outcome, WAY_DNS_TIMEOUT);
        assert_true(probe->done_ms >= probe->deadline_ms);
        exact += probe->done_ms - probe->deadline_ms <= EXACT_MS;
    }
    /* A busy machine may keep us from the processor now and then, not most of the time. */
    assert_true(exact >= 30);
    finish(&fixture);
}

static void a_deadline_in_the_past_is_kept_later(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, be_silent);
    ask(&fixture, 0, WAY_DNS_A, "a.example", 0);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_TIMEOUT);
    finish(&fixture);
}

/* Ends inside the ask, is told after it, and yet does not wait for the next tick: ten of them, one
 * after the other, are done before ten ticks have passed. */
static void a_name_that_cannot_be_asked_fails_at_once_but_later(void **state)
{
    static struct fixture fixture;
    uint64_t start_ms = way_clock_mono_ms();

    (void)state;
    START(&fixture, answer);
    for (int i = 0; i < 10; i++) {
        const struct probe *probe = look_up(
            &fixture, WAY_DNS_A,
            "a-label-that-is-much-longer-than-the-sixty-three-octets-that-it-may-have.example");

        assert_int_equal(probe->outcome, WAY_DNS_FAILURE);
    }
    assert_true(way_clock_mono_ms() - start_ms < 10 * (uint64_t)25);
    assert_int_equal(server_queries(fixture.servers[0]), 0);
    finish(&fixture);
}

static void cancel_all_others(struct probe *probe)
{
    struct fixture *fixture = probe->fixture;

    for (size_t i = 0; i < 10; i++) {
        if (&fixture->probes[i] != probe) {
            cancel(&fixture->probes[i]);
        }
    }
}

/* Five wait for the same answer, five for others, which are on the wire or in the queue. */
static void a_done_may_cancel_everybody_else(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, TIMEOUT_MS, 3, (const server_script_fn[SERVERS_MAX]){answer_when_woken});
    for (size_t i = 0; i < 10; i++) {
        char name[32] = "same.example";

        if (i >= 5) {
            (void)snprintf(name, sizeof name, "n%zu.example", i);
        }
        ask(&fixture, i, WAY_DNS_A, name, PATIENT_MS);
        fixture.probes[i].then = cancel_all_others;
    }
    server_await(fixture.servers[0], 3);
    server_wake(fixture.servers[0]);
    run_quickly(&fixture);
    for (size_t i = 1; i < 10; i++) {
        fixture.probes[0].calls += fixture.probes[i].calls;
    }
    assert_int_equal(fixture.probes[0].calls, 1);
    finish(&fixture);
}

static void cancel_all_others_once(struct probe *probe)
{
    probe->then = NULL;
    cancel_all_others(probe);
}

static void a_done_at_the_deadline_may_cancel_everybody_else(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, TIMEOUT_MS, 1, (const server_script_fn[SERVERS_MAX]){be_silent});
    for (size_t i = 0; i < 10; i++) {
        ask(&fixture, i, WAY_DNS_A, i < 5 ? "sent.example" : "queued.example", 100);
        fixture.probes[i].then = cancel_all_others_once;
    }
    run(&fixture);
    for (size_t i = 1; i < 10; i++) {
        fixture.probes[0].calls += fixture.probes[i].calls;
    }
    assert_int_equal(fixture.probes[0].calls, 1);
    finish(&fixture);
}

static void ask_again(struct probe *probe)
{
    if (probe->calls < 5) {
        ask(probe->fixture, (size_t)(probe - probe->fixture->probes), WAY_DNS_A, "a.example",
            PATIENT_MS);
    }
}

static void a_done_may_ask_the_same_again(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer);
    for (size_t i = 0; i < 3; i++) {
        fixture.probes[i].then = ask_again;
        ask(&fixture, i, WAY_DNS_A, "a.example", PATIENT_MS);
    }
    run_quickly(&fixture);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fixture.probes[i].calls, 5);
    }
    finish(&fixture);
}

static void queries_in_flight_are_freed(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, TIMEOUT_MS, 5, (const server_script_fn[SERVERS_MAX]){be_silent});
    for (size_t i = 0; i < 20; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "n%zu.example", i);
        ask(&fixture, i, WAY_DNS_A, name, PATIENT_MS);
    }
    for (size_t i = 0; i < 20; i++) {
        cancel(&fixture.probes[i]);
    }
    finish(&fixture);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(fixture.probes[i].calls, 0);
    }
}

/* A TCP query in flight has a connection, and perhaps half an answer. */
static void answer_half_over_tcp(struct server *server, const struct query *query)
{
    static const uint8_t half[] = {1, 0, 'h', 'a', 'l', 'f'};

    if (query->is_tcp) {
        (void)!write(query->descriptor, half, sizeof half);
    } else {
        truncate_udp(server, query);
    }
}

static void a_tcp_query_in_flight_is_freed(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, 600, ON_WIRE_MAX, (const server_script_fn[SERVERS_MAX]){answer_half_over_tcp});
    ask(&fixture, 0, WAY_DNS_MX, "a.example", 200);
    run(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_TIMEOUT);
    assert_int_equal(server_queries(fixture.servers[0]), 2);
    finish(&fixture);
}

static void server_lists_are_checked(void **state)
{
    static struct fixture fixture;
    struct way_cares_options options = {.servers = "localhost", .timeout_ms = 1, .on_wire_max = 1};
    struct way_error err;

    (void)state;
    assert_int_equal(way_cares_servers_check(NULL, NULL), WAY_OK);
    assert_int_equal(way_cares_servers_check("", NULL), WAY_OK);
    assert_int_equal(way_cares_servers_check("192.0.2.1,[::1]:5353", NULL), WAY_OK);
    assert_int_equal(way_cares_servers_check("localhost", &err), WAY_INVALID);
    assert_string_equal(err.field, "dns");
    fixture_init(&fixture);
    assert_int_equal(way_resolver_cares_new(fixture.loop, &options, &fixture.resolver, &err),
                     WAY_INVALID);
    assert_null(fixture.resolver);
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_answered),
        cmocka_unit_test(an_answer_after_the_deadline_is_nobodys),
        cmocka_unit_test(the_same_question_is_asked_once),
        cmocka_unit_test(a_forgotten_question_may_be_taken_up_again),
        cmocka_unit_test(deadlines_are_kept),
        cmocka_unit_test(a_deadline_in_the_past_is_kept_later),
        cmocka_unit_test(a_name_that_cannot_be_asked_fails_at_once_but_later),
        cmocka_unit_test(a_done_may_cancel_everybody_else),
        cmocka_unit_test(a_done_at_the_deadline_may_cancel_everybody_else),
        cmocka_unit_test(a_done_may_ask_the_same_again),
        cmocka_unit_test(queries_in_flight_are_freed),
        cmocka_unit_test(a_tcp_query_in_flight_is_freed),
        cmocka_unit_test(server_lists_are_checked),
    };

    return cmocka_run_group_tests_name("dns/resolver_cares", tests, start_library, stop_library);
}
