/* SPDX-License-Identifier: MIT */
#include "api/http_connections.h"

#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

enum { MAX = 8 };

struct fixture {
    struct way_loop *loop;
    struct api_places *places;
    struct api_connections connections;
    int clients[MAX]; /* the other ends */
    struct api_connection *made[MAX];
    size_t count;
};

static const struct api_peer first = {.family = AF_INET, .octets = {192, 0, 2, 1}};
static const struct api_peer second = {.family = AF_INET, .octets = {192, 0, 2, 2}};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->places = api_places_new(MAX, MAX);
    assert_non_null(fixture->places);
    fixture->loop = way_loop_new();
    assert_non_null(fixture->loop);
    api_connections_init(&fixture->connections, fixture->places, fixture->loop);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < fixture->count; i++) {
        (void)close(fixture->clients[i]);
        if (fixture->made[i] != NULL) {
            (void)close(fixture->made[i]->fd);
            api_connections_end(&fixture->connections, fixture->made[i]);
        }
    }
    assert_int_equal(fixture->connections.count, 0);
    assert_int_equal(api_places_taken(fixture->places), 0);
    api_places_free(fixture->places);
    way_loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static struct api_connection *join(struct fixture *fixture, const struct api_peer *peer)
{
    struct api_connection *connection;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(api_places_reserve(fixture->places));
    assert_true(api_places_claim(fixture->places, peer));
    connection = api_connections_join(&fixture->connections, pair[0], peer);
    assert_non_null(connection);
    fixture->clients[fixture->count] = pair[1];
    fixture->made[fixture->count++] = connection;
    return connection;
}

static struct api_connection *start_in(struct fixture *fixture, const struct api_peer *peer,
                                       enum api_phase phase)
{
    struct api_connection *connection = join(fixture, peer);

    assert_ptr_equal(api_connections_start(&fixture->connections, connection->fd), connection);
    api_connection_enter(&fixture->connections, connection, phase);
    return connection;
}

static struct api_connection *quietest(const struct fixture *fixture, const struct api_peer *peer)
{
    return api_connections_quietest(&fixture->connections, peer);
}

static void the_longest_idle_one_gives_way(void **state)
{
    struct fixture *fixture = *state;
    struct api_connection *old;
    struct api_connection *young;

    assert_null(quietest(fixture, NULL));
    (void)start_in(fixture, &first, API_PHASE_BODY);
    (void)start_in(fixture, &first, API_PHASE_HANDLING);
    (void)start_in(fixture, &first, API_PHASE_WRITING);
    (void)start_in(fixture, &first, API_PHASE_HEAD);
    assert_null(quietest(fixture, NULL));
    old = start_in(fixture, &first, API_PHASE_IDLE);
    young = start_in(fixture, &second, API_PHASE_IDLE);
    assert_ptr_equal(quietest(fixture, NULL), old);
    assert_ptr_equal(quietest(fixture, &second), young);
    api_connection_enter(&fixture->connections, old, API_PHASE_HEAD);
    api_connection_enter(&fixture->connections, old,
                         API_PHASE_IDLE); /* it was not idle meanwhile */
    assert_ptr_equal(quietest(fixture, NULL), young);
}

static void who_has_just_asked_is_not_idle(void **state)
{
    struct fixture *fixture = *state;
    struct api_connection *asks = start_in(fixture, &first, API_PHASE_IDLE);
    struct api_connection *silent = start_in(fixture, &first, API_PHASE_IDLE);

    assert_ptr_equal(quietest(fixture, NULL), asks);
    assert_int_equal(write(fixture->clients[0], "G", 1), 1);
    assert_ptr_equal(quietest(fixture, NULL), silent);
}

static void who_trickles_a_head_gives_way_before_the_idle(void **state)
{
    enum { LONG_MS = 5000 };
    struct fixture *fixture = *state;
    struct api_connection *slow = start_in(fixture, &first, API_PHASE_HEAD);
    struct api_connection *idle;

    assert_null(quietest(fixture, NULL));
    slow->since_ms -= LONG_MS;
    assert_ptr_equal(quietest(fixture, NULL), slow);
    assert_null(quietest(fixture, &second));
    idle = start_in(fixture, &second, API_PHASE_IDLE);
    assert_ptr_equal(quietest(fixture, NULL), slow);
    assert_ptr_equal(quietest(fixture, &second), idle);
}

static void what_the_library_refuses_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct api_connection *taken = join(fixture, &first);
    struct api_connection *refused = join(fixture, &second);

    assert_ptr_equal(api_connections_start(&fixture->connections, taken->fd), taken);
    assert_int_equal(taken->phase, API_PHASE_HEAD);
    assert_null(
        api_connections_start(&fixture->connections, taken->fd)); /* it does not join again */
    (void)close(refused->fd);
    fixture->made[1] = NULL;
    api_connections_drop_joining(&fixture->connections);
    assert_int_equal(fixture->connections.count, 1);
    assert_int_equal(api_places_taken(fixture->places), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_longest_idle_one_gives_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_just_asked_is_not_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_trickles_a_head_gives_way_before_the_idle, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_library_refuses_is_dropped, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("api/http_connections", tests, NULL, NULL);
}
