/* SPDX-License-Identifier: MIT */
/*
 * story - changes as the writer makes them, and the change log as a list.
 *
 * Purpose  What history, feed and pruning are compared with.
 * Owns     A list of entries owns its texts.
 * Threads  The test's thread.
 * Errors   None: what fails here fails the test.
 */
#ifndef WAY_TESTS_STORY_H
#define WAY_TESTS_STORY_H

#include "store/history.h"

#define STORY_BEGAN_US  INT64_C(1700000000000001)
#define STORY_SECOND_US INT64_C(1000000)

/* An entry that stays. */
struct told {
    uint64_t revision;
    uint32_t seq;
    enum way_change_op op;
    int64_t at_us;
    uint64_t newest; /* way_store_revision() only */
    char key[WAY_KEY_MAX + 1];
    char actor[WAY_ACTOR_MAX + 1];
    char *reason;
    char *before;
    char *after;
};

struct tale {
    size_t count;
    size_t max;
    struct told *list;
    size_t stop_at; /* the visitor has enough then; 0: never */
};

void tale_fini(struct tale *tale);
/* A way_entry_visit_fn, whose owner is a tale; and a way_revision_visit_fn. */
bool tale_keep(void *owner, const struct way_entry *entry);
bool tale_keep_of_revision(void *owner, const struct way_entry *entry, uint64_t newest);
void assert_told(const struct told *is, const struct told *wanted);

/* Changes without a revision yet. `comment` may be NULL. */
void story_set(struct way_change *change, const char *key, const char *target, const char *comment);
void story_delete(struct way_change *change, const char *key);
/* One transaction: takes the rows as they are for what was before, and writes one revision for each
 * change, or one for all of them. Returns the first revision; tells of it to `tale`, unless NULL.
 */
uint64_t story_write(struct way_session *session, struct way_change *changes, size_t count,
                     bool is_one_revision, int64_t at_us, struct tale *tale);
/* The same of one change, by an actor. */
uint64_t story_put(struct way_session *session, const char *key, const char *target, int64_t at_us,
                   struct tale *tale);
uint64_t story_drop(struct way_session *session, const char *key, int64_t at_us, struct tale *tale);

/* What the row says now; "": there is none. */
void story_image(struct way_session *session, const char *key, char json[WAY_OVERRIDE_JSON_MAX]);

#endif
