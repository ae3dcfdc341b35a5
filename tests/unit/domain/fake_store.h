/* SPDX-License-Identifier: MIT */
/*
 * unit/domain/fake_store - a database in memory that does what a test tells it to.
 *
 * A driver (store/driver.h) that knows the few statements of the store by their first words. It
 * has revisions, a change log, snapshots and one writer at a time, as a real one has. A test can
 * let calls fail, hold them at a gate, act in the middle of them, and wait until they were made:
 * see fake_data.h.
 *
 * Threads  Any; the tests' own calls too. Actions run without the lock, on the caller's thread.
 */
#ifndef WAY_TESTS_UNIT_DOMAIN_FAKE_STORE_H
#define WAY_TESTS_UNIT_DOMAIN_FAKE_STORE_H

#include "fake_data.h"

/* --- events ----------------------------------------------------------------------------------- */

static inline enum way_status fake_meet(struct fake_store *fake, enum fake_call call,
                                        enum fake_moment moment, unsigned number)
{
    enum way_status status = WAY_OK;
    struct fake_event events[FAKE_EVENTS_MAX];
    size_t count;

    (void)pthread_mutex_lock(&fake->lock);
    count = fake->event_count;
    memcpy(events, fake->events, count * sizeof(events[0]));
    (void)pthread_mutex_unlock(&fake->lock);
    for (size_t i = 0; i < count; i++) {
        if (events[i].call != call || events[i].moment != moment || number < events[i].first ||
            number > events[i].last) {
            continue;
        }
        if (events[i].action != NULL) {
            events[i].action(fake, events[i].owner);
        }
        status = events[i].status != WAY_OK ? events[i].status : status;
    }
    return status;
}

static inline enum way_status fake_fault(struct fake_store *fake, struct fake_session *session,
                                         enum way_status status, struct way_error *err)
{
    if (session != NULL && (status == WAY_UNAVAILABLE || status == WAY_UNSETTLED)) {
        session->session.is_lost = true;
    }
    return way_fail(err, status, "", "%s", fake->detail);
}

/* The beginning of a call; gives its number. */
static inline enum way_status fake_enter(struct fake_store *fake, struct fake_session *session,
                                         enum fake_call call, unsigned *number,
                                         struct way_error *err)
{
    enum way_status status;
    bool is_down;

    (void)pthread_mutex_lock(&fake->lock);
    *number = ++fake->begun[call];
    (void)pthread_cond_broadcast(&fake->moved);
    while (fake->gate[call] != 0 && *number >= fake->gate[call]) {
        (void)pthread_cond_wait(&fake->moved, &fake->lock);
    }
    is_down = fake->is_down;
    (void)pthread_mutex_unlock(&fake->lock);
    status = is_down ? WAY_UNAVAILABLE : fake_meet(fake, call, FAKE_BEFORE, *number);
    return status == WAY_OK ? WAY_OK : fake_fault(fake, session, status, err);
}

static inline enum way_status fake_leave(struct fake_store *fake, struct fake_session *session,
                                         enum fake_call call, unsigned number,
                                         struct way_error *err)
{
    enum way_status status = fake_meet(fake, call, FAKE_AFTER, number);

    (void)pthread_mutex_lock(&fake->lock);
    fake->ended[call]++;
    (void)pthread_cond_broadcast(&fake->moved);
    (void)pthread_mutex_unlock(&fake->lock);
    return status == WAY_OK ? WAY_OK : fake_fault(fake, session, status, err);
}

/* --- statements ------------------------------------------------------------------------------- */

typedef enum way_status (*fake_run_fn)(struct fake_store *fake, struct fake_session *session,
                                       const struct way_query *query, struct way_error *err);

static inline void fake_give(const struct way_query *query, const struct way_value *columns)
{
    (void)query->visit(query->owner, columns);
}

static inline enum way_status fake_tables(struct fake_store *fake, struct fake_session *session,
                                          const struct way_query *query, struct way_error *err)
{
    static const char *const names[] = {"dns_overrides", "override_state", "schema_migration",
                                        "dns_overrides_rejected"};

    (void)fake;
    (void)session;
    (void)err;
    for (size_t i = 0; i < WAY_COUNT_OF(names); i++) {
        struct way_value column = way_value_text(names[i]);

        fake_give(query, &column);
    }
    return WAY_OK;
}

