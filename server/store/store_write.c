/* SPDX-License-Identifier: MIT */
/*
 * How  Every write begins by taking its revisions from the one state row, and holds that row to the
 *      end. So writers, on whatever instance, stand in one queue; no two can wait for each other;
 *      and revisions become visible in their order.
 */
#include "store/store.h"

#include "base/text.h"
#include "model/override_json.h"
#include "store/driver.h"
#include "store/row.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_GIVE_BACK "UPDATE override_state SET n = n - ? WHERE id = 1"
#define SQL_DELETE    "DELETE FROM dns_overrides WHERE lookup_key = ?"
#define SQL_LOG                                                                                  \
    "INSERT INTO override_change (revision, seq, tx, place, op, lookup_key, at, actor, reason, " \
    "row_before, row_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define SQL_EPOCH  "UPDATE override_state SET epoch = ? WHERE id = 1"
#define SQL_SETTLE "SELECT revision FROM override_change WHERE tx = ? ORDER BY place LIMIT 1"
#define SQL_NEWER_STEP                                                       \
    "SELECT name FROM schema_migration WHERE version > ? AND is_expand = 0 " \
    "ORDER BY version LIMIT 1"

enum { /* the places of SQL_LOG's values */
       LOG_OP = 4,
       LOG_KEY,
       LOG_AT,
       LOG_ACTOR,
       LOG_REASON,
       LOG_BEFORE,
       LOG_AFTER,
       LOG_COLUMNS, /* no statement here has more */
};

enum {
    SETTLE_LOCK_BYTES_MAX = 32,  /* of way_dialect.for_update */
    FETCH_SQL_BYTES_MAX = 2048,  /* WAY_REPEAT_MAX times ", ?" and the rest */
    LOG_TEXT_BYTES = 512 * 1024, /* in one query: servers may refuse packets over 1 MiB */
};

_Static_assert((int)WAY_ROW_COLUMN_COUNT <= (int)LOG_COLUMNS, "batches have room for either");

/* A statement for one to many keys has one of these sizes, so that few are prepared. */
static const size_t fetch_sizes[] = {1, 16, WAY_REPEAT_MAX};

unsigned way_driver_newest_step(const struct way_driver *driver)
{
    return driver->steps[*driver->step_count - 1].version;
}

/* Whatever fails in an open write ends it. */
static enum way_status fail_write(struct way_session *session, enum way_status status)
{
    way_session_rollback(session);
    return status;
}

static bool take_step_name(void *owner, const struct way_value *columns)
{
    return way_row_copy_text(&columns[0], owner, WAY_ERROR_DETAIL_MAX / 2);
}

/* The first step that keeps programs like this one from writing; "": there is none. */
static enum way_status find_newer_step(struct way_session *session, unsigned known,
                                       char step[WAY_ERROR_DETAIL_MAX / 2], struct way_error *err)
{
    const struct way_value value = way_value_number(known);

    step[0] = '\0';
    return way_session_run(session,
                           &(struct way_query){.sql = SQL_NEWER_STEP,
                                               .values = &value,
                                               .value_count = 1,
                                               .visit = take_step_name,
                                               .owner = step},
                           err);
}

static enum way_status fail_newer(const char *step, struct way_error *err)
{
    return way_fail(err, WAY_UNAVAILABLE, "",
                    "read-only: the schema has step %s, which this program does not know", step);
}

/* The state row refused us: says why. */
static enum way_status explain_refusal(struct way_session *session, unsigned known,
                                       struct way_error *err)
{
    char step[WAY_ERROR_DETAIL_MAX / 2];
    enum way_status status = find_newer_step(session, known, step, err);

    if (status != WAY_OK) {
        return status;
    }
    if (step[0] == '\0') {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: the schema is not complete", session->place);
    }
    return fail_newer(step, err);
}

static enum way_status check_allowed(struct way_session *session, struct way_error *err)
{
    struct way_store *store = session->store;
    enum way_status status = WAY_OK;

