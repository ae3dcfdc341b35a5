/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "base/log.h"
#include "store/driver.h"
#include "store/row.h"

#include <inttypes.h>
#include <string.h>

#define SQL_POSITION "SELECT " WAY_POSITION_COLUMNS " FROM override_state WHERE id = 1"
#define SQL_LIVE     "SELECT lookup_key, target_host, revision FROM dns_overrides WHERE enabled = 1"
#define SQL_CHANGES                                                                                \
    "SELECT c.revision, c.seq, c.tx, c.op, c.lookup_key, o.lookup_key, o.target_host, o.revision " \
    "FROM override_change c "                                                                      \
    "LEFT JOIN dns_overrides o ON o.lookup_key = c.lookup_key AND o.enabled = 1 "                  \
    "WHERE c.revision >= ? AND (c.revision > ? OR c.seq = 0) "                                     \
    "ORDER BY c.revision, c.seq LIMIT ?"
#define SQL_ROW "SELECT " WAY_ROW_COLUMNS " FROM dns_overrides WHERE lookup_key = ?"

bool way_position_decode(const struct way_value *columns, struct way_position *position)
{
    if (columns[2].len != WAY_EPOCH_BYTES) {
        return false;
    }
    position->revision = way_value_u64(&columns[0]);
    position->low = way_value_u64(&columns[1]);
    memcpy(position->epoch, columns[2].bytes, WAY_EPOCH_BYTES);
    memset(position->tx, 0, WAY_TX_BYTES);
    if (columns[3].len == WAY_TX_BYTES) {
        memcpy(position->tx, columns[3].bytes, WAY_TX_BYTES);
    }
    return true;
}

/* --- position ----------------------------------------------------------------------------------
 */

struct position_read {
    struct way_position position;
    bool is_found;
};

static bool take_position(void *owner, const struct way_value *columns)
{
    struct position_read *read = owner;

    read->is_found = way_position_decode(columns, &read->position);
    return true;
}

enum way_status way_position_read(struct way_session *session, struct way_position *position,
                                  struct way_error *err)
{
    struct position_read read = {.is_found = false};
    enum way_status status = way_session_run(
        session, &(struct way_query){.sql = SQL_POSITION, .visit = take_position, .owner = &read},
        err);

    if (status != WAY_OK) {
        return status;
    }
    if (!read.is_found) {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: override_state has no row", session->place);
    }
    *position = read.position;
    return WAY_OK;
}

/* On a cluster a new session may lead to a node that lags: its first read waits for the node. */
static enum way_status catch_up(struct way_session *session, struct way_error *err)
{
    return session->is_caught_up
               ? WAY_OK
               : way_session_execute(session, session->driver->dialect.causal, err);
}

static enum way_status note_caught_up(struct way_session *session, struct way_error *err)
{
    enum way_status status = WAY_OK;

    if (!session->is_caught_up) {
        status = way_session_execute(session, session->driver->dialect.relaxed, err);
        session->is_caught_up = status == WAY_OK;
    }
    return status;
}

enum way_status way_session_snapshot(struct way_session *session, struct way_error *err)
{
    enum way_status status = catch_up(session, err);

    if (status == WAY_OK) {
        status = way_session_execute(session, session->driver->dialect.begin_read, err);
    }
    return status == WAY_OK ? note_caught_up(session, err) : status;
}

enum way_status way_session_look_round(struct way_session *session, struct way_error *err)
{
    way_session_hurry(session);
    if (session->driver->look_round == NULL || session->is_lost) {
        return WAY_OK;
    }
    return session->driver->look_round(session, err);
}

bool way_session_is_read_only(const struct way_session *session)
{
    return session->is_read_only;
}

bool way_session_may_lag(const struct way_session *session)
{
    return session->is_cluster;
}

void way_session_catch_up(struct way_session *session)
{
    session->is_caught_up = !session->is_cluster;
}

enum way_status way_store_poll(struct way_session *session, struct way_position *position,
                               struct way_error *err)
{
    enum way_status status;

    way_session_hurry(session);
    status = catch_up(session, err);
    if (status == WAY_OK) {
        status = way_position_read(session, position, err);
    }
    return status == WAY_OK ? note_caught_up(session, err) : status;
}

/* --- everything --------------------------------------------------------------------------------
 */

struct load {
    way_live_visit_fn visit;
    void *owner;
    uint64_t skipped;
    char first_skipped[WAY_KEY_MAX + 1]; /* as it stands in the table, cut */
    size_t first_skipped_len;
};

static bool take_live(void *owner, const struct way_value *columns)
{
    struct load *load = owner;
    struct way_live live;

    if (way_row_decode_live(columns, &live)) {
        return load->visit(load->owner, &live);
    }
    if (load->skipped++ == 0) {
        load->first_skipped_len = columns[0].len < sizeof load->first_skipped
                                      ? columns[0].len
                                      : sizeof load->first_skipped;
        if (load->first_skipped_len > 0) {
            memcpy(load->first_skipped, columns[0].bytes, load->first_skipped_len);
        }
    }
    return true;
}

