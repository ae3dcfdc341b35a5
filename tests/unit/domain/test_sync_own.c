/* SPDX-License-Identifier: MIT */
/*
 * Our own commits, when the database loses some of them, or when they never leave a load in peace.
 */
#include "domain/own_commits.h"
#include "sync_fixture.h"

#include <unistd.h>

enum {
    SELDOM_MS = 2000,
    OVERTAKEN = 2 * FAKE_WAIT_S * 1000 / SELDOM_MS, /* pages; one a poll would take too long */
};

static struct way_change change_of(const char *key, const char *target, uint64_t revision)
{
    struct way_change change = {.revision = revision, .is_delete = target == NULL};

    change.row.lookup_key = fake_key(key);
    change.row.is_enabled = true;
    change.row.revision = revision;
    if (target != NULL) {
        change.row.target.host = fake_key(target);
    }
    return change;
}

static void show(struct fixture *fixture, const char *key, const char *target, uint64_t revision)
{
    struct way_change change = change_of(key, target, revision);
    uint8_t tx[WAY_TX_BYTES];

    fake_tx(revision, fixture->fake->lineage, tx);
    way_sync_committed(fixture->sync, tx, &change, 1);
}

static void put_own(struct fixture *fixture, const char *key, const char *target)
{
    show(fixture, key, target, fake_put(fixture->fake, key, target));
}

/* The server forgets its newest revision, and gives it out to other transactions from now on. */
static void lose_newest(struct fake_store *fake, const char *key)
{
    struct way_key lost = fake_key(key);

    (void)pthread_mutex_lock(&fake->lock);
    fake->now.revision--;
    fake->line_count--;
    fake->lineage++;
    fake_drop_row(&fake->now, &lost);
    (void)pthread_mutex_unlock(&fake->lock);
}

/* --- lost, and given out again ---------------------------------------------------------------- */

/* What the follower knows of is lost; one transaction of ours takes its revision and the next. */
static void an_own_commit_may_take_revisions_that_were_lost(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;
    struct way_change changes[2];
    uint8_t tx[WAY_TX_BYTES];

    (void)fake_put(fake, "kept.example", "10.0.0.1");
    (void)fake_put(fake, "lost.example", "10.0.0.2");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fake, FAKE_POLL), 0);
    lose_newest(fake, "lost.example");
    changes[0] =
        change_of("first.example", "10.0.0.3", fake_put(fake, "first.example", "10.0.0.3"));
    changes[1] =
        change_of("second.example", "10.0.0.4", fake_put(fake, "second.example", "10.0.0.4"));
    fake_tx(changes[1].revision, fake->lineage, tx);
    way_sync_committed(fixture->sync, tx, changes, WAY_COUNT_OF(changes));
    fake_set_gate(fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "lost.example", NULL);
    assert_target(fixture, "first.example", "10.0.0.3");
    assert_target(fixture, "second.example", "10.0.0.4");
    assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
}

/* Another instance takes the revision, and ours comes right behind it. */
static void an_own_commit_may_follow_what_others_gave_out_again(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;

    (void)fake_put(fake, "kept.example", "10.0.0.1");
    (void)fake_put(fake, "lost.example", "10.0.0.2");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fake, FAKE_POLL), 0);
    lose_newest(fake, "lost.example");
    (void)fake_put(fake, "theirs.example", "10.0.0.3");
    put_own(fixture, "ours.example", "10.0.0.4");
    fake_set_gate(fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "lost.example", NULL);
    assert_target(fixture, "theirs.example", "10.0.0.3");
    assert_target(fixture, "ours.example", "10.0.0.4");
    assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
}

