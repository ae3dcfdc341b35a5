/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "writer_fixture.h"

/* --- one wish --------------------------------------------------------------------------------- */

static void a_wish_is_durable_and_shown_when_it_is_answered(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = probe_put(fixture, "a.example", "10.0.0.1");
    int64_t before = way_clock_wall_us();

    set_comment(probe, "why");
    assert_int_equal(perform(probe), WAY_OK);
    assert_int_equal(probe->write.verdict, WAY_VERDICT_CREATED);
    assert_int_equal(probe->write.row.revision, 1);
    assert_string_equal(probe->write.row.target.host.text, "10.0.0.1");
    assert_string_equal(probe->write.row.comment, "why");
    assert_string_equal(probe->write.row.created_by, "eve");
    assert_in_range(probe->write.row.updated_at_us, before, way_clock_wall_us());
    assert_int_equal(probe->committed_before, 1);
    assert_stored(fixture, "a.example", "10.0.0.1");
    assert_dense(fixture, 1);
    assert_int_equal(fixture->observed[WAY_OK], 1);
}

static void each_kind_of_wish_does_its_work(void **state)
{
    static const struct {
        const char *label;
        enum way_wish_kind kind;
        const char *target;
        enum way_status want;
        enum way_verdict verdict;
        uint64_t revision; /* of the row, on WAY_OK */
    } cases[] = {
        {"delete of nothing", WAY_WISH_DELETE, NULL, WAY_NOT_FOUND, WAY_VERDICT_NONE, 0},
        {"patch of nothing", WAY_WISH_PATCH, "10.0.0.1", WAY_NOT_FOUND, WAY_VERDICT_NONE, 0},
        {"create", WAY_WISH_CREATE, "10.0.0.1", WAY_OK, WAY_VERDICT_CREATED, 1},
        {"create again", WAY_WISH_CREATE, "10.0.0.1", WAY_EXISTS, WAY_VERDICT_NONE, 0},
        {"put of the same", WAY_WISH_PUT, "10.0.0.1", WAY_OK, WAY_VERDICT_NONE, 1},
        {"put of another", WAY_WISH_PUT, "10.0.0.2", WAY_OK, WAY_VERDICT_CHANGED, 2},
        {"patch", WAY_WISH_PATCH, "10.0.0.3", WAY_OK, WAY_VERDICT_CHANGED, 3},
        {"patch of the same", WAY_WISH_PATCH, "10.0.0.3", WAY_OK, WAY_VERDICT_NONE, 3},
        {"put of the key itself", WAY_WISH_PUT, "a.example", WAY_INVALID, WAY_VERDICT_NONE, 0},
        {"delete", WAY_WISH_DELETE, NULL, WAY_OK, WAY_VERDICT_DELETED, 4},
        {"delete again", WAY_WISH_DELETE, NULL, WAY_NOT_FOUND, WAY_VERDICT_NONE, 0},
        {"put", WAY_WISH_PUT, "10.0.0.4", WAY_OK, WAY_VERDICT_CREATED, 5},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct probe *probe = probe_new(fixture, cases[i].kind, "a.example", cases[i].target);

        print_message("    %s\n", cases[i].label);
        assert_int_equal(perform(probe), cases[i].want);
        assert_int_equal(probe->write.verdict, cases[i].verdict);
        if (cases[i].want == WAY_OK) {
            assert_int_equal(probe->write.row.revision, cases[i].revision);
        }
    }
    assert_stored(fixture, "a.example", "10.0.0.4");
    assert_dense(fixture, 5);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void what_waits_is_one_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[100];

    hold(fixture);
    for (size_t i = 0; i < WAY_COUNT_OF(probes); i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", i);
        probes[i] = probe_put(fixture, key, "10.0.0.1");
        assert_int_equal(post(probes[i]), WAY_OK);
    }
    let_go(fixture);
    for (size_t i = 0; i < WAY_COUNT_OF(probes); i++) {
        assert_int_equal(probes[i]->write.status, WAY_OK);
        assert_int_equal(probes[i]->write.row.revision, i + 2); /* in the order of posting */
        assert_int_equal(probes[i]->committed_before, 101);
    }
    assert_dense(fixture, 101);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 2);
    assert_int_equal(fixture->batches, 2);
    assert_int_equal(fixture->observed_wishes, 101);
}

static void a_batch_is_bounded(void **state)
{
    struct fixture *fixture = *state;

    hold(fixture);
    for (size_t i = 0; i < 2 * WAY_WRITER_BATCH_MAX + 1; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", i);
        assert_int_equal(post(probe_put(fixture, key, "10.0.0.1")), WAY_OK);
    }
    let_go(fixture);
    assert_dense(fixture, 2 * WAY_WRITER_BATCH_MAX + 2);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 4);
}

