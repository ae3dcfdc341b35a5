/* SPDX-License-Identifier: MIT */
/*
 * domain/own_commits - what this instance has committed and shown before the log told of it.
 *
 * Purpose  Says which commit of ours is the newest, to hold the database to it; and keeps
 *          those that come while a load goes on, for the load does not show them.
 * Owns     Its notes.
 * Threads  One at a time: its owner (sync) has a lock.
 * Errors   WAY_BUSY: more than there was room for. WAY_NO_MEMORY.
 */
#ifndef WAY_DOMAIN_OWN_COMMITS_H
#define WAY_DOMAIN_OWN_COMMITS_H

#include "domain/index.h"

enum { WAY_OWN_NOTES_MAX = 4096 /* changes of our own that one load may be behind */ };

/* All zeros: none. */
struct way_own_commits {
    uint64_t newest;          /* revision of the newest one */
    uint8_t tx[WAY_TX_BYTES]; /* its transaction; zeros: a load has shown it */
    /* those since begin() */
    struct way_index_change *notes; /* room for WAY_OWN_NOTES_MAX; NULL: none are taken */
    size_t count;
    bool is_cut; /* there were more */
};

/* What a change makes of its key. */
void way_own_entry(const struct way_change *change, struct way_index_change *entry);

/* A load begins. Without memory for notes it goes on, and must not be behind. */
void way_own_commits_begin(struct way_own_commits *own);
void way_own_commits_add(struct way_own_commits *own, const uint8_t tx[static WAY_TX_BYTES],
                         const struct way_change *changes, size_t count);
/* Puts what the load, which is true as of *position, does not have into its draft. Moves *position
 * on when nothing of others lies in between. */
WAY_MUST_CHECK enum way_status way_own_commits_put(struct way_own_commits *own,
                                                   struct way_index_draft *draft,
                                                   struct way_position *position);
/* The load is over. */
void way_own_commits_end(struct way_own_commits *own);

#endif
