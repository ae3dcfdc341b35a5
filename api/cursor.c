/* SPDX-License-Identifier: MIT */
/*
 * How  The plain form is "SORT DIRECTION HASH-OF-Q UPDATED-AT LENGTH-OF-KEY KEYTARGET".
 */
#include "api/cursor.h"

#include "api/opaque.h"
#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CURSOR_SEED = 1729 /* the same in every instance: a cursor may be read by another */ };

static uint64_t hash_of_q(const struct way_list_query *query)
{
    return way_hash(CURSOR_SEED, query->q, query->q_len);
}

void api_cursor_write(struct way_text *out, const struct way_list_query *query,
                      const struct way_override *last)
{
    char plain[API_OPAQUE_MAX];

    (void)snprintf(plain, sizeof plain, "%d %d %" PRIu64 " %" PRIu64 " %u %s%s", (int)query->sort,
                   query->is_descending ? 1 : 0, hash_of_q(query), (uint64_t)last->updated_at_us,
                   (unsigned)last->lookup_key.len, last->lookup_key.text, last->target.host.text);
    api_opaque_write(out, plain);
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
    char plain[API_OPAQUE_MAX];
    const char *at = plain;
    uint64_t sort;
    uint64_t is_descending;
    uint64_t hash;
    uint64_t updated_at;
    uint64_t key_len;

    if (!api_opaque_read(cursor, plain) || !api_opaque_number(&at, &sort) ||
        !api_opaque_number(&at, &is_descending) || !api_opaque_number(&at, &hash) ||
        !api_opaque_number(&at, &updated_at) || !api_opaque_number(&at, &key_len) ||
        !read_names(at, key_len, query)) {
        return way_fail(err, WAY_INVALID, "cursor", "is not one that this list has given out");
    }
    if (sort != (uint64_t)query->sort || is_descending != (query->is_descending ? 1 : 0) ||
        hash != hash_of_q(query)) {
        return way_fail(err, WAY_INVALID, "cursor",
                        "belongs to a list with another sort or another q");
    }
    query->after_updated_at_us = (int64_t)updated_at;
    query->has_after = true;
    return WAY_OK;
}