static void wishes_on_one_key_see_each_other(void **state)
{
    static const struct {
        enum way_wish_kind kind;
        const char *target;
        enum way_status want;
        enum way_verdict verdict;
    } cases[] = {
        {WAY_WISH_DELETE, NULL, WAY_NOT_FOUND, WAY_VERDICT_NONE},
        {WAY_WISH_CREATE, "10.0.0.1", WAY_OK, WAY_VERDICT_CREATED},
        {WAY_WISH_CREATE, "10.0.0.2", WAY_EXISTS, WAY_VERDICT_NONE},
        {WAY_WISH_PUT, "10.0.0.1", WAY_OK, WAY_VERDICT_NONE},
        {WAY_WISH_PUT, "10.0.0.3", WAY_OK, WAY_VERDICT_CHANGED},
        {WAY_WISH_DELETE, NULL, WAY_OK, WAY_VERDICT_DELETED},
        {WAY_WISH_PATCH, "10.0.0.4", WAY_NOT_FOUND, WAY_VERDICT_NONE},
        {WAY_WISH_PUT, "10.0.0.5", WAY_OK, WAY_VERDICT_CREATED},
        {WAY_WISH_PATCH, "10.0.0.6", WAY_OK, WAY_VERDICT_CHANGED},
    };
    struct fixture *fixture = *state;
    struct probe *probes[WAY_COUNT_OF(cases)];
    uint64_t revision = 1;

    hold(fixture);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        probes[i] = probe_new(fixture, cases[i].kind, "a.example", cases[i].target);
        assert_int_equal(post(probes[i]), WAY_OK);
    }
    let_go(fixture);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        assert_int_equal(probes[i]->write.status, cases[i].want);
        assert_int_equal(probes[i]->write.verdict, cases[i].verdict);
        revision += cases[i].verdict != WAY_VERDICT_NONE;
        if (cases[i].want == WAY_OK) {
            assert_int_equal(probes[i]->write.row.revision, revision);
        }
    }
    assert_stored(fixture, "a.example", "10.0.0.6");
    assert_dense(fixture, revision);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 2);
}

static void a_precondition_holds_against_what_came_before_in_the_batch(void **state)
{
    struct fixture *fixture = *state;
    struct probe *first;
    struct probe *second;
    char etag[WAY_ETAG_MAX];

    assert_int_equal(perform(probe_put(fixture, "a.example", "10.0.0.1")), WAY_OK);
    way_override_etag(&fixture->probes[0]->write.row, etag);
    fake_set_gate(fixture->fake, FAKE_RESERVE, 2);
    assert_int_equal(post(probe_put(fixture, "held.example", "10.0.0.1")), WAY_OK);
    assert_true(fake_wait_begun(fixture->fake, FAKE_RESERVE, 2));
    first = probe_put(fixture, "a.example", "10.0.0.2");
    second = probe_put(fixture, "a.example", "10.0.0.3");
    first->write.wish.precondition.has_if_match = true;
    first->write.wish.precondition.if_match_count = 1;
    memcpy(first->write.wish.precondition.if_match[0], etag, sizeof etag);
    second->write.wish.precondition = first->write.wish.precondition;
    assert_int_equal(post(first), WAY_OK);
    assert_int_equal(post(second), WAY_OK);
    let_go(fixture);
    assert_int_equal(first->write.status, WAY_OK);
    assert_int_equal(second->write.status, WAY_STALE);
    assert_stored(fixture, "a.example", "10.0.0.2");
    assert_dense(fixture, 3);
}

static void a_batch_that_changes_nothing_takes_no_revision(void **state)
{
    struct fixture *fixture = *state;

    hold(fixture);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(post(probe_new(fixture, WAY_WISH_DELETE, "a.example", NULL)), WAY_OK);
        assert_int_equal(post(probe_put(fixture, "held.example", "10.0.0.1")), WAY_OK);
    }
    let_go(fixture);
    assert_dense(fixture, 1);
    assert_int_equal(fixture->batches, 1); /* nothing is shown that is nothing */
    assert_int_equal(perform(probe_put(fixture, "b.example", "10.0.0.1")), WAY_OK);
    assert_dense(fixture, 2);
}

/* --- races ------------------------------------------------------------------------------------ */

