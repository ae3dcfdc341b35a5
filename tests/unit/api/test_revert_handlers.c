/* SPDX-License-Identifier: MIT */
/*
 * api/handlers/revert and undo, without HTTP and without a database: the test stands in the
 * service's place, sees what is asked of it, and answers when and as it likes.
 */
#include "api/handlers/handlers.h"

#include "base/clock.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define ROW_JSON                                                                                \
    "{\"lookup_key\":\"a.example\",\"target_host\":\"10.0.0.5\",\"comment\":\"\xc3\xbc\",\""    \
    "enabled\":false,\"created_at\":\"x\",\"created_by\":\"x\",\"updated_at\":\"x\",\"updated_" \
    "by\":\"x\",\"revision\":3}"

struct fixture {
    struct api_context context;
    struct api_exchange exchange;
    int resumed;
};

/* In the server's place. */
void api_exchange_resume(struct api_exchange *exchange)
{
    WAY_OWNER_OF(exchange, struct fixture, exchange)->resumed++;
}

/* In the service's place. */
static struct way_service_call *posted; /* NULL: nothing is under way */
static unsigned post_count;
static bool is_refusing;

enum way_status way_service_post(struct way_service *service, struct way_service_call *call,
                                 struct way_error *err)
{
    (void)service;
    if (is_refusing) {
        return way_fail(err, WAY_UNAVAILABLE, "", "the database is away");
    }
    assert_null(posted);
    posted = call;
    post_count++;
    return WAY_OK;
}

/* The call under way, which must be of this kind. */
static struct way_service_call *expect(enum way_service_kind kind)
{
    assert_non_null(posted);
    assert_int_equal(posted->kind, kind);
    return posted;
}

static void answer(enum way_status status, const char *field, const char *detail)
{
    struct way_service_call *call = posted;

    posted = NULL;
    call->status = status == WAY_OK ? WAY_OK : way_fail(&call->err, status, field, "%s", detail);
    call->done(call);
}

static void answer_past(enum way_past_kind kind, const char *json)
{
    struct way_past *past = &expect(WAY_SERVICE_PAST)->of.past.past;

    past->kind = kind;
    (void)snprintf(past->json, sizeof past->json, "%s", json);
    answer(WAY_OK, "", "");
}

/* What is asked of the writer. */
static const struct way_wish *expect_wish(enum way_wish_kind kind)
{
    const struct way_write *write = &expect(WAY_SERVICE_WRITE)->of.write;

    assert_int_equal(write->kind, WAY_WRITE_WISH);
    assert_int_equal(write->wish.kind, kind);
    assert_string_equal(write->wish.key.text, "a.example");
    return &write->wish;
}

/* The writer has done it: the row is now of `revision`. */
static void answer_written(enum way_verdict verdict, uint64_t revision)
{
    struct way_write *write = &expect(WAY_SERVICE_WRITE)->of.write;

    write->verdict = verdict;
    write->row.lookup_key = write->wish.key;
    write->row.target = write->wish.target;
    write->row.revision = revision;
    answer(WAY_OK, "", "");
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    way_log_set_level(WAY_LOG_ERROR);
    posted = NULL;
    post_count = 0;
    is_refusing = false;
    fixture->context.index = way_index_new();
    assert_non_null(fixture->context.index);
    fixture->exchange.context = &fixture->context;
    fixture->exchange.produces = API_MEDIA_JSON;
    (void)snprintf(fixture->exchange.request.id, sizeof fixture->exchange.request.id, "r1");
    way_text_init(&fixture->exchange.response.body, NULL, 0, API_RESPONSE_MAX);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    assert_null(posted);
    way_text_fini(&fixture->exchange.response.body);
    way_index_free(fixture->context.index);
    free(fixture);
    return 0;
}

static struct api_bytes bytes_of(const char *text)
{
    return (struct api_bytes){text, strlen(text)};
}

static void assert_answer(struct fixture *fixture, unsigned status, const char *part)
{
    assert_true(fixture->exchange.is_finished);
    assert_int_equal(fixture->exchange.response.status, status);
    assert_non_null(strstr(way_text_string(&fixture->exchange.response.body), part));
}

