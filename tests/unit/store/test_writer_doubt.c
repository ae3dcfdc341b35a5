/* SPDX-License-Identifier: MIT */
/*
 * Writes that are late, and commits of unknown outcome: who is told what, and that each is told
 * once.
 */
#include "store/writer.h"

#include "writer_fixture.h"

/* Posts three wishes for one transaction, the first two of which are due soon. */
static void post_three(struct fixture *fixture, struct probe *probes[3])
{
    hold(fixture);
    for (size_t i = 0; i < 3; i++) {
        static const char *const keys[] = {"a.example", "b.example", "c.example"};

        probes[i] = probe_put(fixture, keys[i], "10.0.0.1");
        assert_int_equal(post(probes[i]), WAY_OK);
    }
}

/* Made in the writer's thread, which then has them in hand. */
static void make_two_late(struct fake_store *fake, void *owner)
{
    struct probe **probes = owner;

    (void)fake;
    probes[0]->write.deadline_ms = way_clock_mono_ms();
    probes[1]->write.deadline_ms = way_clock_mono_ms();
}

static void what_is_late_takes_no_other_with_it(void **state)
{
    static const enum fake_call calls[] = {FAKE_RESERVE, FAKE_FETCH, FAKE_UPSERT, FAKE_LOG};

    for (size_t i = 0; i < WAY_COUNT_OF(calls); i++) {
        struct fixture *fixture;
        struct probe *probes[3];

        assert_int_equal(set_up(state), 0);
        fixture = *state;
        post_three(fixture, probes);
        fake_on(fixture->fake, (struct fake_event){.call = calls[i],
                                                   .moment = FAKE_AFTER,
                                                   .first = 2,
                                                   .last = 2,
                                                   .action = make_two_late,
                                                   .owner = (void *)probes});
        let_go(fixture);
        assert_int_equal(probes[0]->write.status, WAY_UNAVAILABLE);
        assert_int_equal(probes[1]->write.status, WAY_UNAVAILABLE);
        assert_int_not_equal(probes[0]->write.err.detail[0], '\0');
        assert_int_equal(probes[2]->write.status, WAY_OK);
        assert_int_equal(probes[2]->write.row.revision, 2);
        assert_stored(fixture, "a.example", NULL);
        assert_stored(fixture, "b.example", NULL);
        assert_dense(fixture, 2);
        assert_int_equal(tear_down(state), 0);
    }
}

/* Who is due before another try could end is refused at once, and the others go on. */
static void a_race_costs_only_who_has_no_time_for_another_try(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[3];

    post_three(fixture, probes);
    probes[1]->write.deadline_ms = way_clock_mono_ms() + WAY_WRITER_LAST_TRY_MS - 1;
    fake_on(fixture->fake,
            (struct fake_event){.call = FAKE_COMMIT, .first = 2, .last = 2, .status = WAY_BUSY});
    let_go(fixture);
    assert_int_equal(probes[0]->write.status, WAY_OK);
    assert_int_equal(probes[1]->write.status, WAY_UNAVAILABLE);
    assert_int_equal(probes[2]->write.status, WAY_OK);
    assert_stored(fixture, "b.example", NULL);
    assert_dense(fixture, 3);
}

static void a_batch_that_is_late_as_a_whole_is_answered(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[3];

    post_three(fixture, probes);
    for (size_t i = 0; i < 3; i++) {
        probes[i]->write.deadline_ms = way_clock_mono_ms();
    }
    let_go(fixture);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(probes[i]->calls, 1);
        assert_int_equal(probes[i]->write.status, WAY_UNAVAILABLE);
    }
    assert_int_equal(fake_count(fixture->fake, FAKE_RESERVE), 1); /* of the one that was held */
    assert_int_equal(perform(probe_put(fixture, "d.example", "10.0.0.1")), WAY_OK);
    assert_dense(fixture, 2);
}

/* --- an unknown outcome ----------------------------------------------------------------------- */

static void lose_commit(struct fixture *fixture, unsigned number, enum fake_moment moment)
{
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_COMMIT,
                                               .moment = moment,
                                               .first = number,
                                               .last = number,
                                               .status = WAY_UNSETTLED});
}

/* What is due while nobody can say is told so then, and not when the last one is due. */
static void who_is_due_while_nobody_knows_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[3];

    post_three(fixture, probes);
    lose_commit(fixture, 2, FAKE_AFTER);
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_SETTLE,
                                               .first = 1,
                                               .last = 1,
                                               .status = WAY_UNAVAILABLE,
                                               .action = make_two_late,
                                               .owner = (void *)probes});
    let_go(fixture);
    assert_int_equal(probes[0]->write.status, WAY_UNSETTLED);
    assert_int_equal(probes[1]->write.status, WAY_UNSETTLED);
    assert_int_equal(probes[2]->write.status, WAY_OK); /* it was committed after all */
    assert_int_equal(probes[2]->write.row.revision, 4);
    assert_int_equal(probes[0]->committed_before, 1);
    assert_dense(fixture, 4);
}

