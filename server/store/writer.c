/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAUSE_MIN_MS = 1, /* between two tries of one transaction */
    PAUSE_MAX_MS = 32,
    SETTLE_PAUSE_MS = 200, /* between two questions for an unknown outcome */
};

struct way_writer {
    struct way_writer_options options; /* constant after start */
    struct way_queue *queue;
    pthread_t thread;
    /* writer's thread only */
    struct way_session *session; /* NULL: none is open */
    size_t count;                /* wishes in hand */
    struct way_write *writes[WAY_WRITER_BATCH_MAX];
    size_t key_count; /* different keys among them */
    const struct way_key *keys[WAY_WRITER_BATCH_MAX];
    struct way_override *rows; /* [key]: the row as this transaction has it so far */
    bool *found;               /* [key] */
    size_t change_count;
    struct way_change *changes;
};

static void pause_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};

    (void)nanosleep(&time, NULL);
}

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

/* Gives every wish that was not judged the status of the whole. */
static void fail_all(struct way_writer *writer, enum way_status status, const struct way_error *err)
{
    for (size_t i = 0; i < writer->count; i++) {
        writer->writes[i]->status = status;
        writer->writes[i]->err = *err;
    }
}

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

/* Judges the wishes one after the other, each on what the earlier ones left. */
static void judge_all(struct way_writer *writer, uint64_t first, int64_t now_us)
{
    writer->change_count = 0;
    for (size_t i = 0; i < writer->count; i++) {
        struct way_write *write = writer->writes[i];
        size_t at = key_index(writer, &write->wish.key);
        struct way_override *row = &writer->rows[at];
        struct way_change *change;

        write->verdict = WAY_VERDICT_NONE;
        write->status = way_wish_judge(&write->wish, writer->found[at] ? row : NULL, now_us,
                                       &write->verdict, &write->row, &write->err);
        if (write->status != WAY_OK || write->verdict == WAY_VERDICT_NONE) {
            continue;
        }
        write->row.revision = first + writer->change_count;
        change = &writer->changes[writer->change_count++];
        change->revision = write->row.revision;
        change->is_delete = write->verdict == WAY_VERDICT_DELETED;
        change->row = write->row;
        memcpy(change->actor, write->wish.actor, sizeof change->actor);
        memcpy(change->reason, write->wish.reason, sizeof change->reason);
        *row = write->row;
        writer->found[at] = !change->is_delete;
    }
}

/* The latest moment any of the wishes in hand still waits for. */
static uint64_t last_deadline(const struct way_writer *writer)
{
    uint64_t last = 0;

    for (size_t i = 0; i < writer->count; i++) {
        last = writer->writes[i]->deadline_ms > last ? writer->writes[i]->deadline_ms : last;
    }
    return last;
}

/* The first moment at which a caller is told that nothing was stored: from then on it must stay so.
 */
static uint64_t first_deadline(const struct way_writer *writer)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < writer->count; i++) {
        first = writer->writes[i]->deadline_ms < first ? writer->writes[i]->deadline_ms : first;
    }
    return first;
}

/* One try of the whole transaction. */
static enum way_status transact(struct way_writer *writer, const uint8_t *tx, struct way_error *err)
{
    int64_t now_us = way_clock_wall_us();
    uint64_t first = 0;
    enum way_status status;

    if (writer->session == NULL) {
        status = way_session_open(writer->options.store, &writer->session, err);
        if (status != WAY_OK) {
            return status;
        }
    }
    status = way_store_begin(writer->session, writer->count, tx, &first, err);
    if (status != WAY_OK) {
        return status;
    }
    writer->key_count = 0;
    for (size_t i = 0; i < writer->count; i++) {
        (void)key_index(writer, &writer->writes[i]->wish.key);
    }
    status = way_store_fetch(writer->session, writer->keys, writer->key_count, writer->rows,
                             writer->found, err);
    if (status != WAY_OK) {
        return status;
    }
    judge_all(writer, first, now_us);
    if (writer->change_count > 0) {
        status =
            way_store_apply(writer->session, writer->changes, writer->change_count, now_us, err);
        if (status != WAY_OK) {
            return status;
        }
    }
    if (way_clock_mono_ms() >= first_deadline(writer)) {
        return way_fail(err, WAY_UNAVAILABLE, "", "the database was too slow; nothing was changed");
    }
    return way_store_commit(writer->session, writer->change_count, err);
}

/* The connection broke at COMMIT: the change log knows whether it happened. */
static enum way_status settle(struct way_writer *writer, const uint8_t *tx, struct way_error *err)
{
    uint64_t deadline = last_deadline(writer);