/* An own commit that stands ahead of what others have done, and is lost. */
static void an_own_commit_that_is_lost_does_not_stay(void **state)
{
    static const struct {
        const char *label;
        const char *theirs; /* what others commit afterwards, or NULL */
        const char *ours;   /* what we do */
    } cases[] = {
        {"and nothing follows", NULL, NULL},
        {"and others get its revision", "other.example", NULL},
        {"and we get its revision", NULL, "again.example"},
        {"and we get the one behind", "other.example", "again.example"},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct fake_store *fake;
        unsigned opened;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fake = fixture->fake;
        (void)fake_put(fake, "kept.example", "10.0.0.1");
        start_and_load(fixture);
        assert_int_not_equal(fake_hold(fake, FAKE_POLL), 0);
        (void)fake_put(fake, "theirs.example", "10.0.0.2");
        put_own(fixture, "lost.example", "10.0.0.3");
        assert_target(fixture, "lost.example", "10.0.0.3");
        fake_set_down(fake, true);
        opened = fake_count(fake, FAKE_OPEN);
        fake_set_gate(fake, FAKE_POLL, 0);
        assert_true(fake_wait_begun(fake, FAKE_OPEN, opened + 2));
        lose_newest(fake, "lost.example");
        if (cases[i].theirs != NULL) {
            (void)fake_put(fake, cases[i].theirs, "10.0.0.4");
        }
        if (cases[i].ours != NULL) {
            put_own(fixture, cases[i].ours, "10.0.0.5");
        }
        fake_set_down(fake, false);
        assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
        assert_true(fake_wait_polls(fake));
        assert_target(fixture, "kept.example", "10.0.0.1");
        assert_target(fixture, "theirs.example", "10.0.0.2");
        assert_target(fixture, "lost.example", NULL);
        assert_target(fixture, "other.example", cases[i].theirs == NULL ? NULL : "10.0.0.4");
        assert_target(fixture, "again.example", cases[i].ours == NULL ? NULL : "10.0.0.5");
        assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
        assert_int_equal(tear_down(state), 0);
    }
}

/* --- loads ------------------------------------------------------------------------------------ */

static void put_and_remove(struct fake_store *fake, void *owner)
{
    struct fixture *fixture = owner;

    put_own(fixture, "ours.example", "10.0.0.2");
    show(fixture, "gone.example", NULL, fake_remove(fake, "gone.example"));
}

/* A load of many overrides takes a second, and somebody writes all the time. */
static void a_load_ends_though_we_commit_in_each(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;
    struct way_override row;
    struct way_key key = fake_key("byhand.example");

    (void)fake_put(fake, "gone.example", "10.0.0.1");
    (void)fake_put(fake, "byhand.example", "10.0.0.1");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fake, FAKE_POLL), 0);
    (void)pthread_mutex_lock(&fake->lock);
    row = *fake_find(&fake->now, &key); /* somebody changes a row by SQL, and says so */
    row.target.host = fake_key("10.0.0.9");
    fake_store_row(&fake->now, &fake_make_row(fake, &row)->row);
    fake->now.epoch[0]++;
    (void)pthread_mutex_unlock(&fake->lock);
    fake_on(fake, (struct fake_event){.call = FAKE_LOAD,
                                      .moment = FAKE_AFTER,
                                      .first = 2,
                                      .last = FOREVER,
                                      .action = put_and_remove,
                                      .owner = fixture});
    fake_set_gate(fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
    for (unsigned poll = 0; poll < 3; poll++) {
        assert_true(fake_wait_polls(fake));
        assert_target(fixture, "byhand.example", "10.0.0.9");
        assert_target(fixture, "ours.example", "10.0.0.2");
        assert_target(fixture, "gone.example", NULL);
        assert_int_equal(way_index_count(fixture->index), 2);
        assert_int_equal(way_index_revision(fixture->index), 4);
    }
    assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
}

static void put_behind_others(struct fake_store *fake, void *owner)
{
    struct fixture *fixture = owner;

    (void)fake_put(fake, "theirs.example", "10.0.0.3");
    put_own(fixture, "ours.example", "10.0.0.2");
}

/* What others commit during a load comes with the next poll; ours is not hidden until then. */
static void a_load_shows_ours_without_claiming_theirs(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;
    unsigned number;

    (void)fake_put(fake, "kept.example", "10.0.0.1");
    start_and_load(fixture);
    number = fake_hold(fake, FAKE_POLL);
    assert_int_not_equal(number, 0);
    fake_on(fake, (struct fake_event){.call = FAKE_LOAD,
                                      .moment = FAKE_AFTER,
                                      .first = 2,
                                      .last = 2,
                                      .action = put_behind_others,
                                      .owner = fixture});
    way_sync_reload(fixture->sync);
    fake_set_gate(fake, FAKE_POLL, number + 1);
    assert_true(fake_wait_begun(fake, FAKE_POLL, number + 1));
    assert_target(fixture, "ours.example", "10.0.0.2");
    assert_target(fixture, "theirs.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 1);
    fake_set_gate(fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "ours.example", "10.0.0.2");
    assert_target(fixture, "theirs.example", "10.0.0.3");
    assert_int_equal(way_index_revision(fixture->index), 3);
    assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
}

static void put_too_much(struct fake_store *fake, void *owner)
{
    struct fixture *fixture = owner;
    struct way_change *changes = calloc(WAY_OWN_NOTES_MAX + 1, sizeof *changes);
    uint64_t revision = fake_put(fake, "ours.example", "10.0.0.2");
    uint8_t tx[WAY_TX_BYTES];

    WAY_ASSERT(changes != NULL);
    for (size_t i = 0; i <= WAY_OWN_NOTES_MAX; i++) {
        changes[i] = change_of("ours.example", "10.0.0.2", revision);
    }
    fake_tx(revision, fake->lineage, tx);
    way_sync_committed(fixture->sync, tx, changes, WAY_OWN_NOTES_MAX + 1);
    free(changes);
}

static void a_load_that_is_too_far_behind_us_is_made_again(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;

    start_and_load(fixture);
    fake_on(fake, (struct fake_event){.call = FAKE_LOAD,
                                      .moment = FAKE_AFTER,
                                      .first = 2,
                                      .last = 2,
                                      .action = put_too_much,
                                      .owner = fixture});
    way_sync_reload(fixture->sync);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 3));
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "ours.example", "10.0.0.2");
    assert_int_equal(way_index_revision(fixture->index), 1);
    assert_int_equal(fake_count(fake, FAKE_LOAD), 3);
}

