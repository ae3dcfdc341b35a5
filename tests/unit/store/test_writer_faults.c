/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "writer_fixture.h"

#include <fcntl.h>
#include <unistd.h>

/* --- a database that is away ------------------------------------------------------------------ */

static void a_database_that_is_away_fails_all_and_writes_nothing(void **state)
{
    static const struct {
        const char *label;
        enum fake_call call;
    } cases[] = {
        {"connecting", FAKE_OPEN},    {"the beginning", FAKE_RESERVE}, {"the rows", FAKE_FETCH},
        {"the writing", FAKE_UPSERT}, {"the log", FAKE_LOG},           {"the commit", FAKE_COMMIT},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fake_on(fixture->fake,
                (struct fake_event){
                    .call = cases[i].call, .first = 1, .last = FOREVER, .status = WAY_UNAVAILABLE});
        fake_set_gate(fixture->fake, FAKE_OPEN, 1);
        for (unsigned j = 0; j < 10; j++) {
            char key[32];

            (void)snprintf(key, sizeof key, "k%u.example", j);
            assert_int_equal(post(probe_put(fixture, key, "10.0.0.1")), WAY_OK);
        }
        fake_set_gate(fixture->fake, FAKE_OPEN, 0);
        wait_for_answers(fixture);
        for (size_t j = 0; j < fixture->probe_count; j++) {
            assert_int_equal(fixture->probes[j]->calls, 1);
            assert_int_equal(fixture->probes[j]->write.status, WAY_UNAVAILABLE);
            assert_string_equal(fixture->probes[j]->write.err.detail, fixture->fake->detail);
        }
        assert_dense(fixture, 0);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_session_that_died_idle_is_replaced_once(void **state)
{
    static const struct {
        const char *label;
        unsigned faults; /* one behind the other */
        enum way_status want;
    } cases[] = {
        {"the server had closed it", 1, WAY_OK},
        {"the server is away", 2, WAY_UNAVAILABLE},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        assert_int_equal(perform(probe_put(fixture, "a.example", "10.0.0.1")), WAY_OK);
        fake_on(fixture->fake, (struct fake_event){.call = FAKE_RESERVE,
                                                   .first = 2,
                                                   .last = 1 + cases[i].faults,
                                                   .status = WAY_UNAVAILABLE});
        assert_int_equal(perform(probe_put(fixture, "b.example", "10.0.0.1")), cases[i].want);
        assert_int_equal(fake_count(fixture->fake, FAKE_OPEN), 2);
        assert_int_equal(perform(probe_put(fixture, "c.example", "10.0.0.1")), WAY_OK);
        assert_int_equal(fixture->fake->now.revision, cases[i].want == WAY_OK ? 3 : 2);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_new_session_that_fails_at_once_is_not_tried_again(void **state)
{
    struct fixture *fixture = *state;

    fake_on(fixture->fake,
            (struct fake_event){
                .call = FAKE_RESERVE, .first = 1, .last = 1, .status = WAY_UNAVAILABLE});
    assert_int_equal(perform(probe_put(fixture, "a.example", "10.0.0.1")), WAY_UNAVAILABLE);
    assert_int_equal(fake_count(fixture->fake, FAKE_RESERVE), 1);
}

static void a_session_that_cannot_be_opened_is_no_session(void **state)
{
    static const struct {
        const char *label;
        enum way_status status;
        unsigned last;
        enum way_status want;
    } cases[] = {
        {"another holds the file for a moment", WAY_BUSY, 2, WAY_OK},
        {"another holds the file", WAY_BUSY, FOREVER, WAY_UNAVAILABLE},
        {"no memory", WAY_NO_MEMORY, 1, WAY_NO_MEMORY},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fake_on(fixture->fake, (struct fake_event){.call = FAKE_OPEN,
                                                   .first = 1,
                                                   .last = cases[i].last,
                                                   .status = cases[i].status});
        assert_int_equal(perform(probe_put(fixture, "a.example", "10.0.0.1")), cases[i].want);
        fake_forget(fixture->fake);
        assert_int_equal(perform(probe_put(fixture, "b.example", "10.0.0.1")), WAY_OK);
        assert_int_equal(tear_down(state), 0);
    }
}

/* --- commits of unknown outcome --------------------------------------------------------------- */

static void a_commit_without_an_answer_is_settled(void **state)
{
    static const struct {
        const char *label;
        enum fake_moment moment; /* BEFORE: it was lost; AFTER: it was done */
        unsigned unasked;        /* questions that go wrong before one is answered */
        unsigned want_commits;
    } cases[] = {
        {"it was done", FAKE_AFTER, 0, 1},
        {"it was lost, and is made again", FAKE_BEFORE, 0, 2},
        {"it was done, which is learnt at the third question", FAKE_AFTER, 2, 1},
        {"it was lost, which is learnt at the third question", FAKE_BEFORE, 2, 2},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct probe *probe;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fake_on(fixture->fake, (struct fake_event){.call = FAKE_COMMIT,
                                                   .moment = cases[i].moment,
                                                   .first = 1,
                                                   .last = 1,
                                                   .status = WAY_UNSETTLED});
        fake_on(fixture->fake, (struct fake_event){.call = FAKE_SETTLE,
                                                   .first = 1,
                                                   .last = cases[i].unasked,
                                                   .status = WAY_UNAVAILABLE});
        probe = probe_put(fixture, "a.example", "10.0.0.1");
        assert_int_equal(perform(probe), WAY_OK);
        assert_int_equal(probe->write.verdict, WAY_VERDICT_CREATED);
        assert_int_equal(probe->committed_before, 1);
        assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), cases[i].want_commits);
        assert_int_equal(fake_count(fixture->fake, FAKE_SETTLE), cases[i].unasked + 1);
        assert_stored(fixture, "a.example", "10.0.0.1");
        assert_dense(fixture, 1);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_commit_that_nobody_can_settle_stays_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = probe_put(fixture, "a.example", "10.0.0.1");

    probe->write.deadline_ms = way_clock_mono_ms() + 1000;
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_COMMIT,
                                               .moment = FAKE_AFTER,
                                               .first = 1,
                                               .last = 1,
                                               .status = WAY_UNSETTLED});
    fake_on(fixture->fake,
            (struct fake_event){
                .call = FAKE_SETTLE, .first = 1, .last = FOREVER, .status = WAY_UNAVAILABLE});
    assert_int_equal(perform(probe), WAY_UNSETTLED);
    assert_int_equal(fixture->shown_count, 0); /* what is not known is not shown */
    assert_int_equal(fixture->observed[WAY_UNSETTLED], 1);
    assert_in_range(fake_count(fixture->fake, FAKE_SETTLE), 2, 10);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 1);
}