/* --- one override ----------------------------------------------------------------------------- */

/* Asks for a.example as it was at revision 3. */
static void begin_revert(struct fixture *fixture)
{
    fixture->exchange.request.key = bytes_of("A.Example.");
    fixture->exchange.request.body = bytes_of("{\"revision\":3}");
    fixture->exchange.request.headers.reason = "why not";
    api_revert_override(&fixture->exchange);
    assert_string_equal(expect(WAY_SERVICE_PAST)->of.past.key.text, "a.example");
    assert_int_equal(posted->of.past.revision, 3);
}

static void what_was_is_wished_for_whole(void **state)
{
    struct fixture *fixture = *state;
    const struct way_wish *wish;

    begin_revert(fixture);
    answer_past(WAY_PAST_ROW, ROW_JSON);
    wish = expect_wish(WAY_WISH_PUT);
    assert_true(wish->has_target && wish->has_comment && wish->has_enabled);
    assert_string_equal(wish->target.host.text, "10.0.0.5");
    assert_string_equal(wish->comment, "\xc3\xbc");
    assert_false(wish->enabled);
    assert_string_equal(wish->actor, "-");
    assert_string_equal(wish->reason, "why not");
    answer_written(WAY_VERDICT_CREATED, 9);
    assert_answer(fixture, 200, "\"revision\":9");
    assert_int_equal(fixture->exchange.response.revision, 9);
    assert_int_equal(fixture->resumed, 1);
}

static void what_was_not_there_is_deleted(void **state)
{
    struct fixture *fixture = *state;

    begin_revert(fixture);
    answer_past(WAY_PAST_ABSENT, "");
    (void)expect_wish(WAY_WISH_DELETE);
    answer_written(WAY_VERDICT_DELETED, 9);
    assert_answer(fixture, 200, "{\"lookup_key\":\"a.example\",\"deleted\":true,\"revision\":9}");
}

/* Somebody else was quicker. */
static void what_has_vanished_meanwhile_is_deleted_already(void **state)
{
    struct fixture *fixture = *state;

    begin_revert(fixture);
    answer_past(WAY_PAST_ABSENT, "");
    (void)expect_wish(WAY_WISH_DELETE);
    answer(WAY_NOT_FOUND, "", "there is no override");
    assert_answer(fixture, 200, "\"deleted\":true,\"revision\":0}");
}

static void what_has_vanished_and_was_expected_is_stale(void **state)
{
    struct fixture *fixture = *state;

    fixture->exchange.request.headers.if_match = "*";
    begin_revert(fixture);
    answer_past(WAY_PAST_ABSENT, "");
    assert_true(expect_wish(WAY_WISH_DELETE)->precondition.if_match_any);
    answer(WAY_NOT_FOUND, "", "there is no override");
    assert_answer(fixture, 412, "\"code\":\"stale\"");
}

static void what_nothing_has_changed_stays(void **state)
{
    struct fixture *fixture = *state;
    const struct way_wish *wish;

    begin_revert(fixture);
    answer_past(WAY_PAST_SAME, "");
    wish = expect_wish(WAY_WISH_PATCH);
    assert_false(wish->has_target || wish->has_comment || wish->has_enabled);
    answer_written(WAY_VERDICT_NONE, 2);
    assert_answer(fixture, 200, "\"revision\":2");
    assert_int_equal(post_count, 2);
}

/* Between the two calls: the answer must be what was asked for, not what somebody else has made. */
static void a_change_in_between_is_looked_at_again(void **state)
{
    struct fixture *fixture = *state;

    begin_revert(fixture);
    answer_past(WAY_PAST_SAME, "");
    answer_written(WAY_VERDICT_NONE, 8);
    assert_false(fixture->exchange.is_finished);
    answer_past(WAY_PAST_ROW, ROW_JSON);
    (void)expect_wish(WAY_WISH_PUT);
    answer_written(WAY_VERDICT_CHANGED, 9);
    assert_answer(fixture, 200, "10.0.0.5");
}

