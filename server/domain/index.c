/* SPDX-License-Identifier: MIT */
/*
 * How  A table of pointers with linear probing. Entries never change: a writer stores
 *      a pointer to a new entry, waits until every reader that may hold the old one has
 *      left, and frees it then (epoch-based reclamation, Fraser 2004). A reader only
 *      announces the epoch it entered in, on a cache line of its own.
 *
 *      Why nothing is freed too early: a reader stores its epoch, then loads the table;
 *      a writer stores the table or slot, then loads the readers' epochs; all of these
 *      are sequentially consistent. So a writer that does not see a reader's epoch
 *      comes before it in the one total order, and the reader sees the new pointer.
 */
#include "domain/index.h"

#include "base/random.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64, SPINS_BEFORE_YIELD = 128 };

/* Key and target lie behind each other in `text`, without NULs. */
struct entry {
    uint64_t revision;
    uint8_t key_len;
    uint8_t target_len;
    uint8_t target_kind;
    char text[];
};

struct slot {
    _Atomic(struct entry *) entry; /* NULL: free; &removed: was used, keep probing */
};

struct table {
    uint64_t seed;
    size_t mask;  /* capacity - 1; the capacity is a power of two */
    size_t used;  /* entries and removed ones; writer only */
    size_t count; /* entries; writer only */
    struct slot slots[];
};

struct way_index_reader {
    _Alignas(WAY_CACHE_LINE) _Atomic uint64_t epoch; /* it entered in; 0: outside */
    _Atomic bool is_open;
    struct way_index *index;
};

struct way_index {
    uint64_t seed; /* of every table; constant after new */
    _Atomic(struct table *) table;
    _Atomic uint64_t epoch;
    _Atomic uint64_t revision;
    _Atomic uint64_t count;
    pthread_mutex_t write; /* guards every change of the above, and the opening of readers */
    struct way_index_reader *readers;
};

struct way_index_draft {
    struct table *table;
};

/* What a batch of changes has taken out and must free once no reader can see it. */
struct retired {
    size_t count;
    struct entry **entries;
    struct table *table;
};

static struct entry removed; /* never written, only its address matters */

static struct table *table_new(uint64_t seed, size_t capacity)
{
    struct table *table = calloc(1, sizeof *table + capacity * sizeof table->slots[0]);

    if (table != NULL) {
        table->seed = seed;
        table->mask = capacity - 1;
    }
    return table;
}

static void table_free_entries(struct table *table)
{
    for (size_t i = 0; i <= table->mask; i++) {
        struct entry *entry = atomic_load_explicit(&table->slots[i].entry, memory_order_relaxed);

        if (entry != &removed) {
            free(entry);
        }
    }
}

static struct entry *entry_new(const struct way_key *key, const struct way_target *target,
                               uint64_t revision)
{
    size_t bytes = sizeof(struct entry) + key->len + target->host.len;
    struct entry *entry = malloc(bytes);

    if (entry == NULL) {
        return NULL;
    }
    entry->revision = revision;
    entry->key_len = key->len;
    entry->target_len = target->host.len;
    entry->target_kind = target->host.kind;
    memcpy(entry->text, key->text, key->len);
    memcpy(entry->text + key->len, target->host.text, target->host.len);
    return entry;
}

/* The slot of `key`, or the first free one of its chain; there is always a free one. *found is what
 * stood in it: the key's entry, or NULL. Readers must use that and not look again: a writer may
 * have put another key into a slot that was free. */
static struct slot *find_slot(struct table *table, const char *key, size_t len,
                              struct entry **found)
{
    size_t at = (size_t)way_hash(table->seed, key, len) & table->mask;

    for (;;) {
        struct entry *entry = atomic_load(&table->slots[at].entry);

        if (entry == NULL ||
            (entry != &removed && entry->key_len == len && memcmp(entry->text, key, len) == 0)) {
            *found = entry;
            return &table->slots[at];
        }
        at = (at + 1) & table->mask;
    }
}

/* Whether `more` entries leave the table at most two thirds full. */
static bool has_room(const struct table *table, size_t more)
{
    return (table->used + more) * 3 <= (table->mask + 1) * 2;
}

