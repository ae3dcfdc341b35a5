/* SPDX-License-Identifier: MIT */
#include "api/places.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h> /* wants the others first */

enum { MAX = 10, PER_ADDRESS = 4, THREADS = 4, ROUNDS = 20000 };

static struct api_peer numbered(uint8_t number)
{
    return (struct api_peer){.family = AF_INET, .octets = {192, 0, 2, number}};
}

static const struct api_peer local = {0};

static bool enter(struct api_places *places, struct api_peer peer)
{
    if (!api_places_reserve(places)) {
        return false;
    }
    if (api_places_claim(places, &peer)) {
        return true;
    }
    api_places_cancel(places);
    return false;
}

static int set_up(void **state)
{
    *state = api_places_new(MAX, PER_ADDRESS);
    assert_non_null(*state);
    return 0;
}

static int tear_down(void **state)
{
    assert_int_equal(api_places_taken(*state), 0);
    api_places_free(*state);
    api_places_free(NULL);
    return 0;
}

static void leave_all(struct api_places *places, struct api_peer peer, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        api_places_leave(places, &peer);
    }
}

static void no_address_takes_more_than_its_share(void **state)
{
    struct api_places *places = *state;

    for (size_t i = 0; i < PER_ADDRESS; i++) {
        assert_true(enter(places, numbered(1)));
    }
    assert_false(enter(places, numbered(1)));
    assert_int_equal(api_places_taken(places), PER_ADDRESS); /* what was reserved is given back */
    assert_true(enter(places, numbered(2)));
    leave_all(places, numbered(1), 1);
    assert_true(enter(places, numbered(1)));
    leave_all(places, numbered(1), PER_ADDRESS);
    leave_all(places, numbered(2), 1);
}

static void all_addresses_share_one_bound(void **state)
{
    struct api_places *places = *state;

    for (size_t i = 0; i < MAX; i++) {
        assert_true(enter(places, numbered((uint8_t)i)));
    }
    assert_int_equal(api_places_taken(places), api_places_max(places));
    assert_false(enter(places, numbered(MAX)));
    assert_false(enter(places, local));
    leave_all(places, numbered(3), 1);
    assert_true(enter(places, numbered(MAX)));
    leave_all(places, numbered(MAX), 1);
    for (size_t i = 0; i < MAX; i++) {
        leave_all(places, numbered((uint8_t)i), i == 3 ? 0 : 1);
    }
}

static void unix_sockets_are_no_address(void **state)
{
    struct api_places *places = *state;

    for (size_t i = 0; i < MAX; i++) {
        assert_true(enter(places, local));
    }
    assert_false(enter(places, local));
    leave_all(places, local, MAX);
}

static void *come_and_go(void *argument)
{
    for (size_t i = 0; i < ROUNDS; i++) {
        struct api_peer peer = numbered((uint8_t)(i % 3));

        if (enter(argument, peer)) {
            api_places_leave(argument, &peer);
        }
    }
    return NULL;
}

static void threads_leave_nothing_behind(void **state)
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, *state), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < PER_ADDRESS; i++) {
        assert_true(enter(*state, numbered(1)));
    }
    assert_false(enter(*state, numbered(1)));
    leave_all(*state, numbered(1), PER_ADDRESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_address_takes_more_than_its_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_addresses_share_one_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unix_sockets_are_no_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_leave_nothing_behind, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("api/places", tests, NULL, NULL);
}
