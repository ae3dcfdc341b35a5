/* SPDX-License-Identifier: MIT */
/*
 * main/database - which database the options name, and by which password.
 *
 * Purpose  The URL of --database with the password of --database-password-file in it, so
 *          that the secret can lie in a file that the database server reads, too.
 * Owns     Nothing; a plain value.
 * Threads  main's.
 * Errors   WAY_INVALID with what is wrong, and never with what stands in a file.
 */
#ifndef WAY_MAIN_DATABASE_H
#define WAY_MAIN_DATABASE_H

#include "main/options.h"
#include "store/database_url.h"

WAY_MUST_CHECK enum way_status way_database_read(const struct way_options *options,
                                                 struct way_database_url *out,
                                                 struct way_error *err);

#endif
