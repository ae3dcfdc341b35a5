/* SPDX-License-Identifier: MIT */
/*
 * domain/index - every override that can match, in memory, for answers that cannot wait.
 *
 * Purpose  Answer "is this key overridden?" without the database, a lock or a copy of
 *          more than one target.
 * Owns     Its entries. Results are copied out.
 * Threads  Readers: one struct way_index_reader a thread; they never wait and always
 *          see whole entries. Writers: any thread; they take turns.
 * Order    index->write is the last lock taken; nothing else is called under it.
 * Errors   WAY_NO_MEMORY from the writers; the index is then as it was. Reads cannot fail.
 */
#ifndef WAY_DOMAIN_INDEX_H
#define WAY_DOMAIN_INDEX_H

#include "store/store.h"

struct way_index;
struct way_index_reader;
struct way_index_draft;

struct way_match {
    struct way_target target;
    uint64_t revision; /* the row's */
};

/* NULL: out of memory. Empty, at revision 0. */
struct way_index *way_index_new(void);
/* All readers must be closed. NULL is fine. */
void way_index_free(struct way_index *index);

/* At most WAY_INDEX_READERS_MAX at a time; NULL beyond that. */
enum {
    WAY_INDEX_READERS_MAX = 256,
    WAY_INDEX_WARM_MAX = 16, /* keys of one way_index_warm() */
};
struct way_index_reader *way_index_reader_open(struct way_index *index);
void way_index_reader_close(struct way_index_reader *reader);

/* False: no override for `key`. */
bool way_index_find(struct way_index_reader *reader, const struct way_key *key,
                    struct way_match *out);
/* Before a way_index_find() of each of these keys: brings what it will look at into the processor's
 * caches, for all of them at a time instead of one after the other. */
void way_index_warm(struct way_index_reader *reader, const struct way_key *const *keys,
                    size_t count);

/* The revision that the whole content is true as of. Any thread. */
uint64_t way_index_revision(const struct way_index *index);
/* Overrides in memory. Any thread. */
uint64_t way_index_count(const struct way_index *index);

/* Shows every override, in no order, and returns how many. Writers wait meanwhile; readers do not.
 */
typedef void (*way_index_visit_fn)(void *owner, const struct way_live *live);
uint64_t way_index_visit(struct way_index *index, way_index_visit_fn visit, void *owner);

/* A new content, built aside by one thread. */
struct way_index_draft *way_index_draft_new(struct way_index *index);
WAY_MUST_CHECK enum way_status way_index_draft_put(struct way_index_draft *draft,
                                                   const struct way_live *live);
/* Nothing, when the key is not there. */
void way_index_draft_del(struct way_index_draft *draft, const struct way_key *key);
void way_index_draft_free(struct way_index_draft *draft);
/* Takes the draft: from now on it is the content, true as of `revision`. Gives the content until
 * now, for way_index_draft_free(): that takes a while when it is large. */
WAY_MUST_CHECK struct way_index_draft *
way_index_replace(struct way_index *index, struct way_index_draft *draft, uint64_t revision);

/* What one key is now: an override, or (is_live false) none. */
struct way_index_change {
    struct way_key key;
    bool is_live;
    struct way_target target;
    uint64_t revision; /* of the change; an entry of a later revision is left alone */
};

/* Applies all, then says that the content is true as of `revision` (unless it is already later).
 * Each change is seen whole; readers may see some of them before the others. */
WAY_MUST_CHECK enum way_status way_index_apply(struct way_index *index,
                                               const struct way_index_change *changes, size_t count,
                                               uint64_t revision);

#endif
