/* SPDX-License-Identifier: MIT */
/*
 * How  All cells of one thread slot are one block, so no two threads write one cache
 *      line; reading sums over the slots. A histogram series takes BUCKETS + 2 cells:
 *      the buckets (not cumulative), the count beyond the last bound, the sum.
 */
#include "base/metric.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS = 16 }; /* threads with cells of their own */

static const uint64_t bounds_us[] = {50,      100,     250,     500,     1000,   2500,
                                     5000,    10000,   25000,   50000,   100000, 250000,
                                     1000000, 2500000, 5000000, 10000000};

enum {
    BUCKETS = WAY_COUNT_OF(bounds_us),
    CELL_BEYOND = BUCKETS,
    CELL_SUM = BUCKETS + 1,
    HISTOGRAM_CELLS = BUCKETS + 2,
};

struct cell {
    _Atomic uint64_t value;
};

struct way_metrics {
    const struct way_metric_family *families;
    size_t count;
    size_t cells;       /* in one slot, rounded up to whole cache lines */
    size_t *first;      /* family -> its first cell */
    struct cell *slots; /* SLOTS blocks of `cells` */
};

/* Which slot a thread writes; -1: none yet. Threads are few and live long. */
static _Thread_local int my_slot = -1;
static atomic_int next_slot;

static size_t cells_of(const struct way_metric_family *family)
{
    return family->series * (family->kind == WAY_HISTOGRAM ? HISTOGRAM_CELLS : 1);
}

struct way_metrics *way_metrics_new(const struct way_metric_family *families, size_t count)
{
    const size_t line = WAY_CACHE_LINE / sizeof(struct cell);
    struct way_metrics *metrics = calloc(1, sizeof *metrics);
    size_t bytes;

    if (metrics == NULL) {
        return NULL;
    }
    metrics->families = families;
    metrics->count = count;
    metrics->first = calloc(count, sizeof *metrics->first);
    if (metrics->first == NULL) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        metrics->first[i] = metrics->cells;
        metrics->cells += cells_of(&families[i]);
    }
    metrics->cells = (metrics->cells + line - 1) / line * line;
    bytes = metrics->cells * SLOTS * sizeof *metrics->slots;
    metrics->slots = aligned_alloc(WAY_CACHE_LINE, bytes);
    if (metrics->slots == NULL) {
        goto out;
    }
    for (size_t i = 0; i < metrics->cells * SLOTS; i++) {
        atomic_init(&metrics->slots[i].value, 0);
    }
    return metrics;

out:
    way_metrics_free(metrics);
    return NULL;
}

void way_metrics_free(struct way_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    free(metrics->first);
    free(metrics->slots);
    free(metrics);
}

static struct cell *cell_at(const struct way_metrics *metrics, int slot, size_t cell)
{
    return &metrics->slots[(size_t)slot * metrics->cells + cell];
}

static void add_to_cell(struct way_metrics *metrics, size_t cell, uint64_t amount)
{
    if (my_slot < 0) {
        int slot = atomic_fetch_add(&next_slot, 1);

        my_slot = slot < SLOTS ? slot : SLOTS - 1;
    }
    (void)atomic_fetch_add_explicit(&cell_at(metrics, my_slot, cell)->value, amount,
                                    memory_order_relaxed);
}

static uint64_t sum_of_cell(const struct way_metrics *metrics, size_t cell)
{
    uint64_t sum = 0;

    for (int slot = 0; slot < SLOTS; slot++) {
        sum += atomic_load_explicit(&cell_at(metrics, slot, cell)->value, memory_order_relaxed);
    }
    return sum;
}

void way_metric_add(struct way_metrics *metrics, size_t family, size_t series, uint64_t amount)
{
    WAY_ASSERT(series < metrics->families[family].series);
    add_to_cell(metrics, metrics->first[family] + series, amount);
}

void way_metric_set(struct way_metrics *metrics, size_t family, size_t series, uint64_t value)
{
    WAY_ASSERT(series < metrics->families[family].series);
    atomic_store_explicit(&cell_at(metrics, 0, metrics->first[family] + series)->value, value,
                          memory_order_relaxed);
}