static inline enum way_status fake_columns(struct fake_store *fake, struct fake_session *session,
                                           const struct way_query *query, struct way_error *err)
{
    struct way_value column = way_value_text("revision");

    (void)fake;
    (void)session;
    (void)err;
    fake_give(query, &column);
    return WAY_OK;
}

static inline enum way_status fake_steps(struct fake_store *fake, struct fake_session *session,
                                         const struct way_query *query, struct way_error *err)
{
    struct way_value columns[5] = {way_value_number(1), way_value_text("0001_fake"),
                                   way_value_text("0"), way_value_number(1), way_value_time(1)};

    (void)session;
    (void)err;
    fake_give(query, columns);
    if (fake->is_step_unknown) {
        columns[0] = way_value_number(9);
        columns[1] = way_value_text("0009_later");
        columns[3] = way_value_number(0);
        fake_give(query, columns);
    }
    return WAY_OK;
}

static inline enum way_status fake_seed_taken(struct fake_store *fake, struct fake_session *session,
                                              const struct way_query *query, struct way_error *err)
{
    struct way_value column = way_value_number(1);

    (void)fake;
    (void)session;
    (void)err;
    fake_give(query, &column);
    return WAY_OK;
}

static inline enum way_status fake_rejected(struct fake_store *fake, struct fake_session *session,
                                            const struct way_query *query, struct way_error *err)
{
    struct way_value column = way_value_number(fake->rejected);

    (void)session;
    (void)err;
    fake_give(query, &column);
    return WAY_OK;
}

static inline enum way_status fake_position(struct fake_store *fake, struct fake_session *session,
                                            const struct way_query *query, struct way_error *err)
{
    const struct fake_view *view = session->has_snapshot ? &session->snapshot : &fake->now;
    struct way_value columns[WAY_POSITION_COLUMN_COUNT + 1];

    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    columns[0] = way_value_number(view->revision);
    columns[1] = way_value_number(view->low);
    columns[2] = way_value_bytes(view->epoch, sizeof view->epoch);
    columns[3] = way_value_null();
    for (size_t i = 0; i < fake->line_count; i++) {
        if (fake->lines[i].revision == view->revision && !fake->lines[i].is_hidden) {
            columns[3] = way_value_bytes(fake->lines[i].tx, WAY_TX_BYTES);
        }
    }
    columns[4] = way_value_number(view->row_count);
    fake_give(query, columns);
    (void)pthread_mutex_unlock(&fake->lock);
    return WAY_OK;
}

static inline enum way_status fake_live(struct fake_store *fake, struct fake_session *session,
                                        const struct way_query *query, struct way_error *err)
{
    const struct fake_view *view = &session->snapshot;

    (void)fake;
    (void)err;
    WAY_ASSERT(session->has_snapshot);
    for (size_t i = 0; i < view->row_count; i++) {
        const struct way_override *row = view->rows[i];
        const struct way_value columns[] = {
            way_value_span(row->lookup_key.text, row->lookup_key.len),
            way_value_span(row->target.host.text, row->target.host.len),
            way_value_number(row->revision)};

        if (row->is_enabled && !query->visit(query->owner, columns)) {
            break; /* why, the visitor knows */
        }
    }
    return WAY_OK;
}

/* Gives the lines with the row as it is now. */
static inline enum way_status fake_changes(struct fake_store *fake, struct fake_session *session,
                                           const struct way_query *query, struct way_error *err)
{
    uint64_t after = way_value_u64(&query->values[0]);
    uint64_t left = way_value_u64(&query->values[query->value_count - 1]);
    bool goes_on = true;

    (void)session;
    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->line_count && left > 0 && goes_on; i++) {
        const struct fake_line *line = &fake->lines[i];
        const struct way_override *row = fake_find(&fake->now, &line->key);
        struct way_value columns[8];

        if (line->revision < after || line->is_hidden ||
            (line->revision == after && line->seq > 0)) {
            continue;
        }
        columns[0] = way_value_number(line->revision);
        columns[1] = way_value_number(line->seq);
        columns[2] = way_value_bytes(line->tx, sizeof line->tx);
        columns[3] = way_value_span(&line->op, 1);
        columns[4] = way_value_span(line->key.text, line->key.len);
        columns[5] = way_value_null();
        columns[6] = way_value_null();
        columns[7] = way_value_null();
        if (row != NULL && row->is_enabled) {
            columns[5] = columns[4];
            columns[6] = way_value_span(row->target.host.text, row->target.host.len);
            columns[7] = way_value_number(row->revision);
        }
        goes_on = query->visit(query->owner, columns);
        left--;
    }
    (void)pthread_mutex_unlock(&fake->lock);
    return WAY_OK;
}

