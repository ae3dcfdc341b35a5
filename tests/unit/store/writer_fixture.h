/* SPDX-License-Identifier: MIT */
/*
 * unit/store/writer_fixture - a writer on a database in memory (../domain/fake_store.h). To get
 * several wishes into one batch a test holds the writer at the first transaction until the others
 * wait.
 */
#ifndef WAY_TESTS_UNIT_STORE_WRITER_FIXTURE_H
#define WAY_TESTS_UNIT_STORE_WRITER_FIXTURE_H

#include "store/writer.h"

#include "../domain/fake_store.h"
#include "base/clock.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* wants the others first */

enum {
    CHANGES_MAX = 8192,
    PROBES_MAX = WAY_WRITER_QUEUE_MAX + 256,
    LONG_MS = 60000,
    FOREVER = 1000000
};

struct fixture;

struct probe {
    struct way_write write; /* first */
    struct fixture *fixture;
    int calls;
    size_t committed_before; /* changes that had been shown when it was answered */
};

/* What was shown as committed, in its order. */
struct shown {
    uint64_t revision;
    bool is_delete;
    char key[64];
};

struct fixture {
    struct fake_store *fake;
    struct way_writer *writer;
    bool is_stopped;
    pthread_mutex_t lock;
    pthread_cond_t answered; /* on the monotonic clock */
    /* guarded by lock */
    size_t open;
    size_t shown_count;
    struct shown shown[CHANGES_MAX];
    size_t batches;                      /* calls of `committed` */
    unsigned observed[WAY_STATUS_COUNT]; /* transactions by how they ended */
    size_t observed_wishes;
    size_t probe_count;
    struct probe *probes[PROBES_MAX];
};

static inline void on_committed(void *owner, const uint8_t tx[static WAY_TX_BYTES],
                                const struct way_change *changes, size_t count)
{
    struct fixture *fixture = owner;

    (void)tx;
    (void)pthread_mutex_lock(&fixture->lock);
    for (size_t i = 0; i < count; i++) {
        struct shown *shown = &fixture->shown[fixture->shown_count++];

        WAY_ASSERT(fixture->shown_count < CHANGES_MAX);
        shown->revision = changes[i].revision;
        shown->is_delete = changes[i].is_delete;
        (void)snprintf(shown->key, sizeof shown->key, "%.60s", changes[i].row.lookup_key.text);
    }
    fixture->batches++;
    (void)pthread_mutex_unlock(&fixture->lock);
}

static inline void on_observed(void *owner, enum way_status status, size_t wishes, uint64_t micros)
{
    struct fixture *fixture = owner;

    (void)micros;
    (void)pthread_mutex_lock(&fixture->lock);
    fixture->observed[status]++;
    fixture->observed_wishes += wishes;
    (void)pthread_mutex_unlock(&fixture->lock);
}