void way_metric_observe_us(struct way_metrics *metrics, size_t family, size_t series,
                           uint64_t micros)
{
    size_t first = metrics->first[family] + series * HISTOGRAM_CELLS;
    size_t bucket = 0;

    WAY_ASSERT(series < metrics->families[family].series);
    while (bucket < BUCKETS && micros > bounds_us[bucket]) {
        bucket++;
    }
    add_to_cell(metrics, first + bucket, 1); /* BUCKETS is CELL_BEYOND */
    add_to_cell(metrics, first + CELL_SUM, micros);
}

uint64_t way_metric_value(const struct way_metrics *metrics, size_t family, size_t series)
{
    return sum_of_cell(metrics, metrics->first[family] + series);
}

static void put_labels(const struct way_metric_family *family, size_t series, const char *le,
                       struct way_text *out)
{
    if (family->label == NULL && le == NULL) {
        return;
    }
    way_text_putc(out, '{');
    if (family->label != NULL) {
        family->label(series, out);
    }
    if (le != NULL) {
        way_text_printf(out, "%sle=\"%s\"", family->label != NULL ? "," : "", le);
    }
    way_text_putc(out, '}');
}

/* Prometheus wants seconds. */
static void put_seconds(uint64_t micros, struct way_text *out)
{
    way_text_printf(out, "%" PRIu64 ".%06" PRIu64, micros / 1000000, micros % 1000000);
}

static void render_histogram(const struct way_metrics *metrics,
                             const struct way_metric_family *family, size_t first, size_t series,
                             struct way_text *out)
{
    uint64_t total = 0;

    for (size_t bucket = 0; bucket <= BUCKETS; bucket++) {
        char le[24] = "+Inf";

        total += sum_of_cell(metrics, first + bucket);
        if (bucket < BUCKETS) {
            struct way_text text;

            way_text_init(&text, le, sizeof le, sizeof le);
            put_seconds(bounds_us[bucket], &text);
            (void)way_text_string(&text);
        }
        way_text_printf(out, "%s_bucket", family->name);
        put_labels(family, series, le, out);
        way_text_printf(out, " %" PRIu64 "\n", total);
    }
    way_text_printf(out, "%s_sum", family->name);
    put_labels(family, series, NULL, out);
    way_text_putc(out, ' ');
    put_seconds(sum_of_cell(metrics, first + CELL_SUM), out);
    way_text_printf(out, "\n%s_count", family->name);
    put_labels(family, series, NULL, out);
    way_text_printf(out, " %" PRIu64 "\n", total);
}

static bool is_untouched(const struct way_metrics *metrics, const struct way_metric_family *family,
                         size_t first)
{
    size_t cells = family->kind == WAY_HISTOGRAM ? HISTOGRAM_CELLS : 1;

    if (family->kind == WAY_GAUGE || family->series == 1) {
        return false;
    }
    for (size_t i = 0; i < cells; i++) {
        if (sum_of_cell(metrics, first + i) != 0) {
            return false;
        }
    }
    return true;
}

static void render_family(const struct way_metrics *metrics, size_t index, struct way_text *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct way_metric_family *family = &metrics->families[index];
    size_t step = family->kind == WAY_HISTOGRAM ? HISTOGRAM_CELLS : 1;

    way_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                    kinds[family->kind]);
    for (size_t series = 0; series < family->series; series++) {
        size_t first = metrics->first[index] + series * step;

        if (is_untouched(metrics, family, first)) {
            continue;
        }
        if (family->kind == WAY_HISTOGRAM) {
            render_histogram(metrics, family, first, series, out);
            continue;
        }
        way_text_puts(out, family->name);
        put_labels(family, series, NULL, out);
        way_text_printf(out, " %" PRIu64 "\n", sum_of_cell(metrics, first));
    }
}

void way_metrics_render(const struct way_metrics *metrics, struct way_text *out)
{
    for (size_t i = 0; i < metrics->count; i++) {
        render_family(metrics, i, out);
    }
}