static inline void fake_give_row(const struct way_query *query, const struct way_override *row)
{
    struct way_value columns[WAY_ROW_COLUMN_COUNT];

    way_row_encode(row, columns);
    fake_give(query, columns);
}

/* Rows of one key or of several. */
static inline enum way_status fake_fetch(struct fake_store *fake, struct fake_session *session,
                                         const struct way_query *query, struct way_error *err)
{
    (void)session;
    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < query->value_count; i++) {
        struct way_key key = {.len = (uint8_t)query->values[i].len};
        const struct way_override *row;

        memcpy(key.text, query->values[i].bytes, key.len);
        row = fake_find(&fake->now, &key);
        if (row != NULL) {
            fake_give_row(query, row);
        }
    }
    (void)pthread_mutex_unlock(&fake->lock);
    return WAY_OK;
}

/* By key, whatever the order asked for; the last value is the limit. */
static inline enum way_status fake_list(struct fake_store *fake, struct fake_session *session,
                                        const struct way_query *query, struct way_error *err)
{
    const struct fake_view *view = &session->snapshot;
    uint64_t limit = way_value_u64(&query->values[query->value_count - 1]);

    (void)fake;
    (void)err;
    WAY_ASSERT(session->has_snapshot);
    for (size_t i = 0; i < view->row_count && i < limit; i++) {
        struct way_value columns[WAY_ROW_COLUMN_COUNT];

        way_row_encode(view->rows[i], columns);
        if (!query->visit(query->owner, columns)) {
            break;
        }
    }
    return WAY_OK;
}

static inline struct fake_op *fake_next_op(struct fake_session *session, enum fake_call call)
{
    WAY_ASSERT(session->op_count < FAKE_OPS_MAX);
    session->ops[session->op_count].call = call;
    return &session->ops[session->op_count++];
}

/* A row whose comment is "poison" breaks a rule of the database. */
static inline enum way_status fake_upsert(struct fake_store *fake, struct fake_session *session,
                                          const struct way_query *query, struct way_error *err)
{
    for (size_t i = 0; i < query->repeat; i++) {
        struct way_override row;
        struct fake_op *op;

        WAY_ASSERT(way_row_decode(query->values + i * query->value_count, &row));
        if (strcmp(row.comment, "poison") == 0) {
            return way_fail(err, WAY_INVALID, "comment", "a check of the table");
        }
        (void)pthread_mutex_lock(&fake->lock);
        op = fake_next_op(session, FAKE_UPSERT);
        op->row = fake_make_row(fake, &row);
        (void)pthread_mutex_unlock(&fake->lock);
    }
    return WAY_OK;
}

static inline enum way_status fake_delete(struct fake_store *fake, struct fake_session *session,
                                          const struct way_query *query, struct way_error *err)
{
    (void)fake;
    (void)err;
    for (size_t i = 0; i < query->repeat; i++) {
        struct way_key *key = &fake_next_op(session, FAKE_DELETE)->line.key;

        WAY_ASSERT(way_key_restore(query->values[i].bytes, query->values[i].len, key) == WAY_OK);
    }
    return WAY_OK;
}

