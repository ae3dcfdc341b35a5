/* SPDX-License-Identifier: MIT */
/*
 * store/entry - a line of the change log as the columns of a query, and back.
 *
 * Purpose  The one place that knows their order.
 * Owns     A reader holds the texts of one line; an entry points into it.
 * Threads  Pure functions on the caller's memory.
 * Errors   None: what nobody can read, because it was edited by hand, is shown as empty; of the
 *          two images both are then, so that one alone cannot say "there was none".
 */
#ifndef WAY_STORE_ENTRY_H
#define WAY_STORE_ENTRY_H

#include "store/driver.h"
#include "store/history.h"

/* Of override_change, which the query calls c. */
#define WAY_ENTRY_COLUMNS                                                            \
    "c.revision, c.seq, c.op, c.at, c.lookup_key, c.actor, c.reason, c.row_before, " \
    "c.row_after"

enum { WAY_ENTRY_COLUMN_COUNT = 9 };

struct way_entry_reader {
    char actor[WAY_ACTOR_MAX + 1];
    char reason[WAY_REASON_BYTES_MAX + 1];
    char before[WAY_OVERRIDE_JSON_MAX];
    char after[WAY_OVERRIDE_JSON_MAX];
};

/* The entry is good until the reader is used again. */
void way_entry_decode(const struct way_value *columns, struct way_entry_reader *reader,
                      struct way_entry *entry);

#endif
