/* SPDX-License-Identifier: MIT */
/*
 * How  One table is the change log and the history. Two marks in the state row say how far back
 * each may be read; rows that are older may still be there and are not looked at.
 */
#include "store/history.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/driver.h"
#include "store/entry.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

enum {
    SQL_BYTES_MAX = 1024,
    FEED_HOLE_TRIES =
        5, /* of reading a page that begins with a hole; holes have been seen for 12 ms */
    FEED_HOLE_PAUSE_MS = 40,
};

#define SQL_ENTRIES "SELECT " WAY_ENTRY_COLUMNS " FROM override_change c WHERE "
#define SQL_REACH   "SELECT n, history_low FROM override_state WHERE id = 1"
#define SQL_FEED_END                                                             \
    "SELECT revision FROM override_change WHERE revision > ? AND revision <= ? " \
    "ORDER BY revision, seq LIMIT 1 OFFSET ?"
#define SQL_FEED SQL_ENTRIES "c.revision > ? AND c.revision <= ? ORDER BY c.revision, c.seq"
#define SQL_NEXT_CHANGE \
    SQL_ENTRIES         \
    "c.lookup_key = ? AND c.revision > ? ORDER BY c.revision, c.seq LIMIT 1"
#define SQL_REVISION                                                                  \
    "SELECT " WAY_ENTRY_COLUMNS ", (SELECT MAX(d.revision) FROM override_change d "   \
    "WHERE d.lookup_key = c.lookup_key) FROM override_change c WHERE c.revision = ? " \
    "ORDER BY c.seq"
#define SQL_IS_KNOWN                                                       \
    "SELECT EXISTS (SELECT 1 FROM dns_overrides WHERE lookup_key = ?) OR " \
    "EXISTS (SELECT 1 FROM override_change WHERE lookup_key = ? AND revision > ?)"

/* How far the history reaches. */
struct reach {
    uint64_t newest;
    uint64_t low;
};

static bool take_reach(void *owner, const struct way_value *columns)
{
    struct reach *reach = owner;

    reach->newest = way_value_u64(&columns[0]);
    reach->low = way_value_u64(&columns[1]);
    return true;
}

static enum way_status read_reach(struct way_session *session, struct reach *reach,
                                  struct way_error *err)
{
    *reach = (struct reach){.low = UINT64_MAX};
    return way_session_run(
        session, &(struct way_query){.sql = SQL_REACH, .visit = take_reach, .owner = reach}, err);
}

/* --- entries -----------------------------------------------------------------------------------
 */

/* Passes entries on. `seen` counts those that were. */
struct reading {
    struct way_entry_reader texts;
    way_entry_visit_fn visit;
    void *owner;
    size_t limit; /* the one behind it only says that there is more */
    size_t seen;
    bool has_more;
    uint64_t revision; /* FEED: of the last one */
    bool is_dense;     /* FEED: stop at a hole */
};

static bool take_entry(void *owner, const struct way_value *columns)
{
    struct reading *reading = owner;
    struct way_entry entry;

    if (reading->seen == reading->limit) {
        reading->has_more = true;
        return false;
    }
    way_entry_decode(columns, &reading->texts, &entry);
    if (reading->is_dense && entry.revision != reading->revision &&
        entry.revision != reading->revision + 1) {
        return false;
    }
    reading->revision = entry.revision;
    reading->seen++;
    return reading->visit(reading->owner, &entry);
}

/* --- the feed ----------------------------------------------------------------------------------
 */

static enum way_status check_since(const struct way_feed_query *query,
                                   const struct way_position *position, struct way_error *err)
{
    if (query->has_epoch && memcmp(query->epoch, position->epoch, WAY_EPOCH_BYTES) != 0) {
        return way_fail(err, WAY_GONE, "epoch",
                        "the data has another epoch now: read the list again");
    }
    if (query->since > position->revision) {
        return way_fail(err, WAY_GONE, "since",
                        "revision %" PRIu64 " is ahead of the data, which is at %" PRIu64
                        ": read the list again",
                        query->since, position->revision);
    }
    if (query->since < position->low) {
        return way_fail(err, WAY_GONE, "since",
                        "changes up to revision %" PRIu64 " are not kept: read the list again",
                        position->low);
    }
    return WAY_OK;
}

