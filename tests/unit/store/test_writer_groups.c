/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "writer_fixture.h"

enum { WISHES_MAX = WAY_WRITER_GROUP_MAX };

/* A probe whose write is a group; its wishes are freed with free() after the answer. */
static struct probe *group_new(struct fixture *fixture, size_t count, struct way_wish **wishes)
{
    struct probe *probe = probe_put(fixture, "group.example", "10.0.0.1");

    *wishes = calloc(count, sizeof **wishes);
    assert_non_null(*wishes);
    probe->write.kind = WAY_WRITE_GROUP;
    probe->write.group = *wishes;
    probe->write.group_count = count;
    for (size_t i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "g%zu.example", i);
        (*wishes)[i] = probe->write.wish;
        (*wishes)[i].key = fake_key(key);
    }
    return probe;
}

static struct probe *reload_new(struct fixture *fixture)
{
    struct probe *probe = probe_put(fixture, "reload.example", "10.0.0.1");

    probe->write.kind = WAY_WRITE_RELOAD;
    (void)snprintf(probe->write.wish.reason, sizeof probe->write.wish.reason, "restored");
    return probe;
}

/* --- groups ----------------------------------------------------------------------------------- */

static void a_group_is_one_revision(void **state)
{
    static const size_t sizes[] = {1, 2, 129, WISHES_MAX};
    struct fixture *fixture = *state;
    size_t lines = 0;

    for (size_t i = 0; i < WAY_COUNT_OF(sizes); i++) {
        struct way_wish *wishes;
        struct probe *probe = group_new(fixture, sizes[i], &wishes);

        for (size_t at = 0; at < sizes[i]; at++) { /* another target each time */
            wishes[at].target.host = fake_key(i % 2 == 0 ? "10.0.0.1" : "10.0.0.2");
        }
        assert_int_equal(perform(probe), WAY_OK);
        assert_int_equal(probe->write.revision, i + 1);
        assert_int_equal(probe->committed_before, lines + sizes[i]);
        assert_int_equal(fixture->fake->now.revision, i + 1);
        for (size_t at = 0; at < sizes[i]; at++, lines++) {
            assert_int_equal(fixture->fake->lines[lines].revision, i + 1);
            assert_int_equal(fixture->fake->lines[lines].seq, at);
            assert_int_equal(fixture->shown[lines].revision, i + 1);
            assert_string_equal(fixture->shown[lines].key, wishes[at].key.text);
        }
        assert_int_equal(fixture->fake->line_count, lines);
        free(wishes);
    }
    assert_int_equal(fixture->batches, WAY_COUNT_OF(sizes));
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), WAY_COUNT_OF(sizes));
}

static void a_group_is_refused_whole(void **state)
{
    static const size_t bad[] = {0, 3, 6};
    struct fixture *fixture = *state;

    assert_int_equal(perform(probe_put(fixture, "taken.example", "10.0.0.1")), WAY_OK);
    for (size_t i = 0; i < WAY_COUNT_OF(bad); i++) {
        struct way_wish *wishes;
        struct probe *probe = group_new(fixture, 7, &wishes);

        wishes[bad[i]].kind = WAY_WISH_CREATE;
        wishes[bad[i]].key = fake_key("taken.example");
        assert_int_equal(perform(probe), WAY_EXISTS);
        assert_int_equal(probe->write.failed, bad[i]);
        assert_int_equal(probe->write.revision, 0);
        free(wishes);
    }
    assert_stored(fixture, "g0.example", NULL);
    assert_dense(fixture, 1);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 1);
}

static void what_the_database_refuses_of_a_group_is_no_wish_of_it(void **state)
{
    struct fixture *fixture = *state;
    struct way_wish *wishes;
    struct probe *probe = group_new(fixture, 3, &wishes);

    wishes[1].has_comment = true;
    (void)snprintf(wishes[1].comment, sizeof wishes[1].comment, "poison");
    assert_int_equal(perform(probe), WAY_INVALID);
    assert_int_equal(probe->write.failed, 3); /* which one, nobody knows */
    assert_dense(fixture, 0);
    fake_set_down(fixture->fake, true);
    wishes[1].has_comment = false;
    probe->calls = 0;
    assert_int_equal(perform(probe), WAY_UNAVAILABLE);
    assert_int_equal(probe->write.failed, 3);
    assert_int_equal(probe->write.revision, 0);
    free(wishes);
}

