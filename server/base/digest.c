/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

bool way_sha256(const void *bytes, size_t len, uint8_t out[static WAY_SHA256_BYTES])
{
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, len, out) == 0;
}

bool way_digests_are_equal(const uint8_t a[static WAY_SHA256_BYTES],
                           const uint8_t b[static WAY_SHA256_BYTES])
{
    return gnutls_memcmp(a, b, WAY_SHA256_BYTES) == 0;
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
