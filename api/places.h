/* SPDX-License-Identifier: MIT */
/*
 * api/places - how many connections there are, over all loops, in all and of each address.
 *
 * Purpose  No more connections than there are descriptors for, and no address that has them
 *          all. Unix sockets count in all, and for no address: who reaches them is let in by
 *          the file's mode.
 * Owns     The counts. The connections are the loops'.
 * Threads  Any; the counts of addresses have a lock, a leaf, taken once at accept and close.
 * Errors   new(): NULL, out of memory.
 *
 * A place is reserved before a connection is accepted, and then claimed for its address. What was
 * reserved is cancelled or claimed; what was claimed is left.
 */
#ifndef WAY_API_PLACES_H
#define WAY_API_PLACES_H

#include "api/peer.h"
#include "base/compiler.h"

#include <stddef.h>

struct api_places;

/* Both at least 1. */
struct api_places *api_places_new(size_t max, size_t max_per_address);
/* Every place must have been left. NULL is fine. */
void api_places_free(struct api_places *places);

/* False: all are taken. */
WAY_MUST_CHECK bool api_places_reserve(struct api_places *places);
void api_places_cancel(struct api_places *places);
/* False: the address has as many as it may, or there is no memory; the place is still reserved. */
WAY_MUST_CHECK bool api_places_claim(struct api_places *places, const struct api_peer *peer);
void api_places_leave(struct api_places *places, const struct api_peer *peer);

size_t api_places_max(const struct api_places *places);
size_t api_places_taken(const struct api_places *places);

#endif
