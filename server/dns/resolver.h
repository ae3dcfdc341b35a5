/* SPDX-License-Identifier: MIT */
/*
 * dns/resolver - questions to real DNS, answered later on the same loop.
 *
 * Purpose  One question (name, type) in, one outcome out: CNAMEs followed, truncated
 *          answers fetched over TCP, the same question in flight asked once, servers
 *          tried in turn, queries on the wire bounded, a deadline for each asker.
 * Owns     Its sockets and queues. A struct way_dns_ask is the asker's and must stay
 *          where it is until `done` was called or way_resolver_cancel() returned.
 * Threads  One resolver belongs to one loop; every call from that loop's thread.
 * Errors   As outcomes, see below. `done` is never called from inside way_resolver_ask(),
 *          and exactly once unless the ask is cancelled; it may ask and cancel, but must
 *          not free the resolver.
 *
 * Names are absolute: no search list, no hosts file, no aliases of the resolver library.
 */
#ifndef WAY_DNS_RESOLVER_H
#define WAY_DNS_RESOLVER_H

#include "dns/list.h"
#include "model/key.h"

#include <stddef.h>
#include <stdint.h>

enum way_dns_type { WAY_DNS_A, WAY_DNS_AAAA, WAY_DNS_MX, WAY_DNS_TYPE_COUNT };

enum way_dns_outcome {
    WAY_DNS_FOUND,    /* at least one record */
    WAY_DNS_NO_DATA,  /* NOERROR, and no record of this type at the end of the CNAMEs */
    WAY_DNS_NXDOMAIN, /* the name (or the last CNAME's target) does not exist */
    WAY_DNS_FAILURE,  /* SERVFAIL, REFUSED, malformed, a loop of CNAMEs, servers unreachable */
    WAY_DNS_TIMEOUT,  /* the asker's deadline passed */
    WAY_DNS_OUTCOME_COUNT
};

enum {
    WAY_DNS_RECORDS_MAX = 1024, /* records of one answer we keep; more is WAY_DNS_FAILURE */
    WAY_DNS_CNAMES_MAX = 8,     /* links of one chain */
};

struct way_dns_record {
    union {
        uint8_t ipv4[4];  /* WAY_DNS_A */
        uint8_t ipv6[16]; /* WAY_DNS_AAAA */

        struct {
            uint16_t preference;
            char host[WAY_KEY_MAX + 1]; /* lower case, no trailing dot; "" is the root (null MX) */
        } mx;
    } of;
};

struct way_dns_answer {
    enum way_dns_outcome outcome;
    enum way_dns_type type;
    uint32_t ttl; /* seconds; the least along the chain; of a negative answer RFC 2308's, else 0 */
    size_t count;
    const struct way_dns_record *records; /* in the order of the wire; borrowed during `done` */
};

typedef void (*way_dns_done_fn)(void *owner, const struct way_dns_answer *answer);

struct way_resolver; /* implementations put a struct way_resolver first in their own */

struct way_dns_ask {
    way_dns_done_fn done;
    void *owner;
    /* the resolver's, while the ask is open */
    void *question;
    enum way_dns_type type;
    struct way_node waiting; /* among those who asked the same */
    struct way_node timing;  /* among those whose deadlines are near each other */
    uint64_t deadline_ms;
};

struct way_resolver_ops {
    void (*ask)(struct way_resolver *resolver, struct way_dns_ask *ask, enum way_dns_type type,
                const char *name, uint64_t deadline_ms);
    void (*cancel)(struct way_resolver *resolver, struct way_dns_ask *ask);
    void (*free)(struct way_resolver *resolver);
};

struct way_resolver {
    const struct way_resolver_ops *ops;
};

/* `name`: a domain in the normal form of model/key; copied. `deadline_ms`: on way_clock_mono_ms()'s
 * scale. ask->done and ask->owner are set by the caller, the rest needs no value. */
static inline void way_resolver_ask(struct way_resolver *resolver, struct way_dns_ask *ask,
                                    enum way_dns_type type, const char *name, uint64_t deadline_ms)
{
    resolver->ops->ask(resolver, ask, type, name, deadline_ms);
}

/* `done` will not be called any more. Only for an ask that is open. */
static inline void way_resolver_cancel(struct way_resolver *resolver, struct way_dns_ask *ask)
{
    resolver->ops->cancel(resolver, ask);
}

/* Every ask must be answered or cancelled before; queries may still be in flight. NULL is fine. */
static inline void way_resolver_free(struct way_resolver *resolver)
{
    if (resolver != NULL) {
        resolver->ops->free(resolver);
    }
}

#endif
