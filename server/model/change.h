/* SPDX-License-Identifier: MIT */
/*
 * model/change - what a caller asks for, and what it makes of the row that is there.
 *
 * Purpose  All rules of a write in one pure function, so that they are judged inside
 *          the transaction, on the row as the database has it.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_EXISTS, WAY_NOT_FOUND, WAY_STALE, WAY_INVALID.
 */
#ifndef WAY_MODEL_CHANGE_H
#define WAY_MODEL_CHANGE_H

#include "model/override.h"

enum way_wish_kind {
    WAY_WISH_CREATE, /* POST: refused when the key is there */
    WAY_WISH_PUT,    /* replaces; omitted fields take their defaults */
    WAY_WISH_PATCH,  /* changes what is named; refused when the key is absent */
    WAY_WISH_DELETE,
};

enum { WAY_IF_MATCH_MAX = 8 }; /* entity tags in one If-Match */

/* RFC 9110 13.1.1 and 13.1.2, as far as rows go. Weak tags are never put into the list. */
struct way_precondition {
    bool has_if_match;
    bool if_match_any;      /* If-Match: * */
    bool if_none_match_any; /* If-None-Match: * */
    bool has_revision;      /* the row must be as `revision` left it; 0: there must be none */
    uint64_t revision;
    size_t if_match_count;
    char if_match[WAY_IF_MATCH_MAX][WAY_ETAG_MAX];
};

/* What one request wants of one key. */
struct way_wish {
    enum way_wish_kind kind;
    struct way_key key;
    bool has_target;
    bool has_comment;
    bool has_enabled;
    bool enabled;
    struct way_target target;
    char comment[WAY_COMMENT_BYTES_MAX + 1];
    struct way_precondition precondition;
    char actor[WAY_ACTOR_MAX + 1];
    char reason[WAY_REASON_BYTES_MAX + 1];
};

enum way_verdict {
    WAY_VERDICT_NONE, /* nothing changes: no new revision */
    WAY_VERDICT_CREATED,
    WAY_VERDICT_CHANGED,
    WAY_VERDICT_DELETED,
};

/* One accepted change as the stores write it and the index applies it. */
struct way_change {
    uint64_t revision;
    bool is_delete;
    bool had_row;
    struct way_override before; /* when had_row */
    struct way_override row;    /* after the change; for a delete the row that went */
    char actor[WAY_ACTOR_MAX + 1];
    char reason[WAY_REASON_BYTES_MAX + 1];
};

/* Judges `wish` on `current` (NULL: no such row) at `now_us`. On WAY_OK *verdict is set, and *after
 * is the row as it shall be (for DELETED and NONE: as it is; for NONE without a row: untouched);
 * the caller gives it its revision. */
WAY_MUST_CHECK enum way_status way_wish_judge(const struct way_wish *wish,
                                              const struct way_override *current, int64_t now_us,
                                              enum way_verdict *verdict, struct way_override *after,
                                              struct way_error *err);

#endif
