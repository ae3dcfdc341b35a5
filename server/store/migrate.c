/* SPDX-License-Identifier: MIT */
/*
 * How  look (survey) -> nothing to do: done
 *                    -> lease -> look again -> rename the predecessor's table -> steps -> import
 *
 *      MariaDB commits by itself before and after each statement that changes the schema; SQLite
 *      holds it in the transaction. One sequence serves both: begin, announce, step, note that it
 *      is done, commit. On MariaDB the announcement is thereby visible before the step begins, on
 *      SQLite all of it happens at once. The lease is politeness: what keeps two instances from
 *      harming each other is that steps can be run again and that the import holds the state row.
 */
#include "store/migrate.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/driver.h"
#include "store/row.h"
#include "store/survey.h"
#include "store/takeover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_ANNOUNCE                                                             \
    "REPLACE INTO schema_migration (version, name, sha256, is_expand, done_at) " \
    "VALUES (?, ?, ?, ?, NULL)"
#define SQL_DONE          "UPDATE schema_migration SET done_at = ? WHERE version = ?"
#define SQL_LEASE_RELEASE "UPDATE schema_lease SET until = ? WHERE id = 1 AND holder = ?"
#define SQL_REJECTED      "SELECT COUNT(*) FROM dns_overrides_rejected"
#define EXPAND_MARK       "-- expand\n"

enum {
    WORK_TEXT_MAX = 96,    /* bytes of the words for what a migration has to do, with NUL */
    DENIAL_TEXT_MAX = 180, /* bytes of what the server says to it that are passed on */
};

/* --- the lease ---------------------------------------------------------------------------------
 */

/* Takes the lease or holds it for longer. */
static enum way_status take_lease(struct way_session *session, struct way_error *err)
{
    const char *sql = session->driver->dialect.lease_take;
    const struct way_value values[] = {way_value_bytes(session->store->holder, WAY_HOLDER_BYTES),
                                       way_value_bytes(session->store->holder, WAY_HOLDER_BYTES)};
    uint64_t changed = 0;
    enum way_status status;

    if (sql == NULL) {
        return WAY_OK;
    }
    status = way_session_run(
        session,
        &(struct way_query){
            .sql = sql, .values = values, .value_count = WAY_COUNT_OF(values), .changed = &changed},
        err);
    if (status == WAY_OK && changed == 0) {
        return way_fail(err, WAY_BUSY, "", "another instance is bringing the schema up to date");
    }
    return status;
}

static void release_lease(struct way_session *session)
{
    const struct way_value values[] = {way_value_time(way_time_from_civil(2000, 1, 1, 0, 0, 0, 0)),
                                       way_value_bytes(session->store->holder, WAY_HOLDER_BYTES)};

    struct way_error err;

    if (session->driver->dialect.lease_take == NULL) {
        return;
    }
    if (way_session_run(session,
                        &(struct way_query){.sql = SQL_LEASE_RELEASE,
                                            .values = values,
                                            .value_count = WAY_COUNT_OF(values)},
                        &err) != WAY_OK) {
        /* It runs out by itself; until then the others wait. */
        way_log(WAY_LOG_DEBUG, "migration.lease_kept", "store=%s", session->driver->name);
    }
}

/* --- steps -------------------------------------------------------------------------------------
 */

static enum way_status announce(struct way_session *session, const struct way_migration *step,
                                struct way_error *err)
{
    bool is_expand = strncmp(step->sql, EXPAND_MARK, sizeof EXPAND_MARK - 1) == 0;
    const struct way_value values[] = {
        way_value_number(step->version),
        way_value_text(step->name),
        way_value_text(step->sha256),
        way_value_number(is_expand),
    };

    return way_session_run(session,
                           &(struct way_query){.sql = SQL_ANNOUNCE,
                                               .values = values,
                                               .value_count = WAY_COUNT_OF(values)},
                           err);
}

