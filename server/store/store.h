/* SPDX-License-Identifier: MIT */
/*
 * store/store - where the overrides live: one interface, several databases.
 *
 * Purpose  Everything the service asks of a database, without naming one. Every
 *          implementation passes tests/contract/store_contract.c.
 * Owns     A store is a description (path, hosts, credentials); a session is one
 *          open connection of it.
 * Threads  A store may be shared by threads. A session belongs to one thread at a
 *          time; its calls block, so never on a loop. No call blocks longer than
 *          WAY_STORE_CALL_MAX_MS, except prepare() and load().
 * Errors   WAY_UNAVAILABLE: no answer, refused, read-only, out of space; nothing was
 *          done. Close the session and open another.
 *          WAY_BUSY: the transaction lost a race (deadlock, lock wait, certification)
 *          and is gone after rollback; try the same again.
 *          WAY_UNSETTLED: from commit, when its answer never came; and from apply, when the
 *          change log has `tx` already. Ask way_store_settle() on a new session.
 *          WAY_INVALID, WAY_NOT_FOUND, WAY_NO_MEMORY, WAY_INTERNAL as usual.
 */
#ifndef WAY_STORE_STORE_H
#define WAY_STORE_STORE_H

#include "model/change.h"

enum {
    WAY_TX_BYTES = 16,
    WAY_EPOCH_BYTES = 16,
    WAY_STORE_CALL_MAX_MS = 10000, /* of one call, however the database behaves */
    WAY_LIST_PAGE_MAX = 1000,      /* rows of one page */
    WAY_LIST_QUERY_MAX = 256,      /* characters of `q` */
    WAY_LIST_QUERY_BYTES_MAX = 4 * WAY_LIST_QUERY_MAX, /* of them in UTF-8 */
};

struct way_store;   /* opaque */
struct way_session; /* opaque */

/* How far the data is, as of one moment. */
struct way_position {
    uint64_t revision; /* the newest */
    uint64_t low;      /* the newest that is pruned from the change log; 0: none */
    uint8_t epoch[WAY_EPOCH_BYTES];
    /* Of the transaction that made `revision`; zeros: the log does not have it. A server that comes
     * back from a crash without its last commits, or from a backup, gives a revision out again: the
     * transaction tells. */
    uint8_t tx[WAY_TX_BYTES];
};

/* What way_store_prepare() found and did. */
struct way_store_report {
    bool is_read_only; /* the schema is newer than this program, or not what it says it is */
    char reason[WAY_ERROR_DETAIL_MAX]; /* why it is read-only */
    uint64_t rejected;                 /* rows of a taken-over table that are not served */
    unsigned schema_version;
};

/* An override that can match, as a lookup needs it. */
struct way_live {
    struct way_key key;
    struct way_target target;
    uint64_t revision;
};

/* Return false to stop early. */
typedef bool (*way_live_visit_fn)(void *owner, const struct way_live *live);
typedef bool (*way_row_visit_fn)(void *owner, const struct way_override *row);

enum way_sort { WAY_SORT_KEY, WAY_SORT_TARGET, WAY_SORT_UPDATED };

/* Rows whose key, target or comment holds `q` (ASCII letters in either case), in order of
 * (`sort`, lookup_key), strictly behind the row `after` when there is one. */
struct way_list_query {
    enum way_sort sort;
    bool is_descending; /* both members of the order turn round */
    size_t limit;       /* 1..WAY_LIST_PAGE_MAX */
    size_t q_len;       /* 0: all rows */
    char q[WAY_LIST_QUERY_BYTES_MAX + 1];
    bool has_after;
    struct way_key after_key;
    struct way_key after_target; /* for WAY_SORT_TARGET */
    int64_t after_updated_at_us; /* for WAY_SORT_UPDATED */
};

/* Of the same moment as the rows. */
struct way_list_page {
    uint64_t total; /* rows that match `q`, on all pages */
    bool has_more;
    struct way_position position;
};

enum way_change_op { WAY_OP_UPSERT = 'U', WAY_OP_DELETE = 'D', WAY_OP_RELOAD = 'R' };

/* One row of the change log, with the override as it is now (not as it was then). */
struct way_log_row {
    uint64_t revision;
    uint32_t seq; /* 0.. inside one revision */
    uint8_t tx[WAY_TX_BYTES];
    enum way_change_op op;
    struct way_key key; /* empty for WAY_OP_RELOAD */
    bool is_live;       /* the key has an enabled override now: `live` is set */
    struct way_live live;
};

typedef bool (*way_log_visit_fn)(void *owner, const struct way_log_row *row);

/* Sessions must be closed before. NULL is fine. */
void way_store_free(struct way_store *store);
/* "sqlite", "mariadb". */
const char *way_store_name(const struct way_store *store);
/* Whether other processes may change the data behind our back. */
bool way_store_is_shared(const struct way_store *store);