/* --- polls ------------------------------------------------------------------------------------ */

static void put_one(struct fake_store *fake, void *owner)
{
    (void)fake;
    put_own(owner, "ours.example", "10.0.0.2");
}

/* A page that one of our commits overtook is read again at once, not at the next poll. */
static void what_others_did_does_not_wait_until_we_are_quiet(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;

    fixture->sync = way_sync_start(&(struct way_sync_options){
        .store = &fake->store, .index = fixture->index, .poll_ms = SELDOM_MS});
    assert_non_null(fixture->sync);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 1));
    (void)fake_put(fake, "theirs.example", "10.0.0.1");
    fake_on(fake, (struct fake_event){.call = FAKE_CHANGES,
                                      .moment = FAKE_AFTER,
                                      .first = 1,
                                      .last = OVERTAKEN,
                                      .action = put_one,
                                      .owner = fixture});
    assert_true(fake_wait_begun(fake, FAKE_CHANGES, OVERTAKEN + 1));
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "theirs.example", "10.0.0.1");
    assert_target(fixture, "ours.example", "10.0.0.2");
}

/* --- snapshots -------------------------------------------------------------------------------- */

/* The file was written while a commit was shown that the database has lost since. */
static void a_file_is_not_believed_once_the_database_is_back(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;
    char folder[] = "/tmp/waypost-sync-XXXXXX";
    char path[sizeof folder + 8];
    struct way_snapshot_info info = {.true_at_us = way_clock_wall_us()};
    struct way_index_change lost = {.is_live = true, .revision = 2};

    (void)fake_put(fake, "kept.example", "10.0.0.1");
    info.position.revision = 1;
    memcpy(info.position.epoch, fake->now.epoch, sizeof info.position.epoch);
    fake_tx(1, 0, info.position.tx);
    lost.key = fake_key("lost.example");
    lost.target.host = fake_key("10.0.0.2");
    assert_int_equal(way_index_apply(fixture->index, &lost, 1, 1), WAY_OK);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file", folder);
    assert_int_equal(way_snapshot_save(path, fixture->index, &info, NULL), WAY_OK);
    fake_set_down(fake, true);
    fixture->sync = way_sync_start(&(struct way_sync_options){.store = &fake->store,
                                                              .index = fixture->index,
                                                              .snapshot = path,
                                                              .snapshot_max_age_ms = 60000});
    assert_non_null(fixture->sync);
    assert_true(fake_wait_begun(fake, FAKE_OPEN, 2));
    assert_true(way_sync_has_data(fixture->sync));
    assert_target(fixture, "lost.example", "10.0.0.2");
    fake_set_down(fake, false);
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "lost.example", NULL);
    assert_target(fixture, "kept.example", "10.0.0.1");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_own_commit_may_take_revisions_that_were_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_own_commit_may_follow_what_others_gave_out_again, set_up,
                                        tear_down),
        cmocka_unit_test(an_own_commit_that_is_lost_does_not_stay),
        cmocka_unit_test_setup_teardown(a_load_ends_though_we_commit_in_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_load_shows_ours_without_claiming_theirs, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_load_that_is_too_far_behind_us_is_made_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_others_did_does_not_wait_until_we_are_quiet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_not_believed_once_the_database_is_back, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("domain/sync own commits", tests, quiet, NULL);
}