    (void)pthread_mutex_lock(&store->lock);
    if (store->refusal[0] != '\0') {
        status = way_fail(err, WAY_UNAVAILABLE, "", "%s", store->refusal);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (status == WAY_OK && session->is_read_only) {
        status = way_fail(err, WAY_UNAVAILABLE, "", "%s: the server is read-only", session->place);
    }
    return status;
}

enum way_status way_session_check(struct way_session *session, struct way_error *err)
{
    enum way_status status = check_allowed(session, err);
    char step[WAY_ERROR_DETAIL_MAX / 2] = "";

    if (status == WAY_OK) {
        status = find_newer_step(session, way_driver_newest_step(session->driver), step, err);
    }
    return status == WAY_OK && step[0] != '\0' ? fail_newer(step, err) : status;
}

enum way_status way_session_reserve(struct way_session *session, uint64_t count, uint64_t *newest,
                                    struct way_error *err)
{
    const struct way_driver *driver = session->driver;
    unsigned known = way_driver_newest_step(driver);
    enum way_status status = check_allowed(session, err);

    if (status != WAY_OK) {
        return status;
    }
    if (session->is_lost) {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: the connection is lost", session->place);
    }
    status = driver->reserve(session, count, known, true, newest, err);
    if (status == WAY_NOT_FOUND) {
        status = explain_refusal(session, known, err);
    }
    return status == WAY_OK ? WAY_OK : fail_write(session, status);
}

enum way_status way_store_begin(struct way_session *session, uint64_t count,
                                const uint8_t tx[static WAY_TX_BYTES], uint64_t *first,
                                struct way_error *err)
{
    uint64_t newest = 0;
    enum way_status status;

    WAY_ASSERT(!session->is_writing);
    WAY_ASSERT(count > 0 && count < INT64_MAX);
    way_session_hurry(session);
    status = way_session_reserve(session, count, &newest, err);
    if (status != WAY_OK) {
        return status;
    }
    session->is_writing = true;
    memcpy(session->tx, tx, WAY_TX_BYTES);
    session->reserved = count;
    session->revision = 0;
    session->place_in_tx = 0;
    *first = newest - count + 1;
    return WAY_OK;
}

/* --- fetch -------------------------------------------------------------------------------------
 */

struct fetch {
    const struct way_key *const *keys;
    size_t count;
    struct way_override *rows;
    bool *found;
};

static bool take_fetched(void *owner, const struct way_value *columns)
{
    const struct fetch *fetch = owner;
    const struct way_value *key = &columns[0];

    for (size_t i = 0; i < fetch->count; i++) {
        if (fetch->keys[i]->len == key->len &&
            memcmp(fetch->keys[i]->text, key->bytes, key->len) == 0) {
            fetch->found[i] = way_row_decode(columns, &fetch->rows[i]);
        }
    }
    return true;
}

static enum way_status fetch_some(struct way_session *session, struct fetch *fetch,
                                  struct way_error *err)
{
    struct way_value values[WAY_REPEAT_MAX];
    char storage[FETCH_SQL_BYTES_MAX];
    struct way_text sql;
    size_t size = 0;
    enum way_status status;

    while (fetch_sizes[size] < fetch->count) {
        size++;
    }
    way_text_init(&sql, storage, sizeof storage, sizeof storage);
    way_text_puts(&sql, "SELECT " WAY_ROW_COLUMNS " FROM dns_overrides WHERE lookup_key IN (?");
    for (size_t i = 0; i < fetch_sizes[size]; i++) {
        /* places that are left over ask for the last key again */
        const struct way_key *key = fetch->keys[i < fetch->count ? i : fetch->count - 1];

        way_text_puts(&sql, i > 0 ? ", ?" : "");
        values[i] = way_value_span(key->text, key->len);
    }
    way_text_printf(&sql, ")%s", session->driver->dialect.for_update);
    status = way_session_run(session,
                             &(struct way_query){.sql = way_text_string(&sql),
                                                 .values = values,
                                                 .value_count = fetch_sizes[size],
                                                 .visit = take_fetched,
                                                 .owner = fetch},
                             err);
    way_text_fini(&sql);
    return status;
}

enum way_status way_store_fetch(struct way_session *session, const struct way_key *const *keys,
                                size_t count, struct way_override *rows, bool *found,
                                struct way_error *err)
{
    WAY_ASSERT(session->is_writing);
    way_session_hurry(session);
    for (size_t at = 0; at < count; at += WAY_REPEAT_MAX) {
        size_t some = count - at < WAY_REPEAT_MAX ? count - at : WAY_REPEAT_MAX;
        struct fetch fetch = {
            .keys = keys + at, .count = some, .rows = rows + at, .found = found + at};
        enum way_status status;

        memset(found + at, 0, some * sizeof *found);
        status = fetch_some(session, &fetch, err);
        if (status != WAY_OK) {
            return fail_write(session, status);
        }
    }
    return WAY_OK;
}

/* --- apply -------------------------------------------------------------------------------------
 */

/* One change among its neighbours, to find the last one of each key. */
struct ranked {
    const struct way_change *change;
    size_t rank;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *left = a;
    const struct ranked *right = b;
    int order = strcmp(left->change->row.lookup_key.text, right->change->row.lookup_key.text);