    do {
        bool is_committed = false;
        struct way_error ignored; /* the first error says more to the caller */
        enum way_status status = WAY_OK;

        if (writer->session == NULL) {
            status = way_session_open(writer->options.store, &writer->session, &ignored);
        }
        if (status == WAY_OK) {
            status = way_store_settle(writer->session, tx, &is_committed, &ignored);
        }
        if (status == WAY_OK) {
            way_log(WAY_LOG_NOTICE, "writer.settled", "committed=%s", is_committed ? "yes" : "no");
            return is_committed ? WAY_OK : way_fail(err, WAY_BUSY, "", "the commit was lost");
        }
        drop_session(writer);
        pause_ms(SETTLE_PAUSE_MS);
    } while (way_clock_mono_ms() < deadline);
    return WAY_UNSETTLED;
}

/* The transaction, again while it loses races or its server is replaced by another. */
static enum way_status transact_with_tries(struct way_writer *writer, struct way_error *err)
{
    uint8_t tx[WAY_TX_BYTES];
    enum way_status status = WAY_INTERNAL;
    unsigned pause = PAUSE_MIN_MS;

    way_random_bytes(tx, sizeof tx);
    for (unsigned try = 0; try < WAY_WRITER_TRIES_MAX; try++) {
        bool had_session = writer->session != NULL;

        if (try > 0) {
            if (way_clock_mono_ms() + WAY_WRITER_LAST_TRY_MS > first_deadline(writer)) {
                return status;
            }
            pause_ms(pause);
            pause = pause < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
        }
        status = transact(writer, tx, err);
        if (status == WAY_UNSETTLED) {
            drop_session(writer);
            status = settle(writer, tx, err);
        }
        if (status == WAY_OK) {
            return WAY_OK;
        }
        if (breaks_session(status)) {
            drop_session(writer);
        } else {
            way_store_rollback(writer->session);
        }
        /* An idle session may have been closed by the server; a new one deserves one try. */
        if (status != WAY_BUSY && !(status == WAY_UNAVAILABLE && had_session)) {
            return status;
        }
    }
    return status;
}

static void commit_batch(struct way_writer *writer)
{
    char quoted[WAY_LOG_VALUE_MAX];
    struct way_error err = {0};
    uint64_t started = way_clock_mono_us();
    enum way_status status = transact_with_tries(writer, &err);

    writer->options.observe(writer->options.owner, status, writer->count,
                            way_clock_mono_us() - started);
    if (status == WAY_OK) {
        if (writer->change_count > 0) {
            writer->options.committed(writer->options.owner, writer->changes, writer->change_count);
        }
        return;
    }
    way_log(WAY_LOG_WARN, "writer.failed", "status=%s wishes=%zu detail=%s",
            way_status_name(status), writer->count,
            way_log_quote(err.detail, strlen(err.detail), quoted, sizeof quoted));
    if ((status == WAY_INVALID || status == WAY_INTERNAL) && writer->count > 1) {
        /* One of them is what the database refuses; the others must not pay for it. */
        struct way_write *all[WAY_WRITER_BATCH_MAX];
        size_t count = writer->count;

        memcpy(all, writer->writes, count * sizeof(all[0]));
        for (size_t i = 0; i < count; i++) {
            writer->count = 1;
            writer->writes[0] = all[i];
            commit_batch(writer); /* one level: a batch of one ends here */
        }
        memcpy(writer->writes, all, count * sizeof(all[0]));
        writer->count = count;
        return;
    }
    if (status == WAY_BUSY) {
        /* To the caller a database that lets nobody write is as good as away. */
        status = way_fail(&err, WAY_UNAVAILABLE, "", "the database is busy with another writer");
    }
    fail_all(writer, status, &err);
}

/* Takes over the wishes of `jobs`, refusing those that waited too long. */
static void gather(struct way_writer *writer, struct way_job *jobs)
{
    uint64_t now = way_clock_mono_ms();

    writer->count = 0;
    while (jobs != NULL) {
        struct way_write *write = WAY_OWNER_OF(jobs, struct way_write, job);

        jobs = jobs->next;
        if (write->deadline_ms <= now) {
            write->status = way_fail(&write->err, WAY_UNAVAILABLE, "",
                                     "the database did not get to it in time; nothing was changed");
            write->done(write);
            continue;
        }
        writer->writes[writer->count++] = write;
    }
}

static void *run(void *argument)
{
    struct way_writer *writer = argument;
    struct way_job *jobs;

    while ((jobs = way_queue_take_all(writer->queue, WAY_WRITER_BATCH_MAX)) != NULL) {
        gather(writer, jobs);
        if (writer->count == 0) {
            continue;
        }
        commit_batch(writer);
        for (size_t i = 0; i < writer->count; i++) {
            writer->writes[i]->done(writer->writes[i]);
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
    writer->rows = calloc(WAY_WRITER_BATCH_MAX, sizeof *writer->rows);
    writer->found = calloc(WAY_WRITER_BATCH_MAX, sizeof *writer->found);
    writer->changes = calloc(WAY_WRITER_BATCH_MAX, sizeof *writer->changes);
    if (writer->queue == NULL || writer->rows == NULL || writer->found == NULL ||
        writer->changes == NULL || pthread_create(&writer->thread, NULL, run, writer) != 0) {
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
    return way_queue_put(writer->queue, &write->job);
}
