/* SPDX-License-Identifier: MIT */
/*
 * api/handlers/lookup and batch, without HTTP: exchanges made by hand, a database in memory and a
 * resolver that answers when the test says so.
 */
#include "api/handlers/handlers.h"

#include "../domain/fake_resolver.h"
#include "../domain/fake_store.h"
#include "base/log.h"

#include <stdlib.h>

enum { WAITING_MAX = 600, TIMEOUT_MS = 60000, MEMORY = 64 * 1024 * 1024, BODY_ROOM = 64 * 1024 };

struct fixture {
    struct fake_store *fake;
    struct fake_resolver resolver;
    struct way_index *index;
    struct way_sync *sync;
    struct way_meter *meter;
    struct way_lookup *lookup;
    struct api_context context;
    struct way_budget bodies;
    struct way_budget answers;
    struct api_exchange exchange;
    int resumed;
    char body[BODY_ROOM];
    bool has_data;
};

/* In the server's place. */
void api_exchange_resume(struct api_exchange *exchange)
{
    WAY_OWNER_OF(exchange, struct fixture, exchange)->resumed++;
}

static bool has_data(const void *owner)
{
    const struct fixture *fixture = owner;

    return fixture->has_data;
}

static void open_lookup(struct fixture *fixture, size_t waiting_max)
{
    struct way_lookup_options options = {
        .index = fixture->index,
        .resolver = &fixture->resolver.resolver,
        .meter = fixture->meter,
        .waiting_max = waiting_max,
        .has_data = has_data,
        .owner = fixture,
    };

    way_lookup_free(fixture->lookup);
    fixture->lookup = way_lookup_new(&options);
    assert_non_null(fixture->lookup);
    fixture->context.lookup = fixture->lookup;
}

static int set_up_with(void **state, bool is_down)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    way_log_set_level(WAY_LOG_ERROR);
    fixture->fake = fake_store_new(true);
    fake_resolver_init(&fixture->resolver);
    fixture->index = way_index_new();
    fixture->meter = way_meter_new();
    assert_non_null(fixture->index);
    assert_non_null(fixture->meter);
    (void)fake_put(fixture->fake, "moved.example", "10.0.0.5");
    fake_set_down(fixture->fake, is_down);
    fixture->sync = way_sync_start(
        &(struct way_sync_options){.store = &fixture->fake->store, .index = fixture->index});
    assert_non_null(fixture->sync);
    fixture->has_data = !is_down;
    if (!is_down) {
        assert_true(fake_wait_polls(fixture->fake));
    }
    way_budget_init(&fixture->bodies, MEMORY);
    way_budget_init(&fixture->answers, MEMORY);
    fixture->context.bodies = &fixture->bodies;
    fixture->context.answers = &fixture->answers;
    fixture->context.sync = fixture->sync;
    fixture->context.index = fixture->index;
    fixture->context.dns_timeout_ms = TIMEOUT_MS;
    open_lookup(fixture, WAITING_MAX);
    fixture->exchange.context = &fixture->context;
    fixture->exchange.produces = API_MEDIA_JSON;
    (void)snprintf(fixture->exchange.request.id, sizeof fixture->exchange.request.id, "r1");
    way_text_init(&fixture->exchange.response.body, NULL, 0, API_RESPONSE_MAX);
    *state = fixture;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, false);
}

static int set_up_down(void **state)
{
    return set_up_with(state, true);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    way_text_fini(&fixture->exchange.response.body);
    assert_int_equal(way_budget_used(&fixture->bodies), 0); /* whatever the batch ended with */
    assert_int_equal(way_budget_used(&fixture->answers), 0);
    way_lookup_free(fixture->lookup);
    way_resolver_free(&fixture->resolver.resolver);
    way_sync_stop(fixture->sync);
    way_meter_free(fixture->meter);
    way_index_free(fixture->index);
    way_store_free(&fixture->fake->store);
    free(fixture);
    return 0;
}

