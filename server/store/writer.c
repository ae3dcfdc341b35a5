/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MIN_MS = 1, /* between two tries of one transaction */
    PAUSE_MAX_MS = 32,
    SETTLE_PAUSE_MS = 200, /* between two questions for an unknown outcome */
    KEYS_MAX = (int)WAY_WRITER_GROUP_MAX > (int)WAY_WRITER_BATCH_MAX ? (int)WAY_WRITER_GROUP_MAX
                                                                     : (int)WAY_WRITER_BATCH_MAX,
};

struct way_writer {
    struct way_writer_options options; /* constant after start */
    struct way_queue *queue;
    pthread_t thread;
    /* writer's thread only */
    struct way_session *session; /* NULL: none is open */
    size_t count;                /* writes in hand: wishes, or one write of another kind */
    struct way_write *writes[WAY_WRITER_BATCH_MAX];
    /* The transaction in hand. The arrays have room for KEYS_MAX, and are touched as far as used.
     */
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first;   /* its first revision */
    int64_t now_us;   /* when it was judged, wall time */
    size_t key_count; /* different keys in it */
    const struct way_key **keys;
    struct way_override *rows; /* [key]: the row as this transaction has it so far */
    bool *found;               /* [key] */
    size_t change_count;
    struct way_change *changes;
};

static void drop_session(struct way_writer *writer)
{
    way_session_close(writer->session);
    writer->session = NULL;
}

/* After these a session is not to be used again. */
static bool breaks_session(enum way_status status)
{
    return status == WAY_UNAVAILABLE || status == WAY_UNSETTLED || status == WAY_INTERNAL;
}

/* --- what is in hand ----------------------------------------------------------------------------
 */

/* Answers every write in hand; from then on they are their posters' again. */
static void finish_all(struct way_writer *writer)
{
    for (size_t i = 0; i < writer->count; i++) {
        writer->writes[i]->done(writer->writes[i]);
    }
    writer->count = 0;
}

static void fail(struct way_write *write, enum way_status status, const struct way_error *err)
{
    write->status = status;
    write->err = *err;
    write->err.status = status;
    write->revision = 0;
    write->failed = write->group_count;
}

static void fail_all(struct way_writer *writer, enum way_status status, const struct way_error *err)
{
    for (size_t i = 0; i < writer->count; i++) {
        fail(writer->writes[i], status, err);
    }
    finish_all(writer);
}

/* Answers those that cannot wait until `until_ms`, and keeps the others. */
static void refuse_late(struct way_writer *writer, uint64_t until_ms, enum way_status status,
                        const struct way_error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < writer->count; i++) {
        struct way_write *write = writer->writes[i];

        if (write->deadline_ms > until_ms) {
            writer->writes[kept++] = write;
            continue;
        }
        fail(write, status, err);
        write->done(write);
    }
    writer->count = kept;
}

/* The latest and the earliest moment that a write in hand waits for. */
static uint64_t last_deadline(const struct way_writer *writer)
{
    uint64_t last = 0;

    for (size_t i = 0; i < writer->count; i++) {
        last = writer->writes[i]->deadline_ms > last ? writer->writes[i]->deadline_ms : last;
    }
    return last;
}

static uint64_t first_deadline(const struct way_writer *writer)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < writer->count; i++) {
        first = writer->writes[i]->deadline_ms < first ? writer->writes[i]->deadline_ms : first;
    }
    return first;
}

/* --- one transaction ----------------------------------------------------------------------------
 */

static size_t key_index(struct way_writer *writer, const struct way_key *key)
{
    for (size_t i = 0; i < writer->key_count; i++) {
        if (way_key_equal(writer->keys[i], key)) {
            return i;
        }
    }
    writer->keys[writer->key_count] = key;
    return writer->key_count++;
}

static enum way_status fetch(struct way_writer *writer, struct way_error *err)
{
    const struct way_write *only = writer->writes[0];

    writer->key_count = 0;
    for (size_t i = 0; only->kind == WAY_WRITE_GROUP && i < only->group_count; i++) {
        (void)key_index(writer, &only->group[i].key);
    }
    for (size_t i = 0; only->kind == WAY_WRITE_WISH && i < writer->count; i++) {
        (void)key_index(writer, &writer->writes[i]->wish.key);
    }
    return way_store_fetch(writer->session, writer->keys, writer->key_count, writer->rows,
                           writer->found, err);
}

