/* SPDX-License-Identifier: MIT */
/*
 * store/database_url - the text that says which database, taken apart.
 *
 *     sqlite:PATH
 *     mariadb://USER:PASSWORD@HOST[:PORT][,HOST[:PORT]...]/DATABASE[?tls=verify&ca=PATH]
 *     mariadb://USER[:PASSWORD]@/DATABASE?socket=PATH          (mysql:// is the same)
 *
 * Purpose  Refuse what does not parse before anything is opened, with the place named
 *          and the password never repeated.
 * Owns     Nothing; plain values. User, password and database are percent-decoded,
 *          IPv6 hosts stand in brackets.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "database".
 */
#ifndef WAY_STORE_DATABASE_URL_H
#define WAY_STORE_DATABASE_URL_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAY_DATABASE_HOSTS_MAX = 16, /* hosts that one URL lists */
    WAY_DATABASE_TEXT_MAX = 512, /* bytes of user, password, database name, path, with NUL */
    WAY_DATABASE_HOST_MAX = 256, /* bytes of a host's name, with NUL */
};

enum way_engine { WAY_ENGINE_SQLITE, WAY_ENGINE_MARIADB };

struct way_database_host {
    char name[WAY_DATABASE_HOST_MAX]; /* without brackets */
    uint16_t port;
};

struct way_database_url {
    enum way_engine engine;
    char path[WAY_DATABASE_TEXT_MAX]; /* SQLite: the file */
    char user[WAY_DATABASE_TEXT_MAX];
    char password[WAY_DATABASE_TEXT_MAX];
    char database[WAY_DATABASE_TEXT_MAX];
    char socket[WAY_DATABASE_TEXT_MAX]; /* set: no hosts */
    bool is_tls_verified;
    char ca[WAY_DATABASE_TEXT_MAX]; /* empty: the system's authorities */
    size_t host_count;
    struct way_database_host hosts[WAY_DATABASE_HOSTS_MAX];
};

WAY_MUST_CHECK enum way_status
way_database_url_parse(const char *text, struct way_database_url *out, struct way_error *err);
/* For logs and --check-config: the URL without its password. */
void way_database_url_format(const struct way_database_url *url, char *out, size_t out_bytes);

#endif