static inline void on_done(struct way_write *write)
{
    struct probe *probe = (struct probe *)(void *)write;
    struct fixture *fixture = probe->fixture;

    (void)pthread_mutex_lock(&fixture->lock);
    probe->calls++;
    probe->committed_before = fixture->shown_count;
    fixture->open--;
    (void)pthread_cond_broadcast(&fixture->answered);
    (void)pthread_mutex_unlock(&fixture->lock);
}

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct way_writer_options options;
    pthread_condattr_t attributes;

    assert_non_null(fixture);
    fixture->fake = fake_store_new(true);
    (void)pthread_mutex_init(&fixture->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&fixture->answered, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    options = (struct way_writer_options){.store = &fixture->fake->store,
                                          .committed = on_committed,
                                          .observe = on_observed,
                                          .owner = fixture};
    fixture->writer = way_writer_start(&options);
    assert_non_null(fixture->writer);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fake_open_gates(fixture->fake);
    if (!fixture->is_stopped) {
        way_writer_stop(fixture->writer);
    }
    way_writer_free(fixture->writer);
    way_store_free(&fixture->fake->store);
    for (size_t i = 0; i < fixture->probe_count; i++) {
        free(fixture->probes[i]);
    }
    (void)pthread_cond_destroy(&fixture->answered);
    (void)pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

static inline struct probe *probe_new(struct fixture *fixture, enum way_wish_kind kind,
                                      const char *key, const char *target)
{
    struct probe *probe = calloc(1, sizeof *probe);
    struct way_wish *wish = &probe->write.wish;

    assert_non_null(probe);
    assert_in_range(fixture->probe_count, 0, PROBES_MAX - 1);
    fixture->probes[fixture->probe_count++] = probe;
    probe->fixture = fixture;
    probe->write.done = on_done;
    probe->write.deadline_ms = way_clock_mono_ms() + LONG_MS;
    wish->kind = kind;
    wish->key = fake_key(key);
    (void)snprintf(wish->actor, sizeof wish->actor, "eve");
    if (target != NULL) {
        wish->has_target = true;
        wish->target.host = fake_key(target);
    }
    return probe;
}

static inline struct probe *probe_put(struct fixture *fixture, const char *key, const char *target)
{
    return probe_new(fixture, WAY_WISH_PUT, key, target);
}

static inline void set_comment(struct probe *probe, const char *comment)
{
    probe->write.wish.has_comment = true;
    (void)snprintf(probe->write.wish.comment, sizeof probe->write.wish.comment, "%s", comment);
}

static inline enum way_status post(struct probe *probe)
{
    struct fixture *fixture = probe->fixture;
    enum way_status status;

    (void)pthread_mutex_lock(&fixture->lock);
    fixture->open++;
    (void)pthread_mutex_unlock(&fixture->lock);
    status = way_writer_put(fixture->writer, &probe->write);
    if (status != WAY_OK) {
        (void)pthread_mutex_lock(&fixture->lock);
        fixture->open--;
        (void)pthread_mutex_unlock(&fixture->lock);
    }
    return status;
}

static inline void wait_for_answers(struct fixture *fixture)
{
    struct timespec until;
    int rc = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FAKE_WAIT_S;
    (void)pthread_mutex_lock(&fixture->lock);
    while (fixture->open > 0 && rc == 0) {
        rc = pthread_cond_timedwait(&fixture->answered, &fixture->lock, &until);
    }
    (void)pthread_mutex_unlock(&fixture->lock);
    assert_int_equal(rc, 0);
    for (size_t i = 0; i < fixture->probe_count; i++) {
        assert_in_range(fixture->probes[i]->calls, 0, 1);
    }
}

static inline enum way_status perform(struct probe *probe)
{
    assert_int_equal(post(probe), WAY_OK);
    wait_for_answers(probe->fixture);
    assert_int_equal(probe->calls, 1);
    if (probe->write.status != WAY_OK) {
        assert_int_equal(probe->write.err.status, probe->write.status);
        assert_int_not_equal(probe->write.err.detail[0], '\0');
    }
    return probe->write.status;
}

/* The writer stands before its first transaction, with one wish in hand; what is posted now comes
 * in the next batch, together. */
static inline void hold(struct fixture *fixture)
{
    fake_set_gate(fixture->fake, FAKE_RESERVE, 1);
    assert_int_equal(post(probe_put(fixture, "held.example", "10.0.0.1")), WAY_OK);
    assert_true(fake_wait_begun(fixture->fake, FAKE_RESERVE, 1));
}

static inline void let_go(struct fixture *fixture)
{
    fake_set_gate(fixture->fake, FAKE_RESERVE, 0);
    wait_for_answers(fixture);
}

static inline void assert_stored(struct fixture *fixture, const char *key, const char *target)
{
    struct way_key wanted = fake_key(key);
    const struct way_override *row;

    (void)pthread_mutex_lock(&fixture->fake->lock);
    row = fake_find(&fixture->fake->now, &wanted);
    (void)pthread_mutex_unlock(&fixture->fake->lock);
    if ((row != NULL) != (target != NULL)) {
        fail_msg("%s is %sthere", key, target == NULL ? "" : "not ");
    }
    if (target != NULL) {
        assert_string_equal(row->target.host.text, target);
    }
}

/* Revisions 1, 2, 3 ... of what was shown and of what is in the log, and nothing else. */
static inline void assert_dense(struct fixture *fixture, uint64_t count)
{
    struct fake_store *fake = fixture->fake;

    assert_int_equal(fake->now.revision, count);
    assert_int_equal(fake->line_count, count);
    assert_int_equal(fixture->shown_count, count);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(fake->lines[i].revision, i + 1);
        assert_int_equal(fake->lines[i].seq, 0);
        assert_int_equal(fixture->shown[i].revision, i + 1);
        assert_string_equal(fixture->shown[i].key, fake->lines[i].key.text);
        assert_int_equal(fixture->shown[i].is_delete, fake->lines[i].op == 'D');
    }
}

/* For a group of tests: faults are wanted here. */
static inline int quiet(void **state)
{
    (void)state;
    way_log_set_level(WAY_LOG_ERROR);
    return 0;
}

#endif
