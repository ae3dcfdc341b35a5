/* SPDX-License-Identifier: MIT */
/*
 * How  Addresses stand in a hash table of chains, an entry for each that has a connection. So
 *      there are never more entries than places, and the table needs no growing.
 */
#include "api/places.h"

#include "base/random.h"
#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct entry {
    struct entry *next;
    struct api_peer peer;
    size_t count; /* at least 1 */
};

struct api_places {
    size_t max; /* constant, as the next three */
    size_t max_per_address;
    uint64_t seed;
    size_t chain_count;
    _Atomic size_t taken;
    pthread_mutex_t lock;
    struct entry *chains[]; /* guarded by lock */
};

struct api_places *api_places_new(size_t max, size_t max_per_address)
{
    struct api_places *places = calloc(1, sizeof *places + max * sizeof places->chains[0]);

    if (places == NULL || pthread_mutex_init(&places->lock, NULL) != 0) {
        free(places);
        return NULL;
    }
    places->max = max;
    places->max_per_address = max_per_address;
    places->seed = way_random_u64();
    places->chain_count = max;
    return places;
}

void api_places_free(struct api_places *places)
{
    if (places != NULL) {
        WAY_ASSERT(atomic_load(&places->taken) == 0);
        (void)pthread_mutex_destroy(&places->lock);
        free(places);
    }
}

bool api_places_reserve(struct api_places *places)
{
    if (atomic_fetch_add(&places->taken, 1) < places->max) {
        return true;
    }
    api_places_cancel(places);
    return false;
}

void api_places_cancel(struct api_places *places)
{
    (void)atomic_fetch_sub(&places->taken, 1);
}

/* Under the lock: where the pointer to the peer's entry stands, or the end of its chain. */
static struct entry **find(struct api_places *places, const struct api_peer *peer)
{
    struct entry **at =
        &places->chains[way_hash(places->seed, peer, sizeof *peer) % places->chain_count];

    while (*at != NULL && !api_peer_equal(&(*at)->peer, peer)) {
        at = &(*at)->next;
    }
    return at;
}

WAY_KEEPS_BEGIN /* an entry is freed with the last of its places */

static bool count_one(struct api_places *places, const struct api_peer *peer)
{
    struct entry **at = find(places, peer);

    if (*at == NULL) {
        struct entry *entry = calloc(1, sizeof *entry);

        if (entry == NULL) {
            return false;
        }
        entry->peer = *peer;
        *at = entry;
    }
    if ((*at)->count >= places->max_per_address) {
        return false;
    }
    (*at)->count++;
    return true;
}

bool api_places_claim(struct api_places *places, const struct api_peer *peer)
{
    bool has_room = true;

    if (!api_peer_is_unix(peer)) {
        (void)pthread_mutex_lock(&places->lock);
        has_room = count_one(places, peer);
        (void)pthread_mutex_unlock(&places->lock);
    }
    return has_room;
}

WAY_KEEPS_END

void api_places_leave(struct api_places *places, const struct api_peer *peer)
{
    if (!api_peer_is_unix(peer)) {
        struct entry **at;
        struct entry *entry;

        (void)pthread_mutex_lock(&places->lock);
        at = find(places, peer);
        entry = *at;
        WAY_ASSERT(entry != NULL);
        if (--entry->count == 0) {
            *at = entry->next;
            free(entry);
        }
        (void)pthread_mutex_unlock(&places->lock);
    }
    api_places_cancel(places);
}

size_t api_places_max(const struct api_places *places)
{
    return places->max;
}

size_t api_places_taken(const struct api_places *places)
{
    size_t taken = atomic_load_explicit(&places->taken, memory_order_relaxed);

    return taken < places->max ? taken : places->max; /* one too many may just be tried */
}
