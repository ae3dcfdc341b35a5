/* SPDX-License-Identifier: MIT */
/*
 * Lookups with min_revision, without HTTP: an exchange made by hand, an index that the test moves,
 * and a loop that runs until the exchange is over or its waiter is.
 */
#include "api/catch_up.h"

#include "../domain/fake_resolver.h"
#include "api/handlers/handlers.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 300, TIMEOUT_MS = 60000 };

struct fixture {
    struct fake_resolver resolver;
    struct way_index *index;
    struct way_waiters *waiters;
    struct way_meter *meter;
    struct way_lookup *lookup;
    struct way_loop *loop;
    struct api_context context;
    struct api_exchange exchange;
    struct way_job halt;
    struct way_waiter others[WAY_WAITERS_MAX];
    int resumed;
};

/* In the server's place. */
void api_exchange_resume(struct api_exchange *exchange)
{
    struct fixture *fixture = WAY_OWNER_OF(exchange, struct fixture, exchange);

    fixture->resumed++;
    way_loop_stop(fixture->loop);
}

static bool has_data(const void *owner)
{
    (void)owner;
    return true;
}

static void on_halt(struct way_job *job)
{
    way_loop_stop(WAY_OWNER_OF(job, struct fixture, halt)->loop);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct way_lookup_options options = {.waiting_max = WAITING_MAX, .has_data = has_data};

    assert_non_null(fixture);
    fake_resolver_init(&fixture->resolver);
    fixture->index = way_index_new();
    fixture->waiters = way_waiters_new();
    fixture->meter = way_meter_new();
    fixture->loop = way_loop_new();
    options.index = fixture->index;
    options.resolver = &fixture->resolver.resolver;
    options.meter = fixture->meter;
    fixture->lookup = way_lookup_new(&options);
    assert_non_null(fixture->lookup);
    fixture->halt.run = on_halt;
    fixture->context = (struct api_context){.loop = fixture->loop,
                                            .lookup = fixture->lookup,
                                            .index = fixture->index,
                                            .waiters = fixture->waiters,
                                            .dns_timeout_ms = TIMEOUT_MS};
    fixture->exchange.context = &fixture->context;
    fixture->exchange.produces = API_MEDIA_JSON;
    (void)snprintf(fixture->exchange.request.id, sizeof fixture->exchange.request.id, "r1");
    way_text_init(&fixture->exchange.response.body, NULL, 0, API_RESPONSE_MAX);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    way_text_fini(&fixture->exchange.response.body);
    way_lookup_free(fixture->lookup);
    way_resolver_free(&fixture->resolver.resolver);
    way_loop_free(fixture->loop);
    way_waiters_free(fixture->waiters);
    way_meter_free(fixture->meter);
    way_index_free(fixture->index);
    free(fixture);
    return 0;
}

/* As sync does: first the index, then the word. */
static void advance(struct fixture *fixture, const char *key, const char *target, uint64_t revision)
{
    struct way_index_change change = {.is_live = true, .revision = revision};

    assert_int_equal(way_key_parse(key, strlen(key), &change.key, NULL), WAY_OK);
    assert_int_equal(way_key_parse(target, strlen(target), &change.target.host, NULL), WAY_OK);
    assert_int_equal(way_index_apply(fixture->index, &change, 1, revision), WAY_OK);
    way_waiters_announce(fixture->waiters, revision);
}

static void add_param(struct fixture *fixture, const char *name, const char *value)
{
    struct api_request *request = &fixture->exchange.request;

    request->params[request->param_count++] =
        (struct api_param){{name, strlen(name)}, {value, strlen(value)}};
}

static void look_up(struct fixture *fixture, const char *key, const char *min_revision)
{
    fixture->exchange.request.key = (struct api_bytes){key, strlen(key)};
    add_param(fixture, "fallback", "none");
    add_param(fixture, "min_revision", min_revision);
    api_resolve_by_path(&fixture->exchange);
}

static const char *answer_of(struct fixture *fixture)
{
    assert_true(fixture->exchange.is_finished);
    return way_text_string(&fixture->exchange.response.body);
}

static bool is_waiting(const struct fixture *fixture)
{
    return !fixture->exchange.is_finished && fixture->exchange.abandon != NULL;
}

/* As the server does when it has no more time. */
static void abandon(struct fixture *fixture)
{
    fixture->exchange.abandon(&fixture->exchange);
    api_refuse(&fixture->exchange, API_NOT_READY, "", "the service is stopping");
    api_exchange_finish(&fixture->exchange);
}

static void on_other(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    (void)waiter;
    assert_int_equal(outcome, WAY_WAIT_CANCELLED);
}

static void what_is_reached_is_answered_at_once(void **state)
{
    struct fixture *fixture = *state;

    advance(fixture, "a.example", "10.0.0.1", 5);
    look_up(fixture, "a.example", "5");
    assert_non_null(strstr(answer_of(fixture), "10.0.0.1"));
    assert_int_equal(fixture->resumed, 0);
}

