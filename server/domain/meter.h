/* SPDX-License-Identifier: MIT */
/*
 * domain/meter - what the service counts about lookups, the database and DNS.
 *
 * Purpose  Named calls instead of metric numbers, and the one list of these families.
 * Owns     Its cells.
 * Threads  Any.
 * Errors   -
 */
#ifndef WAY_DOMAIN_METER_H
#define WAY_DOMAIN_METER_H

#include "base/metric.h"
#include "dns/resolver.h"
#include "domain/lookup.h"

enum way_store_call {
    WAY_CALL_READ,
    WAY_CALL_LIST,
    WAY_CALL_FEED,
    WAY_CALL_HISTORY,
    WAY_CALL_WRITE,
    WAY_CALL_COUNT
};

struct way_meter;

/* NULL: out of memory. */
struct way_meter *way_meter_new(void);
void way_meter_free(struct way_meter *meter);

void way_meter_lookup(struct way_meter *meter, enum way_lookup_kind kind,
                      enum way_lookup_outcome outcome, enum way_source source);
void way_meter_store(struct way_meter *meter, enum way_store_call call, enum way_status status,
                     uint64_t micros);
void way_meter_dns(struct way_meter *meter, enum way_dns_type type, enum way_dns_outcome outcome,
                   uint64_t micros);

/* The gauges, as of now. */
struct way_meter_gauges {
    uint64_t overrides;
    uint64_t revision;
    uint64_t is_store_up;
    uint64_t is_store_writable;
    uint64_t stale_seconds;
    uint64_t rejected;
};

void way_meter_render(struct way_meter *meter, const struct way_meter_gauges *gauges,
                      struct way_text *out);

#endif