static void set_keys(struct fixture *fixture, const char *format, unsigned count)
{
    size_t len = (size_t)snprintf(fixture->body, BODY_ROOM, "{\"keys\":[");

    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(fixture->body + len, BODY_ROOM - len, "%s\"%s%u.example\"",
                                i > 0 ? "," : "", format, i);
    }
    len += (size_t)snprintf(fixture->body + len, BODY_ROOM - len, "]}");
    fixture->exchange.request.body = (struct api_bytes){fixture->body, len};
}

static void want_no_dns(struct fixture *fixture)
{
    fixture->exchange.request.param_count = 1;
    fixture->exchange.request.params[0].name = (struct api_bytes){"fallback", 8};
    fixture->exchange.request.params[0].value = (struct api_bytes){"none", 4};
}

static const char *answer_of(struct fixture *fixture)
{
    assert_true(fixture->exchange.is_finished);
    return way_text_string(&fixture->exchange.response.body);
}

static size_t occurrences(const char *text, const char *word)
{
    size_t count = 0;

    for (; (text = strstr(text, word)) != NULL; text++) {
        count++;
    }
    return count;
}

/* The results must stand in the order of the keys k0, k1, ... */
static void assert_in_order(const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "\"k%u.example\"", i);
        text = strstr(text, key);
        assert_non_null(text);
    }
}

/* --- one lookup ------------------------------------------------------------------------------- */

static void set_path_key(struct fixture *fixture, const char *key)
{
    fixture->exchange.request.key = (struct api_bytes){key, strlen(key)};
}

static void a_hit_is_answered_at_once(void **state)
{
    struct fixture *fixture = *state;

    set_path_key(fixture, "Moved.Example.");
    api_resolve_by_path(&fixture->exchange);
    assert_string_equal(answer_of(fixture),
                        "{\"lookup_key\":\"moved.example\",\"override\":true,\"source\":"
                        "\"override\",\"target_host\":\"10.0.0.5\",\"revision\":1}\n");
    assert_int_equal(fixture->exchange.response.status, 200);
    assert_int_equal(fixture->resumed, 0);
    assert_int_equal(fixture->resolver.count, 0);
}

static void a_miss_waits_for_dns(void **state)
{
    struct fixture *fixture = *state;

    set_path_key(fixture, "user@mail.example");
    fixture->exchange.produces = API_MEDIA_TEXT;
    api_mx_by_path(&fixture->exchange);
    assert_false(fixture->exchange.is_finished);
    assert_non_null(fixture->exchange.abandon);
    fake_resolver_say(&fixture->resolver, WAY_DNS_MX, WAY_DNS_FOUND);
    assert_string_equal(answer_of(fixture), "10 mx.example\n");
    assert_int_equal(fixture->exchange.response.media, API_MEDIA_TEXT);
    assert_int_equal(fixture->resumed, 1);
}

static void every_outcome_of_dns_has_its_problem(void **state)
{
    static const struct {
        enum way_dns_outcome outcome;
        unsigned status;
        const char *code;
    } cases[] = {
        {WAY_DNS_NXDOMAIN, 404, "\"code\":\"nxdomain\""},
        {WAY_DNS_NO_DATA, 404, "\"code\":\"no_address\""},
        {WAY_DNS_FAILURE, 502, "\"code\":\"dns_failure\""},
        {WAY_DNS_TIMEOUT, 504, "\"code\":\"dns_timeout\""},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].code);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        set_path_key(fixture, "mail.example");
        api_resolve_by_path(&fixture->exchange);
        fake_resolver_say(&fixture->resolver, WAY_DNS_A, cases[i].outcome);
        fake_resolver_say(&fixture->resolver, WAY_DNS_AAAA, cases[i].outcome);
        assert_non_null(strstr(answer_of(fixture), cases[i].code));
        assert_non_null(strstr(answer_of(fixture), "mail.example"));
        assert_int_equal(fixture->exchange.response.status, cases[i].status);
        assert_true(fixture->exchange.response.is_problem);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_lookup_that_is_abandoned_asks_no_longer(void **state)
{
    struct fixture *fixture = *state;

    set_path_key(fixture, "mail.example");
    api_resolve_by_path(&fixture->exchange);
    assert_int_equal(fixture->resolver.open, 2);
    fixture->exchange.abandon(&fixture->exchange);
    assert_int_equal(fixture->resolver.open, 0);
    assert_false(fixture->exchange.is_finished);
}

