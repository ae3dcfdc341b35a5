/* SPDX-License-Identifier: MIT */
#include "api/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void every_problem_has_a_status_and_a_code(void **state)
{
    /* The contract of design section 3. */
    static const struct {
        enum api_problem problem;
        unsigned status;
        const char *code;
        bool is_retry_wanted;
    } cases[] = {
        {API_BAD_REQUEST, 400, "bad_request", false},
        {API_UNAUTHORIZED, 401, "unauthorized", false},
        {API_FORBIDDEN, 403, "forbidden", false},
        {API_CROSS_ORIGIN, 403, "cross_origin", false},
        {API_NOT_FOUND, 404, "not_found", false},
        {API_NO_ROUTE, 404, "no_route", false},
        {API_NXDOMAIN, 404, "nxdomain", false},
        {API_NO_MAIL_HOST, 404, "no_mail_host", false},
        {API_NO_ADDRESS, 404, "no_address", false},
        {API_METHOD_NOT_ALLOWED, 405, "method_not_allowed", false},
        {API_NOT_ACCEPTABLE, 406, "not_acceptable", false},
        {API_EXISTS, 409, "exists", false},
        {API_CHANGED_SINCE, 409, "changed_since", false},
        {API_GONE, 410, "gone", false},
        {API_STALE, 412, "stale", false},
        {API_TOO_LARGE, 413, "too_large", false},
        {API_URI_TOO_LONG, 414, "uri_too_long", false},
        {API_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type", false},
        {API_INVALID, 422, "invalid", false},
        {API_TOO_MANY_REQUESTS, 429, "too_many_requests", false},
        {API_HEADERS_TOO_LARGE, 431, "headers_too_large", false},
        {API_INTERNAL, 500, "internal", false},
        {API_DNS_FAILURE, 502, "dns_failure", false},
        {API_BUSY, 503, "busy", true},
        {API_BEHIND, 503, "behind", true},
        {API_STORE_UNAVAILABLE, 503, "store_unavailable", true},
        {API_NOT_READY, 503, "not_ready", true},
        {API_DNS_TIMEOUT, 504, "dns_timeout", false},
    };

    (void)state;
    assert_int_equal(WAY_COUNT_OF(cases), API_PROBLEM_COUNT);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].code);
        assert_int_equal(api_problem_status(cases[i].problem), cases[i].status);
        assert_string_equal(api_problem_code(cases[i].problem), cases[i].code);
        assert_int_equal(api_problem_retry_after(cases[i].problem) > 0, cases[i].is_retry_wanted);
    }
}

static void every_status_of_the_domain_is_a_problem(void **state)
{
    static const struct {
        enum way_status status;
        enum api_problem want;
    } cases[] = {
        {WAY_MALFORMED, API_BAD_REQUEST},
        {WAY_INVALID, API_INVALID},
        {WAY_NOT_FOUND, API_NOT_FOUND},
        {WAY_EXISTS, API_EXISTS},
        {WAY_STALE, API_STALE},
        {WAY_GONE, API_GONE},
        {WAY_TOO_LARGE, API_TOO_LARGE},
        {WAY_BUSY, API_BUSY},
        {WAY_BEHIND, API_BEHIND},
        {WAY_UNAVAILABLE, API_STORE_UNAVAILABLE},
        {WAY_UNSETTLED, API_STORE_UNAVAILABLE},
        {WAY_TIMEOUT, API_STORE_UNAVAILABLE},
        {WAY_NO_MEMORY, API_BUSY},
        {WAY_INTERNAL, API_INTERNAL},
        {WAY_OK, API_INTERNAL}, /* a defect: success is no problem */
    };

    (void)state;
    assert_int_equal(WAY_COUNT_OF(cases), WAY_STATUS_COUNT);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", way_status_name(cases[i].status));
        assert_int_equal(api_problem_of_status(cases[i].status), cases[i].want);
    }
}

static void every_outcome_of_a_lookup_is_a_problem(void **state)
{
    static const struct {
        enum way_lookup_outcome outcome;
        unsigned status;
    } cases[] = {
        {WAY_LOOKUP_NXDOMAIN, 404},    {WAY_LOOKUP_NO_MAIL_HOST, 404}, {WAY_LOOKUP_NO_ADDRESS, 404},
        {WAY_LOOKUP_DNS_FAILURE, 502}, {WAY_LOOKUP_DNS_TIMEOUT, 504},  {WAY_LOOKUP_BUSY, 503},
        {WAY_LOOKUP_NOT_READY, 503},
    };

    (void)state;
    assert_int_equal(WAY_COUNT_OF(cases) + 1, WAY_LOOKUP_OUTCOME_COUNT); /* one is an answer */
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        enum api_problem problem = api_problem_of_outcome(cases[i].outcome);
        char detail[WAY_ERROR_DETAIL_MAX];

        print_message("    %s\n", way_lookup_outcome_name(cases[i].outcome));
        assert_int_equal(api_problem_status(problem), cases[i].status);
        assert_string_equal(api_problem_code(problem), way_lookup_outcome_name(cases[i].outcome));
        api_problem_describe_outcome(cases[i].outcome, "mail.example", detail, sizeof detail);
        assert_int_not_equal(detail[0], '\0');
        if (cases[i].status != 503) {
            assert_non_null(strstr(detail, "mail.example"));
        }
    }
}

