/* SPDX-License-Identifier: MIT */
#include "domain/snapshot.h"

#include "base/random.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "WAYSNAP2"

enum {
    MAGIC_BYTES = 8,
    HEAD_BYTES = MAGIC_BYTES + 4 * 8 + WAY_EPOCH_BYTES + WAY_TX_BYTES,
    ROW_HEAD_BYTES = 8 + 1 + 1,
    CHECKSUM_BYTES = 8,
    CHECKSUM_SEED = 8128, /* fixed: the file is read by other processes */
    PATH_BYTES_MAX = 4096,
    FILE_MODE = 0640,
};

#define SNAPSHOT_BYTES_MAX (SIZE_MAX / 4) /* memory ends before */

static void put_u64(struct way_text *out, uint64_t number)
{
    char bytes[8];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(unsigned char)(number >> (8 * i));
    }
    way_text_append(out, bytes, sizeof bytes);
}

static uint64_t get_u64(const unsigned char *bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < 8; i++) {
        number |= (uint64_t)bytes[i] << (8 * i);
    }
    return number;
}

static void put_row(void *owner, const struct way_live *live)
{
    struct way_text *out = owner;

    put_u64(out, live->revision);
    way_text_putc(out, (char)live->key.len);
    way_text_putc(out, (char)live->target.host.len);
    way_text_append(out, live->key.text, live->key.len);
    way_text_append(out, live->target.host.text, live->target.host.len);
}

enum way_status way_snapshot_write(struct way_text *out, struct way_index *index,
                                   const struct way_snapshot_info *info, struct way_error *err)
{
    uint64_t count;

    way_text_append(out, MAGIC, MAGIC_BYTES);
    put_u64(out, info->position.revision);
    put_u64(out, info->position.low);
    put_u64(out, (uint64_t)info->true_at_us);
    put_u64(out, 0); /* the count, when it is known */
    way_text_append(out, (const char *)info->position.epoch, WAY_EPOCH_BYTES);
    way_text_append(out, (const char *)info->position.tx, WAY_TX_BYTES);
    count = way_index_visit(index, put_row, out);
    if (way_text_status(out) != WAY_OK) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for the snapshot");
    }
    for (size_t i = 0; i < 8; i++) {
        out->data[MAGIC_BYTES + 3 * 8 + i] = (char)(unsigned char)(count >> (8 * i));
    }
    put_u64(out, way_hash(CHECKSUM_SEED, out->data, out->len));
    return way_text_status(out) == WAY_OK
               ? WAY_OK
               : way_fail(err, WAY_NO_MEMORY, "", "no memory for the snapshot");
}

static enum way_status fail_errno(const char *what, const char *path, struct way_error *err)
{
    int code = errno;
    char reason[128];

    return way_fail(err, code == ENOENT ? WAY_NOT_FOUND : WAY_UNAVAILABLE, "",
                    "cannot %s %.120s: %s", what, path, strerror_r(code, reason, sizeof reason));
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);

        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

/* A rename is durable when the folder is. */
static bool sync_folder(const char *path)
{
    char folder[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    bool is_done;
    int fd;

    memcpy(folder, path, len);
    folder[len] = '\0';
    fd = open(len == 0 ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    is_done = fsync(fd) == 0;
    (void)close(fd);
    return is_done;
}

static enum way_status replace_file(const char *path, const struct way_text *content,
                                    struct way_error *err)
{
    char beside[PATH_BYTES_MAX];
    enum way_status status = WAY_OK;
    int fd;

    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside) {
        return way_fail(err, WAY_UNAVAILABLE, "", "the path of the snapshot is too long");
    }
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return fail_errno("write", beside, err);
    }
    if (!write_all(fd, content->data, content->len) || fsync(fd) != 0) {
        status = fail_errno("write", beside, err);
    }
    if (close(fd) != 0 && status == WAY_OK) {
        status = fail_errno("write", beside, err);
    }
    if (status == WAY_OK && (rename(beside, path) != 0 || !sync_folder(path))) {
        status = fail_errno("replace", path, err);
    }
    if (status != WAY_OK) {
        (void)unlink(beside);
    }
    return status;
}

enum way_status way_snapshot_save(const char *path, struct way_index *index,
                                  const struct way_snapshot_info *info, struct way_error *err)
{
    struct way_text content;
    enum way_status status;

    /* The whole file in memory first: the index is not held up by a disk. */
    way_text_init(&content, NULL, 0, SNAPSHOT_BYTES_MAX);
    status = way_snapshot_write(&content, index, info, err);
    if (status == WAY_OK) {
        status = replace_file(path, &content, err);
    }
    way_text_fini(&content);
    return status;
}