/* The same entries in a table with room for `more`; NULL: no memory. Nobody writes `old` meanwhile.
 */
static struct table *table_grow(const struct table *old, size_t more)
{
    size_t capacity = CAPACITY_MIN;
    struct table *table;

    while ((old->count + more) * 2 > capacity) {
        capacity *= 2;
    }
    table = table_new(old->seed, capacity);
    if (table == NULL) {
        return NULL;
    }
    for (size_t i = 0; i <= old->mask; i++) {
        struct entry *entry = atomic_load_explicit(&old->slots[i].entry, memory_order_relaxed);

        if (entry != NULL && entry != &removed) {
            struct entry *none;
            struct slot *slot = find_slot(table, entry->text, entry->key_len, &none);

            atomic_store_explicit(&slot->entry, entry, memory_order_relaxed);
        }
    }
    table->count = old->count;
    table->used = old->count;
    return table;
}

struct way_index *way_index_new(void)
{
    struct way_index *index = calloc(1, sizeof *index);
    uint64_t seed = way_random_u64();
    struct table *table = table_new(seed, CAPACITY_MIN);

    if (index == NULL || table == NULL) {
        goto out;
    }
    index->readers =
        aligned_alloc(WAY_CACHE_LINE, WAY_INDEX_READERS_MAX * sizeof index->readers[0]);
    if (index->readers == NULL || pthread_mutex_init(&index->write, NULL) != 0) {
        goto out;
    }
    index->seed = seed;
    memset(index->readers, 0, WAY_INDEX_READERS_MAX * sizeof index->readers[0]);
    atomic_init(&index->table, table);
    atomic_init(&index->epoch, 1);
    return index;

out:
    if (index != NULL) {
        free(index->readers);
    }
    free(index);
    free(table);
    return NULL;
}

void way_index_free(struct way_index *index)
{
    struct table *table;

    if (index == NULL) {
        return;
    }
    table = atomic_load(&index->table);
    table_free_entries(table);
    free(table);
    (void)pthread_mutex_destroy(&index->write);
    free(index->readers);
    free(index);
}

struct way_index_reader *way_index_reader_open(struct way_index *index)
{
    struct way_index_reader *reader = NULL;

    (void)pthread_mutex_lock(&index->write);
    for (size_t i = 0; i < WAY_INDEX_READERS_MAX && reader == NULL; i++) {
        if (!atomic_load(&index->readers[i].is_open)) {
            reader = &index->readers[i];
            reader->index = index;
            atomic_store(&reader->is_open, true);
        }
    }
    (void)pthread_mutex_unlock(&index->write);
    return reader;
}

void way_index_reader_close(struct way_index_reader *reader)
{
    if (reader != NULL) {
        atomic_store(&reader->is_open, false);
    }
}

bool way_index_find(struct way_index_reader *reader, const struct way_key *key,
                    struct way_match *out)
{
    struct entry *entry;

    atomic_store(&reader->epoch, atomic_load(&reader->index->epoch));
    (void)find_slot(atomic_load(&reader->index->table), key->text, key->len, &entry);
    if (entry != NULL) {
        out->revision = entry->revision;
        out->target.host.len = entry->target_len;
        out->target.host.kind = entry->target_kind;
        memcpy(out->target.host.text, entry->text + entry->key_len, entry->target_len);
        out->target.host.text[entry->target_len] = '\0';
    }
    atomic_store_explicit(&reader->epoch, 0, memory_order_release);
    return entry != NULL;
}

void way_index_warm(struct way_index_reader *reader, const struct way_key *const *keys,
                    size_t count)
{
    const struct slot *slots[WAY_INDEX_WARM_MAX];
    struct table *table;

    WAY_ASSERT(count <= WAY_INDEX_WARM_MAX);
    atomic_store(&reader->epoch, atomic_load(&reader->index->epoch));
    table = atomic_load(&reader->index->table);
    for (size_t i = 0; i < count; i++) {
        slots[i] = &table->slots[way_hash(table->seed, keys[i]->text, keys[i]->len) & table->mask];
        WAY_PREFETCH(slots[i]);
    }
    for (size_t i = 0; i < count; i++) {
        WAY_PREFETCH(atomic_load_explicit(&slots[i]->entry, memory_order_relaxed));
    }
    atomic_store_explicit(&reader->epoch, 0, memory_order_release);
}

