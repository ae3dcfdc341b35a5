/* SPDX-License-Identifier: MIT */
#include "api/failures.h"

#include "base/compiler.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h> /* wants the others first */

enum { BEGIN_MS = 1000 };

/* "unix" is a unix socket, "" is no address at all. */
static const struct sockaddr *address(const char *text)
{
    static struct sockaddr_storage storage;
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&storage;

    memset(&storage, 0, sizeof storage);
    if (text[0] == '\0') {
        return NULL;
    }
    if (strcmp(text, "unix") == 0) {
        storage.ss_family = AF_UNIX;
    } else if (strchr(text, ':') != NULL) {
        storage.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1);
    } else {
        storage.ss_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &ipv4->sin_addr), 1);
    }
    return (const struct sockaddr *)(const void *)&storage;
}

static int set_up(void **state)
{
    *state = api_failures_new();
    assert_non_null(*state);
    return 0;
}

static int tear_down(void **state)
{
    api_failures_free(*state);
    api_failures_free(NULL);
    return 0;
}

static void fail_times(struct api_failures *failures, const char *text, unsigned times,
                       uint64_t now_ms)
{
    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(api_failures_count(failures, address(text), now_ms), 0);
    }
}

static void the_thirty_first_in_a_minute_is_too_many(void **state)
{
    fail_times(*state, "192.0.2.1", 30, BEGIN_MS);
    assert_int_equal(api_failures_count(*state, address("192.0.2.1"), BEGIN_MS), 60);
    assert_int_equal(api_failures_count(*state, address("192.0.2.1"), BEGIN_MS + 59999), 1);
    fail_times(*state, "192.0.2.1", 1, BEGIN_MS + 60000);
}

static void a_minute_later_it_begins_again(void **state)
{
    fail_times(*state, "192.0.2.1", 30, BEGIN_MS);
    fail_times(*state, "192.0.2.1", 30, BEGIN_MS + 60000);
    assert_true(api_failures_count(*state, address("192.0.2.1"), BEGIN_MS + 60000) > 0);
}

static void who_goes_on_gets_no_more_tries(void **state)
{
    uint64_t now_ms = BEGIN_MS;

    fail_times(*state, "192.0.2.1", 30, now_ms);
    for (unsigned i = 0; i < 300; i++) { /* five minutes long */
        now_ms += 1000;
        assert_true(api_failures_count(*state, address("192.0.2.1"), now_ms) > 0);
    }
    fail_times(*state, "192.0.2.1", 1, now_ms + 60000);
}

static void any_minute_counts_not_that_of_the_clock(void **state)
{
    fail_times(*state, "192.0.2.1", 15, BEGIN_MS);
    fail_times(*state, "192.0.2.1", 15, BEGIN_MS + 50000);
    assert_int_equal(api_failures_count(*state, address("192.0.2.1"), BEGIN_MS + 55000), 5);
    /* The first 15 are over, 16 count. */
    fail_times(*state, "192.0.2.1", 14, BEGIN_MS + 60000);
    assert_true(api_failures_count(*state, address("192.0.2.1"), BEGIN_MS + 60001) > 0);
}

static void addresses_are_counted_apart(void **state)
{
    static const struct {
        const char *label, *other;
        bool is_same; /* as 192.0.2.1 and 2001:db8::1, unix and "" */
    } cases[] = {
        {"another IPv4 address", "192.0.2.2", false},
        {"the same, mapped", "::ffff:192.0.2.1", true},
        {"another, mapped", "::ffff:192.0.2.2", false},
        {"the same /64", "2001:db8::ffff:1:2", true},
        {"another /64", "2001:db8:0:1::1", false},
        {"another unix socket", "unix", true},
        {"no address", "", true},
    };

    fail_times(*state, "192.0.2.1", 30, BEGIN_MS);
    fail_times(*state, "2001:db8::1", 30, BEGIN_MS);
    fail_times(*state, "unix", 30, BEGIN_MS);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        unsigned seconds = api_failures_count(*state, address(cases[i].other), BEGIN_MS);

        print_message("    %s\n", cases[i].label);
        assert_int_equal(seconds > 0, cases[i].is_same);
    }
}

static void a_flood_of_addresses_costs_no_memory(void **state)
{
    enum { MANY = 16 * API_FAILURES_ADDRESSES_MAX };

    for (uint32_t i = 0; i < MANY; i++) {
        struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(i)};

        assert_int_equal(
            api_failures_count(*state, (const struct sockaddr *)(const void *)&peer, BEGIN_MS + i),
            0);
    }
    /* Who comes last is remembered. */
    fail_times(*state, "192.0.2.1", 30, BEGIN_MS + MANY);
    assert_true(api_failures_count(*state, address("192.0.2.1"), BEGIN_MS + MANY) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_thirty_first_in_a_minute_is_too_many, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_minute_later_it_begins_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_goes_on_gets_no_more_tries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_minute_counts_not_that_of_the_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_are_counted_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_addresses_costs_no_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("api/failures", tests, NULL, NULL);
}
