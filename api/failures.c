/* SPDX-License-Identifier: MIT */
#include "api/failures.h"

#include "base/log.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAYS = 8, /* addresses whose hashes meet */
    SETS = API_FAILURES_ADDRESSES_MAX / WAYS,
    IPV6_COUNTED = 8, /* octets: a /64 */
};

struct source {
    uint8_t family; /* AF_INET, AF_INET6; 0: a unix socket */
    uint8_t octets[sizeof(struct in6_addr)];
};

struct entry {
    struct source source;
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

static void read_source(const struct sockaddr *peer, struct source *source)
{
    enum { MAPPED_AT = 12 }; /* the IPv4 address in ::ffff:192.0.2.1 */

    *source = (struct source){0};
    if (peer != NULL && peer->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)peer;

        source->family = AF_INET;
        memcpy(source->octets, &ipv4->sin_addr, sizeof ipv4->sin_addr);
    } else if (peer != NULL && peer->sa_family == AF_INET6) {
        const struct in6_addr *ipv6 = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(ipv6);

        source->family = is_mapped ? AF_INET : AF_INET6;
        memcpy(source->octets, ipv6->s6_addr + (is_mapped ? MAPPED_AT : 0),
               is_mapped ? sizeof(struct in_addr) : IPV6_COUNTED);
    }
}

/* The source's entry, or a fresh one in place of a free or the quietest one. */
static struct entry *take_entry(struct api_failures *failures, const struct source *source)
{
    struct entry *set = failures->entries[way_hash(failures->seed, source, sizeof *source) % SETS];
    struct entry *found = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].count > 0 && memcmp(&set[i].source, source, sizeof *source) == 0) {
            return &set[i];
        }
        if (set[i].last_ms < found->last_ms) { /* a free one has 0 */
            found = &set[i];
        }
    }
    *found = (struct entry){.source = *source};
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

static void log_limited(const struct source *source)
{
    char text[INET6_ADDRSTRLEN] = "unix";

    if (source->family != 0) {
        (void)inet_ntop(source->family, source->octets, text, sizeof text);
    }
    way_log(WAY_LOG_WARN, "access.limited",
            "address=%s detail=\"many wrong tokens; right ones are taken all the same\"", text);
}

unsigned api_failures_count(struct api_failures *failures, const struct sockaddr *peer,
                            uint64_t now_ms)
{
    struct source source;
    struct entry *entry;
    bool begins;
    unsigned seconds;

    read_source(peer, &source);
    (void)pthread_mutex_lock(&failures->lock);
    entry = take_entry(failures, &source);
    seconds = add(entry, now_ms);
    begins = seconds > 0 && !entry->is_limited;
    entry->is_limited = seconds > 0;
    (void)pthread_mutex_unlock(&failures->lock);
    if (begins) {
        log_limited(&source);
    }
    return seconds;
}