static void a_deletion_in_between_is_looked_at_again(void **state)
{
    struct fixture *fixture = *state;

    begin_revert(fixture);
    answer_past(WAY_PAST_SAME, "");
    answer(WAY_NOT_FOUND, "", "there is no override");
    assert_false(fixture->exchange.is_finished);
    answer_past(WAY_PAST_ROW, ROW_JSON);
    answer_written(WAY_VERDICT_CREATED, 9);
    assert_answer(fixture, 200, "10.0.0.5");
}

/* A row of a taken-over database has a revision that the log does not know. */
static void it_is_looked_at_twice_at_most(void **state)
{
    struct fixture *fixture = *state;

    begin_revert(fixture);
    for (unsigned i = 0; i < 2; i++) {
        answer_past(WAY_PAST_SAME, "");
        answer_written(WAY_VERDICT_NONE, 8);
    }
    assert_answer(fixture, 200, "\"revision\":8");
    assert_int_equal(post_count, 4);
}

static void both_calls_share_the_time_of_one_request(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = way_clock_mono_ms();
    uint64_t latest;

    begin_revert(fixture);
    latest = posted->latest_ms;
    assert_in_range(latest, before + WAY_SERVICE_DEADLINE_MS,
                    way_clock_mono_ms() + WAY_SERVICE_DEADLINE_MS);
    assert_true(latest < fixture->exchange.deadline_ms);
    answer_past(WAY_PAST_ROW, ROW_JSON);
    assert_int_equal(expect(WAY_SERVICE_WRITE)->latest_ms, latest);
    answer_written(WAY_VERDICT_CHANGED, 9);
    assert_answer(fixture, 200, "10.0.0.5");
}

static void what_cannot_be_stored_any_more_is_refused(void **state)
{
    static const char *const cases[] = {
        "{",
        "[]",
        "{\"target_host\":\"a b\"}",
        "{\"target_host\":\"A.example\"}",
        "{\"comment\":\"x\"}",
        "{\"target_host\":\"10.0.0.5\",\"lookup_key\":\"b.example\"}",
        "{\"target_host\":\"10.0.0.5\",\"of_the_future\":1}",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i]);
        fixture->exchange.is_finished = false;
        begin_revert(fixture);
        answer_past(WAY_PAST_ROW, cases[i]);
        assert_answer(fixture, 422, "\"field\":\"revision\"");
        assert_non_null(strstr(way_text_string(&fixture->exchange.response.body), "any more"));
    }
}

static void a_failure_of_either_call_is_the_answer(void **state)
{
    struct fixture *fixture = *state;

    begin_revert(fixture);
    answer(WAY_GONE, "revision", "too long ago");
    assert_answer(fixture, 410, "too long ago");

    fixture->exchange.is_finished = false;
    begin_revert(fixture);
    answer_past(WAY_PAST_ROW, ROW_JSON);
    answer(WAY_UNSETTLED, "", "broke off");
    assert_answer(fixture, 503, "may or may not be stored");

    fixture->exchange.is_finished = false;
    begin_revert(fixture);
    is_refusing = true;
    answer_past(WAY_PAST_ROW, ROW_JSON);
    assert_answer(fixture, 503, "the database is away");
    assert_int_equal(fixture->resumed, 3);
}

/* The sanitizers' builds see what is not freed, or freed twice. */
static void a_client_that_gave_up_is_forgotten_after_either_call(void **state)
{
    struct fixture *fixture = *state;

    begin_revert(fixture);
    fixture->exchange.abandon(&fixture->exchange);
    answer_past(WAY_PAST_ROW, ROW_JSON);
    assert_null(posted); /* nothing is written that nobody waits for */

    begin_revert(fixture);
    answer_past(WAY_PAST_ROW, ROW_JSON);
    fixture->exchange.abandon(&fixture->exchange);
    answer_written(WAY_VERDICT_CHANGED, 9);
    assert_false(fixture->exchange.is_finished);
}

/* --- a whole change --------------------------------------------------------------------------- */

static void begin_undo(struct fixture *fixture)
{
    fixture->exchange.request.key = bytes_of("7");
    fixture->exchange.request.headers.reason = "oops";
    api_revert_revision(&fixture->exchange);
    assert_int_equal(expect(WAY_SERVICE_REVISION)->of.revision.revision, 7);
}

