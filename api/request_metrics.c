/* SPDX-License-Identifier: MIT */
#include "api/request_metrics.h"

#include "api/places.h"
#include "domain/waiters.h"

enum family {
    FAMILY_REQUESTS,
    FAMILY_SECONDS,
    FAMILY_BROKEN,
    FAMILY_CONNECTIONS,
    FAMILY_CONNECTIONS_MAX,
    FAMILY_REFUSED,
    FAMILY_GAVE_WAY,
    FAMILY_BODIES,
    FAMILY_BODIES_MAX,
    FAMILY_ANSWERS,
    FAMILY_ANSWERS_MAX,
    FAMILY_WAITING,
    FAMILY_WAITING_MAX,
    FAMILY_COUNT
};

enum {
    OPERATIONS_MAX = 32, /* rows of the route table, and one for "none" */
};

/* Every status that an answer of ours can have. */
static const unsigned statuses[] = {200, 201, 204, 304, 400, 401, 403, 404, 405, 406, 409, 410,
                                    412, 413, 414, 415, 422, 429, 431, 500, 501, 502, 503, 504};

enum { STATUSES = WAY_COUNT_OF(statuses) };

static const char *operation_name(size_t operation)
{
    return operation < api_route_count ? api_routes[operation].operation : "none";
}

static void label_operation(size_t series, struct way_text *out)
{
    way_text_printf(out, "operation=\"%s\"", operation_name(series));
}

static void label_request(size_t series, struct way_text *out)
{
    way_text_printf(out, "operation=\"%s\",status=\"%u\"", operation_name(series / STATUSES),
                    statuses[series % STATUSES]);
}

static void label_refused(size_t series, struct way_text *out)
{
    static const char *const words[] = {
        [API_REFUSED_FULL] = "full", [API_REFUSED_ADDRESS_FULL] = "address_full"};

    way_text_printf(out, "why=\"%s\"", words[series]);
}

static const struct way_metric_family families[] = {
    [FAMILY_REQUESTS] = {"waypost_http_requests_total",
                         "Requests by operation and status; operation none: no route matched.",
                         WAY_COUNTER, (size_t)OPERATIONS_MAX *STATUSES, label_request},
    [FAMILY_SECONDS] = {"waypost_http_request_seconds",
                        "From the end of the request line to the answer being made.", WAY_HISTOGRAM,
                        OPERATIONS_MAX, label_operation},
    [FAMILY_BROKEN] = {"waypost_http_broken_requests_total",
                       "Requests too broken to reach an operation.", WAY_COUNTER, 1, NULL},
    [FAMILY_CONNECTIONS] = {"waypost_http_connections", "Connections that are open.", WAY_GAUGE, 1,
                            NULL},
    [FAMILY_CONNECTIONS_MAX] = {"waypost_http_connections_max",
                                "How many there may be: --max-connections, or what there are "
                                "descriptors for.",
                                WAY_GAUGE, 1, NULL},
    [FAMILY_REFUSED] = {"waypost_http_refused_connections_total",
                        "Connections that were answered 503 at once: there was no place, or none "
                        "for their address.",
                        WAY_COUNTER, API_REFUSED_COUNT, label_refused},
    [FAMILY_GAVE_WAY] = {"waypost_http_evicted_connections_total",
                         "Idle connections that were closed to make room for others.", WAY_COUNTER,
                         1, NULL},
    [FAMILY_BODIES] = {"waypost_http_body_bytes", "Memory of the bodies of requests under way.",
                       WAY_GAUGE, 1, NULL},
    [FAMILY_BODIES_MAX] = {"waypost_http_body_bytes_max", "Its bound: --max-body-memory.",
                           WAY_GAUGE, 1, NULL},
    [FAMILY_ANSWERS] = {"waypost_http_answer_bytes", "Memory of the answers under way.", WAY_GAUGE,
                        1, NULL},
    [FAMILY_ANSWERS_MAX] = {"waypost_http_answer_bytes_max", "Its bound: --max-answer-memory.",
                            WAY_GAUGE, 1, NULL},
    [FAMILY_WAITING] = {"waypost_http_waiting", "Requests that wait for a revision or a change.",
                        WAY_GAUGE, 1, NULL},
    [FAMILY_WAITING_MAX] = {"waypost_http_waiting_max", "How many may.", WAY_GAUGE, 1, NULL},
};

struct way_metrics *api_request_metrics_new(void)
{
    WAY_ASSERT(api_route_count < OPERATIONS_MAX);
    return way_metrics_new(families, FAMILY_COUNT);
}

void api_request_metrics_count(struct way_metrics *metrics, const struct api_route *route,
                               unsigned status, uint64_t micros)
{
    size_t operation = route == NULL ? api_route_count : (size_t)(route - api_routes);
    size_t at = 0;

    while (at < STATUSES - 1 && statuses[at] != status) {
        at++;
    }
    way_metric_add(metrics, FAMILY_REQUESTS, operation * STATUSES + at, 1);
    way_metric_observe_us(metrics, FAMILY_SECONDS, operation, micros);
}

void api_request_metrics_count_broken(struct way_metrics *metrics)
{
    way_metric_add(metrics, FAMILY_BROKEN, 0, 1);
}

void api_request_metrics_count_refused(struct way_metrics *metrics, enum api_refused_connection why)
{
    way_metric_add(metrics, FAMILY_REFUSED, (size_t)why, 1);
}

void api_request_metrics_count_gave_way(struct way_metrics *metrics)
{
    way_metric_add(metrics, FAMILY_GAVE_WAY, 0, 1);
}

void api_request_metrics_render(const struct api_context *context, struct way_text *out)
{
    struct way_metrics *metrics = context->requests;

    way_metric_set(metrics, FAMILY_CONNECTIONS, 0, api_places_taken(context->places));
    way_metric_set(metrics, FAMILY_CONNECTIONS_MAX, 0, api_places_max(context->places));
    way_metric_set(metrics, FAMILY_BODIES, 0, way_budget_used(context->bodies));
    way_metric_set(metrics, FAMILY_BODIES_MAX, 0, context->bodies->max);
    way_metric_set(metrics, FAMILY_ANSWERS, 0, way_budget_used(context->answers));
    way_metric_set(metrics, FAMILY_ANSWERS_MAX, 0, context->answers->max);
    way_metric_set(metrics, FAMILY_WAITING, 0, way_waiters_count(context->waiters));
    way_metric_set(metrics, FAMILY_WAITING_MAX, 0, WAY_WAITERS_MAX);
    way_metrics_render(metrics, out);
}