static void what_is_not_reached_is_waited_for(void **state)
{
    struct fixture *fixture = *state;

    advance(fixture, "a.example", "10.0.0.1", 5);
    look_up(fixture, "a.example", "7");
    assert_true(is_waiting(fixture));
    advance(fixture, "a.example", "10.0.0.2", 6);
    assert_true(is_waiting(fixture));
    advance(fixture, "a.example", "10.0.0.3", 7);
    way_loop_run(fixture->loop);
    assert_non_null(strstr(answer_of(fixture), "10.0.0.3"));
    assert_int_equal(fixture->exchange.response.status, 200);
    assert_int_equal(fixture->resumed, 1);
}

/* First for the revision, then for DNS. */
static void a_lookup_may_wait_twice(void **state)
{
    struct fixture *fixture = *state;

    fixture->exchange.request.key = (struct api_bytes){"mail.example", strlen("mail.example")};
    add_param(fixture, "min_revision", "1");
    api_mx_by_path(&fixture->exchange);
    assert_true(is_waiting(fixture));
    assert_int_equal(fixture->resolver.count, 0);
    advance(fixture, "a.example", "10.0.0.1", 1);
    way_loop_post(fixture->loop, &fixture->halt);
    way_loop_run(fixture->loop);
    assert_true(is_waiting(fixture));
    fake_resolver_say(&fixture->resolver, WAY_DNS_MX, WAY_DNS_FOUND);
    assert_non_null(strstr(answer_of(fixture), "mx.example"));
    assert_int_equal(fixture->resumed, 1);
}

static void what_does_not_come_in_time_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint64_t began_ms = way_clock_mono_ms();

    advance(fixture, "a.example", "10.0.0.1", 5);
    look_up(fixture, "a.example", "6");
    assert_true(is_waiting(fixture));
    way_loop_run(fixture->loop);
    assert_true(way_clock_mono_ms() - began_ms >= API_CATCH_UP_MS);
    assert_non_null(strstr(answer_of(fixture), "\"code\":\"behind\""));
    assert_non_null(strstr(answer_of(fixture), "at revision 5, not yet at 6"));
    assert_int_equal(fixture->exchange.response.status, 503);
    assert_string_equal(fixture->exchange.response.headers[0].name, "Retry-After");
    assert_string_equal(fixture->exchange.response.headers[0].value, "1");
    assert_int_equal(fixture->resumed, 1);
}

/* The waiter outlives the exchange for a moment; it is freed when it comes home. */
static void who_is_abandoned_is_not_answered_later(void **state)
{
    struct fixture *fixture = *state;

    look_up(fixture, "a.example", "6");
    abandon(fixture);
    advance(fixture, "a.example", "10.0.0.1", 6);
    way_loop_run(fixture->loop);
    assert_non_null(strstr(answer_of(fixture), "not_ready"));
    assert_int_equal(fixture->resumed, 1);
}

/* Its time has come, and the server was faster. */
static void who_is_abandoned_when_due_is_not_answered_later(void **state)
{
    struct fixture *fixture = *state;

    look_up(fixture, "a.example", "6");
    advance(fixture, "a.example", "10.0.0.1", 6);
    abandon(fixture);
    way_loop_run(fixture->loop);
    assert_non_null(strstr(answer_of(fixture), "not_ready"));
    assert_int_equal(fixture->resumed, 1);
}

static void when_too_many_wait_the_next_is_refused(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_WAITERS_MAX; i++) {
        fixture->others[i] = (struct way_waiter){.home = fixture->loop,
                                                 .revision = 9,
                                                 .deadline_ms = way_clock_mono_ms() + TIMEOUT_MS,
                                                 .done = on_other};
        assert_int_equal(way_waiters_start(fixture->waiters, &fixture->others[i], NULL), WAY_OK);
    }
    look_up(fixture, "a.example", "6");
    assert_non_null(strstr(answer_of(fixture), "\"code\":\"busy\""));
    assert_int_equal(fixture->exchange.response.status, 503);
    assert_int_equal(fixture->resumed, 0);
    for (size_t i = 0; i < WAY_WAITERS_MAX; i++) {
        way_waiters_cancel(&fixture->others[i]);
    }
    way_loop_post(fixture->loop, &fixture->halt);
    way_loop_run(fixture->loop);
}

/* No wait is needed to know that. */
static void what_breaks_a_rule_is_refused_at_once(void **state)
{
    struct fixture *fixture = *state;

    look_up(fixture, "not a name", "6");
    assert_non_null(strstr(answer_of(fixture), "\"field\":\"key\""));
    assert_int_equal(fixture->exchange.response.status, 422);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_reached_is_answered_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_reached_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lookup_may_wait_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_come_in_time_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_abandoned_is_not_answered_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_abandoned_when_due_is_not_answered_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(when_too_many_wait_the_next_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_breaks_a_rule_is_refused_at_once, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("api/catch_up", tests, NULL, NULL);
}
