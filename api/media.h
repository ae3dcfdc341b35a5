/* SPDX-License-Identifier: MIT */
/*
 * api/media - which representation a client can take, and what it sends.
 *
 * Purpose  Accept (RFC 9110 12.5.1) and Content-Type (8.3), as far as this API needs them.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   -
 */
#ifndef WAY_API_MEDIA_H
#define WAY_API_MEDIA_H

#include <stddef.h>

/* Bits, so that a route can name several. */
enum api_media {
    API_MEDIA_NONE = 0,
    API_MEDIA_JSON = 1,
    API_MEDIA_TEXT = 2,
    API_MEDIA_YAML = 4,
    API_MEDIA_METRICS = 8, /* the Prometheus text format */
    API_MEDIA_MERGE_PATCH = 16,
};

/* The value of Content-Type for one of the above. */
const char *api_media_type(enum api_media media);

/* The best of `offered` for this Accept value (NULL or empty: anything); of equals the lowest bit.
 * API_MEDIA_NONE when none is acceptable. */
enum api_media api_media_negotiate(const char *accept, unsigned offered);

/* Which of `accepted` a Content-Type value names; charset must be UTF-8 where given. */
enum api_media api_media_of_content(const char *content_type, unsigned accepted);

#endif
