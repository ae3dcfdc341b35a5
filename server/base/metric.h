/* SPDX-License-Identifier: MIT */
/*
 * base/metric - counters, gauges and histograms in the Prometheus text format.
 *
 * Purpose  Count on the hot path without two threads ever writing one cache line.
 * Owns     The cells of every family, per thread slot.
 * Threads  add and observe: any thread; each thread gets a slot of its own at its
 *          first call (the last slot is shared by whoever comes late, atomically).
 *          render: any thread, sees each cell atomically.
 * Errors   -
 *
 * A family is a `static const` descriptor. Its series are numbered 0..series-1;
 * the number is what callers pass, the label text stands in the descriptor's
 * table. So no label ever comes from user input.
 */
#ifndef WAY_BASE_METRIC_H
#define WAY_BASE_METRIC_H

#include "base/text.h"

#include <stdint.h>

enum way_metric_kind { WAY_COUNTER, WAY_GAUGE, WAY_HISTOGRAM };

struct way_metric_family {
    const char *name; /* waypost_..., with the unit last */
    const char *help;
    enum way_metric_kind kind;
    size_t series;                                      /* how many, at least 1 */
    void (*label)(size_t series, struct way_text *out); /* writes `op="x",status="y"`; NULL: none */
};

struct way_metrics;

/* `families` are borrowed for the life of the object. NULL: out of memory. */
struct way_metrics *way_metrics_new(const struct way_metric_family *families, size_t count);
void way_metrics_free(struct way_metrics *metrics);

void way_metric_add(struct way_metrics *metrics, size_t family, size_t series, uint64_t amount);
/* A gauge has one value, not one a thread: the last set wins. */
void way_metric_set(struct way_metrics *metrics, size_t family, size_t series, uint64_t value);
/* Buckets 50 us .. 10 s, fixed; see metric.c. */
void way_metric_observe_us(struct way_metrics *metrics, size_t family, size_t series,
                           uint64_t micros);
/* The sum over all threads; for tests and decisions. */
uint64_t way_metric_value(const struct way_metrics *metrics, size_t family, size_t series);

/* Series that were never touched are left out, except of gauges and of families with one series. */
void way_metrics_render(const struct way_metrics *metrics, struct way_text *out);

#endif