static void a_transaction_that_lost_a_race_is_made_again(void **state)
{
    static const struct {
        const char *label;
        enum fake_call call;
        enum fake_moment moment;
    } cases[] = {
        {"at the beginning", FAKE_RESERVE, FAKE_BEFORE}, {"at the rows", FAKE_FETCH, FAKE_BEFORE},
        {"at the writing", FAKE_UPSERT, FAKE_AFTER},     {"at the log", FAKE_LOG, FAKE_BEFORE},
        {"at the commit", FAKE_COMMIT, FAKE_BEFORE},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct probe *probe;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fake_on(fixture->fake, (struct fake_event){.call = cases[i].call,
                                                   .moment = cases[i].moment,
                                                   .first = 1,
                                                   .last = 3,
                                                   .status = WAY_BUSY});
        probe = probe_put(fixture, "a.example", "10.0.0.1");
        assert_int_equal(perform(probe), WAY_OK);
        assert_int_equal(probe->write.row.revision, 1);
        assert_stored(fixture, "a.example", "10.0.0.1");
        assert_dense(fixture, 1);
        assert_int_equal(fake_count(fixture->fake, cases[i].call), 4);
        assert_int_equal(fake_count(fixture->fake, FAKE_OPEN), 1); /* the session is fine */
        assert_int_equal(tear_down(state), 0);
    }
}

/* Another instance, between two tries. */
static void put_theirs(struct fake_store *fake, void *owner)
{
    (void)owner;
    (void)fake_put(fake, "a.example", "10.9.9.9");
}

static void every_try_judges_anew(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = probe_new(fixture, WAY_WISH_CREATE, "a.example", "10.0.0.1");

    fake_on(
        fixture->fake,
        (struct fake_event){
            .call = FAKE_COMMIT, .first = 1, .last = 1, .status = WAY_BUSY, .action = put_theirs});
    assert_int_equal(perform(probe), WAY_EXISTS);
    assert_stored(fixture, "a.example", "10.9.9.9");
    assert_int_equal(fixture->shown_count, 0);
    assert_int_equal(fixture->fake->now.revision, 1);
}

static void races_that_never_end_are_given_up(void **state)
{
    struct fixture *fixture = *state;

    fake_on(
        fixture->fake,
        (struct fake_event){.call = FAKE_COMMIT, .first = 1, .last = FOREVER, .status = WAY_BUSY});
    assert_int_equal(perform(probe_put(fixture, "a.example", "10.0.0.1")), WAY_UNAVAILABLE);
    assert_true(fake_count(fixture->fake, FAKE_COMMIT) >= WAY_WRITER_TRIES_MAX);
    assert_stored(fixture, "a.example", NULL);
    assert_dense(fixture, 0);
}

/* --- one bad wish among good ones ------------------------------------------------------------- */

static void what_the_database_refuses_does_not_spoil_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[7];

    hold(fixture);
    for (size_t i = 0; i < WAY_COUNT_OF(probes); i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", i);
        probes[i] = probe_put(fixture, key, "10.0.0.1");
        set_comment(probes[i], i == 2 || i == 5 ? "poison" : "fine");
        assert_int_equal(post(probes[i]), WAY_OK);
    }
    let_go(fixture);
    for (size_t i = 0; i < WAY_COUNT_OF(probes); i++) {
        bool is_bad = i == 2 || i == 5;

        assert_int_equal(probes[i]->calls, 1);
        assert_int_equal(probes[i]->write.status, is_bad ? WAY_INVALID : WAY_OK);
        if (is_bad) {
            assert_string_equal(probes[i]->write.err.field, "comment");
        }
    }
    assert_dense(fixture, 6); /* with the one that was held */
}

static void a_wish_that_breaks_a_rule_costs_no_revision(void **state)
{
    struct fixture *fixture = *state;
    struct probe *bad;
    struct probe *good;

    hold(fixture);
    bad = probe_put(fixture, "a.example", "a.example");
    good = probe_put(fixture, "b.example", "10.0.0.1");
    assert_int_equal(post(bad), WAY_OK);
    assert_int_equal(post(good), WAY_OK);
    let_go(fixture);
    assert_int_equal(bad->write.status, WAY_INVALID);
    assert_int_equal(good->write.status, WAY_OK);
    assert_int_equal(good->write.row.revision, 2);
    assert_dense(fixture, 2);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 2);
}

/* --- deadlines, bounds, the end --------------------------------------------------------------- */