/* Judges one wish on what the earlier ones left; what it changes is noted under `revision`. */
static enum way_status judge(struct way_writer *writer, const struct way_wish *wish,
                             uint64_t revision, enum way_verdict *verdict,
                             struct way_override *after, struct way_error *err)
{
    size_t at = key_index(writer, &wish->key);
    struct way_override *row = &writer->rows[at];
    struct way_change *change;
    enum way_status status;

    *verdict = WAY_VERDICT_NONE;
    status =
        way_wish_judge(wish, writer->found[at] ? row : NULL, writer->now_us, verdict, after, err);
    if (status != WAY_OK || *verdict == WAY_VERDICT_NONE) {
        return status;
    }
    after->revision = revision;
    change = &writer->changes[writer->change_count++];
    change->revision = revision;
    change->is_delete = *verdict == WAY_VERDICT_DELETED;
    change->had_row = writer->found[at];
    if (change->had_row) {
        change->before = *row;
    }
    change->row = *after;
    memcpy(change->actor, wish->actor, sizeof change->actor);
    memcpy(change->reason, wish->reason, sizeof change->reason);
    *row = *after;
    writer->found[at] = !change->is_delete;
    return WAY_OK;
}

/* Each by itself: what is refused leaves the others alone. *used: revisions given out. */
static enum way_status write_wishes(struct way_writer *writer, uint64_t *used,
                                    struct way_error *err)
{
    for (size_t i = 0; i < writer->count; i++) {
        struct way_write *write = writer->writes[i];

        write->status = judge(writer, &write->wish, writer->first + writer->change_count,
                              &write->verdict, &write->row, &write->err);
    }
    *used = writer->change_count;
    return *used == 0 ? WAY_OK
                      : way_store_apply(writer->session, writer->changes, writer->change_count,
                                        writer->now_us, err);
}

/* All or none, and one revision. */
static enum way_status write_group(struct way_writer *writer, uint64_t *used, struct way_error *err)
{
    struct way_write *write = writer->writes[0];
    enum way_verdict verdict;

    write->status = WAY_OK;
    write->revision = 0;
    for (size_t i = 0; i < write->group_count && write->status == WAY_OK; i++) {
        write->failed = i;
        write->status =
            judge(writer, &write->group[i], writer->first, &verdict, &write->row, &write->err);
    }
    if (write->status != WAY_OK) {
        writer->change_count = 0;
    }
    *used = writer->change_count == 0 ? 0 : 1;
    write->revision = *used == 0 ? 0 : writer->first;
    return *used == 0 ? WAY_OK
                      : way_store_apply(writer->session, writer->changes, writer->change_count,
                                        writer->now_us, err);
}

static enum way_status write_reload(struct way_writer *writer, uint64_t *used,
                                    struct way_error *err)
{
    struct way_write *write = writer->writes[0];

    write->status = WAY_OK;
    write->revision = writer->first;
    way_random_bytes(write->epoch, sizeof write->epoch);
    *used = 1;
    return way_store_reset(writer->session, writer->first, write->epoch, writer->now_us,
                           &write->wish, err);
}

/* One try of the whole transaction. */
static enum way_status transact(struct way_writer *writer, struct way_error *err)
{
    static enum way_status (*const write_kind[])(struct way_writer * writer, uint64_t * used,
                                                 struct way_error * err) = {
        [WAY_WRITE_WISH] = write_wishes,
        [WAY_WRITE_GROUP] = write_group,
        [WAY_WRITE_RELOAD] = write_reload,
    };

    uint64_t used = 0;
    enum way_status status;

    writer->change_count = 0;
    if (writer->session == NULL) {
        status = way_session_open(writer->options.store, &writer->session, err);
        if (status != WAY_OK) {
            return status;
        }
    }
    status = way_store_begin(writer->session, writer->count, writer->tx, &writer->first, err);
    if (status == WAY_OK) {
        status = fetch(writer, err);
    }
    if (status == WAY_OK) {
        writer->now_us = way_clock_wall_us();
        status = write_kind[writer->writes[0]->kind](writer, &used, err);
    }
    if (status != WAY_OK) {
        return status;
    }
    /* From the moment at which a caller is told that nothing was stored it must stay so. */
    if (way_clock_mono_ms() >= first_deadline(writer)) {
        return way_fail(err, WAY_BUSY, "", "the database was too slow; nothing was changed");
    }
    return way_store_commit(writer->session, used, err);
}

/* Asks the change log once. WAY_BUSY: the commit was lost. */
static enum way_status ask_log(struct way_writer *writer, bool is_doubtful, bool *is_answered,
                               struct way_error *err)
{
    uint64_t committed = 0;
    struct way_error ignored; /* the first error says more to the caller */
    enum way_status status = WAY_OK;