static void what_cannot_be_looked_up_is_refused(void **state)
{
    static const struct {
        const char *label;
        void (*handle)(struct api_exchange *exchange);
        const char *key, *name, *value; /* of the path; of one parameter */
        const char *says;
    } cases[] = {
        {"no key", api_resolve_by_query, NULL, NULL, NULL, "\"field\":\"key\""},
        {"no domain", api_mx_by_query, NULL, NULL, NULL, "\"field\":\"domain\""},
        {"a bad key", api_resolve_by_path, "a b", NULL, NULL, "\"field\":\"key\""},
        {"a bad domain", api_mx_by_query, NULL, "domain", "user@", "\"field\":\"domain\""},
        {"a mail address is no host", api_resolve_by_path, "user@mail.example", NULL, NULL,
         "\"field\":\"key\""},
        {"a bad fallback", api_resolve_by_path, "mail.example", "fallback", "dns",
         "\"field\":\"fallback\""},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        if (cases[i].key != NULL) {
            set_path_key(fixture, cases[i].key);
        }
        if (cases[i].name != NULL) {
            fixture->exchange.request.param_count = 1;
            fixture->exchange.request.params[0].name =
                (struct api_bytes){cases[i].name, strlen(cases[i].name)};
            fixture->exchange.request.params[0].value =
                (struct api_bytes){cases[i].value, strlen(cases[i].value)};
        }
        cases[i].handle(&fixture->exchange);
        assert_non_null(strstr(answer_of(fixture), cases[i].says));
        assert_int_equal(fixture->exchange.response.status, 422);
        assert_int_equal(fixture->resolver.count, 0);
        assert_int_equal(tear_down(state), 0);
    }
}

/* --- batches ---------------------------------------------------------------------------------- */

static void results_stand_in_the_order_of_the_request(void **state)
{
    static const char body[] = "{\"keys\":[\"nowhere.example\",\"Moved.example\",\"a b\","
                               "\"192.0.2.1\",\"mail.example\",\"moved.EXAMPLE.\"]}";
    struct fixture *fixture = *state;

    fixture->exchange.request.body = (struct api_bytes){body, sizeof body - 1};
    api_mx_batch(&fixture->exchange);
    assert_false(fixture->exchange.is_finished);
    assert_int_equal(fixture->resolver.open, 2);
    fake_resolver_say(&fixture->resolver, WAY_DNS_MX, WAY_DNS_NXDOMAIN);
    assert_int_equal(fixture->resumed, 0);
    fake_resolver_say(&fixture->resolver, WAY_DNS_MX, WAY_DNS_FOUND);
    assert_int_equal(fixture->resumed, 1);
    assert_int_equal(fixture->exchange.response.status, 200);
    assert_string_equal(
        answer_of(fixture),
        "{\"results\":["
        "{\"lookup_key\":\"nowhere.example\",\"status\":404,\"code\":\"nxdomain\","
        "\"detail\":\"nowhere.example does not exist in DNS\"},"
        "{\"domain\":\"moved.example\",\"override\":true,\"source\":\"override\",\"records\":["
        "{\"host\":\"10.0.0.5\",\"preference\":0}],\"revision\":1},"
        "{\"lookup_key\":\"a b\",\"status\":422,\"code\":\"invalid\","
        "\"detail\":\"a name has no blanks\"},"
        "{\"domain\":\"192.0.2.1\",\"override\":false,\"source\":\"literal\",\"records\":["
        "{\"host\":\"192.0.2.1\",\"preference\":0}]},"
        "{\"domain\":\"mail.example\",\"override\":false,\"source\":\"dns\",\"records\":["
        "{\"host\":\"mx.example\",\"preference\":10}],\"ttl\":300},"
        "{\"domain\":\"moved.example\",\"override\":true,\"source\":\"override\",\"records\":["
        "{\"host\":\"10.0.0.5\",\"preference\":0}],\"revision\":1}]}\n");
}

