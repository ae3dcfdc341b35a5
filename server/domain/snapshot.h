/* SPDX-License-Identifier: MIT */
/*
 * domain/snapshot - the overrides in a local file, for a start while the database is away.
 *
 * Purpose  Save what the index holds, and read it back: whole and unharmed, or not at
 *          all. A crash while saving leaves the file that was there.
 * Owns     Nothing between calls; the file is the caller's path.
 * Threads  A save takes the index's turn among writers for as long as copying takes;
 *          otherwise any thread, one at a time for one path.
 * Errors   WAY_NOT_FOUND: no file. WAY_INVALID: not a snapshot, of another version, cut
 *          or harmed. WAY_UNAVAILABLE: the file system refused. WAY_NO_MEMORY.
 *
 * The form, numbers little-endian: "WAYSNAP2"; revision, low, true_at_us, count (8 octets
 * each); epoch and tx (16 octets each); count rows of revision (8), key length (1), target length
 * (1), key, target; a checksum of all before it (8).
 */
#ifndef WAY_DOMAIN_SNAPSHOT_H
#define WAY_DOMAIN_SNAPSHOT_H

#include "base/text.h"
#include "domain/index.h"

/* What a file says of itself. */
struct way_snapshot_info {
    struct way_position position;
    int64_t true_at_us; /* wall time at which the database last confirmed the content */
    uint64_t count;     /* rows */
};

/* Writes `path` anew: a file beside it, synchronised, then renamed. */
WAY_MUST_CHECK enum way_status way_snapshot_save(const char *path, struct way_index *index,
                                                 const struct way_snapshot_info *info,
                                                 struct way_error *err);
/* The same into an empty text, for whoever keeps it elsewhere. */
WAY_MUST_CHECK enum way_status way_snapshot_write(struct way_text *out, struct way_index *index,
                                                  const struct way_snapshot_info *info,
                                                  struct way_error *err);
/* Fills the draft and *info. On failure the draft is to be freed. */
WAY_MUST_CHECK enum way_status way_snapshot_load(const char *path, struct way_index_draft *draft,
                                                 struct way_snapshot_info *info,
                                                 struct way_error *err);
/* The same from memory, for whoever has the bytes already. */
WAY_MUST_CHECK enum way_status way_snapshot_parse(const unsigned char *bytes, size_t len,
                                                  struct way_index_draft *draft,
                                                  struct way_snapshot_info *info,
                                                  struct way_error *err);

#endif
