/* SPDX-License-Identifier: MIT */
/*
 * store/driver - what a database must be able to do, so that the store is written once.
 *
 * Purpose  The rules of the store (revisions, change log, lists, migrations, takeover) are
 *          plain SQL in store_*.c, migrate.c and takeover.c. A driver runs that SQL, says
 *          the few statements that each database spells its own way (struct way_dialect),
 *          and translates every error into a way_status.
 * Owns     A driver is a constant. What a value points at is borrowed until the call returns.
 * Threads  As store/store.h.
 * Errors   As store/store.h, and WAY_EXISTS: a unique key is taken. After WAY_UNAVAILABLE a
 *          session may be lost: then every later call fails at once, without the network.
 *
 * Times are integers here, microseconds since 1970; a driver turns them into what its columns hold.
 */
#ifndef WAY_STORE_DRIVER_H
#define WAY_STORE_DRIVER_H

#include "store/migrate.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    WAY_HOLDER_BYTES = 16,
    WAY_REPEAT_MAX = 128,       /* sets of values in one query: under 1 MiB even if all are full */
    WAY_COLUMNS_MAX = 16,       /* columns of a result, and values of one set of a query */
    WAY_VALUE_BYTES_MAX = 8192, /* bytes of one text that a query gives back; longer ones are cut */
    WAY_STORE_PLACE_MAX = 320,  /* bytes of the words for where a session leads, with NUL */
    WAY_STORE_PATIENCE_MS = 120000, /* for one statement of a patient session */
};

enum way_value_kind {
    WAY_VALUE_NULL,
    WAY_VALUE_NUMBER,
    WAY_VALUE_TIME, /* a driver without a type for it gives a number back */
    WAY_VALUE_TEXT, /* UTF-8 */
    WAY_VALUE_BYTES,
};

struct way_value {
    enum way_value_kind kind;
    int64_t number;    /* NUMBER; TIME: microseconds since 1970, UTC */
    const char *bytes; /* TEXT, BYTES: borrowed, not NUL-ended */
    size_t len;
};

/* One row of a result. Return false to stop early. Must not use the session. */
typedef bool (*way_record_fn)(void *owner, const struct way_value *columns);

/* One statement with its values; prepared once a session and kept. */
struct way_query {
    const char *sql;
    const struct way_value *values; /* for each '?' in turn, all of one set before the next */
    size_t value_count;             /* of one set */
    size_t repeat;                  /* sets, at most WAY_REPEAT_MAX; 0 counts as 1 */
    way_record_fn visit;            /* NULL: rows are not wanted; not together with repeat */
    void *owner;
    uint64_t *changed; /* out, may be NULL: rows that the last set matched */
};

/* What each database says in its own words. */
struct way_dialect {
    const char *begin_read;       /* opens a transaction that sees one snapshot */
    const char *begin_write;      /* opens a transaction that may write */
    const char *for_update;       /* behind a SELECT: read the newest, and hold it */
    const char *tables;           /* the names of the tables there are */
    const char *columns;          /* the names of the columns of dns_overrides */
    const char *matches;          /* a row's key, target or comment holds a text; three values */
    bool seeks_pairs;             /* finds (a, b) > (?, ?) in an index */
    const char *upsert;           /* values: the columns of WAY_ROW_COLUMNS */
    const char *const *bootstrap; /* repeatable: make the runner's own tables; NULL-ended */
    const char *lease_take;       /* values: holder, holder; NULL: no other process can be there */
    const char *unlimited;        /* lifts the limit of time from statements; NULL: there is none */
    const char *limited;          /* puts it back */
    const char *causal;           /* from now on, see all that any node has committed before */
    const char *relaxed;          /* or not, which is cheaper; both only when is_cluster */
};

struct way_driver {
    const char *name;
    bool is_shared;
    struct way_dialect dialect;
    const struct way_migration *steps;
    const size_t *step_count;

    void (*free)(struct way_store *store);
    /* `is_patient`: for migrations; statements may take WAY_STORE_PATIENCE_MS. */
    enum way_status (*open)(struct way_store *store, bool is_patient, struct way_session **session,
                            struct way_error *err);
    void (*close)(struct way_session *session);
    /* A statement without values and rows, not kept: transactions, settings, migrations. */
    enum way_status (*execute)(struct way_session *session, const char *sql, struct way_error *err);
    enum way_status (*run)(struct way_session *session, const struct way_query *query,
                           struct way_error *err);
    /* Begins a write transaction and adds `count` to the revision, which this transaction then
     * holds to its end: so writers queue up here and nowhere else. *newest: the revision
     * afterwards. WAY_NOT_FOUND: a step newer than `known` says that programs like this one must
     * not write, or override_state.is_seed_taken is not what the caller says. */
    enum way_status (*reserve)(struct way_session *session, uint64_t count, unsigned known,
                               bool is_seed_taken, uint64_t *newest, struct way_error *err);
    /* Sets session->is_read_only to what the server says now; NULL: it never changes. */
    enum way_status (*look_round)(struct way_session *session, struct way_error *err);
    enum way_status (*commit)(struct way_session *session, struct way_error *err);
    void (*rollback)(struct way_session *session);
};

