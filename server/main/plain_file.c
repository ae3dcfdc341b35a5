/* SPDX-License-Identifier: MIT */
#include "main/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static enum way_status cannot_read(const char *option, const char *path, struct way_error *err)
{
    char reason[128];

    return way_fail(err, WAY_INVALID, option, "cannot read %.*s: %s", WAY_PATH_SHOWN, path,
                    strerror_r(errno, reason, sizeof reason));
}

enum way_status way_file_read(const char *option, const char *path,
                              struct way_file_content *content, struct way_error *err)
{
    /* A pipe that nobody writes to must not hold up the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum way_status status = WAY_OK;
    struct stat about;
    ssize_t got = 1;

    if (fd < 0) {
        return cannot_read(option, path, err);
    }
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        status =
            way_fail(err, WAY_INVALID, option, "%.*s is not a plain file", WAY_PATH_SHOWN, path);
        goto out;
    }
    content->mode = about.st_mode;
    content->len = 0;
    while (got > 0 && content->len < content->size) {
        got = read(fd, content->bytes + content->len, content->size - content->len);
        content->len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        status = cannot_read(option, path, err);
    }
out:
    (void)close(fd);
    return status;
}
