/* SPDX-License-Identifier: MIT */
/*
 * store/seed_row - one row of the predecessor's table, judged.
 *
 * Purpose  Say of a row what it becomes: an override in normal form, or a reason why not.
 * Owns     Its texts, in one piece of memory.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_NO_MEMORY. That a row is bad is no error: it is in `reason`.
 */
#ifndef WAY_STORE_SEED_ROW_H
#define WAY_STORE_SEED_ROW_H

#include "store/driver.h"

/* Of a row: lookup_key, target_host, comment, created_at, updated_at, in this order. */
enum { WAY_SEED_COLUMN_COUNT = 5 };

enum { WAY_SEED_TEXT_MAX = 1024 /* bytes of a key or target as dns_overrides_rejected keeps it */ };

struct way_seed_text {
    const char *bytes; /* owned by the row; NULL: the column was NULL */
    size_t len;
};

struct way_seed_row {
    char *memory;                   /* owned: the texts */
    struct way_seed_text raw_key;   /* as it stands in the table */
    struct way_seed_text shown_key; /* the same as printable UTF-8, cut */
    struct way_seed_text shown_target;
    struct way_seed_text key;     /* normal form; empty when there is none */
    struct way_seed_text target;  /* likewise */
    struct way_seed_text comment; /* as it will be kept */
    char *reason;                 /* owned: why the row is not served; NULL: it is */
    bool is_comment_changed;
    bool has_created;
    bool has_updated;
    int64_t created_at_us;
    int64_t updated_at_us;
};

WAY_MUST_CHECK enum way_status way_seed_row_init(struct way_seed_row *row,
                                                 const struct way_value *columns);
void way_seed_row_fini(struct way_seed_row *row);
/* Puts another reason in the place of the one there is. */
WAY_MUST_CHECK enum way_status way_seed_row_reject(struct way_seed_row *row, const char *reason);
/* The key was written in normal form. */
bool way_seed_row_is_normal(const struct way_seed_row *row);
/* The order in which rows claim a key: by key, and of one key the one to be served first. */
int way_seed_row_compare(const struct way_seed_row *a, const struct way_seed_row *b);

#endif
