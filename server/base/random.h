/* SPDX-License-Identifier: MIT */
/*
 * base/random - bytes that nobody can guess, and hashes keyed with them.
 *
 * Purpose  Names for transactions and requests; hash tables that strangers cannot
 *          fill into one bucket.
 * Owns     Nothing.
 * Threads  Call from anywhere.
 * Errors   None: a kernel without getrandom(2) ends the process.
 */
#ifndef WAY_BASE_RANDOM_H
#define WAY_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void way_random_bytes(void *out, size_t len);
uint64_t way_random_u64(void);

/* XXH3 with a seed that the caller drew from way_random_u64() and keeps to itself. */
uint64_t way_hash(uint64_t seed, const void *bytes, size_t len);

#endif