static void a_wish_that_waited_too_long_is_refused_unwritten(void **state)
{
    struct fixture *fixture = *state;
    struct probe *late;
    struct probe *good;

    hold(fixture);
    late = probe_put(fixture, "late.example", "10.0.0.1");
    late->write.deadline_ms = way_clock_mono_ms(); /* has passed when the batch is taken */
    good = probe_put(fixture, "good.example", "10.0.0.1");
    assert_int_equal(post(late), WAY_OK);
    assert_int_equal(post(good), WAY_OK);
    let_go(fixture);
    assert_int_equal(late->write.status, WAY_UNAVAILABLE);
    assert_int_equal(good->write.status, WAY_OK);
    assert_stored(fixture, "late.example", NULL);
    assert_dense(fixture, 2);
}

/* In the writer's thread, until the wish in hand is late. */
static void pass_the_deadline(struct fake_store *fake, void *owner)
{
    const struct probe *probe = owner;

    (void)fake;
    while (way_clock_mono_ms() < probe->write.deadline_ms) {
        (void)sched_yield();
    }
}

static void what_is_late_before_its_commit_is_not_committed(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = probe_put(fixture, "a.example", "10.0.0.1");

    probe->write.deadline_ms = way_clock_mono_ms() + 300;
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_LOG,
                                               .moment = FAKE_AFTER,
                                               .first = 1,
                                               .last = 1,
                                               .action = pass_the_deadline,
                                               .owner = probe});
    assert_int_equal(perform(probe), WAY_UNAVAILABLE);
    assert_stored(fixture, "a.example", NULL);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 0);
    assert_int_equal(perform(probe_put(fixture, "b.example", "10.0.0.1")), WAY_OK);
    assert_dense(fixture, 1);
}

static void the_queue_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct probe *over;

    hold(fixture);
    for (size_t i = 0; i < WAY_WRITER_QUEUE_MAX; i++) {
        assert_int_equal(
            post(probe_put(fixture, "a.example", i % 2 == 0 ? "10.0.0.1" : "10.0.0.2")), WAY_OK);
    }
    over = probe_put(fixture, "b.example", "10.0.0.1");
    assert_int_equal(post(over), WAY_BUSY);
    let_go(fixture);
    assert_int_equal(over->calls, 0);
    assert_dense(fixture, WAY_WRITER_QUEUE_MAX + 1);
}

static void a_stop_writes_what_waits(void **state)
{
    struct fixture *fixture = *state;

    hold(fixture);
    for (size_t i = 0; i < 300; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", i);
        assert_int_equal(post(probe_put(fixture, key, "10.0.0.1")), WAY_OK);
    }
    fake_set_gate(fixture->fake, FAKE_RESERVE, 0);
    way_writer_stop(fixture->writer);
    fixture->is_stopped = true;
    for (size_t i = 0; i < fixture->probe_count; i++) {
        assert_int_equal(fixture->probes[i]->calls, 1);
        assert_int_equal(fixture->probes[i]->write.status, WAY_OK);
    }
    assert_dense(fixture, 301);
    assert_int_equal(fixture->fake->sessions, 0);
    way_writer_free(NULL);
}

static void a_stop_refuses_what_waits_when_the_database_is_away(void **state)
{
    struct fixture *fixture = *state;
    uint64_t began = way_clock_mono_ms();

    hold(fixture);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(post(probe_put(fixture, "a.example", "10.0.0.1")), WAY_OK);
    }
    fake_set_down(fixture->fake, true);
    fake_set_gate(fixture->fake, FAKE_RESERVE, 0);
    way_writer_stop(fixture->writer);
    fixture->is_stopped = true;
    for (size_t i = 0; i < fixture->probe_count; i++) {
        assert_int_equal(fixture->probes[i]->calls, 1);
        assert_int_equal(fixture->probes[i]->write.status, WAY_UNAVAILABLE);
    }
    assert_dense(fixture, 0);
    assert_true(way_clock_mono_ms() - began < 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wish_is_durable_and_shown_when_it_is_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_kind_of_wish_does_its_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_one_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wishes_on_one_key_see_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_precondition_holds_against_what_came_before_in_the_batch,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_that_changes_nothing_takes_no_revision, set_up,
                                        tear_down),
        cmocka_unit_test(a_transaction_that_lost_a_race_is_made_again),
        cmocka_unit_test_setup_teardown(every_try_judges_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(races_that_never_end_are_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_database_refuses_does_not_spoil_the_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_wish_that_breaks_a_rule_costs_no_revision, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_wish_that_waited_too_long_is_refused_unwritten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_late_before_its_commit_is_not_committed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_writes_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_refuses_what_waits_when_the_database_is_away, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("store/writer", tests, quiet, NULL);
}
