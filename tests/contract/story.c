/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

void tale_fini(struct tale *tale)
{
    for (size_t i = 0; i < tale->count; i++) {
        free(tale->list[i].reason);
        free(tale->list[i].before);
        free(tale->list[i].after);
    }
    free(tale->list);
    *tale = (struct tale){.count = 0};
}

static char *copy(const char *text)
{
    char *copied = strdup(text);

    assert_non_null(copied);
    return copied;
}

bool tale_keep_of_revision(void *owner, const struct way_entry *entry, uint64_t newest)
{
    struct tale *tale = owner;
    struct told *told;

    if (tale->count == tale->max) {
        tale->max = tale->max == 0 ? 64 : tale->max * 2;
        tale->list = realloc(tale->list, tale->max * sizeof *tale->list);
        assert_non_null(tale->list);
    }
    told = &tale->list[tale->count++];
    *told = (struct told){.revision = entry->revision,
                          .seq = entry->seq,
                          .op = entry->op,
                          .at_us = entry->at_us,
                          .newest = newest,
                          .reason = copy(entry->reason),
                          .before = copy(entry->before),
                          .after = copy(entry->after)};
    assert_int_equal(strlen(entry->key.text), entry->key.len);
    (void)snprintf(told->key, sizeof told->key, "%s", entry->key.text);
    (void)snprintf(told->actor, sizeof told->actor, "%s", entry->actor);
    return tale->count != tale->stop_at;
}

bool tale_keep(void *owner, const struct way_entry *entry)
{
    return tale_keep_of_revision(owner, entry, 0);
}

void assert_told(const struct told *is, const struct told *wanted)
{
    assert_int_equal(is->revision, wanted->revision);
    assert_int_equal(is->seq, wanted->seq);
    assert_int_equal(is->op, wanted->op);
    assert_int_equal(is->at_us, wanted->at_us);
    assert_string_equal(is->key, wanted->key);
    assert_string_equal(is->actor, wanted->actor);
    assert_string_equal(is->reason, wanted->reason);
    assert_string_equal(is->before, wanted->before);
    assert_string_equal(is->after, wanted->after);
}

void story_set(struct way_change *change, const char *key, const char *target, const char *comment)
{
    change_set(change, 0, key, target);
    if (comment != NULL) {
        (void)snprintf(change->row.comment, sizeof change->row.comment, "%s", comment);
    }
}

void story_delete(struct way_change *change, const char *key)
{
    change_delete(change, 0, key);
}

static void write_image(const struct way_override *row, char json[WAY_OVERRIDE_JSON_MAX])
{
    struct way_text text;

    way_text_init(&text, json, WAY_OVERRIDE_JSON_MAX, WAY_OVERRIDE_JSON_MAX);
    way_override_write_json(&text, row);
    assert_ptr_equal(way_text_string(&text), json);
    assert_int_equal(way_text_status(&text), WAY_OK);
    way_text_fini(&text);
}

/* What is before change `at`: the row, or what an earlier change of the transaction made of it. */
static void find_before(struct way_session *session, struct way_change *changes, size_t at)
{
    const struct way_key *key = &changes[at].row.lookup_key;
    struct way_error err = {0};

    for (size_t i = at; i > 0; i--) {
        const struct way_change *earlier = &changes[i - 1];

        if (way_key_equal(&earlier->row.lookup_key, key)) {
            changes[at].had_row = !earlier->is_delete;
            changes[at].before = earlier->row;
            return;
        }
    }
    assert_way_ok(
        way_store_fetch(session, &key, 1, &changes[at].before, &changes[at].had_row, &err), &err);
}

static void tell(struct tale *tale, const struct way_change *change, uint32_t seq, int64_t at_us)
{
    char before[WAY_OVERRIDE_JSON_MAX] = "";
    char after[WAY_OVERRIDE_JSON_MAX] = "";

    if (change->had_row) {
        write_image(&change->before, before);
    }
    if (!change->is_delete) {
        write_image(&change->row, after);
    }
    (void)tale_keep(tale,
                    &(struct way_entry){.revision = change->revision,
                                        .seq = seq,
                                        .op = change->is_delete ? WAY_OP_DELETE : WAY_OP_UPSERT,
                                        .at_us = at_us,
                                        .key = change->row.lookup_key,
                                        .actor = change->actor,
                                        .reason = change->reason,
                                        .before = before,
                                        .after = after});
}

static void apply(struct way_session *session, struct way_change *changes, size_t count,
                  bool is_one_revision, int64_t at_us)
{
    uint64_t revisions = is_one_revision ? 1 : count;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};

    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(session, revisions, tx, &first, &err), &err);
    for (size_t i = 0; i < count; i++) {
        find_before(session, changes, i);
        changes[i].revision = is_one_revision ? first : first + i;
        changes[i].row.revision = changes[i].revision;
    }
    assert_way_ok(way_store_apply(session, changes, count, at_us, &err), &err);
    assert_way_ok(way_store_commit(session, revisions, &err), &err);
}

uint64_t story_write(struct way_session *session, struct way_change *changes, size_t count,
                     bool is_one_revision, int64_t at_us, struct tale *tale)
{
    apply(session, changes, count, is_one_revision, at_us);
    for (size_t i = 0; i < count && tale != NULL; i++) {
        tell(tale, &changes[i], is_one_revision ? (uint32_t)i : 0, at_us);
    }
    return changes[0].revision;
}

uint64_t story_put(struct way_session *session, const char *key, const char *target, int64_t at_us,
                   struct tale *tale)
{
    struct way_change *change = changes_new(1);
    uint64_t revision;

    story_set(change, key, target, NULL);
    revision = story_write(session, change, 1, true, at_us, tale);
    free(change);
    return revision;
}

uint64_t story_drop(struct way_session *session, const char *key, int64_t at_us, struct tale *tale)
{
    struct way_change *change = changes_new(1);
    uint64_t revision;

    story_delete(change, key);
    revision = story_write(session, change, 1, true, at_us, tale);
    free(change);
    return revision;
}

void story_image(struct way_session *session, const char *key, char json[WAY_OVERRIDE_JSON_MAX])
{
    struct way_key wanted = key_of(key);
    struct way_override *row = calloc(1, sizeof *row);
    struct way_error err = {0};
    enum way_status status;

    assert_non_null(row);
    status = way_store_read(session, &wanted, row, &err);
    json[0] = '\0';
    if (status == WAY_OK) {
        write_image(row, json);
    } else {
        assert_way_status(status, WAY_NOT_FOUND);
    }
    free(row);
}