    if (writer->session == NULL) {
        status = way_session_open(writer->options.store, &writer->session, &ignored);
    }
    if (status == WAY_OK) {
        status = way_store_settle(writer->session, writer->tx, &committed, &ignored);
    }
    *is_answered = status == WAY_OK;
    if (!*is_answered) {
        return WAY_UNSETTLED;
    }
    way_log(WAY_LOG_NOTICE, "writer.settled", "committed=%s revision=%" PRIu64,
            committed == 0 ? "no" : "yes", committed);
    if (committed == 0) {
        return way_fail(err, WAY_BUSY, "", "the commit was lost");
    }
    /* An earlier try may have arrived after all; what it judged is not what we hold, even where it
     * has taken the same revisions. */
    return committed == writer->first && !is_doubtful ? WAY_OK : WAY_UNSETTLED;
}

/* The connection broke at COMMIT: the change log knows whether it happened. Who is due before it
 * answers is told that nobody knows. */
static enum way_status settle(struct way_writer *writer, bool is_doubtful, struct way_error *err)
{
    const struct way_error unknown = *err;
    uint64_t deadline = last_deadline(writer);

    for (;;) {
        bool is_answered;
        enum way_status status = ask_log(writer, is_doubtful, &is_answered, err);
        uint64_t now_ms;

        if (is_answered) {
            return status;
        }
        drop_session(writer);
        way_clock_pause_ms(SETTLE_PAUSE_MS);
        now_ms = way_clock_mono_ms();
        if (now_ms >= deadline) {
            return WAY_UNSETTLED;
        }
        refuse_late(writer, now_ms, WAY_UNSETTLED, &unknown);
    }
}

/* A write that fails now: what its caller is told. */
static enum way_status verdict_on_failure(enum way_status status, bool is_doubtful,
                                          struct way_error *err)
{
    if (is_doubtful) {
        return WAY_UNSETTLED;
    }
    if (status == WAY_BUSY) {
        /* To the caller a database that lets nobody write is as good as away. */
        return way_fail(err, WAY_UNAVAILABLE, "", "the database is busy with another writer");
    }
    return status;
}

/* Before another try: answers those that have no time for it. False: nobody has. */
static bool make_room(struct way_writer *writer, enum way_status status, bool is_doubtful,
                      const struct way_error *err)
{
    uint64_t until_ms = way_clock_mono_ms() + WAY_WRITER_LAST_TRY_MS;
    struct way_error late = *err;
    enum way_status verdict = verdict_on_failure(status, is_doubtful, &late);

    if (last_deadline(writer) <= until_ms) {
        return false;
    }
    refuse_late(writer, until_ms, verdict, &late);
    return true;
}

/* One try, with what became of it. */
static enum way_status try_once(struct way_writer *writer, bool *is_doubtful, struct way_error *err)
{
    enum way_status status = transact(writer, err);

    if (status == WAY_UNSETTLED) {
        drop_session(writer);
        status = settle(writer, *is_doubtful, err);
        if (status == WAY_BUSY && way_session_may_lag(writer->session)) {
            *is_doubtful = true;
        }
    }
    if (breaks_session(status)) {
        drop_session(writer);
    } else if (status != WAY_OK && writer->session != NULL) {
        way_store_rollback(writer->session);
    }
    return status;
}

/* The transaction, again while it loses races or its server is replaced by another. */
static enum way_status transact_with_tries(struct way_writer *writer, struct way_error *err)
{
    uint64_t patience_ms = way_clock_mono_ms() + WAY_WRITER_RETRY_MS;
    bool is_doubtful = false; /* a cluster may still commit a try that we have given up */
    unsigned pause = PAUSE_MIN_MS;
    bool had_session = writer->session != NULL;
    enum way_status status;

    way_random_bytes(writer->tx, sizeof writer->tx);
    status = try_once(writer, &is_doubtful, err);
    /* An idle session may have been closed by the server; a new one deserves one try. */
    for (unsigned try = 1; status == WAY_BUSY || (status == WAY_UNAVAILABLE && had_session);
         try++) {
        bool is_given_up = try >= WAY_WRITER_TRIES_MAX && way_clock_mono_ms() >= patience_ms;

        if (is_given_up || !make_room(writer, status, is_doubtful, err)) {
            break;
        }
        way_clock_pause_ms(pause);
        pause = pause < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
        had_session = writer->session != NULL;
        status = try_once(writer, &is_doubtful, err);
    }
    return status == WAY_OK || status == WAY_UNSETTLED
               ? status
               : verdict_on_failure(status, is_doubtful, err);
}

