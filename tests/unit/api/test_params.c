/* SPDX-License-Identifier: MIT */
#include "api/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static struct api_bytes bytes_of(const char *text)
{
    return (struct api_bytes){text, strlen(text)};
}

static void a_fault_is_told_under_the_name_of_the_parameter(void **state)
{
    struct way_key key;
    struct way_error err;

    (void)state;
    assert_int_equal(api_param_key(bytes_of("Example.ORG."), &key, &err), WAY_OK);
    assert_string_equal(key.text, "example.org");
    assert_int_equal(api_param_key(bytes_of("a b"), &key, &err), WAY_INVALID);
    assert_string_equal(err.field, "key");
    assert_int_equal(api_param_key(bytes_of("user@example.org"), &key, &err), WAY_INVALID);
    assert_string_equal(err.field, "key");
    assert_int_equal(api_param_domain(bytes_of("user@Example.NET"), &key, &err), WAY_OK);
    assert_string_equal(key.text, "example.net");
    assert_int_equal(api_param_domain(bytes_of("user@"), &key, &err), WAY_INVALID);
    assert_string_equal(err.field, "domain");
    assert_int_equal(api_param_domain(bytes_of(""), &key, NULL), WAY_INVALID);
}

static void fallback_is_none_or_left_out(void **state)
{
    static const struct {
        const char *label, *value; /* value NULL: left out */
        bool is_fine, want;
    } cases[] = {
        {"left out", NULL, true, true},         {"none", "none", true, false},
        {"dns", "dns", false, false},           {"empty", "", false, false},
        {"another case", "None", false, false}, {"more", "none ", false, false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_request request = {.param_count = cases[i].value != NULL};
        struct way_error err;
        bool is_dns_wanted = false;

        print_message("    %s\n", cases[i].label);
        request.params[0].name = bytes_of("fallback");
        request.params[0].value = bytes_of(cases[i].value == NULL ? "" : cases[i].value);
        if (cases[i].is_fine) {
            assert_int_equal(api_param_fallback(&request, &is_dns_wanted, &err), WAY_OK);
            assert_int_equal(is_dns_wanted, cases[i].want);
            continue;
        }
        assert_int_equal(api_param_fallback(&request, &is_dns_wanted, &err), WAY_INVALID);
        assert_string_equal(err.field, "fallback");
    }
}

static void a_number_has_bounds_and_a_default(void **state)
{
    static const struct {
        const char *label, *value; /* value NULL: left out */
        bool is_required;
        bool is_fine;
        uint64_t want;
    } cases[] = {
        {"left out", NULL, false, true, 7},
        {"left out, and required", NULL, true, false, 0},
        {"the least", "2", false, true, 2},
        {"the most", "1000", true, true, 1000},
        {"below", "1", false, false, 0},
        {"above", "1001", false, false, 0},
        {"empty", "", false, false, 0},
        {"a sign", "+5", false, false, 0},
        {"a blank", " 5", false, false, 0},
        {"no digits", "five", false, false, 0},
        {"a fraction", "5.0", false, false, 0},
        {"far above", "99999999999999999999999", false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_number_rule rule = {.name = "limit",
                                       .min = 2,
                                       .max = 1000,
                                       .fallback = 7,
                                       .is_required = cases[i].is_required};
        struct api_request request = {.param_count = cases[i].value != NULL};
        struct way_error err;
        uint64_t got = 99;

        print_message("    %s\n", cases[i].label);
        request.params[0].name = bytes_of("limit");
        request.params[0].value = bytes_of(cases[i].value == NULL ? "" : cases[i].value);
        if (cases[i].is_fine) {
            assert_int_equal(api_param_number(&request, &rule, &got, &err), WAY_OK);
            assert_int_equal(got, cases[i].want);
            continue;
        }
        assert_int_equal(api_param_number(&request, &rule, &got, &err), WAY_INVALID);
        assert_string_equal(err.field, "limit");
    }
}

static void min_revision_is_a_number_or_left_out(void **state)
{
    static const struct {
        const char *label, *value; /* value NULL: left out */
        bool is_fine;
        uint64_t want;
    } cases[] = {
        {"left out", NULL, true, 0},
        {"nothing yet", "0", true, 0},
        {"a revision", "4711", true, 4711},
        {"the last one", "9223372036854775807", true, INT64_MAX},
        {"one more", "9223372036854775808", false, 0},
        {"twenty digits and more", "100000000000000000000", false, 0},
        {"empty", "", false, 0},
        {"negative", "-1", false, 0},
        {"a sign", "+1", false, 0},
        {"a blank", "1 ", false, 0},
        {"hexadecimal", "0x1", false, 0},
        {"a fraction", "1.0", false, 0},
        {"a word", "latest", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_request request = {.param_count = cases[i].value != NULL};
        struct way_error err;
        uint64_t min_revision = 1;

        print_message("    %s\n", cases[i].label);
        request.params[0].name = bytes_of("min_revision");
        request.params[0].value = bytes_of(cases[i].value == NULL ? "" : cases[i].value);
        if (cases[i].is_fine) {
            assert_int_equal(api_param_min_revision(&request, &min_revision, &err), WAY_OK);
            assert_true(min_revision == cases[i].want);
            continue;
        }
        assert_int_equal(api_param_min_revision(&request, &min_revision, &err), WAY_INVALID);
        assert_string_equal(err.field, "min_revision");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_told_under_the_name_of_the_parameter),
        cmocka_unit_test(fallback_is_none_or_left_out),
        cmocka_unit_test(a_number_has_bounds_and_a_default),
        cmocka_unit_test(min_revision_is_a_number_or_left_out),
    };

    return cmocka_run_group_tests_name("api/params", tests, NULL, NULL);
}
