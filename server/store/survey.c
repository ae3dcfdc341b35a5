/* SPDX-License-Identifier: MIT */
#include "store/survey.h"

#include "store/row.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_BYTES_MAX = 256, /* of a table, column or step, with NUL */
    SHA256_BYTES = 65,    /* hex, with NUL */
};

#define SQL_STEPS \
    "SELECT version, name, sha256, is_expand, done_at FROM schema_migration ORDER BY version"
#define SQL_SEED_TAKEN "SELECT is_seed_taken FROM override_state WHERE id = 1"

/* --- names -------------------------------------------------------------------------------------
 */

/* A name to look for, and where to say that it is there. */
struct wanted {
    const char *name;
    bool *is_there;
};

struct wanted_names {
    const struct wanted *names;
    size_t count;
    size_t seen; /* names of any kind */
};

static bool take_name(void *owner, const struct way_value *columns)
{
    struct wanted_names *wanted = owner;
    char name[NAME_BYTES_MAX];

    wanted->seen++;
    if (way_row_copy_text(&columns[0], name, sizeof name)) {
        for (size_t i = 0; i < wanted->count; i++) {
            *wanted->names[i].is_there |= strcmp(name, wanted->names[i].name) == 0;
        }
    }
    return true;
}

static enum way_status look_for(struct way_session *session, const char *sql,
                                struct wanted_names *wanted, struct way_error *err)
{
    return way_session_run(
        session, &(struct way_query){.sql = sql, .visit = take_name, .owner = wanted}, err);
}

/* Whose is the table named dns_overrides? Ours has revisions. */
static enum way_status read_columns(struct way_session *session, struct way_survey *survey,
                                    struct way_error *err)
{
    bool has_key = false;
    bool has_target = false;
    bool has_comment = false;
    bool has_created = false;
    bool has_updated = false;
    bool has_revision = false;
    const struct wanted names[] = {
        {"lookup_key", &has_key},     {"target_host", &has_target}, {"comment", &has_comment},
        {"created_at", &has_created}, {"updated_at", &has_updated}, {"revision", &has_revision},
    };
    struct wanted_names wanted = {.names = names, .count = WAY_COUNT_OF(names)};
    enum way_status status = look_for(session, session->driver->dialect.columns, &wanted, err);

    if (status != WAY_OK || has_revision) {
        return status;
    }
    if (wanted.seen == 0) {
        /* It was there a moment ago: another instance is renaming it. */
        return way_fail(err, WAY_BUSY, "", "%s: the schema is changing", session->place);
    }
    if (!has_key || !has_target || !has_comment || !has_created || !has_updated) {
        return way_fail(err, WAY_UNAVAILABLE, "",
                        "%s: the table dns_overrides is neither waypost's nor its predecessor's",
                        session->place);
    }
    if (survey->has_seed) {
        return way_fail(err, WAY_UNAVAILABLE, "",
                        "%s: both dns_overrides and dns_overrides_seed are the predecessor's; "
                        "rename or drop one",
                        session->place);
    }
    survey->is_seed_named_ours = true;
    return WAY_OK;
}

/* --- steps -------------------------------------------------------------------------------------
 */

struct step_read {
    const struct way_driver *driver;
    struct way_survey *survey;
};

static size_t index_of(const struct way_driver *driver, uint64_t version)
{
    size_t i = 0;

    while (i < *driver->step_count && driver->steps[i].version != version) {
        i++;
    }
    return i;
}

static bool take_step(void *owner, const struct way_value *columns)
{
    const struct step_read *read = owner;
    struct way_survey *survey = read->survey;
    uint64_t version = way_value_u64(&columns[0]);
    size_t at = index_of(read->driver, version);
    bool is_done = columns[4].kind != WAY_VALUE_NULL;
    char name[WAY_ERROR_DETAIL_MAX / 2] = "?";
    char sha256[SHA256_BYTES] = "";
    bool is_legible = way_row_copy_text(&columns[1], name, sizeof name) &&
                      way_row_copy_text(&columns[2], sha256, sizeof sha256);

    if (is_done && version > survey->version) {
        survey->version = (unsigned)version;
    }
    if (survey->refusal[0] != '\0') {
        return true; /* the first reason is the oldest */
    }
    if (at == *read->driver->step_count) {
        if (way_value_u64(&columns[3]) == 0) {
            (void)snprintf(survey->refusal, sizeof survey->refusal,
                           "read-only: the schema has step %s, which this program does not know",
                           name);
        }
        return true;
    }
    survey->is_done[at] = is_done;
    if (is_done && (!is_legible || strcmp(sha256, read->driver->steps[at].sha256) != 0)) {
        (void)snprintf(survey->refusal, sizeof survey->refusal,
                       "read-only: migration %s was done with another content (checksum)", name);
    }
    return true;
}

static enum way_status read_steps(struct way_session *session, struct way_survey *survey,
                                  struct way_error *err)
{
    const struct way_driver *driver = session->driver;
    struct step_read read = {.driver = driver, .survey = survey};
    enum way_status status = WAY_OK;

    WAY_ASSERT(*driver->step_count <= WAY_MIGRATIONS_MAX);
    if (survey->has_schema_migration) {
        status = way_session_run(
            session, &(struct way_query){.sql = SQL_STEPS, .visit = take_step, .owner = &read},
            err);
    }
    for (size_t i = *driver->step_count; i-- > 0;) {
        if (!survey->is_done[i]) {
            survey->missing = &driver->steps[i];
        }
    }
    return status;
}

static bool take_flag(void *owner, const struct way_value *columns)
{
    bool *flag = owner;

    *flag = way_value_u64(&columns[0]) != 0;
    return true;
}

enum way_status way_survey_read(struct way_session *session, struct way_survey *survey,
                                struct way_error *err)
{
    bool has_overrides = false;
    const struct wanted tables[] = {
        {"dns_overrides", &has_overrides},
        {"dns_overrides_seed", &survey->has_seed},
        {"override_state", &survey->has_state},
        {"schema_migration", &survey->has_schema_migration},
        {"dns_overrides_rejected", &survey->has_rejected},
    };
    struct wanted_names wanted = {.names = tables, .count = WAY_COUNT_OF(tables)};
    enum way_status status;

    *survey = (struct way_survey){.version = 0};
    status = look_for(session, session->driver->dialect.tables, &wanted, err);
    if (status == WAY_OK && has_overrides) {
        status = read_columns(session, survey, err);
    }
    if (status == WAY_OK) {
        status = read_steps(session, survey, err);
    }
    if (status == WAY_OK && survey->has_state) {
        status = way_session_run(session,
                                 &(struct way_query){.sql = SQL_SEED_TAKEN,
                                                     .visit = take_flag,
                                                     .owner = &survey->is_seed_taken},
                                 err);
    }
    return status;
}

bool way_survey_is_complete(const struct way_survey *survey)
{
    return survey->missing == NULL && survey->is_seed_taken && !survey->is_seed_named_ours;
}