/* --- reading ------------------------------------------------------------------------------ */

/* One row at *at; moves behind it. */
static enum way_status parse_row(const unsigned char **at, const unsigned char *end,
                                 struct way_index_draft *draft, struct way_error *err)
{
    struct way_live live;
    size_t key_len;
    size_t target_len;
    const char *text;

    if ((size_t)(end - *at) < ROW_HEAD_BYTES) {
        return way_fail(err, WAY_INVALID, "", "the snapshot ends inside a row");
    }
    live.revision = get_u64(*at);
    key_len = (*at)[8];
    target_len = (*at)[9];
    *at += ROW_HEAD_BYTES;
    if ((size_t)(end - *at) < key_len + target_len) {
        return way_fail(err, WAY_INVALID, "", "the snapshot ends inside a row");
    }
    text = (const char *)*at;
    if (way_key_restore(text, key_len, &live.key) != WAY_OK ||
        way_key_restore(text + key_len, target_len, &live.target.host) != WAY_OK) {
        return way_fail(err, WAY_INVALID, "", "the snapshot has a key that is none");
    }
    *at += key_len + target_len;
    return way_index_draft_put(draft, &live) == WAY_OK
               ? WAY_OK
               : way_fail(err, WAY_NO_MEMORY, "", "no memory for the snapshot");
}

enum way_status way_snapshot_parse(const unsigned char *bytes, size_t len,
                                   struct way_index_draft *draft, struct way_snapshot_info *info,
                                   struct way_error *err)
{
    const unsigned char *at = bytes + HEAD_BYTES;
    const unsigned char *end;
    struct way_snapshot_info found;

    if (len < HEAD_BYTES + CHECKSUM_BYTES || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0) {
        return way_fail(err, WAY_INVALID, "", "not a snapshot of this version");
    }
    end = bytes + len - CHECKSUM_BYTES;
    if (get_u64(end) != way_hash(CHECKSUM_SEED, bytes, len - CHECKSUM_BYTES)) {
        return way_fail(err, WAY_INVALID, "", "the snapshot is harmed: its checksum differs");
    }
    found.position.revision = get_u64(bytes + MAGIC_BYTES);
    found.position.low = get_u64(bytes + MAGIC_BYTES + 8);
    found.true_at_us = (int64_t)get_u64(bytes + MAGIC_BYTES + 16);
    found.count = get_u64(bytes + MAGIC_BYTES + 24);
    memcpy(found.position.epoch, bytes + MAGIC_BYTES + 32, WAY_EPOCH_BYTES);
    memcpy(found.position.tx, bytes + MAGIC_BYTES + 32 + WAY_EPOCH_BYTES, WAY_TX_BYTES);
    for (uint64_t i = 0; i < found.count; i++) {
        enum way_status status = parse_row(&at, end, draft, err);

        if (status != WAY_OK) {
            return status;
        }
    }
    if (at != end) {
        return way_fail(err, WAY_INVALID, "", "the snapshot has something behind its rows");
    }
    *info = found;
    return WAY_OK;
}

/* The whole file; NULL: see *err. */
static unsigned char *read_file(const char *path, size_t *len, struct way_error *err)
{
    struct stat info;
    unsigned char *bytes = NULL;
    FILE *file = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not to be waited for */

    if (fd >= 0) {
        file = fdopen(fd, "r");
    }
    if (file == NULL) {
        (void)fail_errno("read", path, err);
        if (fd >= 0) {
            (void)close(fd);
        }
        return NULL;
    }
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)way_fail(err, WAY_INVALID, "", "%.120s is not a file", path);
        goto out;
    }
    *len = (size_t)info.st_size;
    bytes = malloc(*len + 1); /* an empty file is not to look like no memory */
    if (bytes == NULL) {
        (void)way_fail(err, WAY_NO_MEMORY, "", "no memory for the snapshot");
    } else if (fread(bytes, 1, *len, file) != *len) {
        (void)way_fail(err, WAY_UNAVAILABLE, "", "cannot read %.120s", path);
        free(bytes);
        bytes = NULL;
    }

out:
    (void)fclose(file);
    return bytes;
}

enum way_status way_snapshot_load(const char *path, struct way_index_draft *draft,
                                  struct way_snapshot_info *info, struct way_error *err)
{
    struct way_error inner = {.status = WAY_INTERNAL};
    size_t len = 0;
    unsigned char *bytes = read_file(path, &len, &inner);
    enum way_status status = inner.status;

    if (bytes != NULL) {
        status = way_snapshot_parse(bytes, len, draft, info, &inner);
        free(bytes);
    }
    if (status != WAY_OK && err != NULL) {
        *err = inner;
    }
    return status;
}
