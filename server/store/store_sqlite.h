/* SPDX-License-Identifier: MIT */
/*
 * store/store_sqlite - overrides in one file beside the program (SQLite, WAL, synchronous=FULL).
 *
 * Purpose  The embedded default: one instance, no server to run.
 * Owns     A lock on PATH-lock for as long as the store lives, so that a second instance
 *          on the same file is refused instead of serving old answers.
 * Threads  As store/store.h.
 * Errors   new(): WAY_UNAVAILABLE when the file cannot be opened, is no database, or is in use.
 */
#ifndef WAY_STORE_STORE_SQLITE_H
#define WAY_STORE_STORE_SQLITE_H

#include "store/store.h"

WAY_MUST_CHECK enum way_status way_store_sqlite_new(const char *path, struct way_store **store,
                                                    struct way_error *err);

#endif
