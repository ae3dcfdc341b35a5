/* SPDX-License-Identifier: MIT */
#include "main/database.h"

#include "base/clock.h"
#include "base/log.h"
#include "main/token_file.h"
#include "store/store_mariadb.h"
#include "store/store_sqlite.h"

#include <inttypes.h>
#include <string.h>

enum {
    MIGRATE_TRIES_MAX = 60,
    MIGRATE_PAUSE_MS = 500, /* while another instance migrates */
};

#define FIELD "database-password-file"

enum way_status way_database_read(const struct way_options *options, struct way_database_url *out,
                                  struct way_error *err)
{
    const char *path = options->database_password_file;
    enum way_status status = way_database_url_parse(options->database, out, err);

    if (status != WAY_OK || path[0] == '\0') {
        return status;
    }
    if (out->engine == WAY_ENGINE_SQLITE) {
        return way_fail(err, WAY_INVALID, FIELD, "an SQLite file has no password");
    }
    if (out->password[0] != '\0') {
        explicit_bzero(out->password, sizeof out->password);
        return way_fail(err, WAY_INVALID, FIELD, "and a password in the URL exclude each other");
    }
    status = way_secret_file_read(FIELD, path, out->password, sizeof out->password, err);
    if (status == WAY_OK && out->password[0] == '\0') {
        status = way_fail(err, WAY_INVALID, FIELD, "the first line of %.100s is empty", path);
    }
    return status;
}

enum way_status way_database_open(const struct way_options *options, struct way_store **store,
                                  struct way_error *err)
{
    struct way_database_url url;
    enum way_status status = way_database_read(options, &url, err);

    if (status != WAY_OK) {
        return status;
    }
    return url.engine == WAY_ENGINE_SQLITE ? way_store_sqlite_new(url.path, store, err)
                                           : way_store_mariadb_new(&url, store, err);
}

static enum way_status prepare(struct way_session *session, struct way_store_report *report,
                               struct way_error *err)
{
    enum way_status status = way_store_prepare(session, report, err);

    for (unsigned try = 1; status == WAY_BUSY && try < MIGRATE_TRIES_MAX; try++) {
        way_clock_pause_ms(MIGRATE_PAUSE_MS); /* another instance is at it */
        status = way_store_prepare(session, report, err);
    }
    if (status == WAY_OK && report->is_read_only) {
        status = way_fail(err, WAY_UNAVAILABLE, "database", "%.200s", report->reason);
    }
    return status;
}

enum way_status way_open_prepared(const struct way_options *options, struct way_store **out,
                                  struct way_store_report *report, struct way_error *err)
{
    struct way_store *store = NULL;
    struct way_session *session = NULL;
    enum way_status status = way_database_open(options, &store, err);

    if (status == WAY_OK) {
        status = way_session_open(store, &session, err);
    }
    if (status == WAY_OK) {
        status = prepare(session, report, err);
    }
    way_session_close(session);
    if (status != WAY_OK) {
        way_store_free(store);
        return status;
    }
    *out = store;
    return WAY_OK;
}

enum way_status way_migrate(const struct way_options *options, struct way_error *err)
{
    struct way_store *store = NULL;
    struct way_store_report report = {0};
    enum way_status status = way_open_prepared(options, &store, &report, err);

    if (status == WAY_OK) {
        way_log(WAY_LOG_NOTICE, "migrate.done", "store=%s schema=%u rejected=%" PRIu64,
                way_store_name(store), report.schema_version, report.rejected);
    }
    way_store_free(store);
    return status;
}
