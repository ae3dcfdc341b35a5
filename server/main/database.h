/* SPDX-License-Identifier: MIT */
/*
 * main/database - which database the options name, by which password, and how it is opened.
 *
 * Purpose  The URL of --database with the password of --database-password-file in it, so
 *          that the secret can lie in a file that the database server reads, too.
 * Owns     Nothing.
 * Threads  main's.
 * Errors   WAY_INVALID with what is wrong, and never with what stands in a file; those of
 *          the store.
 */
#ifndef WAY_MAIN_DATABASE_H
#define WAY_MAIN_DATABASE_H

#include "main/options.h"
#include "store/database_url.h"
#include "store/store.h"

WAY_MUST_CHECK enum way_status way_database_read(const struct way_options *options,
                                                 struct way_database_url *out,
                                                 struct way_error *err);
/* An SQLite file is opened, a MariaDB is not asked yet. */
WAY_MUST_CHECK enum way_status way_database_open(const struct way_options *options,
                                                 struct way_store **store, struct way_error *err);

/* Opens the database and brings its schema up to date; no instance is needed. WAY_UNAVAILABLE
 * also when the schema may not be written by this program. */
WAY_MUST_CHECK enum way_status way_open_prepared(const struct way_options *options,
                                                 struct way_store **store,
                                                 struct way_store_report *report,
                                                 struct way_error *err);
/* Brings the schema up to date and says so. */
WAY_MUST_CHECK enum way_status way_migrate(const struct way_options *options,
                                           struct way_error *err);

#endif