static struct way_entry entry_of(enum way_change_op op, const char *key, const char *before,
                                 const char *after)
{
    struct way_entry entry = {.revision = 7, .op = op, .before = before, .after = after};

    entry.key.len = (uint8_t)snprintf(entry.key.text, sizeof entry.key.text, "%s", key);
    return entry;
}

/* Shows an entry; returns whether more are wanted. */
static bool show(enum way_change_op op, const char *key, const char *before, const char *after,
                 uint64_t newest)
{
    struct way_entry entry = entry_of(op, key, before, after);
    struct way_service_call *call = expect(WAY_SERVICE_REVISION);

    return call->of.revision.visit(call->of.revision.owner, &entry, newest);
}

static void each_entry_is_wished_back_on_its_condition(void **state)
{
    struct fixture *fixture = *state;
    const struct way_write *write;

    begin_undo(fixture);
    assert_true(show(WAY_OP_UPSERT, "a.example", ROW_JSON, "{}", 7));
    assert_true(show(WAY_OP_UPSERT, "b.example", "", "{}", 7));
    assert_true(show(WAY_OP_DELETE, "c.example", "{\"target_host\":\"10.0.0.7\"}", "", 7));
    answer(WAY_OK, "", "");
    write = &expect(WAY_SERVICE_WRITE)->of.write;
    assert_int_equal(write->kind, WAY_WRITE_GROUP);
    assert_int_equal(write->group_count, 3);
    assert_int_equal(write->group[0].kind, WAY_WISH_PUT);
    assert_string_equal(write->group[0].comment, "\xc3\xbc");
    assert_int_equal(write->group[0].precondition.revision, 7);
    assert_int_equal(write->group[1].kind, WAY_WISH_DELETE);
    assert_int_equal(write->group[1].precondition.revision, 7);
    assert_int_equal(write->group[2].kind, WAY_WISH_PUT);
    assert_int_equal(write->group[2].precondition.revision, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_true(write->group[i].precondition.has_revision);
        assert_string_equal(write->group[i].actor, "-");
        assert_string_equal(write->group[i].reason, "oops");
    }
    posted->of.write.revision = 8;
    answer(WAY_OK, "", "");
    assert_answer(fixture, 200,
                  "{\"revision\":8,\"reverted\":[\"a.example\",\"b.example\",\"c.example\"]}\n");
}

static void all_that_has_changed_since_is_listed(void **state)
{
    struct fixture *fixture = *state;

    begin_undo(fixture);
    assert_true(show(WAY_OP_UPSERT, "a.example", "", "{}", 9));
    assert_true(show(WAY_OP_UPSERT, "b.example", "", "{}", 7));
    assert_true(show(WAY_OP_DELETE, "c.example", "{}", "", 12));
    answer(WAY_OK, "", "");
    assert_answer(fixture, 409,
                  "\"errors\":[{\"field\":\"a.example\",\"message\":\"was changed by revision 9\"},"
                  "{\"field\":\"c.example\",\"message\":\"was changed by revision 12\"}]");
    assert_int_equal(post_count, 1);
}

static void a_long_list_of_what_has_changed_is_cut(void **state)
{
    struct fixture *fixture = *state;
    char last[32];

    begin_undo(fixture);
    for (unsigned i = 0; i <= API_PROBLEM_ERRORS_MAX; i++) {
        (void)snprintf(last, sizeof last, "k%u.example", i);
        assert_true(show(WAY_OP_UPSERT, last, "", "{}", 9));
    }
    answer(WAY_OK, "", "");
    assert_answer(fixture, 409, "\"detail\":\"65 of the overrides");
    assert_null(strstr(way_text_string(&fixture->exchange.response.body), last));
}

