/* SPDX-License-Identifier: MIT */
#include "base/metric.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

enum { COUNTED, PLAIN, LEVEL, TIMED, FAMILIES };

static void label(size_t series, struct way_text *out)
{
    way_text_printf(out, "op=\"%c\"", (int)('a' + series));
}

static const struct way_metric_family families[] = {
    [COUNTED] = {"waypost_things_total", "Things by operation.", WAY_COUNTER, 3, label},
    [PLAIN] = {"waypost_plain_total", "Plain things.", WAY_COUNTER, 1, NULL},
    [LEVEL] = {"waypost_level", "A level.", WAY_GAUGE, 1, NULL},
    [TIMED] = {"waypost_time_seconds", "How long.", WAY_HISTOGRAM, 2, label},
};

static int set_up(void **state)
{
    *state = way_metrics_new(families, FAMILIES);
    assert_non_null(*state);
    return 0;
}

static int tear_down(void **state)
{
    way_metrics_free(*state);
    return 0;
}

static void assert_rendered(const struct way_metrics *metrics, const char *want)
{
    struct way_text text;

    way_text_init(&text, NULL, 0, (size_t)1024 * 1024);
    way_metrics_render(metrics, &text);
    assert_string_equal(way_text_string(&text), want);
    way_text_fini(&text);
}

#define HEAD_COUNTED \
    "# HELP waypost_things_total Things by operation.\n# TYPE waypost_things_total counter\n"
#define HEAD_PLAIN "# HELP waypost_plain_total Plain things.\n# TYPE waypost_plain_total counter\n"
#define HEAD_LEVEL "# HELP waypost_level A level.\n# TYPE waypost_level gauge\n"
#define HEAD_TIMED "# HELP waypost_time_seconds How long.\n# TYPE waypost_time_seconds histogram\n"

static void untouched_series_are_left_out_unless_they_are_alone(void **state)
{
    assert_rendered(*state, HEAD_COUNTED HEAD_PLAIN "waypost_plain_total 0\n" HEAD_LEVEL
                                                    "waypost_level 0\n" HEAD_TIMED);
}

static void everything_is_rendered_line_by_line(void **state)
{
    struct way_metrics *metrics = *state;

    way_metric_add(metrics, COUNTED, 0, 1);
    way_metric_add(metrics, COUNTED, 2, 5);
    way_metric_add(metrics, COUNTED, 2, UINT64_C(1) << 40);
    way_metric_add(metrics, PLAIN, 0, 7);
    way_metric_set(metrics, LEVEL, 0, 9);
    way_metric_set(metrics, LEVEL, 0, 4);
    way_metric_observe_us(metrics, TIMED, 1, 0);
    way_metric_observe_us(metrics, TIMED, 1, 50); /* on a bound: it belongs below */
    way_metric_observe_us(metrics, TIMED, 1, 51);
    way_metric_observe_us(metrics, TIMED, 1, 2000000);
    way_metric_observe_us(metrics, TIMED, 1, 10000000); /* on the last */
    way_metric_observe_us(metrics, TIMED, 1, 10000001); /* beyond */
    assert_rendered(metrics,
                    HEAD_COUNTED "waypost_things_total{op=\"a\"} 1\n"
                                 "waypost_things_total{op=\"c\"} 1099511627781\n" HEAD_PLAIN
                                 "waypost_plain_total 7\n" HEAD_LEVEL "waypost_level 4\n" HEAD_TIMED
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.000050\"} 2\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.000100\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.000250\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.000500\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.001000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.002500\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.005000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.010000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.025000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.050000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.100000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"0.250000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"1.000000\"} 3\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"2.500000\"} 4\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"5.000000\"} 4\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"10.000000\"} 5\n"
                                 "waypost_time_seconds_bucket{op=\"b\",le=\"+Inf\"} 6\n"
                                 "waypost_time_seconds_sum{op=\"b\"} 22.000102\n"
                                 "waypost_time_seconds_count{op=\"b\"} 6\n");
    assert_int_equal(way_metric_value(metrics, COUNTED, 2), (UINT64_C(1) << 40) + 5);
    assert_int_equal(way_metric_value(metrics, COUNTED, 1), 0);
    assert_int_equal(way_metric_value(metrics, LEVEL, 0), 4);
}