    if (order != 0) {
        return order;
    }
    return left->rank < right->rank ? -1 : 1;
}

/* What is written in batches: a statement, and how it makes values of one change. */
struct batch {
    struct way_session *session;
    const char *sql;
    size_t column_count;
    struct way_value *values; /* room for WAY_REPEAT_MAX sets */
    size_t rows;
};

static enum way_status flush(struct batch *batch, struct way_error *err)
{
    const struct way_query query = {.sql = batch->sql,
                                    .values = batch->values,
                                    .value_count = batch->column_count,
                                    .repeat = batch->rows};

    if (batch->rows == 0) {
        return WAY_OK;
    }
    batch->rows = 0;
    return way_session_run(batch->session, &query, err);
}

static struct way_value *next_set(struct batch *batch)
{
    return batch->values + batch->column_count * batch->rows++;
}

/* Upserts, or deletes, of the last change of each key. */
static enum way_status write_rows(struct batch *batch, const struct ranked *ranked, size_t count,
                                  bool deletes, struct way_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct way_change *change = ranked[i].change;
        bool is_last = i + 1 == count || !way_key_equal(&change->row.lookup_key,
                                                        &ranked[i + 1].change->row.lookup_key);

        if (!is_last || change->is_delete != deletes) {
            continue;
        }
        if (deletes) {
            *next_set(batch) =
                way_value_span(change->row.lookup_key.text, change->row.lookup_key.len);
        } else {
            struct way_value *set = next_set(batch);

            way_row_encode(&change->row, set);
            set[WAY_ROW_REVISION] = way_value_number(change->revision);
        }
        if (batch->rows == WAY_REPEAT_MAX) {
            enum way_status status = flush(batch, err);

            if (status != WAY_OK) {
                return status;
            }
        }
    }
    return flush(batch, err);
}

/* The next line of the log, for the caller to add what happened to which key, by whom and why. */
static struct way_value *next_line(struct batch *batch, uint64_t revision, int64_t at_us)
{
    struct way_session *session = batch->session;
    struct way_value *set = next_set(batch);

    session->seq = session->revision == revision ? session->seq + 1 : 0;
    session->revision = revision;
    set[0] = way_value_number(revision);
    set[1] = way_value_number(session->seq);
    set[2] = way_value_bytes(session->tx, WAY_TX_BYTES);
    set[3] = way_value_number(session->place_in_tx++);
    set[LOG_AT] = way_value_time(at_us);
    return set;
}

/* The log refuses a transaction that it has. The settling tells how that came about. */
static enum way_status flush_log(struct batch *batch, struct way_error *err)
{
    enum way_status status = flush(batch, err);

    return status == WAY_EXISTS
               ? way_fail(err, WAY_UNSETTLED, "",
                          "the change log has this transaction, or its revision, already")
               : status;
}

/* The overrides before and after each change of one batch, as JSON. */
struct images {
    char json[WAY_REPEAT_MAX][2][WAY_OVERRIDE_JSON_MAX];
};

/* Null: it does not fit, for somebody wrote by hand what no row of ours says. */
static struct way_value draw(const struct way_override *row, char json[WAY_OVERRIDE_JSON_MAX])
{
    struct way_text text;
    struct way_value value;