static bool take_number(void *owner, const struct way_value *columns)
{
    uint64_t *number = owner;

    *number = way_value_u64(&columns[0]);
    return true;
}

/* The last revision that fits on the page whole; the first one is taken whatever its size. */
static enum way_status find_end(struct way_session *session, const struct way_feed_query *query,
                                uint64_t newest, uint64_t *end, struct way_error *err)
{
    const struct way_value values[] = {way_value_number(query->since), way_value_number(newest),
                                       way_value_number(query->limit)};
    uint64_t beyond = 0; /* the revision of the first row that is too much */
    enum way_status status =
        way_session_run(session,
                        &(struct way_query){.sql = SQL_FEED_END,
                                            .values = values,
                                            .value_count = WAY_COUNT_OF(values),
                                            .visit = take_number,
                                            .owner = &beyond},
                        err);

    *end = newest;
    if (beyond != 0) {
        *end = beyond - 1 > query->since ? beyond - 1 : beyond;
    }
    return status;
}

static enum way_status read_feed(struct way_session *session, const struct way_feed_query *query,
                                 struct reading *reading, struct way_position *position,
                                 struct way_error *err)
{
    struct way_value values[2];
    uint64_t end = 0;
    enum way_status status;

    way_session_catch_up(session); /* a node that lags would know less than the reader */
    status = way_session_snapshot(session, err);
    if (status == WAY_OK) {
        status = way_position_read(session, position, err);
    }
    if (status == WAY_OK) {
        status = check_since(query, position, err);
    }
    if (status == WAY_OK && query->since < position->revision) {
        status = find_end(session, query, position->revision, &end, err);
    }
    if (status == WAY_OK && query->since < position->revision) {
        values[0] = way_value_number(query->since);
        values[1] = way_value_number(end);
        status = way_session_run(session,
                                 &(struct way_query){.sql = SQL_FEED,
                                                     .values = values,
                                                     .value_count = WAY_COUNT_OF(values),
                                                     .visit = take_entry,
                                                     .owner = reading},
                                 err);
    }
    way_session_rollback(session);
    return status;
}

enum way_status way_store_feed(struct way_session *session, const struct way_feed_query *query,
                               way_entry_visit_fn visit, void *owner, struct way_feed_page *page,
                               struct way_error *err)
{
    struct reading reading = {.visit = visit,
                              .owner = owner,
                              .limit = SIZE_MAX,
                              .revision = query->since,
                              .is_dense = true};
    struct way_position position = {0};
    unsigned tries = 0;
    enum way_status status;

    WAY_ASSERT(query->limit >= 1 && query->limit <= WAY_FEED_PAGE_MAX);
    way_session_hurry(session);
    for (;;) {
        status = read_feed(session, query, &reading, &position, err);
        if (status != WAY_OK || reading.seen > 0 || query->since == position.revision) {
            break;
        }
        /* For a moment a database may show a commit before an earlier one. */
        if (++tries == FEED_HOLE_TRIES) {
            return way_fail(err, WAY_GONE, "since",
                            "the change log lacks revision %" PRIu64 ": read the list again",
                            query->since + 1);
        }
        way_clock_pause_ms(FEED_HOLE_PAUSE_MS);
    }
    if (status == WAY_OK) {
        *page = (struct way_feed_page){.revision = reading.revision, .position = position};
    }
    return status;
}

/* --- the history -------------------------------------------------------------------------------
 */

/* The conditions of one query and their values, in the order of the text. */
struct conditions {
    struct way_text sql;
    char storage[SQL_BYTES_MAX];
    struct way_value values[WAY_COLUMNS_MAX];
    size_t count;
};

static void want(struct conditions *conditions, const char *sql, struct way_value value)
{
    WAY_ASSERT(conditions->count < WAY_COUNT_OF(conditions->values));
    way_text_puts(&conditions->sql, sql);
    conditions->values[conditions->count++] = value;
}

