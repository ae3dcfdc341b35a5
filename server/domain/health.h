/* SPDX-License-Identifier: MIT */
/*
 * domain/health - what is known of the database: does it answer, and does it take changes?
 *
 * Purpose  Each fault is noted where it is met; what operators are told is the worst of them.
 * Owns     Nothing. A plain value.
 * Threads  One at a time: its owner (sync) has a lock.
 * Errors   -
 */
#ifndef WAY_DOMAIN_HEALTH_H
#define WAY_DOMAIN_HEALTH_H

#include "store/store.h"

/* Best to worst. */
enum way_store_state {
    WAY_STORE_OK,
    WAY_STORE_FAILING,   /* it answers, and the last change was refused for its sake */
    WAY_STORE_READ_ONLY, /* the server, or the schema */
    WAY_STORE_DOWN,
};

enum {
    WAY_HEALTH_FAILING_MS = 60000, /* a refused change is told for so long, or until one is done */
};

struct way_health {
    bool is_down;
    bool is_prepared;         /* the schema is there: reads and lists can be tried */
    bool is_schema_read_only; /* changes are refused without trying */
    bool is_server_read_only;
    uint64_t failed_ms; /* when a change was refused last; 0: the last one was done */
    char down_why[WAY_ERROR_DETAIL_MAX];
    char schema_why[WAY_ERROR_DETAIL_MAX];
    char server_why[WAY_ERROR_DETAIL_MAX];
    char failing_why[WAY_ERROR_DETAIL_MAX];
};

/* Down: nothing was tried yet. */
void way_health_init(struct way_health *health);
void way_health_note_down(struct way_health *health, const char *why);
void way_health_note_up(struct way_health *health);
void way_health_note_schema(struct way_health *health, const struct way_store_report *report);
/* `place`: where the session leads. */
void way_health_note_server(struct way_health *health, bool is_read_only, const char *place);
/* Of a change: done, or refused for the database's sake. `now_ms`: monotonic time. True: that is
 * news, which no other fault explains. */
bool way_health_note_done(struct way_health *health);
bool way_health_note_refused(struct way_health *health, uint64_t now_ms, const char *why);

/* *why is borrowed, and empty when all is well. */
enum way_store_state way_health_state(const struct way_health *health, uint64_t now_ms,
                                      const char **why);

#endif