static void a_group_that_changes_nothing_takes_no_revision(void **state)
{
    struct fixture *fixture = *state;
    struct way_wish *wishes;
    struct probe *probe = group_new(fixture, 3, &wishes);

    assert_int_equal(perform(probe), WAY_OK);
    assert_int_equal(probe->write.revision, 1);
    probe->calls = 0;
    assert_int_equal(perform(probe), WAY_OK);
    assert_int_equal(probe->write.revision, 0);
    assert_int_equal(fixture->fake->now.revision, 1);
    assert_int_equal(fixture->batches, 1);
    wishes[1].target.host = fake_key("10.0.0.9"); /* one of three */
    probe->calls = 0;
    assert_int_equal(perform(probe), WAY_OK);
    assert_int_equal(probe->write.revision, 2);
    assert_int_equal(fixture->fake->line_count, 4);
    assert_stored(fixture, "g1.example", "10.0.0.9");
    free(wishes);
}

static void a_group_that_lost_a_race_is_made_again(void **state)
{
    struct fixture *fixture = *state;
    struct way_wish *wishes;
    struct probe *probe = group_new(fixture, 200, &wishes);

    fake_on(fixture->fake,
            (struct fake_event){
                .call = FAKE_LOG, .moment = FAKE_AFTER, .first = 2, .last = 3, .status = WAY_BUSY});
    assert_int_equal(perform(probe), WAY_OK);
    assert_int_equal(probe->write.revision, 1);
    assert_int_equal(fixture->fake->line_count, 200);
    assert_int_equal(fixture->shown_count, 200);
    free(wishes);
}

/* --- reloads ---------------------------------------------------------------------------------- */

static void a_reload_gives_the_data_another_epoch(void **state)
{
    struct fixture *fixture = *state;
    struct probe *first = reload_new(fixture);
    struct probe *second = reload_new(fixture);

    assert_int_equal(perform(probe_put(fixture, "a.example", "10.0.0.1")), WAY_OK);
    assert_int_equal(perform(first), WAY_OK);
    assert_int_equal(first->write.revision, 2);
    assert_memory_equal(first->write.epoch, fixture->fake->now.epoch, WAY_EPOCH_BYTES);
    assert_int_equal(perform(second), WAY_OK);
    assert_int_equal(second->write.revision, 3);
    assert_memory_equal(second->write.epoch, fixture->fake->now.epoch, WAY_EPOCH_BYTES);
    assert_memory_not_equal(first->write.epoch, second->write.epoch, WAY_EPOCH_BYTES);
    assert_int_equal(fixture->fake->lines[1].op, WAY_OP_RELOAD);
    assert_int_equal(fixture->fake->lines[2].op, WAY_OP_RELOAD);
    assert_int_equal(fixture->fake->line_count, 3);
    assert_int_equal(fixture->shown_count, 1); /* no change of any key */
}

static void a_reload_that_fails_changes_no_epoch(void **state)
{
    static const enum fake_call calls[] = {FAKE_RESERVE, FAKE_EPOCH, FAKE_LOG, FAKE_COMMIT};

    for (size_t i = 0; i < WAY_COUNT_OF(calls); i++) {
        uint8_t epoch[WAY_EPOCH_BYTES];
        struct fixture *fixture;

        assert_int_equal(set_up(state), 0);
        fixture = *state;
        memcpy(epoch, fixture->fake->now.epoch, sizeof epoch);
        fake_on(fixture->fake,
                (struct fake_event){
                    .call = calls[i], .first = 1, .last = FOREVER, .status = WAY_UNAVAILABLE});
        assert_int_equal(perform(reload_new(fixture)), WAY_UNAVAILABLE);
        assert_memory_equal(epoch, fixture->fake->now.epoch, sizeof epoch);
        assert_dense(fixture, 0);
        assert_int_equal(tear_down(state), 0);
    }
}

/* --- one after the other ---------------------------------------------------------------------- */