static void write_conditions(struct conditions *conditions, const struct way_history_query *query,
                             uint64_t low)
{
    way_text_puts(&conditions->sql, SQL_ENTRIES);
    want(conditions, "c.revision > ?", way_value_number(query->since > low ? query->since : low));
    if (query->has_key) {
        want(conditions, " AND c.lookup_key = ?", way_value_span(query->key.text, query->key.len));
    }
    if (query->actor[0] != '\0') {
        want(conditions, " AND c.actor = ?", way_value_text(query->actor));
    }
    if (query->from_us != INT64_MIN) {
        want(conditions, " AND c.at >= ?", way_value_time(query->from_us));
    }
    if (query->until_us != INT64_MAX) {
        want(conditions, " AND c.at < ?", way_value_time(query->until_us));
    }
    if (query->has_after) { /* the first of them lets the database start inside its index */
        want(conditions, " AND c.revision <= ?", way_value_number(query->after_revision));
        want(conditions, " AND (c.revision < ?", way_value_number(query->after_revision));
        want(conditions, " OR c.seq < ?)", way_value_number(query->after_seq));
    }
    want(conditions, " ORDER BY c.revision DESC, c.seq DESC LIMIT ?",
         way_value_number(query->limit + 1));
}

static enum way_status read_entries(struct way_session *session,
                                    const struct way_history_query *query, uint64_t low,
                                    struct reading *reading, struct way_error *err)
{
    struct conditions conditions = {.count = 0};
    struct way_query ready = {.visit = take_entry, .owner = reading};
    enum way_status status;

    way_text_init(&conditions.sql, conditions.storage, sizeof conditions.storage, SQL_BYTES_MAX);
    write_conditions(&conditions, query, low);
    ready.sql = way_text_string(&conditions.sql);
    ready.values = conditions.values;
    ready.value_count = conditions.count;
    status = way_text_status(&conditions.sql) == WAY_OK
                 ? way_session_run(session, &ready, err)
                 : way_fail(err, WAY_INTERNAL, "", "a history statement is over its limit");
    way_text_fini(&conditions.sql);
    return status;
}

/* Whether the key has an override now or an entry in the history. */
static enum way_status check_known(struct way_session *session, const struct way_key *key,
                                   uint64_t low, struct way_error *err)
{
    const struct way_value values[] = {way_value_span(key->text, key->len),
                                       way_value_span(key->text, key->len), way_value_number(low)};
    uint64_t is_known = 0;
    enum way_status status =
        way_session_run(session,
                        &(struct way_query){.sql = SQL_IS_KNOWN,
                                            .values = values,
                                            .value_count = WAY_COUNT_OF(values),
                                            .visit = take_number,
                                            .owner = &is_known},
                        err);

    if (status == WAY_OK && is_known == 0) {
        return way_fail(err, WAY_NOT_FOUND, "lookup_key", "%s has never had an override",
                        key->text);
    }
    return status;
}

enum way_status way_store_history(struct way_session *session,
                                  const struct way_history_query *query, way_entry_visit_fn visit,
                                  void *owner, bool *has_more, struct way_error *err)
{
    struct reading reading = {.visit = visit, .owner = owner, .limit = query->limit};
    struct reach reach;
    enum way_status status;

    WAY_ASSERT(query->limit >= 1 && query->limit <= WAY_HISTORY_PAGE_MAX);
    way_session_hurry(session);
    status = way_session_snapshot(session, err);
    if (status == WAY_OK) {
        status = read_reach(session, &reach, err);
    }
    if (status == WAY_OK) {
        status = read_entries(session, query, reach.low, &reading, err);
    }
    if (status == WAY_OK && query->has_key && reading.seen == 0) {
        status = check_known(session, &query->key, reach.low, err);
    }
    way_session_rollback(session);
    if (status == WAY_OK) {
        *has_more = reading.has_more;
    }
    return status;
}

/* --- what was ----------------------------------------------------------------------------------
 */

struct past_read {
    struct way_entry_reader texts;
    struct way_past *past;
    uint64_t revision; /* of the change that was found; 0: none */
    bool is_told;      /* the log says what was before it */
};

