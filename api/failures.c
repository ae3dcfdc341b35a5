/* SPDX-License-Identifier: MIT */
#include "api/failures.h"

#include "api/peer.h"
#include "base/log.h"
#include "base/random.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    WAYS = 8, /* addresses whose hashes meet */
    SETS = API_FAILURES_ADDRESSES_MAX / WAYS,
};

struct entry {
    struct api_peer peer;
    size_t count;                     /* 0: the entry is free */
    size_t oldest;                    /* in at_ms, once that is full */
    uint64_t last_ms;                 /* of at_ms */
    uint64_t at_ms[API_FAILURES_MAX]; /* a ring of the last ones */
    bool is_limited;
};

struct api_failures {
    uint64_t seed;
    pthread_mutex_t lock;
    struct entry entries[SETS][WAYS]; /* guarded by lock */
};

struct api_failures *api_failures_new(void)
{
    struct api_failures *failures = calloc(1, sizeof *failures);

    if (failures == NULL || pthread_mutex_init(&failures->lock, NULL) != 0) {
        free(failures);
        return NULL;
    }
    failures->seed = way_random_u64();
    return failures;
}

void api_failures_free(struct api_failures *failures)
{
    if (failures != NULL) {
        (void)pthread_mutex_destroy(&failures->lock);
        free(failures);
    }
}

/* The peer's entry, or a fresh one in place of a free or the quietest one. */
static struct entry *take_entry(struct api_failures *failures, const struct api_peer *peer)
{
    struct entry *set = failures->entries[way_hash(failures->seed, peer, sizeof *peer) % SETS];
    struct entry *found = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].count > 0 && api_peer_equal(&set[i].peer, peer)) {
            return &set[i];
        }
        if (set[i].last_ms < found->last_ms) { /* a free one has 0 */
            found = &set[i];
        }
    }
    *found = (struct entry){.peer = *peer};
    return found;
}

/* Returns as api_failures_count(). */
static unsigned add(struct entry *entry, uint64_t now_ms)
{
    bool is_over =
        entry->count == API_FAILURES_MAX && now_ms - entry->at_ms[entry->oldest] < API_FAILURES_MS;

    entry->last_ms = now_ms;
    if (entry->count < API_FAILURES_MAX) {
        entry->at_ms[entry->count++] = now_ms;
        return 0;
    }
    entry->at_ms[entry->oldest] = now_ms;
    entry->oldest = (entry->oldest + 1) % API_FAILURES_MAX;
    if (!is_over) {
        return 0;
    }
    return (unsigned)((entry->at_ms[entry->oldest] + API_FAILURES_MS - now_ms + 999) / 1000);
}

static void log_limited(const struct api_peer *peer)
{
    char text[API_PEER_TEXT];

    way_log(WAY_LOG_WARN, "access.limited",
            "address=%s detail=\"many wrong tokens; right ones are taken all the same\"",
            api_peer_write(peer, text));
}

unsigned api_failures_count(struct api_failures *failures, const struct sockaddr *address,
                            uint64_t now_ms)
{
    struct api_peer peer;
    struct entry *entry;
    bool begins;
    unsigned seconds;

    api_peer_read(address, &peer);
    (void)pthread_mutex_lock(&failures->lock);
    entry = take_entry(failures, &peer);
    seconds = add(entry, now_ms);
    begins = seconds > 0 && !entry->is_limited;
    entry->is_limited = seconds > 0;
    (void)pthread_mutex_unlock(&failures->lock);
    if (begins) {
        log_limited(&peer);
    }
    return seconds;
}