/* The writer finds out what the read could not. */
static void a_change_in_between_is_named(void **state)
{
    static const enum way_status statuses[] = {WAY_STALE, WAY_NOT_FOUND};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_COUNT_OF(statuses); i++) {
        fixture->exchange.is_finished = false;
        begin_undo(fixture);
        (void)show(WAY_OP_UPSERT, "a.example", "", "{}", 7);
        (void)show(WAY_OP_UPSERT, "b.example", "", "{}", 7);
        answer(WAY_OK, "", "");
        expect(WAY_SERVICE_WRITE)->of.write.failed = 1;
        answer(statuses[i], "", "it has changed since");
        assert_answer(
            fixture, 409,
            "\"errors\":[{\"field\":\"b.example\",\"message\":\"was changed meanwhile\"}]");
    }
}

static void what_is_as_before_already_needs_no_revision(void **state)
{
    struct fixture *fixture = *state;

    begin_undo(fixture);
    (void)show(WAY_OP_UPSERT, "a.example", ROW_JSON, "{}", 7);
    answer(WAY_OK, "", "");
    posted->of.write.revision = 0;
    answer(WAY_OK, "", "");
    assert_answer(fixture, 200, "{\"revision\":0,\"reverted\":[\"a.example\"]}");
}

static void what_the_log_does_not_tell_is_not_undone(void **state)
{
    static const struct {
        const char *label;
        enum way_change_op op;
        const char *before, *after, *word;
    } cases[] = {
        {"a reload", WAY_OP_RELOAD, "", "", "reload"},
        {"a change that was logged without rows", WAY_OP_UPSERT, "", "", "recorded before"},
        {"a deletion that was", WAY_OP_DELETE, "", "", "recorded before"},
        {"a row by other rules", WAY_OP_DELETE, "{\"target_host\":\"a b\"}", "", "any more"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].label);
        fixture->exchange.is_finished = false;
        begin_undo(fixture);
        assert_true(show(WAY_OP_UPSERT, "a.example", "", "{}", 9)); /* weighs less */
        assert_false(show(cases[i].op, "b.example", cases[i].before, cases[i].after, 7));
        answer(WAY_OK, "", "");
        assert_answer(fixture, 422, cases[i].word);
    }
}

static void too_much_at_once_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char key[32];

    begin_undo(fixture);
    for (unsigned i = 0; i < WAY_WRITER_GROUP_MAX; i++) {
        (void)snprintf(key, sizeof key, "k%u.example", i);
        assert_true(show(WAY_OP_UPSERT, key, "", "{}", 7));
    }
    assert_false(show(WAY_OP_UPSERT, "over.example", "", "{}", 7));
    answer(WAY_OK, "", "");
    assert_answer(fixture, 422, "more than 1000");
}

static void a_revision_without_entries_is_gone(void **state)
{
    struct fixture *fixture = *state;

    begin_undo(fixture);
    answer(WAY_OK, "", "");
    assert_answer(fixture, 410, "\"code\":\"gone\"");
}

static void a_client_that_gave_up_leaves_no_wishes(void **state)
{
    struct fixture *fixture = *state;

    begin_undo(fixture);
    (void)show(WAY_OP_UPSERT, "a.example", "", "{}", 7);
    fixture->exchange.abandon(&fixture->exchange);
    answer(WAY_OK, "", "");
    assert_null(posted);

    begin_undo(fixture);
    (void)show(WAY_OP_UPSERT, "a.example", "", "{}", 7);
    answer(WAY_OK, "", "");
    fixture->exchange.abandon(&fixture->exchange);
    answer(WAY_OK, "", "");
    assert_false(fixture->exchange.is_finished);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_is_wished_for_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_there_is_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_vanished_meanwhile_is_deleted_already, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_has_vanished_and_was_expected_is_stale, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_nothing_has_changed_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_in_between_is_looked_at_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deletion_in_between_is_looked_at_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_is_looked_at_twice_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_calls_share_the_time_of_one_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_stored_any_more_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failure_of_either_call_is_the_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_gave_up_is_forgotten_after_either_call,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_entry_is_wished_back_on_its_condition, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_that_has_changed_since_is_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_list_of_what_has_changed_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_in_between_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_as_before_already_needs_no_revision, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_log_does_not_tell_is_not_undone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(too_much_at_once_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revision_without_entries_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_gave_up_leaves_no_wishes, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("api/revert_handlers", tests, NULL, NULL);
}
