/* SPDX-License-Identifier: MIT */
/*
 * How  The plain form is "SORT DIRECTION HASH-OF-Q UPDATED-AT LENGTH-OF-KEY KEYTARGET", written as
 *      hexadecimal digits, so that it needs no escaping in a URL.
 */
#include "api/cursor.h"

#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PLAIN_MAX = 640,   /* two names of 253 octets and four numbers */
    CURSOR_SEED = 1729 /* the same in every instance: a cursor may be read by another */
};

static uint64_t hash_of_q(const struct way_list_query *query)
{
    return way_hash(CURSOR_SEED, query->q, query->q_len);
}

void api_cursor_write(struct way_text *out, const struct way_list_query *query,
                      const struct way_override *last)
{
    char plain[PLAIN_MAX];
    int len =
        snprintf(plain, sizeof plain, "%d %d %" PRIu64 " %" PRIu64 " %u %s%s", (int)query->sort,
                 query->is_descending ? 1 : 0, hash_of_q(query), (uint64_t)last->updated_at_us,
                 (unsigned)last->lookup_key.len, last->lookup_key.text, last->target.host.text);

    for (int i = 0; i < len; i++) {
        way_text_printf(out, "%02x", (unsigned)(unsigned char)plain[i]);
    }
}

static int hex_digit(char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = byte == '\0' ? NULL : strchr(digits, byte);

    return found == NULL ? -1 : (int)(found - digits);
}

static bool decode(struct api_bytes cursor, char plain[static PLAIN_MAX])
{
    if (cursor.len == 0 || cursor.len % 2 != 0 || cursor.len / 2 >= PLAIN_MAX) {
        return false;
    }
    for (size_t i = 0; i < cursor.len / 2; i++) {
        int high = hex_digit(cursor.at[2 * i]);
        int low = hex_digit(cursor.at[2 * i + 1]);

        if (high < 0 || low < 0 || high * 16 + low == 0) {
            return false;
        }
        plain[i] = (char)(high * 16 + low);
    }
    plain[cursor.len / 2] = '\0';
    return true;
}

/* Takes the next word off *at; they are separated by one blank. */
static struct api_bytes next_word(const char **at)
{
    struct api_bytes word = {*at, strcspn(*at, " ")};

    *at += word.len + (word.at[word.len] == ' ');
    return word;
}

static bool next_number(const char **at, uint64_t *out)
{
    struct api_bytes word = next_word(at);

    return way_u64_parse(word.at, word.len, UINT64_MAX, out);
}

/* As it is: a row that somebody wrote by hand need not be in normal form. */
static bool take_name(const char *text, size_t len, struct way_key *out)
{
    if (len > WAY_KEY_MAX) {
        return false;
    }
    out->len = (uint8_t)len;
    memcpy(out->text, text, len);
    out->text[len] = '\0';
    return true;
}

/* What the numbers leave over: the key, `key_len` octets, and the target. */
static bool read_names(const char *names, uint64_t key_len, struct way_list_query *query)
{
    size_t len = strlen(names);

    return key_len <= len && take_name(names, (size_t)key_len, &query->after_key) &&
           take_name(names + key_len, len - (size_t)key_len, &query->after_target);
}

enum way_status api_cursor_read(struct api_bytes cursor, struct way_list_query *query,
                                struct way_error *err)
{
    char plain[PLAIN_MAX];
    const char *at = plain;
    uint64_t sort;
    uint64_t is_descending;
    uint64_t hash;
    uint64_t updated_at;
    uint64_t key_len;

    if (!decode(cursor, plain) || !next_number(&at, &sort) || !next_number(&at, &is_descending) ||
        !next_number(&at, &hash) || !next_number(&at, &updated_at) || !next_number(&at, &key_len) ||
        !read_names(at, key_len, query)) {
        return way_fail(err, WAY_INVALID, "cursor", "is not one that this list has given out");
    }
    if (sort != (uint64_t)query->sort || (is_descending != 0) != query->is_descending ||
        hash != hash_of_q(query)) {
        return way_fail(err, WAY_INVALID, "cursor",
                        "belongs to a list with another sort or another q");
    }
    query->after_updated_at_us = (int64_t)updated_at;
    query->has_after = true;
    return WAY_OK;
}