WAY_MUST_CHECK enum way_status
way_session_open(struct way_store *store, struct way_session **session, struct way_error *err);
/* Rolls back what is open. NULL is fine. */
void way_session_close(struct way_session *session);
/* Where it leads, for messages: the file, or host and port. Borrowed, as long as the session. */
const char *way_session_place(const struct way_session *session);

/* Brings the schema to this program's version (migrations/) and takes over a table of the
 * predecessor, if there is one. Repeatable; safe when several instances start together: those that
 * come second get WAY_BUSY and try again. Where nothing is to do it only reads. Until it is done
 * begin() is refused; a schema that is read-only for us refuses begin() too, with report.reason. */
WAY_MUST_CHECK enum way_status way_store_prepare(struct way_session *session,
                                                 struct way_store_report *report,
                                                 struct way_error *err);

/* Every enabled override and the position they are true as of, from one snapshot. */
WAY_MUST_CHECK enum way_status way_store_load(struct way_session *session, way_live_visit_fn visit,
                                              void *owner, struct way_position *position,
                                              struct way_error *err);
WAY_MUST_CHECK enum way_status way_store_poll(struct way_session *session,
                                              struct way_position *position, struct way_error *err);
/* Asks whether the server takes writes, which an operator may change at any time. */
WAY_MUST_CHECK enum way_status way_session_look_round(struct way_session *session,
                                                      struct way_error *err);
/* What it said last: a replica, or a server under maintenance. */
bool way_session_is_read_only(const struct way_session *session);
/* Whether a node of a cluster, which may lag for a moment behind what another has committed. */
bool way_session_may_lag(const struct way_session *session);
/* On a cluster, the next poll, load or feed waits until the node has what any node had committed.
 */
void way_session_catch_up(struct way_session *session);
/* The change log behind the revision `after`, in order of (revision, seq), at most `limit` rows;
 * and before them the first row of `after` itself, when the log still has it. */
WAY_MUST_CHECK enum way_status way_store_changes(struct way_session *session, uint64_t after,
                                                 size_t limit, way_log_visit_fn visit, void *owner,
                                                 struct way_error *err);

WAY_MUST_CHECK enum way_status way_store_read(struct way_session *session,
                                              const struct way_key *key, struct way_override *row,
                                              struct way_error *err);
WAY_MUST_CHECK enum way_status way_store_list(struct way_session *session,
                                              const struct way_list_query *query,
                                              way_row_visit_fn visit, void *owner,
                                              struct way_list_page *page, struct way_error *err);

/* A write: begin, then any number of fetch and apply, then commit or rollback.
 * begin reserves the revisions *first .. *first + count - 1 for this transaction, which is the
 * only one that writes until it ends; `tx` are random bytes that name it. */
WAY_MUST_CHECK enum way_status way_store_begin(struct way_session *session, uint64_t count,
                                               const uint8_t tx[static WAY_TX_BYTES],
                                               uint64_t *first, struct way_error *err);
/* The rows of `keys` as the transaction sees them; found[i] says whether rows[i] is set. */
WAY_MUST_CHECK enum way_status way_store_fetch(struct way_session *session,
                                               const struct way_key *const *keys, size_t count,
                                               struct way_override *rows, bool *found,
                                               struct way_error *err);
/* Writes the rows and the change log. Revisions ascend; changes of one revision are neighbours.
 * A key may occur several times: the last one stays. `at_us`: when, wall time. */
WAY_MUST_CHECK enum way_status way_store_apply(struct way_session *session,
                                               const struct way_change *changes, size_t count,
                                               int64_t at_us, struct way_error *err);
/* Says that rows were changed by other hands: gives the data a new epoch, and the log one line that
 * makes every reader read all again. Takes the revision `revision` of an open write. Of `by` actor
 * and reason count. */
WAY_MUST_CHECK enum way_status way_store_reset(struct way_session *session, uint64_t revision,
                                               const uint8_t epoch[static WAY_EPOCH_BYTES],
                                               int64_t at_us, const struct way_wish *by,
                                               struct way_error *err);
/* `used`: how many of the reserved revisions were given out, from the first on; the others go back
 * in the same transaction, so that revisions stay dense. With 0 it rolls back. */
WAY_MUST_CHECK enum way_status way_store_commit(struct way_session *session, uint64_t used,
                                                struct way_error *err);
void way_store_rollback(struct way_session *session);
/* Whether the transaction `tx` was committed: *first is its first revision, 0: it was not.
 * WAY_BUSY: that is not certain yet, for the server may still hold it open; ask again. Once it says
 * no, `tx` will never be committed. */
WAY_MUST_CHECK enum way_status way_store_settle(struct way_session *session,
                                                const uint8_t tx[static WAY_TX_BYTES],
                                                uint64_t *first, struct way_error *err);

#endif
