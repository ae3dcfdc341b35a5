/* SPDX-License-Identifier: MIT */
#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MODE = 0600,
    SYSTEM_TEXT_MAX = 128, /* bytes of one message of the system, with NUL */
};

#define LOCK_SUFFIX "-lock"

static enum way_status fail_path(struct way_error *err, const char *path, const char *what,
                                 int error)
{
    char text[SYSTEM_TEXT_MAX];

    /* GNU's strerror_r may return another buffer than ours. */
    return way_fail(err, WAY_UNAVAILABLE, "", "%s: %s: %s", path, what,
                    strerror_r(error, text, sizeof text));
}

/* We never open a file that is there: closing it again would end the locks that another session of
 * this process holds on it (POSIX locks belong to process and file). */
static enum way_status make_or_check(const char *path, struct way_error *err)
{
    struct stat status;
    int made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);

    if (made >= 0) {
        (void)close(made); /* empty, nothing to lose */
        return WAY_OK;
    }
    if (errno != EEXIST) {
        return fail_path(err, path, "cannot be made", errno);
    }
    if (stat(path, &status) != 0) {
        return fail_path(err, path, "cannot be opened", errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: is not a file", path);
    }
    if (access(path, R_OK | W_OK) != 0) {
        return fail_path(err, path, "cannot be read and written", errno);
    }
    return WAY_OK;
}

static enum way_status lock(struct way_sqlite_file *file, struct way_error *err)
{
    char path[WAY_SQLITE_PATH_MAX + sizeof LOCK_SUFFIX];

    (void)snprintf(path, sizeof path, "%s" LOCK_SUFFIX, file->path);
    file->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (file->lock < 0) {
        return fail_path(err, path, "cannot be opened", errno);
    }
    if (flock(file->lock, LOCK_EX | LOCK_NB) == 0) {
        return WAY_OK;
    }
    if (errno == EWOULDBLOCK) {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: in use by another waypost", file->path);
    }
    return fail_path(err, path, "cannot be locked", errno);
}

enum way_status way_sqlite_file_open(const char *path, struct way_sqlite_file *file,
                                     struct way_error *err)
{
    enum way_status status;
    struct stat info;
    char *resolved;

    file->lock = -1;
    status = make_or_check(path, err);
    if (status != WAY_OK) {
        return status;
    }
    resolved = realpath(path, NULL);
    if (resolved == NULL) {
        return fail_path(err, path, "cannot be resolved", errno);
    }
    if (strlen(resolved) >= sizeof file->path) {
        free(resolved);
        return way_fail(err, WAY_UNAVAILABLE, "", "the path is over %d bytes",
                        WAY_SQLITE_PATH_MAX - 1);
    }
    (void)snprintf(file->path, sizeof file->path, "%s", resolved);
    free(resolved);
    status = lock(file, err);
    if (status == WAY_OK && stat(file->path, &info) != 0) {
        status = fail_path(err, path, "cannot be opened", errno);
    }
    if (status == WAY_OK) {
        file->device = info.st_dev;
        file->inode = info.st_ino;
    } else {
        way_sqlite_file_close(file);
    }
    return status;
}

enum way_status way_sqlite_file_check(const struct way_sqlite_file *file, struct way_error *err)
{
    struct stat info;

    if (stat(file->path, &info) != 0) {
        return fail_path(err, file->path, "is gone; put it back and start again", errno);
    }
    if (info.st_dev != file->device || info.st_ino != file->inode) {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: was replaced by another file; start again",
                        file->path);
    }
    return WAY_OK;
}

void way_sqlite_file_close(struct way_sqlite_file *file)
{
    if (file->lock >= 0) {
        (void)close(file->lock);
    }
    file->lock = -1;
}