/* One line for all of them: a load that meets a million must not write a million lines. */
static void log_skipped(const struct load *load)
{
    char quoted[4 * sizeof load->first_skipped + 3];

    if (load->skipped > 0) {
        way_log(WAY_LOG_WARN, "store.rows_skipped",
                "rows=%" PRIu64 " first=%s detail=\"key or target is not in normal form; edited by "
                "hand?\"",
                load->skipped,
                way_log_quote(load->first_skipped, load->first_skipped_len, quoted, sizeof quoted));
    }
}

static enum way_status load_snapshot(struct way_session *session, struct load *load,
                                     struct way_position *position, struct way_error *err)
{
    enum way_status status = way_session_snapshot(session, err);

    if (status == WAY_OK) {
        status = way_position_read(session, position, err);
    }
    if (status == WAY_OK) {
        status = way_session_run(
            session, &(struct way_query){.sql = SQL_LIVE, .visit = take_live, .owner = load}, err);
    }
    way_session_rollback(session);
    return status;
}

enum way_status way_store_load(struct way_session *session, way_live_visit_fn visit, void *owner,
                               struct way_position *position, struct way_error *err)
{
    const struct way_dialect *dialect = &session->driver->dialect;
    struct load load = {.visit = visit, .owner = owner};
    struct way_position read;
    struct way_error ignored; /* what went wrong first says more */
    enum way_status status = WAY_OK;

    way_session_linger(session);
    if (dialect->unlimited != NULL) {
        status = way_session_execute(session, dialect->unlimited, err);
    }
    if (status == WAY_OK) {
        status = load_snapshot(session, &load, &read, err);
    }
    if (dialect->limited != NULL &&
        way_session_execute(session, dialect->limited, &ignored) != WAY_OK) {
        session->is_lost = true; /* nobody knows its limits any more */
    }
    if (status != WAY_OK) {
        return status;
    }
    log_skipped(&load);
    *position = read;
    return WAY_OK;
}

/* --- the change log ----------------------------------------------------------------------------
 */

struct log_read {
    way_log_visit_fn visit;
    void *owner;
};

static bool take_log_row(void *owner, const struct way_value *columns)
{
    struct log_read *read = owner;
    struct way_log_row row = {0};
    const struct way_value *op = &columns[3];

    row.revision = way_value_u64(&columns[0]);
    row.seq = (uint32_t)way_value_u64(&columns[1]);
    if (columns[2].len == WAY_TX_BYTES) {
        memcpy(row.tx, columns[2].bytes, WAY_TX_BYTES);
    }
    /* A line that says nothing we understand may mean anything: everything is read again. */
    row.op = WAY_OP_RELOAD;
    if (op->len == 1 && (op->bytes[0] == WAY_OP_UPSERT || op->bytes[0] == WAY_OP_DELETE) &&
        way_key_restore(columns[4].bytes, columns[4].len, &row.key) == WAY_OK) {
        row.op = (enum way_change_op)op->bytes[0];
        row.is_live = way_row_decode_live(&columns[5], &row.live);
    }
    return read->visit(read->owner, &row);
}

enum way_status way_store_changes(struct way_session *session, uint64_t after, size_t limit,
                                  way_log_visit_fn visit, void *owner, struct way_error *err)
{
    struct log_read read = {.visit = visit, .owner = owner};
    const struct way_value values[] = {way_value_number(after), way_value_number(after),
                                       way_value_number(limit)};

    way_session_hurry(session);
    return way_session_run(session,
                           &(struct way_query){.sql = SQL_CHANGES,
                                               .values = values,
                                               .value_count = WAY_COUNT_OF(values),
                                               .visit = take_log_row,
                                               .owner = &read},
                           err);
}

/* --- one row -----------------------------------------------------------------------------------
 */

struct row_read {
    struct way_override *row;
    bool is_found;
};

static bool take_row(void *owner, const struct way_value *columns)
{
    struct row_read *read = owner;

    read->is_found = way_row_decode(columns, read->row);
    return true;
}

enum way_status way_store_read(struct way_session *session, const struct way_key *key,
                               struct way_override *row, struct way_error *err)
{
    struct way_override found;
    struct row_read read = {.row = &found};
    const struct way_value value = way_value_span(key->text, key->len);
    enum way_status status;

    way_session_hurry(session);
    status = way_session_run(
        session,
        &(struct way_query){
            .sql = SQL_ROW, .values = &value, .value_count = 1, .visit = take_row, .owner = &read},
        err);
    if (status != WAY_OK) {
        return status;
    }
    if (!read.is_found) {
        return way_fail(err, WAY_NOT_FOUND, "lookup_key", "no override for %s", key->text);
    }
    *row = found;
    return WAY_OK;
}