static void dns_is_asked_for_a_window_of_keys_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    unsigned said = 0;

    set_keys(fixture, "k", 700);
    api_mx_batch(&fixture->exchange);
    assert_int_equal(fixture->resolver.open, 256);
    while (fixture->resolver.open > 0) {
        size_t want = 700 - said < 256 ? 700 - said : 256;

        assert_int_equal(fixture->resolver.open, want);
        fake_resolver_say(&fixture->resolver, WAY_DNS_MX,
                          said % 2 == 0 ? WAY_DNS_FOUND : WAY_DNS_NXDOMAIN);
        said++;
    }
    assert_int_equal(said, 700);
    assert_int_equal(fixture->resumed, 1);
    assert_in_order(answer_of(fixture), 700);
    assert_int_equal(occurrences(answer_of(fixture), "\"source\":\"dns\""), 350);
    assert_int_equal(occurrences(answer_of(fixture), "\"code\":\"nxdomain\""), 350);
}

static void a_batch_goes_on_with_the_room_it_has(void **state)
{
    struct fixture *fixture = *state;

    open_lookup(fixture, 6); /* half of it is for batches */
    set_keys(fixture, "k", 10);
    api_mx_batch(&fixture->exchange);
    while (fixture->resolver.open > 0) {
        assert_in_range(fixture->resolver.open, 1, 3);
        fake_resolver_say(&fixture->resolver, WAY_DNS_MX, WAY_DNS_FOUND);
    }
    assert_int_equal(fixture->resolver.count, 10);
    assert_in_order(answer_of(fixture), 10);
    assert_int_equal(occurrences(answer_of(fixture), "\"source\":\"dns\""), 10);
}

static void a_batch_without_room_is_refused_key_by_key(void **state)
{
    static const char body[] =
        "{\"keys\":[\"a.example\",\"moved.example\",\"b.example\",\"192.0.2.1\"]}";
    struct fixture *fixture = *state;

    open_lookup(fixture, 0);
    fixture->exchange.request.body = (struct api_bytes){body, sizeof body - 1};
    api_resolve_batch(&fixture->exchange);
    assert_int_equal(fixture->resumed, 0);
    assert_int_equal(fixture->resolver.count, 0);
    assert_int_equal(fixture->exchange.response.status, 200);
    assert_int_equal(occurrences(answer_of(fixture), "\"status\":503,\"code\":\"busy\""), 2);
    assert_int_equal(occurrences(answer_of(fixture), "\"source\":\"override\""), 1);
    assert_int_equal(occurrences(answer_of(fixture), "\"source\":\"literal\""), 1);
}

static void a_batch_has_one_deadline(void **state)
{
    struct fixture *fixture = *state;

    fixture->context.dns_timeout_ms = 0; /* has passed already */
    set_keys(fixture, "k", 300);
    api_resolve_batch(&fixture->exchange);
    assert_int_equal(fixture->resolver.count, 0);
    assert_int_equal(occurrences(answer_of(fixture), "\"status\":504,\"code\":\"dns_timeout\""),
                     300);
    assert_in_order(answer_of(fixture), 300);
}

static void every_question_of_a_batch_has_the_batches_deadline(void **state)
{
    struct fixture *fixture = *state;

    set_keys(fixture, "k", 270);
    api_mx_batch(&fixture->exchange);
    while (fixture->resolver.open > 0) {
        fake_resolver_say(&fixture->resolver, WAY_DNS_MX, WAY_DNS_FOUND);
    }
    for (size_t i = 1; i < fixture->resolver.count; i++) {
        assert_int_equal(fixture->resolver.asks[i].deadline_ms,
                         fixture->resolver.asks[0].deadline_ms);
    }
}

static void a_batch_without_dns_needs_no_dns(void **state)
{
    struct fixture *fixture = *state;

    want_no_dns(fixture);
    set_keys(fixture, "k", 1000);
    api_mx_batch(&fixture->exchange);
    assert_int_equal(fixture->resolver.count, 0);
    assert_in_order(answer_of(fixture), 1000);
    assert_int_equal(occurrences(answer_of(fixture), "\"source\":\"none\""), 1000);
}

