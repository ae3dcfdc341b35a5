/* SPDX-License-Identifier: MIT */
/*
 * How  All rows are read and judged in memory, sorted so that the claims on one key are neighbours
 *      and the one to be served comes first; then one transaction writes what is served, what is
 *      not, one line of the change log, and that it is done.
 */
#include "store/takeover.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/row.h"
#include "store/seed_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEED_ROWS_MAX = 4000000, /* rows of a table that is taken over */
    FIRST_ROWS = 256,
    QUOTED_BYTES = 2 * WAY_SEED_TEXT_MAX, /* one value in a log line */
    REJECTED_COLUMNS = 3,
};

#define SQL_RENAME "ALTER TABLE dns_overrides RENAME TO dns_overrides_seed"
#define SQL_SEED \
    "SELECT lookup_key, target_host, comment, created_at, updated_at FROM dns_overrides_seed"
#define SQL_REJECT \
    "INSERT INTO dns_overrides_rejected (lookup_key, target_host, reason) VALUES (?, ?, ?)"
#define SQL_TAKEN "UPDATE override_state SET is_seed_taken = 1 WHERE id = 1"
#define REASON    "taken over from dns_overrides_seed"

struct takeover {
    struct way_session *session; /* borrowed */
    struct way_seed_row *rows;   /* owned; sorted once all are read */
    size_t count;
    size_t capacity;
    size_t served;
    int64_t now_us;
    enum way_status status; /* of reading */
};

enum way_status way_takeover_rename(struct way_session *session, struct way_error *err)
{
    enum way_status status = way_session_execute(session, SQL_RENAME, err);

    if (status == WAY_OK) {
        way_log(WAY_LOG_NOTICE, "takeover.renamed",
                "store=%s from=dns_overrides "
                "to=dns_overrides_seed",
                session->driver->name);
    }
    return status;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static enum way_status make_room(struct takeover *takeover)
{
    size_t capacity = takeover->capacity == 0 ? FIRST_ROWS : takeover->capacity * 2;
    struct way_seed_row *rows;

    if (takeover->count < takeover->capacity) {
        return WAY_OK;
    }
    if (takeover->count >= SEED_ROWS_MAX) {
        return WAY_TOO_LARGE;
    }
    rows = realloc(takeover->rows, capacity * sizeof *rows);
    if (rows == NULL) {
        return WAY_NO_MEMORY;
    }
    takeover->rows = rows;
    takeover->capacity = capacity;
    return WAY_OK;
}

static bool take_seed_row(void *owner, const struct way_value *columns)
{
    struct takeover *takeover = owner;

    takeover->status = make_room(takeover);
    if (takeover->status == WAY_OK) {
        takeover->status = way_seed_row_init(&takeover->rows[takeover->count], columns);
    }
    takeover->count += takeover->status == WAY_OK;
    return takeover->status == WAY_OK;
}

static int compare_rows(const void *a, const void *b)
{
    return way_seed_row_compare(a, b);
}

static bool claims_same_key(const struct way_seed_row *a, const struct way_seed_row *b)
{
    return a->key.len > 0 && a->key.len == b->key.len &&
           memcmp(a->key.bytes, b->key.bytes, a->key.len) == 0;
}

/* Of the rows that claim one key the first is served, if it can be. If it cannot, none is: a row
 * that was without effect behind it must not come to life because of what is wrong with another. */
static enum way_status choose(struct takeover *takeover)
{
    size_t first = 0;

    if (takeover->count > 0) {
        qsort(takeover->rows, takeover->count, sizeof *takeover->rows, compare_rows);
    }
    for (size_t i = 0; i < takeover->count; i++) {
        struct way_seed_row *row = &takeover->rows[i];
        const struct way_seed_row *winner = &takeover->rows[first];
        char quoted[QUOTED_BYTES];
        char reason[WAY_ERROR_DETAIL_MAX];

        if (i == 0 || !claims_same_key(winner, row)) {
            first = i;
        } else if (row->reason == NULL) {
            (void)snprintf(
                reason, sizeof reason, "lookup_key: the same as %.128s, which goes first",
                way_log_quote(winner->raw_key.bytes, winner->raw_key.len, quoted, sizeof quoted));
            if (way_seed_row_reject(row, reason) != WAY_OK) {
                return WAY_NO_MEMORY;
            }
        }
        takeover->served += row->reason == NULL;
    }
    return WAY_OK;
}

static enum way_status read_seed(struct takeover *takeover, struct way_error *err)
{
    enum way_status status = way_session_run(
        takeover->session,
        &(struct way_query){.sql = SQL_SEED, .visit = take_seed_row, .owner = takeover}, err);

    if (status != WAY_OK) {
        return status;
    }
    if (takeover->status == WAY_TOO_LARGE) {
        return way_fail(err, WAY_UNAVAILABLE, "", "dns_overrides_seed has over %d rows",
                        SEED_ROWS_MAX);
    }
    if (takeover->status != WAY_OK || choose(takeover) != WAY_OK) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to take over dns_overrides_seed");
    }
    return WAY_OK;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void encode_served(const struct takeover *takeover, const struct way_seed_row *row,
                          uint64_t revision, struct way_value *set)
{
    set[0] = way_value_span(row->key.bytes, row->key.len);
    set[1] = way_value_span(row->target.bytes, row->target.len);
    set[2] = way_value_span(row->comment.bytes, row->comment.len);
    set[3] = way_value_number(1);
    set[WAY_ROW_REVISION] = way_value_number(revision);
    set[5] = way_value_time(row->has_created ? row->created_at_us : takeover->now_us);
    set[6] = way_value_text("-");
    set[7] = way_value_time(row->has_updated ? row->updated_at_us : takeover->now_us);
    set[8] = way_value_text("-");
}

static struct way_value nullable(const struct way_seed_text *text)
{
    return text->bytes == NULL ? way_value_null() : way_value_span(text->bytes, text->len);
}

static void encode_rejected(const struct way_seed_row *row, struct way_value *set)
{
    set[0] = nullable(&row->shown_key);
    set[1] = nullable(&row->shown_target);
    set[2] = way_value_text(row->reason);
}

/* All rows that are served, or all that are not. */
static enum way_status write_rows(const struct takeover *takeover, bool served, uint64_t revision,
                                  struct way_error *err)
{
    struct way_value *values =
        calloc((size_t)WAY_REPEAT_MAX * WAY_ROW_COLUMN_COUNT, sizeof *values);
    struct way_query query = {
        .sql = served ? takeover->session->driver->dialect.upsert : SQL_REJECT,
        .values = values,
        .value_count = served ? (size_t)WAY_ROW_COLUMN_COUNT : (size_t)REJECTED_COLUMNS,
    };
    enum way_status status = WAY_OK;

