/* SPDX-License-Identifier: MIT */
#include "domain/meter.h"

#include <stdlib.h>

enum family {
    FAMILY_LOOKUPS,
    FAMILY_STORE,
    FAMILY_STORE_ERRORS,
    FAMILY_DNS,
    FAMILY_DNS_OUTCOMES,
    FAMILY_OVERRIDES,
    FAMILY_REVISION,
    FAMILY_STORE_UP,
    FAMILY_STORE_WRITABLE,
    FAMILY_STALE,
    FAMILY_REJECTED,
    FAMILY_COUNT
};

struct way_meter {
    struct way_metrics *metrics; /* owned */
};

/* What a lookup ended with: an answer from some source, or an outcome that is none. */
enum { LOOKUP_ENDS = WAY_SOURCE_COUNT + WAY_LOOKUP_OUTCOME_COUNT };

static const char *const kinds[] = {[WAY_LOOKUP_RESOLVE] = "resolve", [WAY_LOOKUP_MX] = "mx"};

static const char *const calls[] = {
    [WAY_CALL_READ] = "read",       [WAY_CALL_LIST] = "list",   [WAY_CALL_FEED] = "feed",
    [WAY_CALL_HISTORY] = "history", [WAY_CALL_WRITE] = "write",
};
static const char *const types[] = {
    [WAY_DNS_A] = "A", [WAY_DNS_AAAA] = "AAAA", [WAY_DNS_MX] = "MX"};
static const char *const dns_outcomes[] = {[WAY_DNS_FOUND] = "found",
                                           [WAY_DNS_NO_DATA] = "no_data",
                                           [WAY_DNS_NXDOMAIN] = "nxdomain",
                                           [WAY_DNS_FAILURE] = "failure",
                                           [WAY_DNS_TIMEOUT] = "timeout"};

static void label_lookup(size_t series, struct way_text *out)
{
    size_t end = series % LOOKUP_ENDS;

    way_text_printf(out, "kind=\"%s\",", kinds[series / LOOKUP_ENDS]);
    if (end < WAY_SOURCE_COUNT) {
        way_text_printf(out, "source=\"%s\"", way_source_name((enum way_source)end));
    } else {
        way_text_printf(out, "source=\"%s\"",
                        way_lookup_outcome_name((enum way_lookup_outcome)(end - WAY_SOURCE_COUNT)));
    }
}

static void label_call(size_t series, struct way_text *out)
{
    way_text_printf(out, "call=\"%s\"", calls[series]);
}

static void label_call_error(size_t series, struct way_text *out)
{
    way_text_printf(out, "call=\"%s\",status=\"%s\"", calls[series / WAY_STATUS_COUNT],
                    way_status_name((enum way_status)(series % WAY_STATUS_COUNT)));
}

static void label_type(size_t series, struct way_text *out)
{
    way_text_printf(out, "type=\"%s\"", types[series]);
}

static void label_dns_outcome(size_t series, struct way_text *out)
{
    way_text_printf(out, "type=\"%s\",outcome=\"%s\"", types[series / WAY_DNS_OUTCOME_COUNT],
                    dns_outcomes[series % WAY_DNS_OUTCOME_COUNT]);
}