    /* One octet is left for the NUL of who reads it. */
    way_text_init(&text, json, WAY_OVERRIDE_JSON_MAX, WAY_OVERRIDE_JSON_MAX - 1);
    way_override_write_json(&text, row);
    value = way_text_status(&text) == WAY_OK ? way_value_span(json, text.len) : way_value_null();
    way_text_fini(&text);
    return value;
}

/* Both or none: a line with one of two would say that there was no override, or is none. */
static void draw_both(const struct way_change *change, char (*json)[WAY_OVERRIDE_JSON_MAX],
                      struct way_value *set)
{
    struct way_value before = change->had_row ? draw(&change->before, json[0]) : way_value_null();
    struct way_value after = change->is_delete ? way_value_null() : draw(&change->row, json[1]);
    bool is_whole = change->had_row == (before.kind != WAY_VALUE_NULL) &&
                    change->is_delete == (after.kind == WAY_VALUE_NULL);

    set[LOG_BEFORE] = is_whole ? before : way_value_null();
    set[LOG_AFTER] = is_whole ? after : way_value_null();
}

static enum way_status write_log(struct batch *batch, struct images *images,
                                 const struct way_change *changes, size_t count, int64_t at_us,
                                 struct way_error *err)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        const struct way_change *change = &changes[i];
        struct way_value *set = next_line(batch, change->revision, at_us);
        char(*json)[WAY_OVERRIDE_JSON_MAX] = images->json[batch->rows - 1];

        draw_both(change, json, set);
        set[LOG_OP] = way_value_text(change->is_delete ? "D" : "U");
        set[LOG_KEY] = way_value_span(change->row.lookup_key.text, change->row.lookup_key.len);
        set[LOG_ACTOR] = way_value_text(change->actor);
        set[LOG_REASON] = way_value_text(change->reason);
        bytes += set[LOG_BEFORE].len + set[LOG_AFTER].len + set[LOG_REASON].len;
        if (batch->rows == WAY_REPEAT_MAX || bytes >= LOG_TEXT_BYTES) {
            enum way_status status = flush_log(batch, err);

            bytes = 0;
            if (status != WAY_OK) {
                return status;
            }
        }
    }
    return flush_log(batch, err);
}

enum way_status way_store_apply(struct way_session *session, const struct way_change *changes,
                                size_t count, int64_t at_us, struct way_error *err)
{
    struct way_value *values = calloc((size_t)WAY_REPEAT_MAX * LOG_COLUMNS, sizeof *values);
    struct ranked *ranked = calloc(count > 0 ? count : 1, sizeof *ranked);
    struct images *images = malloc(sizeof *images); /* touched as far as it is used */
    struct batch upserts = {session, session->driver->dialect.upsert, WAY_ROW_COLUMN_COUNT, values,
                            0};
    struct batch deletes = {session, SQL_DELETE, 1, values, 0};
    struct batch log = {session, SQL_LOG, LOG_COLUMNS, values, 0};
    enum way_status status;

    WAY_ASSERT(session->is_writing);
    way_session_hurry(session);
    if (values == NULL || ranked == NULL || images == NULL) {
        status = way_fail(err, WAY_NO_MEMORY, "", "no memory for %zu changes", count);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        ranked[i] = (struct ranked){.change = &changes[i], .rank = i};
    }
    qsort(ranked, count, sizeof *ranked, compare_ranked);
    status = write_rows(&upserts, ranked, count, false, err);
    if (status == WAY_OK) {
        status = write_rows(&deletes, ranked, count, true, err);
    }
    if (status == WAY_OK) {
        status = write_log(&log, images, changes, count, at_us, err);
    }

out:
    free(images);
    free(ranked);
    free(values);
    return status == WAY_OK ? WAY_OK : fail_write(session, status);
}

enum way_status way_session_log_reload(struct way_session *session, uint64_t revision,
                                       int64_t at_us, const char *actor, const char *reason,
                                       struct way_error *err)
{
    struct way_value values[LOG_COLUMNS];
    struct batch log = {session, SQL_LOG, LOG_COLUMNS, values, 0};
    struct way_value *set = next_line(&log, revision, at_us);

