/* SPDX-License-Identifier: MIT */
#include "dns/wheel.h"

#include "base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* wants the others first */

static const uint64_t start_ms = 1000003;

enum { TURN_MS = WAY_WHEEL_SLOTS * WAY_WHEEL_SLOT_MS };

/* Turns in steps, and notes when each ask came out. */
static void deadlines_come_in_time_and_never_early(void **state)
{
    static const uint64_t after_ms[] = {0,
                                        1,
                                        49,
                                        50,
                                        63,
                                        64,
                                        65,
                                        1000,
                                        5000,
                                        TURN_MS - 1,
                                        TURN_MS,
                                        TURN_MS + 1,
                                        3ULL * TURN_MS,
                                        3ULL * TURN_MS + 40};
    static const uint64_t steps_ms[] = {1, 50, 64, 1000, TURN_MS, 5ULL * TURN_MS};
    static struct way_wheel wheel;

    (void)state;
    for (size_t step = 0; step < WAY_COUNT_OF(steps_ms); step++) {
        struct way_dns_ask asks[WAY_COUNT_OF(after_ms)];
        struct way_node expired;
        size_t left = WAY_COUNT_OF(asks);

        way_wheel_init(&wheel, start_ms);
        way_list_init(&expired);
        for (size_t i = 0; i < WAY_COUNT_OF(asks); i++) {
            asks[i].deadline_ms = start_ms + after_ms[i];
            way_wheel_put(&wheel, &asks[i]);
        }
        for (uint64_t now_ms = start_ms; left > 0; now_ms += steps_ms[step]) {
            way_wheel_turn(&wheel, now_ms, &expired);
            while (!way_list_is_empty(&expired)) {
                const struct way_dns_ask *ask =
                    WAY_OWNER_OF(expired.next, struct way_dns_ask, timing);

                assert_true(ask->deadline_ms <= now_ms);
                assert_true(now_ms - ask->deadline_ms < steps_ms[step]);
                way_list_del(expired.next);
                left--;
            }
            assert_true(now_ms <= start_ms + 10ULL * TURN_MS);
        }
    }
}

static void a_past_deadline_comes_with_the_next_turn(void **state)
{
    static struct way_wheel wheel;
    struct way_node expired;
    struct way_dns_ask ask = {.deadline_ms = start_ms - 500};

    (void)state;
    way_wheel_init(&wheel, start_ms);
    way_list_init(&expired);
    way_wheel_put(&wheel, &ask);
    way_wheel_turn(&wheel, start_ms, &expired);
    assert_ptr_equal(expired.next, &ask.timing);
}

static void who_has_left_does_not_come(void **state)
{
    static struct way_wheel wheel;
    struct way_node expired;
    struct way_dns_ask ask = {.deadline_ms = start_ms + 10};

    (void)state;
    way_wheel_init(&wheel, start_ms);
    way_list_init(&expired);
    way_wheel_put(&wheel, &ask);
    way_list_del(&ask.timing);
    way_wheel_turn(&wheel, start_ms + TURN_MS, &expired);
    assert_true(way_list_is_empty(&expired));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_come_in_time_and_never_early),
        cmocka_unit_test(a_past_deadline_comes_with_the_next_turn),
        cmocka_unit_test(who_has_left_does_not_come),
    };

    return cmocka_run_group_tests_name("dns/wheel", tests, NULL, NULL);
}
