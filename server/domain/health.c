/* SPDX-License-Identifier: MIT */
#include "domain/health.h"

#include <stdio.h>

static void copy(char *out, const char *why)
{
    (void)snprintf(out, WAY_ERROR_DETAIL_MAX, "%s", why); /* cut: it is for messages */
}

/* One that is told by itself, and that lets changes be refused. */
static bool has_other_fault(const struct way_health *health)
{
    return health->is_down || health->is_schema_read_only;
}

void way_health_init(struct way_health *health)
{
    *health = (struct way_health){.is_down = true};
    copy(health->down_why, "not connected yet");
}

void way_health_note_down(struct way_health *health, const char *why)
{
    health->is_down = true;
    copy(health->down_why, why);
}

void way_health_note_up(struct way_health *health)
{
    if (health->is_down) {
        health->failed_ms = 0; /* whatever was refused for that */
    }
    health->is_down = false;
}

void way_health_note_schema(struct way_health *health, const struct way_store_report *report)
{
    health->is_prepared = true;
    health->is_schema_read_only = report->is_read_only;
    copy(health->schema_why, report->reason);
}

void way_health_note_server(struct way_health *health, bool is_read_only, const char *place)
{
    if (health->is_server_read_only && !is_read_only) {
        health->failed_ms = 0;
    }
    health->is_server_read_only = is_read_only;
    (void)snprintf(health->server_why, sizeof health->server_why, "%.200s: the server is read-only",
                   place);
}

bool way_health_note_done(struct way_health *health)
{
    bool was_refused = health->failed_ms != 0 && !has_other_fault(health);

    health->failed_ms = 0;
    return was_refused;
}

bool way_health_note_refused(struct way_health *health, uint64_t now_ms, const char *why)
{
    bool is_news = health->failed_ms == 0 && !has_other_fault(health);

    health->failed_ms = now_ms;
    (void)snprintf(health->failing_why, sizeof health->failing_why,
                   "the last change was refused: %.200s", why);
    return is_news;
}

enum way_store_state way_health_state(const struct way_health *health, uint64_t now_ms,
                                      const char **why)
{
    bool is_failing = health->failed_ms != 0 && now_ms - health->failed_ms < WAY_HEALTH_FAILING_MS;

    if (health->is_down) {
        *why = health->down_why;
        return WAY_STORE_DOWN;
    }
    if (health->is_schema_read_only || health->is_server_read_only) {
        *why = health->is_schema_read_only ? health->schema_why : health->server_why;
        return WAY_STORE_READ_ONLY;
    }
    *why = is_failing ? health->failing_why : "";
    return is_failing ? WAY_STORE_FAILING : WAY_STORE_OK;
}
