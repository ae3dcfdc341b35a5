/* SPDX-License-Identifier: MIT */
#include "main/database.h"

#include "main/token_file.h"

#include <string.h>

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