static enum way_status note_done(struct way_session *session, const struct way_migration *step,
                                 struct way_error *err)
{
    const struct way_value values[] = {way_value_time(way_clock_wall_us()),
                                       way_value_number(step->version)};

    return way_session_run(
        session,
        &(struct way_query){.sql = SQL_DONE, .values = values, .value_count = WAY_COUNT_OF(values)},
        err);
}

static enum way_status run_step(struct way_session *session, const struct way_migration *step,
                                struct way_error *err)
{
    uint64_t started = way_clock_mono_ms();
    enum way_status status =
        way_session_execute(session, session->driver->dialect.begin_write, err);

    if (status == WAY_OK) {
        status = announce(session, step, err);
    }
    if (status == WAY_OK) {
        status = way_session_execute(session, step->sql, err);
    }
    if (status == WAY_OK) {
        status = note_done(session, step, err);
    }
    if (status == WAY_OK) {
        status = session->driver->commit(session, err);
    }
    if (status != WAY_OK) {
        way_session_rollback(session);
        return status;
    }
    way_log(WAY_LOG_NOTICE, "migration.done", "store=%s step=%s ms=%" PRIu64, session->driver->name,
            step->name, way_clock_mono_ms() - started);
    return WAY_OK;
}

static enum way_status run_steps(struct way_session *session, const struct way_survey *survey,
                                 struct way_error *err)
{
    const struct way_driver *driver = session->driver;

    for (size_t i = 0; i < *driver->step_count; i++) {
        enum way_status status;

        if (survey->is_done[i]) {
            continue;
        }
        status = take_lease(session, err);
        if (status == WAY_OK) {
            status = run_step(session, &driver->steps[i], err);
        }
        if (status != WAY_OK) {
            return status;
        }
    }
    return WAY_OK;
}

/* With the lease in hand: whatever is missing. */
static enum way_status complete(struct way_session *session, struct way_survey *survey,
                                struct way_error *err)
{
    enum way_status status = way_survey_read(session, survey, err);

    if (status != WAY_OK || survey->refusal[0] != '\0') {
        return status;
    }
    if (survey->is_seed_named_ours) {
        status = way_takeover_rename(session, err);
    }
    if (status == WAY_OK) {
        status = run_steps(session, survey, err);
    }
    if (status == WAY_OK) {
        status = take_lease(session, err);
    }
    if (status == WAY_OK && !survey->is_seed_taken) {
        status = way_takeover_import(session, survey->is_seed_named_ours || survey->has_seed, err);
    }
    return status;
}

static enum way_status bring_up(struct way_session *session, struct way_error *err)
{
    struct way_survey *survey = calloc(1, sizeof *survey);
    enum way_status status = WAY_OK;

    if (survey == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to look at the schema");
    }
    for (const char *const *sql = session->driver->dialect.bootstrap; *sql != NULL; sql++) {
        if (status == WAY_OK) {
            status = way_session_execute(session, *sql, err);
        }
    }
    if (status == WAY_OK) {
        status = take_lease(session, err);
    }
    if (status == WAY_OK) {
        status = complete(session, survey, err);
        release_lease(session);
    }
    free(survey);
    return status;
}

/* What there is to do, in words. A table that this account has no privilege on cannot be told from
 * one that is not there. */
static void describe_work(const struct way_survey *survey, char out[static WORK_TEXT_MAX])
{
    const char *unseen = !survey->has_schema_migration ? "schema_migration" : "override_state";

    if (survey->is_seed_named_ours) {
        (void)snprintf(out, WORK_TEXT_MAX, "dns_overrides is the predecessor's");
    } else if (!survey->has_schema_migration || (!survey->has_state && survey->missing == NULL)) {
        (void)snprintf(out, WORK_TEXT_MAX, "there is no table %s that this user may read", unseen);
    } else if (survey->missing != NULL) {
        (void)snprintf(out, WORK_TEXT_MAX, "the schema lacks step %.60s", survey->missing->name);
    } else {
        (void)snprintf(out, WORK_TEXT_MAX, "dns_overrides_seed is not taken over");
    }
}

