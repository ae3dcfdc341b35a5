/* SPDX-License-Identifier: MIT */
/*
 * domain/keeper - writes the snapshot file while the database confirms what is in memory.
 *
 * Purpose  Keep the file young: after changes (not more often than every
 *          WAY_KEEPER_CHANGED_MS), and now and then without any, so that its age tells
 *          how long the database has been away.
 * Owns     Its thread.
 * Threads  start, stop: main's.
 * Errors   None: a file that cannot be written is logged once and tried again.
 */
#ifndef WAY_DOMAIN_KEEPER_H
#define WAY_DOMAIN_KEEPER_H

#include "domain/sync.h"

enum {
    WAY_KEEPER_LOOK_MS = 1000,
    WAY_KEEPER_CHANGED_MS = 10000, /* between two files, when there are changes */
    WAY_KEEPER_SAME_MS = 60000,    /* when there are none */
};

struct way_keeper;

/* All borrowed. NULL: out of memory or threads. */
struct way_keeper *way_keeper_start(const char *path, struct way_sync *sync,
                                    struct way_index *index);
/* Writes a last file if it may, and joins. NULL is fine. */
void way_keeper_stop(struct way_keeper *keeper);

#endif
