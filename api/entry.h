/* SPDX-License-Identifier: MIT */
/*
 * api/entry - what the feed and the history say of a line of the change log in the same way.
 *
 * Purpose  The words for what was done, and to which key.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   As the text: they stick to it.
 */
#ifndef WAY_API_ENTRY_H
#define WAY_API_ENTRY_H

#include "base/text.h"
#include "store/history.h"

/* The members `op` and `lookup_key`. */
void api_entry_write(struct way_text *out, const struct way_entry *entry);
/* A member that is an override as the log keeps it, or null. */
void api_entry_write_override(struct way_text *out, const char *name, const char *json);

#endif
