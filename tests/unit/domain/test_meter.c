/* SPDX-License-Identifier: MIT */
#include "domain/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void render(struct way_meter *meter, const struct way_meter_gauges *gauges,
                   struct way_text *text)
{
    way_text_init(text, NULL, 0, (size_t)1024 * 1024);
    way_meter_render(meter, gauges, text);
    assert_int_equal(way_text_status(text), WAY_OK);
}

static void what_happened_is_counted_under_its_name(void **state)
{
    static const char *const lines[] = {
        "\nwaypost_lookups_total{kind=\"resolve\",source=\"override\"} 2\n",
        "\nwaypost_lookups_total{kind=\"mx\",source=\"dns_timeout\"} 1\n",
        "\nwaypost_lookups_total{kind=\"mx\",source=\"none\"} 1\n",
        "\nwaypost_store_call_seconds_count{call=\"write\"} 2\n",
        "\nwaypost_store_call_seconds_sum{call=\"write\"} 0.000030\n",
        "\nwaypost_store_errors_total{call=\"write\",status=\"unavailable\"} 1\n",
        "\nwaypost_dns_query_seconds_count{type=\"AAAA\"} 1\n",
        "\nwaypost_dns_answers_total{type=\"AAAA\",outcome=\"no_data\"} 1\n",
        "\nwaypost_overrides 3\n",
        "\nwaypost_revision 18446744073709551615\n",
        "\nwaypost_store_up 1\n",
        "\nwaypost_store_writable 1\n",
        "\nwaypost_stale_seconds 4\n",
        "\nwaypost_rejected_overrides 5\n",
    };
    const struct way_meter_gauges gauges = {.overrides = 3,
                                            .revision = UINT64_MAX,
                                            .is_store_up = 1,
                                            .is_store_writable = 1,
                                            .stale_seconds = 4,
                                            .rejected = 5};
    struct way_meter *meter = way_meter_new();
    struct way_text text;

    (void)state;
    assert_non_null(meter);
    way_meter_lookup(meter, WAY_LOOKUP_RESOLVE, WAY_LOOKUP_ANSWERED, WAY_SOURCE_OVERRIDE);
    way_meter_lookup(meter, WAY_LOOKUP_RESOLVE, WAY_LOOKUP_ANSWERED, WAY_SOURCE_OVERRIDE);
    way_meter_lookup(meter, WAY_LOOKUP_MX, WAY_LOOKUP_DNS_TIMEOUT, WAY_SOURCE_OVERRIDE);
    way_meter_lookup(meter, WAY_LOOKUP_MX, WAY_LOOKUP_ANSWERED, WAY_SOURCE_NONE);
    way_meter_store(meter, WAY_CALL_WRITE, WAY_OK, 10);
    way_meter_store(meter, WAY_CALL_WRITE, WAY_UNAVAILABLE, 20);
    way_meter_dns(meter, WAY_DNS_AAAA, WAY_DNS_NO_DATA, 5);
    render(meter, &gauges, &text);
    for (size_t i = 0; i < WAY_COUNT_OF(lines); i++) {
        print_message("    %s", lines[i] + 1);
        assert_non_null(strstr(way_text_string(&text), lines[i]));
    }
    way_text_fini(&text);
    way_meter_free(meter);
    way_meter_free(NULL);
}

static void a_row_that_is_not_there_is_no_error(void **state)
{
    const struct way_meter_gauges gauges = {0};
    struct way_meter *meter = way_meter_new();
    struct way_text text;

    (void)state;
    assert_non_null(meter);
    way_meter_store(meter, WAY_CALL_READ, WAY_NOT_FOUND, 10);
    render(meter, &gauges, &text);
    assert_null(strstr(way_text_string(&text), "waypost_store_errors_total{"));
    way_text_fini(&text);
    way_meter_free(meter);
}

/* Each end of a lookup, call and DNS answer has a series of its own. */
static void no_two_ends_share_a_series(void **state)
{
    const struct way_meter_gauges gauges = {0};
    struct way_meter *meter = way_meter_new();
    struct way_text text;
    const char *line;
    size_t series = 0;

    (void)state;
    assert_non_null(meter);
    for (unsigned kind = 0; kind < WAY_LOOKUP_KIND_COUNT; kind++) {
        for (unsigned source = 0; source < WAY_SOURCE_COUNT; source++) {
            way_meter_lookup(meter, (enum way_lookup_kind)kind, WAY_LOOKUP_ANSWERED,
                             (enum way_source)source);
        }
        for (unsigned outcome = 1; outcome < WAY_LOOKUP_OUTCOME_COUNT; outcome++) {
            way_meter_lookup(meter, (enum way_lookup_kind)kind, (enum way_lookup_outcome)outcome,
                             WAY_SOURCE_OVERRIDE);
        }
    }
    for (unsigned type = 0; type < WAY_DNS_TYPE_COUNT; type++) {
        for (unsigned outcome = 0; outcome < WAY_DNS_OUTCOME_COUNT; outcome++) {
            way_meter_dns(meter, (enum way_dns_type)type, (enum way_dns_outcome)outcome, 1);
        }
    }
    render(meter, &gauges, &text);
    for (line = way_text_string(&text); line != NULL; line = strchr(line, '\n')) {
        const char *value;

        line += line[0] == '\n';
        if (strncmp(line, "waypost_lookups_total{", 22) != 0 &&
            strncmp(line, "waypost_dns_answers_total{", 26) != 0) {
            continue;
        }
        value = strchr(line, '}');
        assert_non_null(value);
        assert_int_equal(strncmp(value, "} 1\n", 4), 0);
        series++;
    }
    assert_int_equal(series,
                     WAY_LOOKUP_KIND_COUNT * (WAY_SOURCE_COUNT + WAY_LOOKUP_OUTCOME_COUNT - 1) +
                         WAY_DNS_TYPE_COUNT * WAY_DNS_OUTCOME_COUNT);
    way_text_fini(&text);
    way_meter_free(meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_is_counted_under_its_name),
        cmocka_unit_test(a_row_that_is_not_there_is_no_error),
        cmocka_unit_test(no_two_ends_share_a_series),
    };

    return cmocka_run_group_tests_name("domain/meter", tests, NULL, NULL);
}
