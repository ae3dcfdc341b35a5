/* SPDX-License-Identifier: MIT */
/*
 * domain/janitor - forgets changes that are older than they are to be kept.
 *
 * Purpose  Prune the change log and the history (store/history.h), a little at a time,
 *          while the database is well. Several instances may do it at once: what one has
 *          done the others find done.
 * Owns     Its thread, and a session while there is work.
 * Threads  start, stop: main's.
 * Errors   None: what fails is logged once and tried again.
 */
#ifndef WAY_DOMAIN_JANITOR_H
#define WAY_DOMAIN_JANITOR_H

#include "domain/sync.h"
#include "store/history.h"

enum {
    WAY_JANITOR_FIRST_MS = 3000,  /* after the start */
    WAY_JANITOR_ROUND_MS = 60000, /* between two rounds, and up to a quarter more */
    WAY_JANITOR_STEP_MS = 50,     /* between two steps of one round */
};

struct way_janitor;

/* Store and sync are borrowed. NULL: out of memory or threads. */
struct way_janitor *way_janitor_start(struct way_store *store, struct way_sync *sync,
                                      const struct way_retention *retention);
/* NULL is fine. */
void way_janitor_stop(struct way_janitor *janitor);

#endif
