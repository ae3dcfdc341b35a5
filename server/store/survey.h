/* SPDX-License-Identifier: MIT */
/*
 * store/survey - what a database holds before we touch it.
 *
 * Purpose  Tell apart: empty, ours (how far?), newer than ours, the predecessor's, half taken
 *          over, and somebody else's. Reads only, so that the usual start, on a database where
 *          nothing is to do, takes no lock and works on a read-only server.
 * Owns     Nothing; a plain value.
 * Threads  As the session it works on.
 * Errors   As store/store.h; WAY_UNAVAILABLE also for tables that are not ours to touch.
 */
#ifndef WAY_STORE_SURVEY_H
#define WAY_STORE_SURVEY_H

#include "store/driver.h"

struct way_survey {
    bool is_seed_named_ours; /* dns_overrides is the predecessor's */
    bool has_seed;           /* dns_overrides_seed is there */
    bool has_schema_migration;
    bool has_state;
    bool has_rejected;                   /* the list of rows that are not served */
    bool is_seed_taken;                  /* nothing to take over, or it is done */
    bool is_done[WAY_MIGRATIONS_MAX];    /* each step of ours */
    const struct way_migration *missing; /* the first step to do; NULL: none */
    unsigned version;                    /* the newest step that is done, ours or not */
    char refusal[WAY_ERROR_DETAIL_MAX];  /* why this program must not write; empty: it may */
};

WAY_MUST_CHECK enum way_status way_survey_read(struct way_session *session,
                                               struct way_survey *survey, struct way_error *err);
/* Whether way_store_prepare() has nothing to do. */
bool way_survey_is_complete(const struct way_survey *survey);

#endif
