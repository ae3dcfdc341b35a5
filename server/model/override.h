/* SPDX-License-Identifier: MIT */
/*
 * model/override - one row: a lookup key, where its mail goes, and who said so when.
 *
 * Purpose  The plain value that stores keep and the API shows.
 * Owns     Nothing. Copy with '='.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID with the field's name.
 */
#ifndef WAY_MODEL_OVERRIDE_H
#define WAY_MODEL_OVERRIDE_H

#include "model/key.h"
#include "model/target.h"

enum {
    WAY_COMMENT_MAX = 1024,                      /* characters */
    WAY_COMMENT_BYTES_MAX = WAY_COMMENT_MAX * 4, /* of UTF-8 */
    WAY_ACTOR_MAX = 64,                          /* bytes of printable ASCII; "-" when unknown */
    WAY_REASON_MAX = 256,                        /* characters */
    WAY_REASON_BYTES_MAX = WAY_REASON_MAX * 4,   /* of UTF-8 */
    WAY_ETAG_MAX = 40,                           /* with both quotes and NUL */
};

struct way_override {
    struct way_key lookup_key;
    struct way_target target;
    bool is_enabled; /* a disabled override is kept and never matches */
    uint64_t revision;
    int64_t created_at_us; /* wall time */
    int64_t updated_at_us;
    char created_by[WAY_ACTOR_MAX + 1];
    char updated_by[WAY_ACTOR_MAX + 1];
    char comment[WAY_COMMENT_BYTES_MAX + 1]; /* valid UTF-8, NUL-ended */
};

/* Valid UTF-8 of at most WAY_COMMENT_MAX characters, no control bytes but tab and line feed. */
WAY_MUST_CHECK enum way_status way_comment_parse(const char *raw, size_t len, char *out,
                                                 struct way_error *err);
/* Why somebody changes something: valid UTF-8 of at most WAY_REASON_MAX characters, no control
 * bytes. The field is the header that carries it. */
WAY_MUST_CHECK enum way_status way_reason_parse(const char *raw, size_t len, char *out,
                                                struct way_error *err);
/* A target equal to its key is refused: it would say nothing. */
WAY_MUST_CHECK enum way_status way_override_check(const struct way_override *row,
                                                  struct way_error *err);
/* Whether the two say the same: target, comment, enabled. Times and revisions play no part. */
bool way_override_same(const struct way_override *a, const struct way_override *b);
/* The strong entity tag of this row (RFC 9110 8.8.3), quotes included. It changes with each change
 * of the row, and also when a restored backup reuses the revision for another content. */
void way_override_etag(const struct way_override *row, char out[static WAY_ETAG_MAX]);

#endif
