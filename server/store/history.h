/* SPDX-License-Identifier: MIT */
/*
 * store/history - the change log as people and other programs read it.
 *
 * Purpose  What was changed, when, by whom and why, with the override before and after; and what a
 *          key was at an earlier revision. One table serves the followers (store.h), the feed and
 *          the history; two marks in the state row say how far back each of them may look, and
 *          pruning moves the marks first and removes rows afterwards.
 * Owns     Nothing. What an entry points at is borrowed until the visitor returns.
 * Threads  As store/store.h.
 * Errors   As store/store.h; WAY_GONE: it was pruned.
 */
#ifndef WAY_STORE_HISTORY_H
#define WAY_STORE_HISTORY_H

#include "model/override_json.h"
#include "store/store.h"

enum {
    WAY_FEED_PAGE_MAX = 1000,    /* changes of one page of the feed; one revision may be larger */
    WAY_HISTORY_PAGE_MAX = 1000, /* entries of one page */
    WAY_PRUNE_ROWS_MAX = 1000,   /* rows of the log in one step of pruning */
};

/* One line of the change log: what happened to one key. */
struct way_entry {
    uint64_t revision;
    uint32_t seq; /* 0.. inside one revision */
    enum way_change_op op;
    int64_t at_us;
    struct way_key key; /* empty for WAY_OP_RELOAD */
    const char *actor;
    const char *reason;
    const char *before; /* a JSON object (model/override_json.h); "": there was no override */
    const char *after;  /* "": there is none any more */
};

/* Return false to stop early. */
typedef bool (*way_entry_visit_fn)(void *owner, const struct way_entry *entry);

/* --- the feed --------------------------------------------------------------------------------- */

struct way_feed_query {
    uint64_t since; /* changes after this revision */
    size_t limit;   /* 1..WAY_FEED_PAGE_MAX */
    bool has_epoch;
    uint8_t epoch[WAY_EPOCH_BYTES]; /* of the data that `since` belongs to */
};

struct way_feed_page {
    uint64_t revision; /* of the last change on the page; `since` when there is none */
    struct way_position position;
};

/* Changes in their order, whole revisions only: as many as fit into the limit, at least one. A hole
 * in the log ends the page before it. WAY_GONE: what follows `since` is pruned or missing, the
 * epoch is another, or `since` is ahead of the data: the reader must read the list again. */
WAY_MUST_CHECK enum way_status way_store_feed(struct way_session *session,
                                              const struct way_feed_query *query,
                                              way_entry_visit_fn visit, void *owner,
                                              struct way_feed_page *page, struct way_error *err);

/* --- the history ------------------------------------------------------------------------------ */

/* Every condition narrows. Newest first. */
struct way_history_query {
    bool has_key;
    struct way_key key;
    char actor[WAY_ACTOR_MAX + 1]; /* "": anybody */
    uint64_t since;                /* revisions after this one */
    int64_t from_us;               /* at this wall time or later; INT64_MIN: any */
    int64_t until_us;              /* before this wall time; INT64_MAX: any */
    size_t limit;                  /* 1..WAY_HISTORY_PAGE_MAX */
    bool has_after;                /* strictly behind this entry in the order */
    uint64_t after_revision;
    uint32_t after_seq;
};

/* WAY_NOT_FOUND: the query has a key that was never known (no entry, and no override now). */
WAY_MUST_CHECK enum way_status way_store_history(struct way_session *session,
                                                 const struct way_history_query *query,
                                                 way_entry_visit_fn visit, void *owner,
                                                 bool *has_more, struct way_error *err);

/* --- what was ----------------------------------------------------------------------------------
 */

enum way_past_kind {
    WAY_PAST_SAME,   /* nothing has changed the key since */
    WAY_PAST_ROW,    /* `json` is what it was */
    WAY_PAST_ABSENT, /* there was no override */
};

struct way_past {
    enum way_past_kind kind;
    char json[WAY_OVERRIDE_JSON_MAX];
};

/* What `key` was when the data stood at `revision`. Rows that were changed by SQL alone count as
 * they were found by the next change. WAY_NOT_FOUND: never known; WAY_GONE: too long ago;
 * WAY_INVALID, field "revision": ahead of the data, or the log does not say what the row was. */
WAY_MUST_CHECK enum way_status way_store_past(struct way_session *session,
                                              const struct way_key *key, uint64_t revision,
                                              struct way_past *past, struct way_error *err);

/* `newest`: of the last change of the entry's key. */
typedef bool (*way_revision_visit_fn)(void *owner, const struct way_entry *entry, uint64_t newest);

/* All entries of one revision. WAY_NOT_FOUND: ahead of the data; WAY_GONE: too long ago. */
WAY_MUST_CHECK enum way_status way_store_revision(struct way_session *session, uint64_t revision,
                                                  way_revision_visit_fn visit, void *owner,
                                                  struct way_error *err);

/* --- keeping it small --------------------------------------------------------------------------
 */

/* How long what is kept, in microseconds. */
struct way_retention {
    int64_t log_us;     /* what followers and the feed can go on from */
    int64_t history_us; /* what people can look up and revert to */
};

/* One step: forgets what is older than `now_us` less the retention, at most WAY_PRUNE_ROWS_MAX rows
 * each of marking and removing, in transactions of their own. *is_done: nothing is left to do. */
WAY_MUST_CHECK enum way_status way_store_prune(struct way_session *session, int64_t now_us,
                                               const struct way_retention *retention, bool *is_done,
                                               struct way_error *err);

#endif
