/* SPDX-License-Identifier: MIT */
/*
 * store/row - an override as the columns of a table, and back.
 *
 * Purpose  The one place that knows the order of the columns.
 * Owns     Nothing. Values borrow from the row they are made of.
 * Threads  Pure functions; call from anywhere.
 * Errors   false: the columns hold what no row of ours can; somebody edited them by hand.
 */
#ifndef WAY_STORE_ROW_H
#define WAY_STORE_ROW_H

#include "store/driver.h"

#define WAY_ROW_COLUMNS                                                                         \
    "lookup_key, target_host, comment, enabled, revision, created_at, created_by, updated_at, " \
    "updated_by"

enum { WAY_ROW_REVISION = 4 /* its place among them */, WAY_ROW_COLUMN_COUNT = 9 };

/* Sets WAY_ROW_COLUMN_COUNT values, borrowed from `row`. */
void way_row_encode(const struct way_override *row, struct way_value *values);
/* What stands there is shown as it stands there, also when it is not in normal form. False when it
 * cannot be shown at all: too long, or no text. */
WAY_MUST_CHECK bool way_row_decode(const struct way_value *columns, struct way_override *row);
/* A key or a target alone; one that is not in normal form is taken over as it stands there. */
WAY_MUST_CHECK bool way_row_decode_key(const struct way_value *column, struct way_key *key);
/* From lookup_key, target_host, revision; only keys and targets in normal form can match. */
WAY_MUST_CHECK bool way_row_decode_live(const struct way_value *columns, struct way_live *live);
/* Copies a text into a buffer of `out_bytes`, with NUL; false when it does not fit. */
WAY_MUST_CHECK bool way_row_copy_text(const struct way_value *column, char *out, size_t out_bytes);

#endif