static inline enum way_status fake_insert_lines(struct fake_store *fake,
                                                struct fake_session *session,
                                                const struct way_query *query,
                                                struct way_error *err)
{
    for (size_t i = 0; i < query->repeat; i++) {
        const struct way_value *set = query->values + i * query->value_count;
        struct fake_line *line = &fake_next_op(session, FAKE_LOG)->line;
        bool is_twice = false;

        line->revision = way_value_u64(&set[0]);
        line->seq = (uint32_t)way_value_u64(&set[1]);
        memcpy(line->tx, set[2].bytes, WAY_TX_BYTES);
        line->op = set[4].bytes[0];
        line->at_us = set[6].number;
        line->is_hidden = false;
        line->key = (struct way_key){.len = 0};
        WAY_ASSERT(line->op == WAY_OP_RELOAD ||
                   way_key_restore(set[5].bytes, set[5].len, &line->key) == WAY_OK);
        (void)pthread_mutex_lock(&fake->lock);
        for (size_t at = 0; at < fake->line_count; at++) {
            is_twice = is_twice || memcmp(fake->lines[at].tx, line->tx, WAY_TX_BYTES) == 0;
        }
        (void)pthread_mutex_unlock(&fake->lock);
        if (is_twice) {
            return way_fail(err, WAY_EXISTS, "", "the transaction is in the log already");
        }
    }
    return WAY_OK;
}

static inline enum way_status fake_give_back(struct fake_store *fake, struct fake_session *session,
                                             const struct way_query *query, struct way_error *err)
{
    (void)fake;
    (void)err;
    session->reserved -= way_value_u64(&query->values[0]);
    return WAY_OK;
}

static inline enum way_status fake_find_tx(struct fake_store *fake, struct fake_session *session,
                                           const struct way_query *query, struct way_error *err)
{
    struct way_value column = way_value_null();

    (void)session;
    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->line_count && column.kind == WAY_VALUE_NULL; i++) {
        if (memcmp(fake->lines[i].tx, query->values[0].bytes, WAY_TX_BYTES) == 0) {
            column = way_value_number(fake->lines[i].revision);
        }
    }
    (void)pthread_mutex_unlock(&fake->lock);
    if (column.kind != WAY_VALUE_NULL) {
        fake_give(query, &column);
    }
    return WAY_OK;
}

static inline enum way_status fake_new_epoch(struct fake_store *fake, struct fake_session *session,
                                             const struct way_query *query, struct way_error *err)
{
    (void)fake;
    (void)err;
    session->has_epoch = true;
    memcpy(session->epoch, query->values[0].bytes, WAY_EPOCH_BYTES);
    return WAY_OK;
}

/* --- pruning ---------------------------------------------------------------------------------- */

static inline enum way_status fake_newer_step(struct fake_store *fake, struct fake_session *session,
                                              const struct way_query *query, struct way_error *err)
{
    struct way_value column = way_value_text("0009_later");

    (void)session;
    (void)err;
    if (fake->is_step_unknown) {
        fake_give(query, &column);
    }
    return WAY_OK;
}

static inline enum way_status fake_marks(struct fake_store *fake, struct fake_session *session,
                                         const struct way_query *query, struct way_error *err)
{
    struct way_value columns[3];

    (void)session;
    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    columns[0] = way_value_number(fake->now.revision);
    columns[1] = way_value_number(fake->now.low);
    columns[2] = way_value_number(fake->now.history_low);
    (void)pthread_mutex_unlock(&fake->lock);
    fake_give(query, columns);
    return WAY_OK;
}

/* Lines behind a revision and before another, with their times; or those up to a revision. */
static inline enum way_status fake_walk(struct fake_store *fake, struct fake_session *session,
                                        const struct way_query *query, struct way_error *err)
{
    bool is_walk = query->value_count == 3;
    uint64_t from = is_walk ? way_value_u64(&query->values[0]) + 1 : 0;
    uint64_t to = is_walk ? way_value_u64(&query->values[1]) : way_value_u64(&query->values[0]) + 1;
    uint64_t left = way_value_u64(&query->values[query->value_count - 1]);
    bool goes_on = true;

    (void)session;
    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->line_count && goes_on && left > 0; i++) {
        const struct fake_line *line = &fake->lines[i];
        const struct way_value columns[] = {way_value_number(line->revision),
                                            is_walk ? way_value_time(line->at_us)
                                                    : way_value_number(line->seq)};

        if (line->revision >= from && line->revision < to) {
            goes_on = query->visit(query->owner, columns);
            left--;
        }
    }
    (void)pthread_mutex_unlock(&fake->lock);
    return WAY_OK;
}

