/* SPDX-License-Identifier: MIT */
#include "api/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

/* In the server's place. */
static int resumed;

void api_exchange_resume(struct api_exchange *exchange)
{
    assert_true(exchange->is_finished);
    resumed++;
}

static int set_up(void **state)
{
    struct api_exchange *exchange = calloc(1, sizeof *exchange);

    assert_non_null(exchange);
    way_text_init(&exchange->response.body, exchange->response.inline_body,
                  sizeof exchange->response.inline_body, API_RESPONSE_MAX);
    (void)snprintf(exchange->request.id, sizeof exchange->request.id, "r1");
    resumed = 0;
    *state = exchange;
    return 0;
}

static int tear_down(void **state)
{
    struct api_exchange *exchange = *state;

    way_text_fini(&exchange->response.body);
    free(exchange);
    return 0;
}

static const char *header_of(const struct api_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->response.header_count; i++) {
        if (strcmp(exchange->response.headers[i].name, name) == 0) {
            return exchange->response.headers[i].value;
        }
    }
    return NULL;
}

static void an_answer_that_is_made_at_once_resumes_nothing(void **state)
{
    struct api_exchange *exchange = *state;

    api_respond(exchange, 204, API_MEDIA_NONE);
    api_exchange_finish(exchange);
    assert_true(exchange->is_finished);
    assert_int_equal(resumed, 0);
}

static void forget(struct api_exchange *exchange)
{
    (void)exchange;
}

static void an_answer_that_came_later_resumes_the_connection_once(void **state)
{
    struct api_exchange *exchange = *state;
    int waiting;

    api_exchange_wait(exchange, 77, forget, &waiting);
    assert_false(exchange->is_finished);
    assert_int_equal(exchange->deadline_ms, 77);
    assert_ptr_equal(exchange->waiting, &waiting);
    api_respond(exchange, 200, API_MEDIA_JSON);
    api_exchange_finish(exchange);
    assert_int_equal(resumed, 1);
    assert_null(exchange->abandon);
    assert_null(exchange->waiting);
}

static void a_refusal_leaves_nothing_of_a_half_made_answer(void **state)
{
    struct api_exchange *exchange = *state;
    struct api_response *response = &exchange->response;

    api_respond(exchange, 200, API_MEDIA_JSON);
    api_respond_header(exchange, "ETag", "\"1-2\"");
    response->may_be_kept = true;
    response->constant = "constant";
    response->constant_len = 8;
    way_text_puts(&response->body, "{\"half\":");
    api_refuse(exchange, API_BUSY, "", "too much");
    assert_int_equal(response->status, 503);
    assert_true(response->is_problem);
    assert_false(response->may_be_kept);
    assert_null(response->constant);
    assert_null(header_of(exchange, "ETag"));
    assert_string_equal(header_of(exchange, "Retry-After"), "1");
    assert_null(strstr(way_text_string(&response->body), "half"));
    assert_non_null(strstr(way_text_string(&response->body), "\"code\":\"busy\""));
    assert_non_null(strstr(way_text_string(&response->body), "urn:waypost:request:r1"));
}

static void a_refusal_that_did_not_fit_before_fits_after(void **state)
{
    struct api_exchange *exchange = *state;

    exchange->response.body.is_full = true;
    api_refuse(exchange, API_NOT_FOUND, "", "no override");
    assert_int_equal(way_text_status(&exchange->response.body), WAY_OK);
    assert_null(header_of(exchange, "Retry-After"));
}

static void the_domain_says_what_went_wrong(void **state)
{
    static const struct {
        enum way_status status;
        unsigned want;
        const char *says;
        bool is_retry_wanted;
    } cases[] = {
        {WAY_INVALID, 422, "target_host: the detail", false},
        {WAY_STALE, 412, "the detail", false},
        {WAY_UNAVAILABLE, 503, "the detail", true},
        {WAY_UNSETTLED, 503, "may or may not be stored", true},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_exchange *exchange;
        struct way_error err;

        assert_int_equal(set_up(state), 0);
        exchange = *state;
        (void)way_fail(&err, cases[i].status, cases[i].status == WAY_INVALID ? "target_host" : "",
                       "the detail");
        api_refuse_error(exchange, &err);
        assert_int_equal(exchange->response.status, cases[i].want);
        assert_non_null(strstr(way_text_string(&exchange->response.body), cases[i].says));
        assert_int_equal(header_of(exchange, "Retry-After") != NULL, cases[i].is_retry_wanted);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_header_is_cut_to_its_room(void **state)
{
    struct api_exchange *exchange = *state;
    char value[2 * API_HEADER_VALUE_MAX];

    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    api_respond_header(exchange, "Location", value);
    assert_int_equal(strlen(header_of(exchange, "Location")), API_HEADER_VALUE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_that_is_made_at_once_resumes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_came_later_resumes_the_connection_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_leaves_nothing_of_a_half_made_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_that_did_not_fit_before_fits_after, set_up,
                                        tear_down),
        cmocka_unit_test(the_domain_says_what_went_wrong),
        cmocka_unit_test_setup_teardown(a_header_is_cut_to_its_room, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("api/exchange", tests, NULL, NULL);
}
