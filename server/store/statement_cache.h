/* SPDX-License-Identifier: MIT */
/*
 * store/statement_cache - the prepared statements of one session, found by their text.
 *
 * Purpose  Prepare each text once a session, however it was put together.
 * Owns     Its copies of the texts, and the statements, which it gives back to the driver through
 *          `drop`. When it is full, the one that was put in first goes.
 * Threads  As the session it belongs to.
 * Errors   WAY_NO_MEMORY.
 */
#ifndef WAY_STORE_STATEMENT_CACHE_H
#define WAY_STORE_STATEMENT_CACHE_H

#include "base/status.h"

#include <stddef.h>

enum { WAY_STATEMENTS_MAX = 64 /* statements that one session keeps prepared */ };

struct way_statement_cache {
    void (*drop)(void *statement);
    size_t count;
    size_t oldest;

    struct {
        char *sql; /* owned */
        void *statement;
    } entries[WAY_STATEMENTS_MAX];
};

void way_statement_cache_init(struct way_statement_cache *cache, void (*drop)(void *statement));
/* Drops every statement. */
void way_statement_cache_fini(struct way_statement_cache *cache);
/* NULL: not there. */
void *way_statement_cache_find(const struct way_statement_cache *cache, const char *sql);
/* Takes `statement`. */
WAY_MUST_CHECK enum way_status way_statement_cache_put(struct way_statement_cache *cache,
                                                       const char *sql, void *statement);

#endif