static void a_histogram_without_labels_has_only_its_bounds(void **state)
{
    static const struct way_metric_family family = {"waypost_wait_seconds", "A wait.",
                                                    WAY_HISTOGRAM, 1, NULL};
    struct way_metrics *metrics = way_metrics_new(&family, 1);
    struct way_text text;

    (void)state;
    assert_non_null(metrics);
    way_metric_observe_us(metrics, 0, 0, 1234567);
    way_text_init(&text, NULL, 0, (size_t)64 * 1024);
    way_metrics_render(metrics, &text);
    assert_non_null(
        strstr(way_text_string(&text), "\nwaypost_wait_seconds_bucket{le=\"0.000050\"} 0\n"));
    assert_non_null(strstr(way_text_string(&text), "\nwaypost_wait_seconds_sum 1.234567\n"
                                                   "waypost_wait_seconds_count 1\n"));
    way_text_fini(&text);
    way_metrics_free(metrics);
    way_metrics_free(NULL);
}

static void buckets_never_fall(void **state)
{
    struct way_metrics *metrics = *state;
    struct way_text text;
    const char *at;
    uint64_t before = 0;
    unsigned buckets = 0;

    for (uint64_t micros = 1; micros < 20000000; micros = micros * 5 / 4 + 1) {
        way_metric_observe_us(metrics, TIMED, 0, micros);
    }
    way_text_init(&text, NULL, 0, (size_t)64 * 1024);
    way_metrics_render(metrics, &text);
    at = way_text_string(&text);
    while ((at = strstr(at, "_bucket{op=\"a\"")) != NULL) {
        uint64_t value = strtoull(strchr(at, '}') + 1, NULL, 10);

        assert_true(value >= before);
        before = value;
        buckets++;
        at++;
    }
    assert_int_equal(buckets, 17);
    assert_in_range(before, 50, 100);
    way_text_fini(&text);
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { THREADS = 40 /* more than have cells of their own */, EACH = 5000 };

static void *count_and_time(void *argument)
{
    struct way_metrics *metrics = argument;

    for (unsigned i = 0; i < EACH; i++) {
        way_metric_add(metrics, COUNTED, i % 3, 1);
        way_metric_observe_us(metrics, TIMED, 0, 100);
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    struct way_metrics *metrics = *state;
    pthread_t threads[THREADS];
    struct way_text text;
    char want[128];

    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_and_time, metrics), 0);
    }
    way_text_init(&text, NULL, 0, (size_t)64 * 1024);
    for (unsigned i = 0; i < 100; i++) { /* beside them */
        way_text_clear(&text);
        way_metrics_render(metrics, &text);
        assert_int_equal(way_text_status(&text), WAY_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(way_metric_value(metrics, COUNTED, 0) + way_metric_value(metrics, COUNTED, 1) +
                         way_metric_value(metrics, COUNTED, 2),
                     THREADS * EACH);
    way_text_clear(&text);
    way_metrics_render(metrics, &text);
    (void)snprintf(want, sizeof want,
                   "waypost_time_seconds_sum{op=\"a\"} %d.000000\n"
                   "waypost_time_seconds_count{op=\"a\"} %d\n",
                   THREADS * EACH / 10000, THREADS * EACH);
    assert_non_null(strstr(way_text_string(&text), want));
    way_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(untouched_series_are_left_out_unless_they_are_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(everything_is_rendered_line_by_line, set_up, tear_down),
        cmocka_unit_test(a_histogram_without_labels_has_only_its_bounds),
        cmocka_unit_test_setup_teardown(buckets_never_fall, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_between_threads, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("base/metric", tests, NULL, NULL);
}