static const struct way_metric_family families[] = {
    [FAMILY_LOOKUPS] = {"waypost_lookups_total",
                        "Lookups by kind and where the answer came from, or why there was none.",
                        WAY_COUNTER, (size_t)WAY_LOOKUP_KIND_COUNT *LOOKUP_ENDS, label_lookup},
    [FAMILY_STORE] = {"waypost_store_call_seconds",
                      "How long the database took; a write is one transaction of many changes.",
                      WAY_HISTOGRAM, WAY_CALL_COUNT, label_call},
    [FAMILY_STORE_ERRORS] = {"waypost_store_errors_total",
                             "Database calls that failed, by how they ended.", WAY_COUNTER,
                             (size_t)WAY_CALL_COUNT *WAY_STATUS_COUNT, label_call_error},
    [FAMILY_DNS] = {"waypost_dns_query_seconds", "How long DNS took to answer a question.",
                    WAY_HISTOGRAM, WAY_DNS_TYPE_COUNT, label_type},
    [FAMILY_DNS_OUTCOMES] = {"waypost_dns_answers_total", "Answers of DNS by type and outcome.",
                             WAY_COUNTER, (size_t)WAY_DNS_TYPE_COUNT *WAY_DNS_OUTCOME_COUNT,
                             label_dns_outcome},
    [FAMILY_OVERRIDES] = {"waypost_overrides", "Enabled overrides in memory.", WAY_GAUGE, 1, NULL},
    [FAMILY_REVISION] = {"waypost_revision", "Revision that the overrides are true as of.",
                         WAY_GAUGE, 1, NULL},
    [FAMILY_STORE_UP] = {"waypost_store_up", "1 while the database answers.", WAY_GAUGE, 1, NULL},
    [FAMILY_STORE_WRITABLE] = {"waypost_store_writable",
                               "1 while the database takes changes, as far as is known.", WAY_GAUGE,
                               1, NULL},
    [FAMILY_STALE] = {"waypost_stale_seconds", "How long the database has not answered.", WAY_GAUGE,
                      1, NULL},
    [FAMILY_REJECTED] = {"waypost_rejected_overrides",
                         "Rows of a taken-over table that are not served.", WAY_GAUGE, 1, NULL},
};
_Static_assert(WAY_COUNT_OF(families) == FAMILY_COUNT, "describe every family");

struct way_meter *way_meter_new(void)
{
    struct way_meter *meter = calloc(1, sizeof *meter);

    if (meter == NULL) {
        return NULL;
    }
    meter->metrics = way_metrics_new(families, FAMILY_COUNT);
    if (meter->metrics == NULL) {
        free(meter);
        return NULL;
    }
    return meter;
}

void way_meter_free(struct way_meter *meter)
{
    if (meter != NULL) {
        way_metrics_free(meter->metrics);
        free(meter);
    }
}

void way_meter_lookup(struct way_meter *meter, enum way_lookup_kind kind,
                      enum way_lookup_outcome outcome, enum way_source source)
{
    size_t end =
        outcome == WAY_LOOKUP_ANSWERED ? (size_t)source : WAY_SOURCE_COUNT + (size_t)outcome;

    way_metric_add(meter->metrics, FAMILY_LOOKUPS, (size_t)kind * LOOKUP_ENDS + end, 1);
}

void way_meter_store(struct way_meter *meter, enum way_store_call call, enum way_status status,
                     uint64_t micros)
{
    way_metric_observe_us(meter->metrics, FAMILY_STORE, (size_t)call, micros);
    if (status != WAY_OK && status != WAY_NOT_FOUND) {
        way_metric_add(meter->metrics, FAMILY_STORE_ERRORS,
                       (size_t)call * WAY_STATUS_COUNT + (size_t)status, 1);
    }
}

void way_meter_dns(struct way_meter *meter, enum way_dns_type type, enum way_dns_outcome outcome,
                   uint64_t micros)
{
    way_metric_observe_us(meter->metrics, FAMILY_DNS, (size_t)type, micros);
    way_metric_add(meter->metrics, FAMILY_DNS_OUTCOMES,
                   (size_t)type * WAY_DNS_OUTCOME_COUNT + (size_t)outcome, 1);
}

void way_meter_render(struct way_meter *meter, const struct way_meter_gauges *gauges,
                      struct way_text *out)
{
    way_metric_set(meter->metrics, FAMILY_OVERRIDES, 0, gauges->overrides);
    way_metric_set(meter->metrics, FAMILY_REVISION, 0, gauges->revision);
    way_metric_set(meter->metrics, FAMILY_STORE_UP, 0, gauges->is_store_up);
    way_metric_set(meter->metrics, FAMILY_STORE_WRITABLE, 0, gauges->is_store_writable);
    way_metric_set(meter->metrics, FAMILY_STALE, 0, gauges->stale_seconds);
    way_metric_set(meter->metrics, FAMILY_REJECTED, 0, gauges->rejected);
    way_metrics_render(meter->metrics, out);
}