/* --- the log ---------------------------------------------------------------------------------- */

static void what_a_database_says_stays_one_value_of_one_line(void **state)
{
    struct fixture *fixture = *state;
    char out[4096] = "";
    int ends[2];
    int saved;
    ssize_t len;

    (void)snprintf(fixture->fake->detail, sizeof fixture->fake->detail,
                   "near \"x\"\nlevel=error event=forged");
    fake_set_down(fixture->fake, true);
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    way_log_set_level(WAY_LOG_WARN);
    assert_int_equal(perform(probe_put(fixture, "a.example", "10.0.0.1")), WAY_UNAVAILABLE);
    way_log_set_level(WAY_LOG_ERROR);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    len = read(ends[0], out, sizeof out - 1);
    assert_in_range(len, 1, sizeof out - 1);
    assert_non_null(strstr(out, "event=writer.failed"));
    assert_non_null(strstr(out, "forged"));
    assert_ptr_equal(strchr(out, '\n'), out + len - 1);
    assert_null(strstr(out, "near \"x\"")); /* quotes inside a value are escaped */
    (void)close(saved);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_that_is_away_fails_all_and_writes_nothing),
        cmocka_unit_test(a_session_that_died_idle_is_replaced_once),
        cmocka_unit_test_setup_teardown(a_new_session_that_fails_at_once_is_not_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test(a_session_that_cannot_be_opened_is_no_session),
        cmocka_unit_test(a_commit_without_an_answer_is_settled),
        cmocka_unit_test_setup_teardown(a_commit_that_nobody_can_settle_stays_unknown, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_database_says_stays_one_value_of_one_line, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("store/writer, faults", tests, quiet, NULL);
}