/* The account may use the schema and not change it: says who can help. */
static enum way_status fail_denied(const struct way_survey *survey, struct way_error *err)
{
    char work[WORK_TEXT_MAX];
    struct way_error denied = *err;

    describe_work(survey, work);
    return way_fail(err, denied.status, "",
                    "%s: run \"waypost migrate\" with a user that may change the schema (%.*s)",
                    work, DENIAL_TEXT_MAX, denied.detail);
}

/* On a session of its own: statements that change a schema may take minutes. `seen`: why. */
static enum way_status migrate(struct way_store *store, const struct way_survey *seen,
                               struct way_error *err)
{
    struct way_session *session = NULL;
    enum way_status status;

    if (pthread_mutex_trylock(&store->preparing) != 0) {
        return way_fail(err, WAY_BUSY, "", "another thread is bringing the schema up to date");
    }
    status = store->driver->open(store, true, &session, err);
    if (status == WAY_OK && session->is_read_only) {
        status =
            way_fail(err, WAY_UNAVAILABLE, "",
                     "%s: the schema is not complete and the server is read-only", session->place);
    }
    if (status == WAY_OK) {
        status = bring_up(session, err);
        if (status != WAY_OK && session->is_denied) {
            status = fail_denied(seen, err);
        }
    }
    way_session_close(session);
    (void)pthread_mutex_unlock(&store->preparing);
    if (status == WAY_UNSETTLED) {
        status = WAY_UNAVAILABLE; /* whatever happened: the next look will tell */
    }
    return status;
}

/* --- the report --------------------------------------------------------------------------------
 */

static bool take_count(void *owner, const struct way_value *columns)
{
    uint64_t *count = owner;

    *count = way_value_u64(&columns[0]);
    return true;
}

static enum way_status fill_report(struct way_session *session, const struct way_survey *survey,
                                   struct way_store_report *report, struct way_error *err)
{
    struct way_store *store = session->store;
    struct way_store_report filled = {
        .is_read_only = survey->refusal[0] != '\0',
        .schema_version = survey->version,
    };

    memcpy(filled.reason, survey->refusal, sizeof filled.reason);
    if (!survey->has_rejected) {
        way_log(
            WAY_LOG_WARN, "rejected.unknown",
            "store=%s detail=\"there is no table dns_overrides_rejected that this user may read\"",
            session->driver->name);
    }
    if (survey->has_rejected) {
        enum way_status status = way_session_run(session,
                                                 &(struct way_query){.sql = SQL_REJECTED,
                                                                     .visit = take_count,
                                                                     .owner = &filled.rejected},
                                                 err);

        if (status != WAY_OK) {
            return status;
        }
    }
    (void)pthread_mutex_lock(&store->lock);
    memcpy(store->refusal, survey->refusal, sizeof store->refusal);
    (void)pthread_mutex_unlock(&store->lock);
    *report = filled;
    return WAY_OK;
}

enum way_status way_store_prepare(struct way_session *session, struct way_store_report *report,
                                  struct way_error *err)
{
    struct way_survey *survey = calloc(1, sizeof *survey);
    enum way_status status;

    WAY_ASSERT(!session->is_writing);
    if (survey == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to look at the schema");
    }
    way_session_hurry(session);
    status = way_survey_read(session, survey, err);
    if (status == WAY_OK && survey->refusal[0] == '\0' && !way_survey_is_complete(survey)) {
        status = migrate(session->store, survey, err);
        way_session_hurry(session);
        if (status == WAY_OK) {
            status = way_survey_read(session, survey, err);
        }
    }
    if (status == WAY_OK && survey->refusal[0] == '\0' && !way_survey_is_complete(survey)) {
        status = way_fail(err, WAY_BUSY, "", "the schema changed under our hands");
    }
    if (status == WAY_OK) {
        status = fill_report(session, survey, report, err);
    }
    free(survey);
    return status;
}
