/* SPDX-License-Identifier: MIT */
/*
 * api/body - request bodies, read and checked.
 *
 * Purpose  The only file that knows jansson. Every rule of a body's form is here:
 *          doubled and unknown members, types, what is required.
 * Owns     struct api_keys owns its document.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_MALFORMED: not JSON. WAY_INVALID with the member's name: JSON that breaks
 *          a rule. WAY_NO_MEMORY.
 */
#ifndef WAY_API_BODY_H
#define WAY_API_BODY_H

#include "api/request.h"
#include "model/change.h"

enum { API_BATCH_KEYS_MAX = 10000 }; /* keys of one batch lookup */

/* Reads an override object for wish->kind (create, put or patch) into the wish. For create the key
 * comes from the body; else wish->key is set and a lookup_key in the body must normalise to it. */
WAY_MUST_CHECK enum way_status api_body_read_override(struct api_bytes body, struct way_wish *wish,
                                                      struct way_error *err);
/* The same for what a database kept of an override once: whatever it says of who and when counts.
 */
WAY_MUST_CHECK enum way_status api_body_read_stored(struct api_bytes body, struct way_wish *wish,
                                                    struct way_error *err);

/* Reads {"revision": N}. */
WAY_MUST_CHECK enum way_status api_body_read_revision(struct api_bytes body, uint64_t *revision,
                                                      struct way_error *err);

struct api_keys; /* of a batch lookup */

/* Gives the list; free it with api_keys_free(). */
WAY_MUST_CHECK enum way_status api_body_read_keys(struct api_bytes body, struct api_keys **keys,
                                                  struct way_error *err);
void api_keys_free(struct api_keys *keys);
size_t api_keys_count(const struct api_keys *keys);
/* As sent; borrowed from the list. */
struct api_bytes api_keys_at(const struct api_keys *keys, size_t index);

#endif