static void kinds_keep_the_order_of_posting(void **state)
{
    struct fixture *fixture = *state;
    struct way_wish *wishes[2];
    struct probe *first;
    struct probe *group;
    struct probe *second;
    struct probe *third;
    struct probe *reload;
    struct probe *other;
    struct probe *last;

    hold(fixture); /* revision 1 */
    first = probe_put(fixture, "g0.example", "10.0.0.5");
    group = group_new(fixture, 3, &wishes[0]);
    second = probe_put(fixture, "g0.example", "10.0.0.6");
    third = probe_put(fixture, "z.example", "10.0.0.6");
    reload = reload_new(fixture);
    other = group_new(fixture, 2, &wishes[1]);
    last = probe_new(fixture, WAY_WISH_DELETE, "g1.example", NULL);
    assert_int_equal(post(first), WAY_OK);
    assert_int_equal(post(group), WAY_OK);
    assert_int_equal(post(second), WAY_OK);
    assert_int_equal(post(third), WAY_OK);
    assert_int_equal(post(reload), WAY_OK);
    assert_int_equal(post(other), WAY_OK);
    assert_int_equal(post(last), WAY_OK);
    let_go(fixture);
    for (size_t i = 0; i < fixture->probe_count; i++) {
        assert_int_equal(fixture->probes[i]->calls, 1);
        assert_int_equal(fixture->probes[i]->write.status, WAY_OK);
    }
    assert_int_equal(first->write.row.revision, 2);
    assert_int_equal(group->write.revision, 3);
    assert_int_equal(second->write.row.revision, 4);
    assert_int_equal(third->write.row.revision, 5);
    assert_int_equal(reload->write.revision, 6);
    assert_int_equal(other->write.revision, 7); /* g0 was changed in between */
    assert_int_equal(last->write.row.revision, 8);
    assert_int_equal(last->write.verdict, WAY_VERDICT_DELETED);
    assert_stored(fixture, "g0.example", "10.0.0.1");
    assert_stored(fixture, "g1.example", NULL);
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), 7); /* two wishes shared one */
    free(wishes[0]);
    free(wishes[1]);
}

static void a_stop_ends_a_full_queue_of_all_kinds(void **state)
{
    struct fixture *fixture = *state;
    struct way_wish *wishes[WAY_WRITER_QUEUE_MAX];
    size_t groups = 0;

    hold(fixture);
    for (size_t i = 0; i < WAY_WRITER_QUEUE_MAX; i++) {
        struct probe *probe;

        if (i % 64 == 0) {
            probe = group_new(fixture, 2, &wishes[groups++]);
        } else if (i % 64 == 32) {
            probe = reload_new(fixture);
        } else {
            probe = probe_put(fixture, "a.example", i % 2 == 0 ? "10.0.0.1" : "10.0.0.2");
        }
        assert_int_equal(post(probe), WAY_OK);
    }
    fake_set_gate(fixture->fake, FAKE_RESERVE, 0);
    way_writer_stop(fixture->writer);
    fixture->is_stopped = true;
    for (size_t i = 0; i < fixture->probe_count; i++) {
        assert_int_equal(fixture->probes[i]->calls, 1);
        assert_int_equal(fixture->probes[i]->write.status, WAY_OK);
    }
    assert_int_equal(post(probe_put(fixture, "b.example", "10.0.0.1")), WAY_BUSY);
    assert_int_equal(fixture->fake->sessions, 0);
    while (groups > 0) {
        free(wishes[--groups]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_group_is_one_revision),
        TEST(a_group_is_refused_whole),
        TEST(what_the_database_refuses_of_a_group_is_no_wish_of_it),
        TEST(a_group_that_changes_nothing_takes_no_revision),
        TEST(a_group_that_lost_a_race_is_made_again),
        TEST(a_reload_gives_the_data_another_epoch),
        cmocka_unit_test(a_reload_that_fails_changes_no_epoch),
        TEST(kinds_keep_the_order_of_posting),
        TEST(a_stop_ends_a_full_queue_of_all_kinds),
    };

    return cmocka_run_group_tests_name("store/writer, groups", tests, quiet, NULL);
}