static void commit_batch(struct way_writer *writer);

/* One of them is what the database refuses; the others must not pay for it. */
static void commit_one_by_one(struct way_writer *writer)
{
    struct way_write *all[WAY_WRITER_BATCH_MAX];
    size_t count = writer->count;

    memcpy(all, writer->writes, count * sizeof(all[0]));
    for (size_t i = 0; i < count; i++) {
        writer->count = 1;
        writer->writes[0] = all[i];
        commit_batch(writer); /* one level: a batch of one ends here */
    }
}

/* Writes what is in hand, and answers all of it. */
static void commit_batch(struct way_writer *writer)
{
    char quoted[WAY_LOG_VALUE_MAX];
    struct way_error err = {0};
    uint64_t started = way_clock_mono_us();
    size_t count = writer->count;
    enum way_status status = transact_with_tries(writer, &err);

    writer->options.observe(writer->options.owner, status, count, way_clock_mono_us() - started);
    if (status == WAY_OK) {
        if (writer->change_count > 0) {
            writer->options.committed(writer->options.owner, writer->tx, writer->changes,
                                      writer->change_count);
        }
        finish_all(writer);
        return;
    }
    way_log(WAY_LOG_WARN, "writer.failed", "status=%s writes=%zu detail=%s",
            way_status_name(status), count,
            way_log_quote(err.detail, strlen(err.detail), quoted, sizeof quoted));
    if ((status == WAY_INVALID || status == WAY_INTERNAL) && writer->count > 1) {
        commit_one_by_one(writer);
        return;
    }
    fail_all(writer, status, &err);
}

/* Takes over what fits into one transaction, and returns what is left of `jobs`. */
static struct way_job *gather(struct way_writer *writer, struct way_job *jobs)
{
    const struct way_error late = {
        .detail = "the database did not get to it in time; nothing was changed"};

    writer->count = 0;
    while (jobs != NULL) {
        struct way_write *write = WAY_OWNER_OF(jobs, struct way_write, job);

        if (writer->count > 0 &&
            (write->kind != WAY_WRITE_WISH || writer->writes[0]->kind != WAY_WRITE_WISH)) {
            break; /* wishes share a transaction; the other kinds have one each */
        }
        jobs = jobs->next;
        writer->writes[writer->count++] = write;
        refuse_late(writer, way_clock_mono_ms(), WAY_UNAVAILABLE, &late);
    }
    return jobs;
}

static void *run(void *argument)
{
    struct way_writer *writer = argument;
    struct way_job *jobs;

    while ((jobs = way_queue_take_all(writer->queue, WAY_WRITER_BATCH_MAX)) != NULL) {
        while (jobs != NULL) {
            jobs = gather(writer, jobs);
            if (writer->count > 0) {
                commit_batch(writer);
            }
        }
    }
    drop_session(writer);
    return NULL;
}

void way_writer_free(struct way_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    way_queue_free(writer->queue);
    free(writer->keys);
    free(writer->rows);
    free(writer->found);
    free(writer->changes);
    free(writer);
}

struct way_writer *way_writer_start(const struct way_writer_options *options)
{
    struct way_writer *writer = calloc(1, sizeof *writer);

    if (writer == NULL) {
        return NULL;
    }
    writer->options = *options;
    writer->queue = way_queue_new(WAY_WRITER_QUEUE_MAX);
    writer->keys = calloc(KEYS_MAX, sizeof *writer->keys);
    writer->rows = calloc(KEYS_MAX, sizeof *writer->rows);
    writer->found = calloc(KEYS_MAX, sizeof *writer->found);
    writer->changes = calloc(KEYS_MAX, sizeof *writer->changes);
    if (writer->queue == NULL || writer->keys == NULL || writer->rows == NULL ||
        writer->found == NULL || writer->changes == NULL ||
        pthread_create(&writer->thread, NULL, run, writer) != 0) {
        way_writer_free(writer);
        return NULL;
    }
    (void)pthread_setname_np(writer->thread, "store-writer");
    return writer;
}

void way_writer_stop(struct way_writer *writer)
{
    way_queue_close(writer->queue);
    (void)pthread_join(writer->thread, NULL);
}

enum way_status way_writer_put(struct way_writer *writer, struct way_write *write)
{
    WAY_ASSERT(write->kind != WAY_WRITE_GROUP ||
               (write->group_count >= 1 && write->group_count <= WAY_WRITER_GROUP_MAX));
    return way_queue_put(writer->queue, &write->job);
}
