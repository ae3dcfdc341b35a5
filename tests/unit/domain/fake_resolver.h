/* SPDX-License-Identifier: MIT */
/*
 * unit/domain/fake_resolver - a resolver that answers when the test says so.
 *
 * Asks are kept in a list until the test answers them or the asker cancels them. Nothing happens by
 * itself, so the order of answers is the test's choice.
 */
#ifndef WAY_TESTS_UNIT_DOMAIN_FAKE_RESOLVER_H
#define WAY_TESTS_UNIT_DOMAIN_FAKE_RESOLVER_H

#include "dns/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

enum { FAKE_ASKS_MAX = 1024 };

struct fake_ask {
    struct way_dns_ask *ask; /* NULL: answered or cancelled */
    enum way_dns_type type;
    char name[WAY_KEY_MAX + 1];
    uint64_t deadline_ms;
};

struct fake_resolver {
    struct way_resolver resolver; /* first */
    size_t count;                 /* of all asks ever */
    size_t open;
    size_t cancelled;
    struct fake_ask asks[FAKE_ASKS_MAX];
};

static inline void fake_resolver_ask(struct way_resolver *resolver, struct way_dns_ask *ask,
                                     enum way_dns_type type, const char *name, uint64_t deadline_ms)
{
    struct fake_resolver *fake = (struct fake_resolver *)(void *)resolver;
    struct fake_ask *kept = &fake->asks[fake->count];

    assert_in_range(fake->count, 0, FAKE_ASKS_MAX - 1);
    assert_non_null(ask->done);
    fake->count++;
    fake->open++;
    kept->ask = ask;
    kept->type = type;
    kept->deadline_ms = deadline_ms;
    (void)snprintf(kept->name, sizeof kept->name, "%s", name);
}

static inline void fake_resolver_cancel(struct way_resolver *resolver, struct way_dns_ask *ask)
{
    struct fake_resolver *fake = (struct fake_resolver *)(void *)resolver;

    for (size_t i = 0; i < fake->count; i++) {
        if (fake->asks[i].ask == ask) {
            fake->asks[i].ask = NULL;
            fake->open--;
            fake->cancelled++;
            return;
        }
    }
    fail_msg("an ask was cancelled that is not open");
}

static inline void fake_resolver_free(struct way_resolver *resolver)
{
    struct fake_resolver *fake = (struct fake_resolver *)(void *)resolver;

    assert_int_equal(fake->open, 0);
}

static inline void fake_resolver_init(struct fake_resolver *fake)
{
    static const struct way_resolver_ops ops = {
        .ask = fake_resolver_ask, .cancel = fake_resolver_cancel, .free = fake_resolver_free};

    memset(fake, 0, sizeof *fake);
    fake->resolver.ops = &ops;
}

/* The oldest open ask of a type; NULL: there is none. */
static inline struct fake_ask *fake_resolver_find(struct fake_resolver *fake,
                                                  enum way_dns_type type)
{
    for (size_t i = 0; i < fake->count; i++) {
        if (fake->asks[i].ask != NULL && fake->asks[i].type == type) {
            return &fake->asks[i];
        }
    }
    return NULL;
}

/* Answers the oldest open ask of a type. */
static inline void fake_resolver_answer(struct fake_resolver *fake, enum way_dns_type type,
                                        enum way_dns_outcome outcome, uint32_t ttl,
                                        const struct way_dns_record *records, size_t count)
{
    struct way_dns_answer answer = {
        .outcome = outcome, .type = type, .ttl = ttl, .count = count, .records = records};
    struct fake_ask *kept = fake_resolver_find(fake, type);
    struct way_dns_ask *ask;

    assert_non_null(kept);
    ask = kept->ask;
    kept->ask = NULL;
    fake->open--;
    ask->done(ask->owner, &answer);
}

/* The same, with one plain record when the outcome is that something was found. */
static inline void fake_resolver_say(struct fake_resolver *fake, enum way_dns_type type,
                                     enum way_dns_outcome outcome)
{
    struct way_dns_record record = {0};

    switch (type) {
    case WAY_DNS_A:
        memcpy(record.of.ipv4, (const uint8_t[]){192, 0, 2, 1}, 4);
        break;
    case WAY_DNS_AAAA:
        memcpy(record.of.ipv6, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 16);
        break;
    case WAY_DNS_MX:
        record.of.mx.preference = 10;
        (void)snprintf(record.of.mx.host, sizeof record.of.mx.host, "mx.example");
        break;
    case WAY_DNS_TYPE_COUNT:
        break;
    }
    fake_resolver_answer(fake, type, outcome, 300, &record, outcome == WAY_DNS_FOUND);
}

#endif
