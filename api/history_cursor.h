/* SPDX-License-Identifier: MIT */
/*
 * api/history_cursor - where the next page of the history starts, as an opaque word.
 *
 * Purpose  A cursor holds a hash of the filters and the last entry's place. It serves
 *          only the filters it was made for; the limit may change.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "cursor".
 */
#ifndef WAY_API_HISTORY_CURSOR_H
#define WAY_API_HISTORY_CURSOR_H

#include "api/request.h"
#include "base/text.h"
#include "store/history.h"

/* The place of the entry `revision`, `seq`. */
void api_history_cursor_write(struct way_text *out, const struct way_history_query *query,
                              uint64_t revision, uint32_t seq);
/* Sets the `after` members of *query, whose filters are set already. */
WAY_MUST_CHECK enum way_status api_history_cursor_read(struct api_bytes cursor,
                                                       struct way_history_query *query,
                                                       struct way_error *err);

#endif
