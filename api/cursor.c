/* SPDX-License-Identifier: MIT */
/*
 * How  The plain form is "SORT DIRECTION HASH-OF-Q UPDATED-AT KEY TARGET", written as
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

static unsigned long long hash_of_q(const struct way_list_query *query)
{
    return (unsigned long long)way_hash(CURSOR_SEED, query->q, query->q_len);
}

void api_cursor_write(struct way_text *out, const struct way_list_query *query,
                      const struct way_override *last)
{
    char plain[PLAIN_MAX];
    int len = snprintf(plain, sizeof plain, "%d %d %llx %" PRId64 " %s %s", (int)query->sort,
                       query->is_descending ? 1 : 0, hash_of_q(query), last->updated_at_us,
                       last->lookup_key.text, last->target.host.text);

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

enum way_status api_cursor_read(struct api_bytes cursor, struct way_list_query *query,
                                struct way_error *err)
{
    char plain[PLAIN_MAX];
    char key[WAY_KEY_MAX + 1];
    char target[WAY_KEY_MAX + 1];
    char rest;
    int sort;
    int is_descending;
    unsigned long long hash;

    /* The widths are WAY_KEY_MAX. */
    if (!decode(cursor, plain) ||
        sscanf(plain, "%d %d %llx %" SCNd64 " %253s %253s%c", &sort, &is_descending, &hash,
               &query->after_updated_at_us, key, target, &rest) != 6 ||
        way_key_restore(key, strlen(key), &query->after_key) != WAY_OK ||
        way_key_restore(target, strlen(target), &query->after_target) != WAY_OK) {
        return way_fail(err, WAY_INVALID, "cursor", "is not one that this list has given out");
    }
    if (sort != (int)query->sort || (is_descending != 0) != query->is_descending ||
        hash != hash_of_q(query)) {
        return way_fail(err, WAY_INVALID, "cursor",
                        "belongs to a list with another sort or another q");
    }
    query->has_after = true;
    return WAY_OK;
}