static bool take_past(void *owner, const struct way_value *columns)
{
    struct past_read *read = owner;
    struct way_entry entry;

    way_entry_decode(columns, &read->texts, &entry);
    read->revision = entry.revision;
    /* A change that was logged without rows says nothing; neither does a deletion of nothing. */
    read->is_told =
        entry.before[0] != '\0' || (entry.op == WAY_OP_UPSERT && entry.after[0] != '\0');
    read->past->kind = entry.before[0] == '\0' ? WAY_PAST_ABSENT : WAY_PAST_ROW;
    memcpy(read->past->json, entry.before, strlen(entry.before) + 1);
    return true;
}

static enum way_status check_reach(const struct reach *reach, uint64_t revision,
                                   struct way_error *err)
{
    if (revision > reach->newest) {
        return way_fail(err, WAY_INVALID, "revision", "the newest revision is %" PRIu64,
                        reach->newest);
    }
    if (revision < reach->low) {
        return way_fail(err, WAY_GONE, "revision", "the history reaches back to revision %" PRIu64,
                        reach->low);
    }
    return WAY_OK;
}

static enum way_status read_past(struct way_session *session, const struct way_key *key,
                                 uint64_t revision, struct past_read *read, struct way_error *err)
{
    const struct way_value values[] = {way_value_span(key->text, key->len),
                                       way_value_number(revision)};
    enum way_status status =
        way_session_run(session,
                        &(struct way_query){.sql = SQL_NEXT_CHANGE,
                                            .values = values,
                                            .value_count = WAY_COUNT_OF(values),
                                            .visit = take_past,
                                            .owner = read},
                        err);

    if (status == WAY_OK && read->revision != 0 && !read->is_told) {
        return way_fail(err, WAY_INVALID, "revision",
                        "what was before revision %" PRIu64 " was not recorded", read->revision);
    }
    return status;
}

enum way_status way_store_past(struct way_session *session, const struct way_key *key,
                               uint64_t revision, struct way_past *past, struct way_error *err)
{
    struct past_read read = {.past = past};
    struct reach reach;
    enum way_status status;

    *past = (struct way_past){.kind = WAY_PAST_SAME};
    way_session_hurry(session);
    way_session_catch_up(session); /* who names a revision knows that it is there */
    status = way_session_snapshot(session, err);
    if (status == WAY_OK) {
        status = read_reach(session, &reach, err);
    }
    if (status == WAY_OK) { /* first: who has forgotten may not say that there never was one */
        status = check_reach(&reach, revision, err);
    }
    if (status == WAY_OK) {
        status = check_known(session, key, reach.low, err);
    }
    if (status == WAY_OK) {
        status = read_past(session, key, revision, &read, err);
    }
    way_session_rollback(session);
    return status;
}

struct revision_read {
    struct way_entry_reader texts;
    way_revision_visit_fn visit;
    void *owner;
};

static bool take_of_revision(void *owner, const struct way_value *columns)
{
    struct revision_read *read = owner;
    struct way_entry entry;

    way_entry_decode(columns, &read->texts, &entry);
    return read->visit(read->owner, &entry, way_value_u64(&columns[WAY_ENTRY_COLUMN_COUNT]));
}

enum way_status way_store_revision(struct way_session *session, uint64_t revision,
                                   way_revision_visit_fn visit, void *owner, struct way_error *err)
{
    const struct way_value value = way_value_number(revision);
    struct revision_read read = {.visit = visit, .owner = owner};
    struct reach reach;
    enum way_status status;

    way_session_hurry(session);
    way_session_catch_up(session);
    status = way_session_snapshot(session, err);
    if (status == WAY_OK) {
        status = read_reach(session, &reach, err);
    }
    if (status == WAY_OK && (revision == 0 || revision > reach.newest)) {
        status =
            way_fail(err, WAY_NOT_FOUND, "revision", "there is no revision %" PRIu64, revision);
    } else if (status == WAY_OK && revision <= reach.low) {
        status = way_fail(err, WAY_GONE, "revision", "revision %" PRIu64 " is not kept any more",
                          revision);
    }
    if (status == WAY_OK) {
        status = way_session_run(session,
                                 &(struct way_query){.sql = SQL_REVISION,
                                                     .values = &value,
                                                     .value_count = 1,
                                                     .visit = take_of_revision,
                                                     .owner = &read},
                                 err);
    }
    way_session_rollback(session);
    return status;
}
