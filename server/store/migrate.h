/* SPDX-License-Identifier: MIT */
/*
 * store/migrate - the steps that bring a database to this program's schema.
 *
 * Purpose  One runner for every engine. A step is one file of migrations/<engine>/, one
 *          statement that can be run again; the file's SHA-256 is kept beside it when
 *          it is done, and a done step whose checksum differs is refused.
 * Owns     Nothing; the steps are constants (made at build time from the files).
 * Threads  As the session it works on.
 * Errors   As store/store.h; way_store_prepare() is defined here.
 *
 * A step whose first line is "-- expand" leaves older programs fully working; any other
 * step that this program does not know makes it read-only. Each step is announced in
 * schema_migration before it runs, so that older programs stop writing before the schema
 * changes under them, and marked done afterwards; one that was cut short is run again.
 */
#ifndef WAY_STORE_MIGRATE_H
#define WAY_STORE_MIGRATE_H

#include <stddef.h>

struct way_migration {
    unsigned version;   /* NNNN of the file's name */
    const char *name;   /* the file's name without ".sql" */
    const char *sql;    /* its content, NUL-ended */
    const char *sha256; /* lower-case hex */
};

enum { WAY_MIGRATIONS_MAX = 1024 /* steps that one program can know */ };

extern const struct way_migration way_migrations_sqlite[];
extern const size_t way_migrations_sqlite_count;
extern const struct way_migration way_migrations_mariadb[];
extern const size_t way_migrations_mariadb_count;

#endif