static void a_description_is_cut_to_its_room(void **state)
{
    (void)state;
    for (unsigned outcome = 0; outcome < WAY_LOOKUP_OUTCOME_COUNT; outcome++) {
        char detail[24];

        memset(detail, 'x', sizeof detail);
        api_problem_describe_outcome((enum way_lookup_outcome)outcome, "a.long.name.example",
                                     detail, 16);
        assert_in_range(strlen(detail), 1, 15);
        assert_int_equal(detail[16], 'x');
    }
}

static void a_problem_is_a_document(void **state)
{
    static const struct {
        const char *label;
        enum api_problem problem;
        const char *field, *detail, *want;
    } cases[] = {
        {"without a field", API_NXDOMAIN, "", "mail.example does not exist in DNS",
         "{\"type\":\"urn:waypost:problem:nxdomain\",\"title\":\"The name does not exist in DNS\","
         "\"status\":404,\"detail\":\"mail.example does not exist in DNS\","
         "\"instance\":\"urn:waypost:request:r1\",\"code\":\"nxdomain\"}\n"},
        {"with a field", API_INVALID, "target_host", "must not be empty",
         "{\"type\":\"urn:waypost:problem:invalid\",\"title\":\"The request breaks a rule\","
         "\"status\":422,\"detail\":\"target_host: must not be empty\","
         "\"instance\":\"urn:waypost:request:r1\",\"code\":\"invalid\","
         "\"errors\":[{\"field\":\"target_host\",\"message\":\"must not be empty\"}]}\n"},
        {"a rule without a field is the body's", API_INVALID, "", "breaks a check",
         "{\"type\":\"urn:waypost:problem:invalid\",\"title\":\"The request breaks a rule\","
         "\"status\":422,\"detail\":\"breaks a check\","
         "\"instance\":\"urn:waypost:request:r1\",\"code\":\"invalid\","
         "\"errors\":[{\"field\":\"body\",\"message\":\"breaks a check\"}]}\n"},
        {"quotes, control bytes and no UTF-8", API_BAD_REQUEST, "", "a \"b\"\n\x01\xff",
         "{\"type\":\"urn:waypost:problem:bad_request\",\"title\":\"The request does not parse\","
         "\"status\":400,\"detail\":\"a \\\"b\\\"\\n\\u0001\\ufffd\","
         "\"instance\":\"urn:waypost:request:r1\",\"code\":\"bad_request\"}\n"},
        {"a field from outside", API_INVALID, "a\"b", "is not a field of an override",
         "{\"type\":\"urn:waypost:problem:invalid\",\"title\":\"The request breaks a rule\","
         "\"status\":422,\"detail\":\"a\\\"b: is not a field of an override\","
         "\"instance\":\"urn:waypost:request:r1\",\"code\":\"invalid\","
         "\"errors\":[{\"field\":\"a\\\"b\",\"message\":\"is not a field of an override\"}]}\n"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_text text;

        print_message("    %s\n", cases[i].label);
        way_text_init(&text, NULL, 0, 4096);
        api_problem_write(&text, cases[i].problem, cases[i].field, cases[i].detail, "r1");
        assert_string_equal(way_text_string(&text), cases[i].want);
        way_text_fini(&text);
    }
}

static void a_problem_lists_what_is_wrong_with_what(void **state)
{
    static const struct api_problem_error errors[] = {
        {"a.example", "was changed by revision 7"},
        {"b \"quoted\"", "was changed meanwhile"},
    };
    struct way_text text;

    (void)state;
    way_text_init(&text, NULL, 0, 4096);
    api_problem_write_errors(&text, API_CHANGED_SINCE, "2 of them", errors, 2, "r1");
    assert_string_equal(
        way_text_string(&text),
        "{\"type\":\"urn:waypost:problem:changed_since\",\"title\":\"What is to be undone has "
        "changed since\",\"status\":409,\"detail\":\"2 of them\","
        "\"instance\":\"urn:waypost:request:r1\",\"code\":\"changed_since\",\"errors\":["
        "{\"field\":\"a.example\",\"message\":\"was changed by revision 7\"},"
        "{\"field\":\"b \\\"quoted\\\"\",\"message\":\"was changed meanwhile\"}]}\n");
    way_text_clear(&text);
    api_problem_write_errors(&text, API_CHANGED_SINCE, "none", errors, 0, "r1");
    assert_null(strstr(way_text_string(&text), "errors"));
    way_text_fini(&text);
}

static void a_list_of_errors_is_bounded(void **state)
{
    enum { MANY = API_PROBLEM_ERRORS_MAX + 1 };

    struct api_problem_error errors[MANY];
    struct way_text text;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        errors[i] = (struct api_problem_error){"a.example", "x"};
    }
    way_text_init(&text, NULL, 0, 65536);
    api_problem_write_errors(&text, API_CHANGED_SINCE, "many", errors, MANY, "r1");
    for (const char *at = way_text_string(&text); (at = strstr(at, "\"field\"")) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, API_PROBLEM_ERRORS_MAX);
    way_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_problem_has_a_status_and_a_code),
        cmocka_unit_test(every_status_of_the_domain_is_a_problem),
        cmocka_unit_test(every_outcome_of_a_lookup_is_a_problem),
        cmocka_unit_test(a_description_is_cut_to_its_room),
        cmocka_unit_test(a_problem_is_a_document),
        cmocka_unit_test(a_problem_lists_what_is_wrong_with_what),
        cmocka_unit_test(a_list_of_errors_is_bounded),
    };

    return cmocka_run_group_tests_name("api/problem", tests, NULL, NULL);
}
