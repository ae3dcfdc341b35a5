/* SPDX-License-Identifier: MIT */
/*
 * The writer on a database in memory (../domain/fake_store.h). To get several wishes into one batch
 * a test holds the writer at the first transaction until the others wait.
 */
#include "store/writer.h"

#include "../domain/fake_store.h"
#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

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

static void on_committed(void *owner, const struct way_change *changes, size_t count)
{
    struct fixture *fixture = owner;

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

static void on_observed(void *owner, enum way_status status, size_t wishes, uint64_t micros)
{
    struct fixture *fixture = owner;

    (void)micros;
    (void)pthread_mutex_lock(&fixture->lock);
    fixture->observed[status]++;
    fixture->observed_wishes += wishes;
    (void)pthread_mutex_unlock(&fixture->lock);
}

static void on_done(struct way_write *write)
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

static int set_up(void **state)
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

static int tear_down(void **state)
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

static struct probe *probe_new(struct fixture *fixture, enum way_wish_kind kind, const char *key,
                               const char *target)
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

static struct probe *probe_put(struct fixture *fixture, const char *key, const char *target)
{
    return probe_new(fixture, WAY_WISH_PUT, key, target);
}

static void set_comment(struct probe *probe, const char *comment)
{
    probe->write.wish.has_comment = true;
    (void)snprintf(probe->write.wish.comment, sizeof probe->write.wish.comment, "%s", comment);
}

static enum way_status post(struct probe *probe)
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

static void wait_for_answers(struct fixture *fixture)
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

static enum way_status perform(struct probe *probe)
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
static void hold(struct fixture *fixture)
{
    fake_set_gate(fixture->fake, FAKE_RESERVE, 1);
    assert_int_equal(post(probe_put(fixture, "held.example", "10.0.0.1")), WAY_OK);
    assert_true(fake_wait_begun(fixture->fake, FAKE_RESERVE, 1));
}

static void let_go(struct fixture *fixture)
{
    fake_set_gate(fixture->fake, FAKE_RESERVE, 0);
    wait_for_answers(fixture);
}

static void assert_stored(struct fixture *fixture, const char *key, const char *target)
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
static void assert_dense(struct fixture *fixture, uint64_t count)
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

/* --- one wish ----------------------------------------------------------------------------------
 */

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

/* --- batches -----------------------------------------------------------------------------------
 */

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

/* --- races -------------------------------------------------------------------------------------
 */

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
    assert_int_equal(fake_count(fixture->fake, FAKE_COMMIT), WAY_WRITER_TRIES_MAX);
    assert_stored(fixture, "a.example", NULL);
    assert_dense(fixture, 0);
}

/* --- a database that is away -------------------------------------------------------------------
 */

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

/* --- commits of unknown outcome ----------------------------------------------------------------
 */

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

/* --- one bad wish among good ones --------------------------------------------------------------
 */

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

/* --- deadlines, bounds, the end ----------------------------------------------------------------
 */

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

/* --- the log -----------------------------------------------------------------------------------
 */

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

static int quiet(void **state)
{
    (void)state;
    way_log_set_level(WAY_LOG_ERROR);
    return 0;
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
        cmocka_unit_test(a_database_that_is_away_fails_all_and_writes_nothing),
        cmocka_unit_test(a_session_that_died_idle_is_replaced_once),
        cmocka_unit_test_setup_teardown(a_new_session_that_fails_at_once_is_not_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test(a_commit_without_an_answer_is_settled),
        cmocka_unit_test_setup_teardown(a_commit_that_nobody_can_settle_stays_unknown, set_up,
                                        tear_down),
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
        cmocka_unit_test_setup_teardown(what_a_database_says_stays_one_value_of_one_line, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("store/writer", tests, quiet, NULL);
}
