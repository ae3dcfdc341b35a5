/* SPDX-License-Identifier: MIT */
/*
 * store/sqlite_file - the file of an SQLite store, and the lock beside it.
 *
 * Purpose  Say in one plain line why a file cannot be used, and let no two processes
 *          use one.
 * Owns     The descriptor of PATH-lock; the lock ends with it.
 * Threads  One thread at a time.
 * Errors   WAY_UNAVAILABLE.
 */
#ifndef WAY_STORE_SQLITE_FILE_H
#define WAY_STORE_SQLITE_FILE_H

#include "base/status.h"

#include <sys/types.h>

enum { WAY_SQLITE_PATH_MAX = 4096 /* bytes of the file's absolute path, with NUL */ };

struct way_sqlite_file {
    int lock;     /* -1: none */
    dev_t device; /* which file it was at the start */
    ino_t inode;
    char path[WAY_SQLITE_PATH_MAX]; /* absolute, without symbolic links: one file, one lock */
};

/* Makes the file when it is not there, and locks it. On failure nothing is open. */
WAY_MUST_CHECK enum way_status way_sqlite_file_open(const char *path, struct way_sqlite_file *file,
                                                    struct way_error *err);
/* Whether the path still leads to the file we have open. A file that was removed or replaced would
 * take our changes with it when we close it. */
WAY_MUST_CHECK enum way_status way_sqlite_file_check(const struct way_sqlite_file *file,
                                                     struct way_error *err);
/* Also after a failed open. */
void way_sqlite_file_close(struct way_sqlite_file *file);

#endif
