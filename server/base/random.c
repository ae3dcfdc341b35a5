/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include "base/status.h"

#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

void way_random_bytes(void *out, size_t len)
{
    unsigned char *at = out;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        WAY_ASSERT(got > 0 || len == 0); /* interrupted only for requests over 256 bytes */
        at += got;
        len -= (size_t)got;
    }
}

uint64_t way_random_u64(void)
{
    uint64_t number;

    way_random_bytes(&number, sizeof number);
    return number;
}

uint64_t way_hash(uint64_t seed, const void *bytes, size_t len)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}