    if (values == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to take over dns_overrides_seed");
    }
    for (size_t i = 0; i < takeover->count && status == WAY_OK; i++) {
        const struct way_seed_row *row = &takeover->rows[i];
        struct way_value *set = values + query.repeat * query.value_count;

        if ((row->reason == NULL) != served) {
            continue;
        }
        if (served) {
            encode_served(takeover, row, revision, set);
        } else {
            encode_rejected(row, set);
        }
        if (++query.repeat == WAY_REPEAT_MAX) {
            status = way_session_run(takeover->session, &query, err);
            query.repeat = 0;
        }
    }
    if (status == WAY_OK && query.repeat > 0) {
        status = way_session_run(takeover->session, &query, err);
    }
    free(values);
    return status;
}

static enum way_status write_all(const struct takeover *takeover, uint64_t revision,
                                 struct way_error *err)
{
    struct way_session *session = takeover->session;
    enum way_status status = write_rows(takeover, true, revision, err);

    if (status == WAY_OK) {
        status = write_rows(takeover, false, revision, err);
    }
    if (status == WAY_OK && takeover->served > 0) {
        status = way_session_log_reload(session, revision, takeover->now_us, "-", REASON, err);
    }
    if (status == WAY_OK) {
        status = way_session_run(session, &(struct way_query){.sql = SQL_TAKEN}, err);
    }
    return status == WAY_OK ? session->driver->commit(session, err) : status;
}

/* --- telling -----------------------------------------------------------------------------------
 */

static const char *quote(const struct way_seed_text *text, char *out, size_t out_bytes)
{
    return text->bytes == NULL ? "NULL" : way_log_quote(text->bytes, text->len, out, out_bytes);
}

static void log_rejected(const struct way_seed_row *row)
{
    const struct way_seed_text reason = {.bytes = row->reason, .len = strlen(row->reason)};
    char key[QUOTED_BYTES];
    char target[QUOTED_BYTES];
    char why[QUOTED_BYTES];

    way_log(WAY_LOG_WARN, "takeover.rejected", "lookup_key=%s target_host=%s reason=%s",
            quote(&row->shown_key, key, sizeof key),
            quote(&row->shown_target, target, sizeof target), quote(&reason, why, sizeof why));
}

static void log_served(const struct way_seed_row *row)
{
    char from[QUOTED_BYTES];
    char to[QUOTED_BYTES];

    (void)quote(&row->key, to, sizeof to);
    if (!way_seed_row_is_normal(row)) {
        way_log(WAY_LOG_NOTICE, "takeover.changed", "from=%s to=%s",
                quote(&row->shown_key, from, sizeof from), to);
    }
    if (row->is_comment_changed) {
        way_log(WAY_LOG_WARN, "takeover.comment_cut",
                "lookup_key=%s detail=\"too long, or with control bytes\"", to);
    }
}

static void log_all(const struct takeover *takeover)
{
    size_t changed = 0;

    for (size_t i = 0; i < takeover->count; i++) {
        const struct way_seed_row *row = &takeover->rows[i];

        if (row->reason != NULL) {
            log_rejected(row);
            continue;
        }
        changed += !way_seed_row_is_normal(row);
        log_served(row);
    }
    way_log(WAY_LOG_NOTICE, "takeover.done", "rows=%zu served=%zu rejected=%zu changed=%zu",
            takeover->count, takeover->served, takeover->count - takeover->served, changed);
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static void takeover_fini(struct takeover *takeover)
{
    for (size_t i = 0; i < takeover->count; i++) {
        way_seed_row_fini(&takeover->rows[i]);
    }
    free(takeover->rows);
}

enum way_status way_takeover_import(struct way_session *session, bool has_seed,
                                    struct way_error *err)
{
    struct takeover takeover = {.session = session, .now_us = way_clock_wall_us()};
    const struct way_driver *driver = session->driver;
    uint64_t revision = 0;
    enum way_status status = has_seed ? read_seed(&takeover, err) : WAY_OK;

    if (status != WAY_OK) {
        goto out;
    }
    way_random_bytes(session->tx, sizeof session->tx);
    session->revision = 0;
    session->place_in_tx = 0;
    status = driver->reserve(session, takeover.served > 0 ? 1 : 0, way_driver_newest_step(driver),
                             false, &revision, err);
    if (status == WAY_OK) {
        status = write_all(&takeover, revision, err);
    } else if (status == WAY_NOT_FOUND) {
        status = way_fail(err, WAY_BUSY, "", "another instance has taken the database over");
    }
    if (status != WAY_OK) {
        way_session_rollback(session);
        goto out;
    }
    if (has_seed) {
        log_all(&takeover);
    }

out:
    takeover_fini(&takeover);
    return status;
}