uint64_t way_index_revision(const struct way_index *index)
{
    return atomic_load_explicit(&index->revision, memory_order_acquire);
}

uint64_t way_index_count(const struct way_index *index)
{
    return atomic_load_explicit(&index->count, memory_order_relaxed);
}

static void show_entry(const struct entry *entry, way_index_visit_fn visit, void *owner)
{
    struct way_live live = {.revision = entry->revision};

    live.key.len = entry->key_len;
    memcpy(live.key.text, entry->text, entry->key_len);
    live.target.host.len = entry->target_len;
    live.target.host.kind = entry->target_kind;
    memcpy(live.target.host.text, entry->text + entry->key_len, entry->target_len);
    visit(owner, &live);
}

uint64_t way_index_visit(struct way_index *index, way_index_visit_fn visit, void *owner)
{
    const struct table *table;
    uint64_t count = 0;

    (void)pthread_mutex_lock(&index->write);
    table = atomic_load(&index->table);
    for (size_t i = 0; i <= table->mask; i++) {
        const struct entry *entry =
            atomic_load_explicit(&table->slots[i].entry, memory_order_relaxed);

        if (entry != NULL && entry != &removed) {
            show_entry(entry, visit, owner);
            count++;
        }
    }
    (void)pthread_mutex_unlock(&index->write);
    return count;
}

/* Returns when no reader can hold anything that was unpublished before the call. */
static void wait_for_readers(struct way_index *index)
{
    uint64_t now = atomic_fetch_add(&index->epoch, 1) + 1;

    for (size_t i = 0; i < WAY_INDEX_READERS_MAX; i++) {
        struct way_index_reader *reader = &index->readers[i];
        unsigned spins = 0;

        for (;;) {
            uint64_t epoch = atomic_load(&reader->epoch);

            if (epoch == 0 || epoch >= now) {
                break;
            }
            if (++spins > SPINS_BEFORE_YIELD) {
                (void)sched_yield(); /* a reader was put aside in the middle of its lookup */
            }
        }
    }
}

struct way_index_draft *way_index_draft_new(struct way_index *index)
{
    struct way_index_draft *draft = calloc(1, sizeof *draft);

    if (draft == NULL) {
        return NULL;
    }
    draft->table = table_new(index->seed, CAPACITY_MIN);
    if (draft->table == NULL) {
        free(draft);
        return NULL;
    }
    return draft;
}

enum way_status way_index_draft_put(struct way_index_draft *draft, const struct way_live *live)
{
    struct entry *entry = entry_new(&live->key, &live->target, live->revision);
    struct slot *slot;
    struct entry *old;

    if (entry == NULL) {
        return WAY_NO_MEMORY;
    }
    if (!has_room(draft->table, 1)) {
        struct table *larger = table_grow(draft->table, 1);

        if (larger == NULL) {
            free(entry);
            return WAY_NO_MEMORY;
        }
        free(draft->table);
        draft->table = larger;
    }
    slot = find_slot(draft->table, live->key.text, live->key.len, &old);
    atomic_store_explicit(&slot->entry, entry, memory_order_relaxed);
    if (old == NULL) {
        draft->table->count++;
        draft->table->used++;
    }
    free(old);
    return WAY_OK;
}

void way_index_draft_del(struct way_index_draft *draft, const struct way_key *key)
{
    struct entry *old;
    struct slot *slot = find_slot(draft->table, key->text, key->len, &old);

    if (old != NULL) {
        atomic_store_explicit(&slot->entry, &removed, memory_order_relaxed);
        draft->table->count--;
        free(old);
    }
}

void way_index_draft_free(struct way_index_draft *draft)
{
    if (draft == NULL) {
        return;
    }
    table_free_entries(draft->table);
    free(draft->table);
    free(draft);
}

