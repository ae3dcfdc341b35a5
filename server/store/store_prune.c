/* SPDX-License-Identifier: MIT */
/*
 * How  First the marks are moved in the state row, in a transaction that holds it for a moment;
 * from then on nobody looks behind them. Then rows that are behind both are removed, some at a
 * time, without the state row: no writer waits for that. The newest revision always stays: its
 *      transaction tells a follower that the data is still the one it knows.
 */
#include "store/history.h"

#include "store/driver.h"

#define SQL_MARKS "SELECT n, low, history_low FROM override_state WHERE id = 1"
#define SQL_WALK                                                                    \
    "SELECT revision, at FROM override_change WHERE revision > ? AND revision < ? " \
    "ORDER BY revision, seq LIMIT ?"
/* Another instance may have moved either of them meanwhile; neither ever goes back. */
#define SQL_MOVE                                                              \
    "UPDATE override_state SET low = CASE WHEN low < ? THEN ? ELSE low END, " \
    "history_low = CASE WHEN history_low < ? THEN ? ELSE history_low END WHERE id = 1"
#define SQL_OLDEST                                                   \
    "SELECT revision, seq FROM override_change WHERE revision <= ? " \
    "ORDER BY revision, seq LIMIT ?"
#define SQL_REMOVE "DELETE FROM override_change WHERE revision <= ? AND (revision < ? OR seq <= ?)"

struct marks {
    int64_t now_us; /* wall time of the look at them */
    uint64_t newest;
    uint64_t log;
    uint64_t history;
};

static bool take_marks(void *owner, const struct way_value *columns)
{
    struct marks *marks = owner;

    marks->newest = way_value_u64(&columns[0]);
    marks->log = way_value_u64(&columns[1]);
    marks->history = way_value_u64(&columns[2]);
    return true;
}

struct walk {
    int64_t now_us;
    int64_t before_us;
    uint64_t end; /* the last revision that is older */
    size_t rows;  /* that were seen */
};

static bool take_step(void *owner, const struct way_value *columns)
{
    struct walk *walk = owner;

    walk->rows++;
    /* What is from the future was written by a clock that was wrong; its neighbours tell. */
    if (columns[1].number >= walk->before_us) {
        return columns[1].number > walk->now_us;
    }
    walk->end = way_value_u64(&columns[0]);
    return true;
}

/* Moves *mark over the revisions that are older than `keep_us`. */
static enum way_status walk(struct way_session *session, const struct marks *marks, int64_t keep_us,
                            uint64_t *mark, bool *is_done, struct way_error *err)
{
    const struct way_value values[] = {way_value_number(*mark), way_value_number(marks->newest),
                                       way_value_number(WAY_PRUNE_ROWS_MAX)};
    struct walk walk = {
        .now_us = marks->now_us, .before_us = marks->now_us - keep_us, .end = *mark};
    enum way_status status =
        way_session_run(session,
                        &(struct way_query){.sql = SQL_WALK,
                                            .values = values,
                                            .value_count = WAY_COUNT_OF(values),
                                            .visit = take_step,
                                            .owner = &walk},
                        err);

    if (walk.rows == WAY_PRUNE_ROWS_MAX && walk.end > *mark) {
        *is_done = false;
    }
    *mark = walk.end;
    return status;
}

static enum way_status move_marks(struct way_session *session, const struct marks *marks,
                                  struct way_error *err)
{
    const struct way_value values[] = {way_value_number(marks->log), way_value_number(marks->log),
                                       way_value_number(marks->history),
                                       way_value_number(marks->history)};
    uint64_t newest;
    enum way_status status = way_session_reserve(session, 0, &newest, err);

    if (status == WAY_OK) {
        status = way_session_run(session,
                                 &(struct way_query){.sql = SQL_MOVE,
                                                     .values = values,
                                                     .value_count = WAY_COUNT_OF(values)},
                                 err);
    }
    if (status == WAY_OK) {
        status = session->driver->commit(session, err);
    }
    if (status != WAY_OK) {
        way_session_rollback(session);
    }
    return status;
}

struct oldest {
    uint64_t revision;
    uint64_t seq;
    size_t rows;
};

static bool take_oldest(void *owner, const struct way_value *columns)
{
    struct oldest *oldest = owner;

    oldest->revision = way_value_u64(&columns[0]);
    oldest->seq = way_value_u64(&columns[1]);
    oldest->rows++;
    return true;
}

/* Removes rows that neither the log nor the history looks at any more. */
static enum way_status remove_oldest(struct way_session *session, uint64_t end, bool *is_done,
                                     struct way_error *err)
{
    struct way_value values[3] = {way_value_number(end), way_value_number(WAY_PRUNE_ROWS_MAX)};
    struct oldest oldest = {.rows = 0};
    enum way_status status = way_session_run(session,
                                             &(struct way_query){.sql = SQL_OLDEST,
                                                                 .values = values,
                                                                 .value_count = 2,
                                                                 .visit = take_oldest,
                                                                 .owner = &oldest},
                                             err);

    if (status != WAY_OK || oldest.rows == 0) {
        return status;
    }
    if (oldest.rows == WAY_PRUNE_ROWS_MAX) {
        *is_done = false;
    }
    values[0] = way_value_number(oldest.revision);
    values[1] = way_value_number(oldest.revision);
    values[2] = way_value_number(oldest.seq);
    return way_session_run(session,
                           &(struct way_query){.sql = SQL_REMOVE,
                                               .values = values,
                                               .value_count = WAY_COUNT_OF(values)},
                           err);
}

enum way_status way_store_prune(struct way_session *session, int64_t now_us,
                                const struct way_retention *retention, bool *is_done,
                                struct way_error *err)
{
    struct marks marks = {.now_us = now_us};
    struct marks moved;
    bool is_all = true;
    enum way_status status;

    way_session_hurry(session);
    status = way_session_check(session, err);
    if (status == WAY_OK) {
        status = way_session_run(
            session, &(struct way_query){.sql = SQL_MARKS, .visit = take_marks, .owner = &marks},
            err);
    }
    moved = marks;
    if (status == WAY_OK) {
        status = walk(session, &marks, retention->log_us, &moved.log, &is_all, err);
    }
    if (status == WAY_OK) {
        status = walk(session, &marks, retention->history_us, &moved.history, &is_all, err);
    }
    if (status == WAY_OK && (moved.log != marks.log || moved.history != marks.history)) {
        status = move_marks(session, &moved, err);
    }
    if (status == WAY_OK) {
        status = remove_oldest(session, moved.log < moved.history ? moved.log : moved.history,
                               &is_all, err);
    }
    if (status == WAY_OK) {
        *is_done = is_all;
    }
    return status;
}
