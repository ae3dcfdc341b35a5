/* SPDX-License-Identifier: MIT */
/* How  The plain form is "HASH-OF-FILTERS REVISION SEQ". */
#include "api/history_cursor.h"

#include "api/opaque.h"
#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    HISTORY_SEED = 4104, /* the same in every instance: a cursor may be read by another */
    FILTERS_MAX = 512,   /* octets of all filters, written out: a name, an actor, three numbers */
};

static uint64_t hash_of_filters(const struct way_history_query *query)
{
    char filters[FILTERS_MAX];
    /* Only an actor may have blanks, and it stands last: no two sets of filters read the same. */
    int len = snprintf(filters, sizeof filters, "%s %" PRIu64 " %" PRId64 " %" PRId64 " %s",
                       query->has_key ? query->key.text : "", query->since, query->from_us,
                       query->until_us, query->actor);

    return way_hash(HISTORY_SEED, filters, (size_t)len);
}

void api_history_cursor_write(struct way_text *out, const struct way_history_query *query,
                              uint64_t revision, uint32_t seq)
{
    char plain[API_OPAQUE_MAX];

    (void)snprintf(plain, sizeof plain, "%" PRIu64 " %" PRIu64 " %" PRIu32, hash_of_filters(query),
                   revision, seq);
    api_opaque_write(out, plain);
}

enum way_status api_history_cursor_read(struct api_bytes cursor, struct way_history_query *query,
                                        struct way_error *err)
{
    char plain[API_OPAQUE_MAX];
    const char *at = plain;
    uint64_t hash;
    uint64_t revision;
    uint64_t seq;

    if (!api_opaque_read(cursor, plain) || !api_opaque_number(&at, &hash) ||
        !api_opaque_number(&at, &revision) || !api_opaque_number(&at, &seq) || *at != '\0' ||
        revision > INT64_MAX || seq > UINT32_MAX) {
        return way_fail(err, WAY_INVALID, "cursor", "is not one that this history has given out");
    }
    if (hash != hash_of_filters(query)) {
        return way_fail(err, WAY_INVALID, "cursor", "belongs to a history with other filters");
    }
    query->has_after = true;
    query->after_revision = revision;
    query->after_seq = (uint32_t)seq;
    return WAY_OK;
}
