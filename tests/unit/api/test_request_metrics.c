/* SPDX-License-Identifier: MIT */
#include "api/request_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static const struct api_route *route_of(const char *operation)
{
    for (size_t i = 0; i < api_route_count; i++) {
        if (strcmp(api_routes[i].operation, operation) == 0) {
            return &api_routes[i];
        }
    }
    fail_msg("there is no operation %s", operation);
    return NULL;
}

static void requests_are_counted_by_operation_and_status(void **state)
{
    static const char *const lines[] = {
        "waypost_http_requests_total{operation=\"setOverride\",status=\"201\"} 2\n",
        "waypost_http_requests_total{operation=\"setOverride\",status=\"503\"} 1\n",
        "waypost_http_requests_total{operation=\"none\",status=\"404\"} 1\n",
        "waypost_http_request_seconds_count{operation=\"setOverride\"} 3\n",
        "waypost_http_request_seconds_sum{operation=\"setOverride\"} 0.000600\n",
        "waypost_http_request_seconds_count{operation=\"none\"} 1\n",
        "waypost_http_broken_requests_total 1\n",
    };
    struct way_metrics *metrics = api_request_metrics_new();
    struct way_text text;

    (void)state;
    assert_non_null(metrics);
    api_request_metrics_count(metrics, route_of("setOverride"), 201, 100);
    api_request_metrics_count(metrics, route_of("setOverride"), 201, 200);
    api_request_metrics_count(metrics, route_of("setOverride"), 503, 300);
    api_request_metrics_count(metrics, NULL, 404, 7);
    api_request_metrics_count_broken(metrics);
    way_text_init(&text, NULL, 0, (size_t)1024 * 1024);
    way_metrics_render(metrics, &text);
    for (size_t i = 0; i < WAY_COUNT_OF(lines); i++) {
        print_message("    %s", lines[i]);
        assert_non_null(strstr(way_text_string(&text), lines[i]));
    }
    assert_null(strstr(way_text_string(&text), "listOverrides"));
    way_text_fini(&text);
    way_metrics_free(metrics);
}

static void every_status_of_a_problem_has_a_series_of_its_own(void **state)
{
    (void)state;
    for (unsigned problem = 0; problem < API_PROBLEM_COUNT; problem++) {
        struct way_metrics *metrics = api_request_metrics_new();
        unsigned status = api_problem_status((enum api_problem)problem);
        struct way_text text;
        char want[128];

        print_message("    %u\n", status);
        assert_non_null(metrics);
        api_request_metrics_count(metrics, NULL, status, 1);
        way_text_init(&text, NULL, 0, (size_t)1024 * 1024);
        way_metrics_render(metrics, &text);
        (void)snprintf(want, sizeof want,
                       "waypost_http_requests_total{operation=\"none\",status=\"%u\"} 1\n", status);
        assert_non_null(strstr(way_text_string(&text), want));
        way_text_fini(&text);
        way_metrics_free(metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted_by_operation_and_status),
        cmocka_unit_test(every_status_of_a_problem_has_a_series_of_its_own),
    };

    return cmocka_run_group_tests_name("api/request_metrics", tests, NULL, NULL);
}