/* At once, although it comes with a commit: nobody looks in between. */
static inline enum way_status fake_move(struct fake_store *fake, struct fake_session *session,
                                        const struct way_query *query, struct way_error *err)
{
    (void)session;
    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    fake->now.low = way_value_u64(&query->values[1]);
    fake->now.history_low = way_value_u64(&query->values[3]);
    (void)pthread_mutex_unlock(&fake->lock);
    return WAY_OK;
}

static inline enum way_status fake_remove_lines(struct fake_store *fake,
                                                struct fake_session *session,
                                                const struct way_query *query,
                                                struct way_error *err)
{
    uint64_t revision = way_value_u64(&query->values[0]);
    uint64_t seq = way_value_u64(&query->values[2]);
    size_t kept = 0;

    (void)session;
    (void)err;
    (void)pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->line_count; i++) {
        const struct fake_line *line = &fake->lines[i];

        if (line->revision > revision || (line->revision == revision && line->seq > seq)) {
            fake->lines[kept++] = *line;
        }
    }
    fake->line_count = kept;
    (void)pthread_mutex_unlock(&fake->lock);
    return WAY_OK;
}

/* The first words that a statement begins with; the first row that fits counts. FAKE_CALL_COUNT:
 * part of a call that is counted elsewhere. */
static const struct {
    const char *words;
    enum fake_call call;
    fake_run_fn run;
} fake_statements[] = {
    {"FAKE TABLES", FAKE_PREPARE, fake_tables},
    {"FAKE COLUMNS", FAKE_CALL_COUNT, fake_columns},
    {"FAKE UPSERT", FAKE_UPSERT, fake_upsert},
    {"SELECT version, name", FAKE_CALL_COUNT, fake_steps},
    {"SELECT is_seed_taken", FAKE_CALL_COUNT, fake_seed_taken},
    {"SELECT COUNT(*) FROM dns_overrides_rejected", FAKE_CALL_COUNT, fake_rejected},
    {"SELECT n, low, epoch", FAKE_POLL, fake_position},
    {"SELECT lookup_key, target_host, revision FROM", FAKE_LOAD, fake_live},
    {"SELECT c.revision", FAKE_CHANGES, fake_changes},
    {"SELECT " WAY_ROW_COLUMNS " FROM dns_overrides WHERE lookup_key = ?", FAKE_READ, fake_fetch},
    {"SELECT " WAY_ROW_COLUMNS " FROM dns_overrides WHERE lookup_key IN", FAKE_FETCH, fake_fetch},
    {"SELECT " WAY_ROW_COLUMNS " FROM dns_overrides", FAKE_LIST, fake_list},
    {"DELETE FROM dns_overrides", FAKE_DELETE, fake_delete},
    {"INSERT INTO override_change", FAKE_LOG, fake_insert_lines},
    {"UPDATE override_state SET n = n -", FAKE_CALL_COUNT, fake_give_back},
    {"UPDATE override_state SET epoch", FAKE_EPOCH, fake_new_epoch},
    {"SELECT name FROM schema_migration", FAKE_CALL_COUNT, fake_newer_step},
    {"SELECT n, low, history_low", FAKE_PRUNE, fake_marks},
    {"SELECT revision, at FROM override_change", FAKE_CALL_COUNT, fake_walk},
    {"SELECT revision, seq FROM override_change", FAKE_CALL_COUNT, fake_walk},
    {"UPDATE override_state SET low", FAKE_CALL_COUNT, fake_move},
    {"DELETE FROM override_change", FAKE_REMOVE, fake_remove_lines},
    {"SELECT revision FROM override_change WHERE tx", FAKE_SETTLE, fake_find_tx},
};

static inline enum way_status fake_run(struct way_session *base, const struct way_query *query,
                                       struct way_error *err)
{
    struct fake_session *session = (struct fake_session *)(void *)base;
    struct fake_store *fake = (struct fake_store *)(void *)base->store;
    enum fake_call call;
    unsigned number = 0;
    enum way_status status = WAY_OK;
    size_t at = 0;