    set[LOG_OP] = way_value_text("R");
    set[LOG_KEY] = way_value_text("");
    set[LOG_ACTOR] = way_value_text(actor);
    set[LOG_REASON] = way_value_text(reason);
    set[LOG_BEFORE] = way_value_null();
    set[LOG_AFTER] = way_value_null();
    return flush_log(&log, err);
}

enum way_status way_store_reset(struct way_session *session, uint64_t revision,
                                const uint8_t epoch[static WAY_EPOCH_BYTES], int64_t at_us,
                                const struct way_wish *by, struct way_error *err)
{
    const struct way_value value = way_value_bytes(epoch, WAY_EPOCH_BYTES);
    enum way_status status;

    WAY_ASSERT(session->is_writing);
    way_session_hurry(session);
    status = way_session_run(
        session, &(struct way_query){.sql = SQL_EPOCH, .values = &value, .value_count = 1}, err);
    if (status == WAY_OK) {
        status = way_session_log_reload(session, revision, at_us, by->actor, by->reason, err);
    }
    return status == WAY_OK ? WAY_OK : fail_write(session, status);
}

/* --- the end -----------------------------------------------------------------------------------
 */

static enum way_status give_back(struct way_session *session, uint64_t count, struct way_error *err)
{
    const struct way_value unused = way_value_number(count);

    return way_session_run(
        session, &(struct way_query){.sql = SQL_GIVE_BACK, .values = &unused, .value_count = 1},
        err);
}

enum way_status way_store_commit(struct way_session *session, uint64_t used, struct way_error *err)
{
    enum way_status status = WAY_OK;

    WAY_ASSERT(session->is_writing);
    WAY_ASSERT(used <= session->reserved);
    way_session_hurry(session);
    if (used == 0) {
        way_session_rollback(session);
        return WAY_OK;
    }
    if (used < session->reserved) {
        status = give_back(session, session->reserved - used, err);
    }
    if (status == WAY_OK) {
        status = session->driver->commit(session, err);
    }
    if (status != WAY_OK) {
        return fail_write(session, status);
    }
    session->is_writing = false;
    return WAY_OK;
}

void way_store_rollback(struct way_session *session)
{
    if (session->is_writing) {
        way_session_hurry(session);
        way_session_rollback(session);
    }
}

static bool take_revision(void *owner, const struct way_value *columns)
{
    uint64_t *revision = owner;

    *revision = way_value_u64(&columns[0]);
    return true;
}

static enum way_status find_tx(struct way_session *session, const uint8_t *tx, const char *lock,
                               uint64_t *found, struct way_error *err)
{
    const struct way_value value = way_value_bytes(tx, WAY_TX_BYTES);
    char sql[sizeof SQL_SETTLE + SETTLE_LOCK_BYTES_MAX];

    (void)snprintf(sql, sizeof sql, "%s%s", SQL_SETTLE, lock);
    return way_session_run(
        session,
        &(struct way_query){
            .sql = sql, .values = &value, .value_count = 1, .visit = take_revision, .owner = found},
        err);
}

enum way_status way_store_settle(struct way_session *session, const uint8_t tx[static WAY_TX_BYTES],
                                 uint64_t *first, struct way_error *err)
{
    const struct way_driver *driver = session->driver;
    uint64_t found = 0;
    uint64_t newest;
    enum way_status status;

    WAY_ASSERT(!session->is_writing);
    way_session_hurry(session);
    way_session_catch_up(session);
    status = way_session_snapshot(session, err);
    if (status == WAY_OK) {
        status = find_tx(session, tx, "", &found, err);
    }
    way_session_rollback(session);
    if (status == WAY_OK && found == 0) {
        /* Not yet, or never? The server may still hold the transaction open, unaware that its
         * client is gone. Once we hold the state row ourselves, it has ended, one way or the
         * other. */
        status = driver->reserve(session, 0, UINT32_MAX, true, &newest, err);
        if (status == WAY_NOT_FOUND) {
            status = explain_refusal(session, UINT32_MAX, err);
        }
        if (status == WAY_OK) {
            status = find_tx(session, tx, driver->dialect.for_update, &found, err);
        }
        way_session_rollback(session);
    }
    if (status == WAY_OK) {
        *first = found;
    }
    return status;
}
