/* SPDX-License-Identifier: MIT */
/*
 * base/digest - SHA-256, and a comparison that takes as long whatever it finds.
 *
 * Purpose  Keep and recognise secrets without keeping them.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   way_sha256(): false when the library refuses, which is to be taken as "no".
 *
 * Sources  FIPS 180-4.
 */
#ifndef WAY_BASE_DIGEST_H
#define WAY_BASE_DIGEST_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAY_SHA256_BYTES = 32,
    WAY_SHA256_HEX = 2 * WAY_SHA256_BYTES, /* digits of a digest, written out */
};

WAY_MUST_CHECK bool way_sha256(const void *bytes, size_t len, uint8_t out[static WAY_SHA256_BYTES]);
/* The time that it takes says nothing about where the two differ. */
bool way_digests_are_equal(const uint8_t a[static WAY_SHA256_BYTES],
                           const uint8_t b[static WAY_SHA256_BYTES]);

/* In lower case, with NUL. */
void way_hex_write(const uint8_t *bytes, size_t len, char *out);

#endif