    while (at < WAY_COUNT_OF(fake_statements) &&
           strncmp(query->sql, fake_statements[at].words, strlen(fake_statements[at].words)) != 0) {
        at++;
    }
    if (at == WAY_COUNT_OF(fake_statements)) {
        return way_fail(err, WAY_INTERNAL, "", "the fake store does not know: %.120s", query->sql);
    }
    call = fake_statements[at].call;
    /* A position inside a snapshot, and a settlement under the lock, are not counted twice. */
    if ((call == FAKE_POLL && session->has_snapshot) ||
        (call == FAKE_SETTLE && !session->has_snapshot)) {
        call = FAKE_CALL_COUNT;
    }
    if (call == FAKE_CALL_COUNT) {
        return fake_statements[at].run(fake, session, query, err);
    }
    status = fake_enter(fake, session, call, &number, err);
    if (status == WAY_OK) {
        status = fake_statements[at].run(fake, session, query, err);
    }
    return status == WAY_OK ? fake_leave(fake, session, call, number, err) : status;
}

/* --- the driver ------------------------------------------------------------------------------- */

static inline enum way_status fake_execute(struct way_session *base, const char *sql,
                                           struct way_error *err)
{
    struct fake_session *session = (struct fake_session *)(void *)base;
    struct fake_store *fake = (struct fake_store *)(void *)base->store;

    if (strcmp(sql, "FAKE CAUSAL") == 0 || strcmp(sql, "FAKE RELAXED") == 0) {
        (void)pthread_mutex_lock(&fake->lock);
        fake->caught_up += strcmp(sql, "FAKE CAUSAL") == 0;
        (void)pthread_mutex_unlock(&fake->lock);
        return WAY_OK;
    }
    if (strcmp(sql, "FAKE BEGIN READ") != 0) {
        return way_fail(err, WAY_INTERNAL, "", "the fake store does not know: %.120s", sql);
    }
    (void)pthread_mutex_lock(&fake->lock);
    session->snapshot = fake->now;
    session->has_snapshot = true;
    (void)pthread_mutex_unlock(&fake->lock);
    return WAY_OK;
}

static inline void fake_rollback(struct way_session *base)
{
    struct fake_session *session = (struct fake_session *)(void *)base;
    struct fake_store *fake = (struct fake_store *)(void *)base->store;

    (void)pthread_mutex_lock(&fake->lock);
    if (fake->writer == session) {
        fake->writer = NULL;
    }
    session->has_snapshot = false;
    session->op_count = 0;
    session->reserved = 0;
    session->has_epoch = false;
    (void)pthread_mutex_unlock(&fake->lock);
}

static inline enum way_status fake_open(struct way_store *store, bool is_patient,
                                        struct way_session **out, struct way_error *err)
{
    struct fake_store *fake = (struct fake_store *)(void *)store;
    struct fake_session *session;
    unsigned number;
    enum way_status status = fake_enter(fake, NULL, FAKE_OPEN, &number, err);

    (void)is_patient;
    if (status == WAY_OK) {
        status = fake_leave(fake, NULL, FAKE_OPEN, number, err);
    }
    if (status != WAY_OK) {
        return status;
    }
    session = calloc(1, sizeof *session);
    WAY_ASSERT(session != NULL);
    way_session_init(&session->session, store);
    session->session.is_caught_up = true;
    session->session.is_cluster = fake->is_cluster;
    (void)snprintf(session->session.place, sizeof session->session.place, "fake");
    (void)pthread_mutex_lock(&fake->lock);
    fake->sessions++;
    (void)pthread_mutex_unlock(&fake->lock);
    *out = &session->session;
    return WAY_OK;
}

static inline void fake_close(struct way_session *base)
{
    struct fake_store *fake = (struct fake_store *)(void *)base->store;

    fake_rollback(base);
    (void)pthread_mutex_lock(&fake->lock);
    fake->sessions--;
    (void)pthread_mutex_unlock(&fake->lock);
    free(base);
}

