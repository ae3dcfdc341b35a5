/* SPDX-License-Identifier: MIT */
#include "main/token_file.h"

#include "base/log.h"
#include "base/random.h"
#include "main/plain_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "wp_" /* so that a secret is known for one where it should not be */

enum { RANDOM_BYTES = 32 /* of a secret */ };

static void warn_of_readers(const char *path, mode_t mode)
{
    char quoted[WAY_LOG_VALUE_MAX];

    if ((mode & WAY_FILE_EXPOSED) != 0) {
        way_log(WAY_LOG_WARN, "tokens.exposed",
                "path=%s mode=%04o detail=\"others may read or write the file\"",
                way_log_quote(path, strlen(path), quoted, sizeof quoted), (unsigned)mode & 07777);
    }
}

enum way_status way_token_file_read(const char *path, struct way_token_table **out,
                                    struct way_error *err)
{
    struct way_token_table *table = malloc(sizeof *table);
    struct way_file_content content = {.size = WAY_TOKEN_FILE_MAX +
                                               1}; /* one more, to see that it is so */
    enum way_status status;

    content.bytes = malloc(content.size);
    if (table == NULL || content.bytes == NULL) {
        status = way_fail(err, WAY_NO_MEMORY, "tokens", "out of memory");
        goto out;
    }
    status = way_file_read("tokens", path, &content, err);
    if (status == WAY_OK) {
        status = way_tokens_parse(content.bytes, content.len, table, err);
    }
    if (status == WAY_OK) {
        warn_of_readers(path, content.mode);
        *out = table;
        table = NULL;
    }
out:
    free(content.bytes);
    free(table);
    return status;
}

/* What can stand in a header, and ends nothing there. */
static enum way_status check_secret(const char *secret, struct way_error *err)
{
    size_t len = strlen(secret);

    if (len == 0) {
        return way_fail(err, WAY_INVALID, "token-file", "the token is empty");
    }
    for (size_t i = 0; i < len; i++) {
        if (secret[i] <= ' ' || secret[i] > '~') {
            return way_fail(err, WAY_INVALID, "token-file",
                            "the token has a character that is not printable ASCII");
        }
    }
    return WAY_OK;
}

enum way_status way_secret_file_read(const char *name, const char *path, char *secret, size_t size,
                                     struct way_error *err)
{
    struct way_file_content content = {.bytes = secret, .size = size - 1};
    enum way_status status = way_file_read(name, path, &content, err);
    size_t len;

    if (status != WAY_OK) {
        return status;
    }
    secret[content.len] = '\0';
    len = strcspn(secret, "\r\n");
    if (len == content.size) {
        return way_fail(err, WAY_INVALID, name, "the first line has at most %zu bytes", size - 2);
    }
    secret[len] = '\0';
    return WAY_OK;
}

enum way_status way_secret_read(const struct way_options *options,
                                char secret[static WAY_SECRET_MAX], struct way_error *err)
{
    const char *given = getenv("WAYPOST_TOKEN"); /* NOLINT(concurrency-mt-unsafe): main alone */
    const char *path = options->token_file;
    enum way_status status = WAY_OK;

    secret[0] = '\0';
    if (given != NULL && path[0] != '\0') {
        return way_fail(err, WAY_INVALID, "token-file", "and WAYPOST_TOKEN exclude each other");
    }
    if (given == NULL && path[0] == '\0') {
        return WAY_OK;
    }
    if (path[0] != '\0') {
        status = way_secret_file_read("token-file", path, secret, WAY_SECRET_MAX, err);
    } else if (strlen(given) >= WAY_SECRET_MAX - 1) {
        status = way_fail(err, WAY_INVALID, "", "WAYPOST_TOKEN has at most %d bytes",
                          WAY_SECRET_MAX - 2);
    } else {
        memcpy(secret, given, strlen(given) + 1);
    }
    return status == WAY_OK ? check_secret(secret, err) : status;
}

enum way_status way_token_make(const char *name, const char *role, struct way_text *out,
                               struct way_error *err)
{
    const char *fault = way_token_name_fault(name, strlen(name));
    uint8_t random[RANDOM_BYTES];
    uint8_t digest[WAY_SHA256_BYTES];
    char secret[sizeof PREFIX + 2 * (size_t)RANDOM_BYTES] = PREFIX;
    char hex[WAY_SHA256_HEX + 1];
    enum way_role known;
    enum way_status status = WAY_OK;

    if (fault != NULL) {
        return way_fail(err, WAY_INVALID, "", "%s", fault);
    }
    if (!way_role_parse(role, strlen(role), &known)) {
        return way_fail(err, WAY_INVALID, "", "the role is one of reader, editor, auditor, admin");
    }
    way_random_bytes(random, sizeof random);
    way_hex_write(random, sizeof random, secret + sizeof PREFIX - 1);
    if (way_sha256(secret, strlen(secret), digest)) {
        way_hex_write(digest, sizeof digest, hex);
        way_text_printf(out, "%s\n%s %s %s\n", secret, name, way_role_name(known), hex);
    } else {
        status = way_fail(err, WAY_INTERNAL, "", "the library makes no digest");
    }
    explicit_bzero(random, sizeof random);
    explicit_bzero(secret, sizeof secret);
    return status;
}