static void an_empty_batch_has_no_results(void **state)
{
    struct fixture *fixture = *state;

    set_keys(fixture, "k", 0);
    api_resolve_batch(&fixture->exchange);
    assert_string_equal(answer_of(fixture), "{\"results\":[]}\n");
}

static void a_batch_that_is_abandoned_asks_no_longer(void **state)
{
    struct fixture *fixture = *state;

    set_keys(fixture, "k", 400);
    api_mx_batch(&fixture->exchange);
    fake_resolver_say(&fixture->resolver, WAY_DNS_MX, WAY_DNS_FOUND);
    assert_int_equal(fixture->resolver.open, 256);
    fixture->exchange.abandon(&fixture->exchange);
    assert_int_equal(fixture->resolver.open, 0);
    assert_int_equal(fixture->resumed, 0);
}

static void a_batch_is_refused_when_bodies_take_all_memory(void **state)
{
    struct fixture *fixture = *state;

    assert_true(way_budget_take(&fixture->bodies, MEMORY));
    set_keys(fixture, "k", 3);
    api_resolve_batch(&fixture->exchange);
    assert_int_equal(fixture->exchange.response.status, 503);
    assert_non_null(strstr(answer_of(fixture), "\"code\":\"busy\""));
    assert_int_equal(fixture->resolver.count, 0);
    way_budget_give(&fixture->bodies, MEMORY);
}

static void a_batch_is_refused_when_answers_take_all_memory(void **state)
{
    enum { MANY = 2000 };
    struct fixture *fixture = *state;

    assert_true(way_budget_take(&fixture->answers, MEMORY));
    want_no_dns(fixture);
    set_keys(fixture, "k", MANY);
    api_resolve_batch(&fixture->exchange);
    assert_int_equal(fixture->exchange.response.status, 503);
    assert_non_null(strstr(answer_of(fixture), "\"code\":\"busy\""));
    way_budget_give(&fixture->answers, MEMORY);
}

static void a_broken_batch_is_refused_as_a_whole(void **state)
{
    static const char body[] = "{\"keys\":[\"a.example\",1]}";
    struct fixture *fixture = *state;

    fixture->exchange.request.body = (struct api_bytes){body, sizeof body - 1};
    api_resolve_batch(&fixture->exchange);
    assert_int_equal(fixture->exchange.response.status, 422);
    assert_non_null(strstr(answer_of(fixture), "\"field\":\"keys[1]\""));
    assert_int_equal(fixture->resolver.count, 0);
}

static void without_data_nothing_is_answered(void **state)
{
    struct fixture *fixture = *state;

    set_keys(fixture, "k", 3);
    api_resolve_batch(&fixture->exchange);
    assert_int_equal(fixture->exchange.response.status, 503);
    assert_non_null(strstr(answer_of(fixture), "\"code\":\"not_ready\""));
    assert_int_equal(fixture->resolver.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hit_is_answered_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_miss_waits_for_dns, set_up, tear_down),
        cmocka_unit_test(every_outcome_of_dns_has_its_problem),
        cmocka_unit_test_setup_teardown(a_lookup_that_is_abandoned_asks_no_longer, set_up,
                                        tear_down),
        cmocka_unit_test(what_cannot_be_looked_up_is_refused),
        cmocka_unit_test_setup_teardown(results_stand_in_the_order_of_the_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(dns_is_asked_for_a_window_of_keys_at_a_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_goes_on_with_the_room_it_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_without_room_is_refused_key_by_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_has_one_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_question_of_a_batch_has_the_batches_deadline, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_without_dns_needs_no_dns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_batch_has_no_results, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_that_is_abandoned_asks_no_longer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_is_refused_when_bodies_take_all_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_is_refused_when_answers_take_all_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_broken_batch_is_refused_as_a_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_data_nothing_is_answered, set_up_down, tear_down),
    };

    return cmocka_run_group_tests_name("api/handlers, lookups", tests, NULL, NULL);
}
