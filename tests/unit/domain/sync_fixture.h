/* SPDX-License-Identifier: MIT */
/*
 * unit/domain/sync_fixture - a sync, its index, and a database in memory that other instances write
 * too. Tests wait for polls that were made, never for time.
 */
#ifndef WAY_TESTS_UNIT_DOMAIN_SYNC_FIXTURE_H
#define WAY_TESTS_UNIT_DOMAIN_SYNC_FIXTURE_H

#include "domain/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "fake_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* wants the others first */

enum { FOREVER = 1000000 };

struct fixture {
    struct fake_store *fake;
    struct way_index *index;
    struct way_index_reader *reader;
    struct way_sync *sync;
};

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->fake = fake_store_new(true);
    fixture->index = way_index_new();
    assert_non_null(fixture->index);
    fixture->reader = way_index_reader_open(fixture->index);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fake_open_gates(fixture->fake); /* a test that failed has left them shut */
    way_sync_stop(fixture->sync);
    way_index_reader_close(fixture->reader);
    way_index_free(fixture->index);
    way_store_free(&fixture->fake->store);
    free(fixture);
    return 0;
}

static inline void start(struct fixture *fixture)
{
    fixture->sync = way_sync_start(
        &(struct way_sync_options){.store = &fixture->fake->store, .index = fixture->index});
    assert_non_null(fixture->sync);
}

static inline void start_and_load(struct fixture *fixture)
{
    start(fixture);
    assert_true(fake_wait_polls(fixture->fake));
    assert_true(way_sync_has_data(fixture->sync));
}

static inline void assert_target(struct fixture *fixture, const char *key, const char *target)
{
    struct way_key wanted = fake_key(key);
    struct way_match match;

    if (way_index_find(fixture->reader, &wanted, &match) != (target != NULL)) {
        fail_msg("%s is %sthere", key, target == NULL ? "" : "not ");
    }
    if (target != NULL) {
        assert_string_equal(match.target.host.text, target);
    }
}

static inline struct way_sync_view view_of(struct fixture *fixture)
{
    struct way_sync_view view;

    way_sync_view(fixture->sync, &view);
    return view;
}

/* For a group of tests: faults are wanted here. */
static inline int quiet(void **state)
{
    (void)state;
    way_log_set_level(WAY_LOG_ERROR);
    return 0;
}

#endif