/* Every driver's store and session begin with these. */
struct way_store {
    const struct way_driver *driver;
    /* Of the lease to migrate. Constant, so that who could not give it back takes it again. */
    uint8_t holder[WAY_HOLDER_BYTES];
    pthread_mutex_t preparing; /* held by the one session of this process that migrates */
    pthread_mutex_t lock;      /* last in the order: nothing is called under it */
    /* guarded by lock */
    char refusal[WAY_ERROR_DETAIL_MAX]; /* why nothing may be written; empty: it may */
};

struct way_session {
    struct way_store *store; /* borrowed: outlives its sessions */
    const struct way_driver *driver;
    char place[WAY_STORE_PLACE_MAX]; /* which file, or host and port, for messages */
    uint64_t started_ms;             /* when the call in hand began; 0: it may take its time */
    bool is_lost;                    /* the connection is gone */
    bool is_read_only;               /* the server takes no writes */
    bool is_denied;                  /* it has refused something for want of a privilege */
    bool is_cluster;                 /* a node may lag behind what another has committed */
    bool is_caught_up;               /* has seen what was committed before it was opened */
    /* the open write */
    bool is_writing;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t reserved;    /* revisions */
    uint64_t revision;    /* the one that was logged last */
    uint32_t seq;         /* the next one's place inside that revision */
    uint32_t place_in_tx; /* the next one's place inside the transaction */
};

/* For drivers. */
WAY_MUST_CHECK enum way_status
way_store_init(struct way_store *store, const struct way_driver *driver, struct way_error *err);
void way_store_fini(struct way_store *store);
void way_session_init(struct way_session *session, struct way_store *store);

/* For the rules: the driver's calls, refused at once on a lost session. */
WAY_MUST_CHECK enum way_status
way_session_run(struct way_session *session, const struct way_query *query, struct way_error *err);
WAY_MUST_CHECK enum way_status way_session_execute(struct way_session *session, const char *sql,
                                                   struct way_error *err);
/* Ends the transaction that is open, if any; never fails: what is not committed is gone. */
void way_session_rollback(struct way_session *session);
/* Opens a transaction that sees one snapshot; on a session that is not caught up, one that holds
 * all that any node had committed when it was asked for. End it with way_session_rollback(). */
WAY_MUST_CHECK enum way_status way_session_snapshot(struct way_session *session,
                                                    struct way_error *err);
/* The state row; the first values of a record that starts with WAY_POSITION_COLUMNS. */
#define WAY_POSITION_COLUMNS \
    "n, low, epoch, (SELECT tx FROM override_change WHERE revision = n AND seq = 0)"

enum { WAY_POSITION_COLUMN_COUNT = 4 };

WAY_MUST_CHECK bool way_position_decode(const struct way_value *columns,
                                        struct way_position *position);
WAY_MUST_CHECK enum way_status way_position_read(struct way_session *session,
                                                 struct way_position *position,
                                                 struct way_error *err);

/* The newest step this program knows. */
unsigned way_driver_newest_step(const struct way_driver *driver);
/* Whether this program may write at all. Holds nothing, so it may be another the next moment: for
 * what harms nobody then. */
WAY_MUST_CHECK enum way_status way_session_check(struct way_session *session,
                                                 struct way_error *err);
/* As way_driver.reserve, when this program may write at all. After a failure the transaction is
 * gone. */
WAY_MUST_CHECK enum way_status way_session_reserve(struct way_session *session, uint64_t count,
                                                   uint64_t *newest, struct way_error *err);
/* In an open write: the change log says at `revision` that everything is to be read again. */
WAY_MUST_CHECK enum way_status way_session_log_reload(struct way_session *session,
                                                      uint64_t revision, int64_t at_us,
                                                      const char *actor, const char *reason,
                                                      struct way_error *err);

/* The clock of a public call starts to run, or does not run until the next one. */
void way_session_hurry(struct way_session *session);
void way_session_linger(struct way_session *session);

struct way_value way_value_null(void);
struct way_value way_value_number(uint64_t number);
struct way_value way_value_time(int64_t wall_us);
struct way_value way_value_text(const char *string);
struct way_value way_value_span(const char *text, size_t len);
struct way_value way_value_bytes(const void *bytes, size_t len);
/* Of NUMBER and TIME; 0 for the rest. */
uint64_t way_value_u64(const struct way_value *value);

#endif