static void who_is_not_told_in_time_is_not_written_again(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[3];

    post_three(fixture, probes);
    lose_commit(fixture, 2, FAKE_BEFORE);
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_SETTLE,
                                               .first = 1,
                                               .last = 1,
                                               .status = WAY_UNAVAILABLE,
                                               .action = make_two_late,
                                               .owner = (void *)probes});
    let_go(fixture);
    assert_int_equal(probes[0]->write.status, WAY_UNSETTLED);
    assert_int_equal(probes[1]->write.status, WAY_UNSETTLED);
    assert_int_equal(probes[2]->write.status, WAY_OK);
    assert_int_equal(probes[2]->write.row.revision, 2);
    assert_stored(fixture, "a.example", NULL);
    assert_dense(fixture, 2);
}

/* An earlier try of the transaction in hand arrives now, with what it had: another row. */
static void let_the_earlier_try_arrive(struct fake_store *fake, void *owner)
{
    uint64_t revision = fake_put(fake, "a.example", "10.7.7.7");

    (void)owner;
    (void)pthread_mutex_lock(&fake->lock);
    memcpy(fake->lines[fake->line_count - 1].tx, fake->writer->session.tx, WAY_TX_BYTES);
    fake->writer = NULL; /* which is lost */
    (void)pthread_mutex_unlock(&fake->lock);
    assert_true(revision > 0);
}

/* Others commit, then the earlier try arrives: not at the revision that this try has. */
static void let_it_arrive_later(struct fake_store *fake, void *owner)
{
    (void)fake_put(fake, "b.example", "10.7.7.7");
    let_the_earlier_try_arrive(fake, owner);
}

static void a_try_that_was_given_up_and_arrived_is_not_ours_to_show(void **state)
{
    static const struct {
        const char *label;
        void (*action)(struct fake_store *fake, void *owner);
        bool is_cluster;
    } cases[] = {
        {"elsewhere", let_it_arrive_later, false},
        {"elsewhere, on a cluster", let_it_arrive_later, true},
        {"where this try would have been, on a cluster", let_the_earlier_try_arrive, true},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct probe *probe;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fixture->fake->is_cluster = cases[i].is_cluster;
        lose_commit(fixture, 1, FAKE_BEFORE);
        fake_on(fixture->fake, (struct fake_event){.call = FAKE_COMMIT,
                                                   .first = 2,
                                                   .last = 2,
                                                   .status = WAY_UNSETTLED,
                                                   .action = cases[i].action});
        probe = probe_put(fixture, "a.example", "10.0.0.1");
        assert_int_equal(perform(probe), WAY_UNSETTLED);
        assert_int_equal(fixture->shown_count, 0);
        assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 2);
        assert_stored(fixture, "a.example", "10.7.7.7");
        assert_int_equal(perform(probe_put(fixture, "c.example", "10.0.0.1")), WAY_OK);
        assert_int_equal(tear_down(state), 0);
    }
}

/* On a cluster a "no" is not the last word: what fails afterwards leaves the caller in doubt. */
static void a_cluster_may_still_commit_what_was_given_up(void **state)
{
    static const struct {
        const char *label;
        bool is_cluster;
        enum way_status then; /* at the next try */
        enum way_status want;
    } cases[] = {
        {"one server, then away", false, WAY_UNAVAILABLE, WAY_UNAVAILABLE},
        {"a cluster, then away", true, WAY_UNAVAILABLE, WAY_UNSETTLED},
        {"one server, then busy", false, WAY_BUSY, WAY_UNAVAILABLE},
        {"a cluster, then busy", true, WAY_BUSY, WAY_UNSETTLED},
        {"a cluster, then refused", true, WAY_INVALID, WAY_UNSETTLED},
        {"a cluster, then done", true, WAY_OK, WAY_OK},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct probe *probe;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fixture->fake->is_cluster = cases[i].is_cluster;
        lose_commit(fixture, 1, FAKE_BEFORE);
        fake_on(fixture->fake,
                (struct fake_event){
                    .call = FAKE_UPSERT, .first = 2, .last = FOREVER, .status = cases[i].then});
        probe = probe_put(fixture, "a.example", "10.0.0.1");
        assert_int_equal(perform(probe), cases[i].want);
        assert_int_equal(fixture->shown_count, cases[i].want == WAY_OK);
        assert_int_equal(tear_down(state), 0);
    }
}

/* Who is refused between two tries is in the same doubt. */
static void doubt_is_told_to_who_has_no_time_left(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[3];

    fixture->fake->is_cluster = true;
    post_three(fixture, probes);
    probes[1]->write.deadline_ms = way_clock_mono_ms() + WAY_WRITER_LAST_TRY_MS - 1;
    lose_commit(fixture, 2, FAKE_BEFORE);
    let_go(fixture);
    assert_int_equal(probes[0]->write.status, WAY_OK);
    assert_int_equal(probes[1]->write.status, WAY_UNSETTLED);
    assert_int_equal(probes[2]->write.status, WAY_OK);
    assert_dense(fixture, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_late_takes_no_other_with_it),
        TEST(a_race_costs_only_who_has_no_time_for_another_try),
        TEST(a_batch_that_is_late_as_a_whole_is_answered),
        TEST(who_is_due_while_nobody_knows_is_told_so),
        TEST(who_is_not_told_in_time_is_not_written_again),
        cmocka_unit_test(a_try_that_was_given_up_and_arrived_is_not_ours_to_show),
        cmocka_unit_test(a_cluster_may_still_commit_what_was_given_up),
        TEST(doubt_is_told_to_who_has_no_time_left),
    };

    return cmocka_run_group_tests_name("store/writer, doubt", tests, quiet, NULL);
}