struct way_index_draft *way_index_replace(struct way_index *index, struct way_index_draft *draft,
                                          uint64_t revision)
{
    struct table *table = draft->table;

    (void)pthread_mutex_lock(&index->write);
    draft->table = atomic_exchange(&index->table, table);
    atomic_store_explicit(&index->revision, revision, memory_order_release);
    atomic_store_explicit(&index->count, table->count, memory_order_relaxed);
    wait_for_readers(index);
    (void)pthread_mutex_unlock(&index->write);
    return draft;
}

static void put_entry(struct table *table, struct entry *entry, struct retired *retired)
{
    struct entry *old;
    struct slot *slot = find_slot(table, entry->text, entry->key_len, &old);

    if (old != NULL && old->revision > entry->revision) {
        free(entry);
        return;
    }
    atomic_store(&slot->entry, entry);
    if (old == NULL) {
        table->count++;
        table->used++;
    } else {
        retired->entries[retired->count++] = old;
    }
}

static void remove_entry(struct table *table, const struct way_index_change *change,
                         struct retired *retired)
{
    struct entry *old;
    struct slot *slot = find_slot(table, change->key.text, change->key.len, &old);

    if (old == NULL || old->revision > change->revision) {
        return;
    }
    atomic_store(&slot->entry, &removed);
    table->count--;
    retired->entries[retired->count++] = old;
}

/* A batch of changes on its way into the table. */
struct batch {
    const struct way_index_change *changes;
    size_t count;
    struct entry **entries; /* [change]: the new entry, until it is published; NULL for a removal */
    struct table *larger;   /* a table with room for all, or NULL: there is room */
};

WAY_KEEPS_BEGIN /* the entries are freed by put_entry() or free_batch() */

/* Everything that can fail comes before the first change is published. */
static enum way_status prepare(const struct table *table, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct way_index_change *change = &batch->changes[i];

        if (!change->is_live) {
            continue;
        }
        batch->entries[i] = entry_new(&change->key, &change->target, change->revision);
        if (batch->entries[i] == NULL) {
            return WAY_NO_MEMORY;
        }
    }
    if (!has_room(table, batch->count)) {
        batch->larger = table_grow(table, batch->count);
        if (batch->larger == NULL) {
            return WAY_NO_MEMORY;
        }
    }
    return WAY_OK;
}

WAY_KEEPS_END

static void publish(struct way_index *index, struct batch *batch, struct retired *retired)
{
    struct table *table = atomic_load(&index->table);

    if (batch->larger != NULL) {
        atomic_store(&index->table, batch->larger);
        retired->table = table;
        table = batch->larger;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->entries[i] != NULL) {
            put_entry(table, batch->entries[i], retired);
            batch->entries[i] = NULL; /* the table's now, or freed */
        } else {
            remove_entry(table, &batch->changes[i], retired);
        }
    }
    atomic_store_explicit(&index->count, table->count, memory_order_relaxed);
}

static void free_retired(struct retired *retired)
{
    for (size_t i = 0; i < retired->count; i++) {
        free(retired->entries[i]);
    }
    free(retired->entries);
    free(retired->table);
}

static void free_batch(struct batch *batch)
{
    for (size_t i = 0; batch->entries != NULL && i < batch->count; i++) {
        free(batch->entries[i]); /* those that were not published */
    }
    free(batch->entries);
}

enum way_status way_index_apply(struct way_index *index, const struct way_index_change *changes,
                                size_t count, uint64_t revision)
{
    /* A change takes out at most one entry. One more, so that no changes are no special case. */
    struct retired retired = {.entries = calloc(count + 1, sizeof(struct entry *))};
    struct batch batch = {
        .changes = changes, .count = count, .entries = calloc(count + 1, sizeof(struct entry *))};
    enum way_status status = WAY_NO_MEMORY;

    (void)pthread_mutex_lock(&index->write);
    if (batch.entries == NULL || retired.entries == NULL) {
        goto out;
    }
    status = prepare(atomic_load(&index->table), &batch);
    if (status != WAY_OK) {
        goto out;
    }
    publish(index, &batch, &retired);
    if (revision > atomic_load_explicit(&index->revision, memory_order_relaxed)) {
        atomic_store_explicit(&index->revision, revision, memory_order_release);
    }
    wait_for_readers(index);

out:
    (void)pthread_mutex_unlock(&index->write);
    free_batch(&batch);
    free_retired(&retired);
    return status;
}
