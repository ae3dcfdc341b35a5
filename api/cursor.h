/* SPDX-License-Identifier: MIT */
/*
 * api/cursor - where the next page of a list starts, as an opaque word.
 *
 * Purpose  A cursor holds the sort order, a hash of `q`, and the last row's place in
 *          the order. It serves only the list it was made for.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "cursor".
 */
#ifndef WAY_API_CURSOR_H
#define WAY_API_CURSOR_H

#include "api/request.h"
#include "base/text.h"
#include "store/store.h"

/* The place of `last` in the order of `query`. */
void api_cursor_write(struct way_text *out, const struct way_list_query *query,
                      const struct way_override *last);
/* Sets the `after` members of *query, whose sort and q are set already. */
WAY_MUST_CHECK enum way_status api_cursor_read(struct api_bytes cursor,
                                               struct way_list_query *query, struct way_error *err);

#endif