static inline enum way_status fake_reserve(struct way_session *base, uint64_t count, unsigned known,
                                           bool is_seed_taken, uint64_t *newest,
                                           struct way_error *err)
{
    struct fake_session *session = (struct fake_session *)(void *)base;
    struct fake_store *fake = (struct fake_store *)(void *)base->store;
    unsigned number = 0;
    enum way_status status = WAY_OK;

    (void)known;
    (void)is_seed_taken;
    if (count > 0) {
        status = fake_enter(fake, session, FAKE_RESERVE, &number, err);
    }
    if (status != WAY_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&fake->lock);
    if (fake->writer != NULL && fake->writer != session) {
        status = WAY_BUSY;
    } else {
        fake->writer = session;
        session->reserved = count;
        *newest = fake->now.revision + count;
    }
    (void)pthread_mutex_unlock(&fake->lock);
    if (status != WAY_OK) {
        return way_fail(err, status, "", "another transaction writes");
    }
    return count > 0 ? fake_leave(fake, session, FAKE_RESERVE, number, err) : WAY_OK;
}

static inline enum way_status fake_commit_session(struct way_session *base, struct way_error *err)
{
    struct fake_session *session = (struct fake_session *)(void *)base;
    struct fake_store *fake = (struct fake_store *)(void *)base->store;
    unsigned number;
    enum way_status status = fake_enter(fake, session, FAKE_COMMIT, &number, err);

    if (status != WAY_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&fake->lock);
    WAY_ASSERT(fake->writer == session);
    fake->now.revision += session->reserved;
    if (session->has_epoch) {
        memcpy(fake->now.epoch, session->epoch, WAY_EPOCH_BYTES);
    }
    for (size_t i = 0; i < session->op_count; i++) {
        struct fake_op *op = &session->ops[i];

        if (op->call == FAKE_UPSERT) {
            fake_store_row(&fake->now, &op->row->row);
        } else if (op->call == FAKE_DELETE) {
            fake_drop_row(&fake->now, &op->line.key);
        } else {
            fake_log(fake, &op->line);
        }
    }
    (void)pthread_mutex_unlock(&fake->lock);
    fake_rollback(base);
    return fake_leave(fake, session, FAKE_COMMIT, number, err);
}

static inline void fake_free(struct way_store *store)
{
    struct fake_store *fake = (struct fake_store *)(void *)store;

    WAY_ASSERT(fake->sessions == 0); /* whoever opened one has closed it */
    while (fake->made != NULL) {
        struct fake_row *row = fake->made;

        fake->made = row->older;
        free(row);
    }
    way_store_fini(store);
    (void)pthread_cond_destroy(&fake->moved);
    (void)pthread_mutex_destroy(&fake->lock);
    free(fake);
}

/* Empty, at revision 0. Free it with way_store_free(&fake->store). */
static inline struct fake_store *fake_store_new(bool is_shared)
{
    static const struct way_migration steps[] = {{1, "0001_fake", "", "0"}};
    static const size_t step_count = 1;
    struct fake_store *fake = calloc(1, sizeof *fake);
    pthread_condattr_t attributes;

    WAY_ASSERT(fake != NULL);
    fake->driver = (struct way_driver){
        .name = "fake",
        .is_shared = is_shared,
        .dialect = {.begin_read = "FAKE BEGIN READ",
                    .causal = "FAKE CAUSAL",
                    .relaxed = "FAKE RELAXED",
                    .for_update = "",
                    .tables = "FAKE TABLES",
                    .columns = "FAKE COLUMNS",
                    .upsert = "FAKE UPSERT"},
        .steps = steps,
        .step_count = &step_count,
        .free = fake_free,
        .open = fake_open,
        .close = fake_close,
        .execute = fake_execute,
        .run = fake_run,
        .reserve = fake_reserve,
        .commit = fake_commit_session,
        .rollback = fake_rollback,
    };
    (void)snprintf(fake->detail, sizeof fake->detail, "the fake store was told to fail");
    memset(fake->now.epoch, 1, sizeof fake->now.epoch);
    (void)pthread_mutex_init(&fake->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&fake->moved, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    WAY_ASSERT(way_store_init(&fake->store, &fake->driver, NULL) == WAY_OK);
    return fake;
}

#endif
