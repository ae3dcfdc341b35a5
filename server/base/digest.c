/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

bool way_sha256(const void *bytes, size_t len, uint8_t out[static WAY_SHA256_BYTES])
{
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, len, out) == 0;
}

/* By words, without a branch: the library's own goes byte by byte, which a file of many tokens
 * makes dearer than the lookup that a request asks for. */
bool way_digests_are_equal(const uint8_t a[static WAY_SHA256_BYTES],
                           const uint8_t b[static WAY_SHA256_BYTES])
{
    uint64_t left[WAY_SHA256_BYTES / sizeof(uint64_t)];
    uint64_t right[WAY_SHA256_BYTES / sizeof(uint64_t)];
    uint64_t difference = 0;

    memcpy(left, a, sizeof left);
    memcpy(right, b, sizeof right);
    for (size_t i = 0; i < WAY_SHA256_BYTES / sizeof(uint64_t); i++) {
        difference |= left[i] ^ right[i];
    }
    return difference == 0;
}

void way_hex_write(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}
