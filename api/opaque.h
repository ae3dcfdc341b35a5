/* SPDX-License-Identifier: MIT */
/*
 * api/opaque - a line of words as one opaque word, for cursors.
 *
 * Purpose  Written as hexadecimal digits, so that it needs no escaping in a URL, and read
 *          back word by word.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   false: it is not one that was written here.
 */
#ifndef WAY_API_OPAQUE_H
#define WAY_API_OPAQUE_H

#include "api/request.h"
#include "base/text.h"

enum { API_OPAQUE_MAX = 640 /* octets of a line, with NUL: two names and some numbers fit */ };

/* `line` ends with NUL and has no other. */
void api_opaque_write(struct way_text *out, const char *line);
bool api_opaque_read(struct api_bytes opaque, char line[static API_OPAQUE_MAX]);

/* Takes the next word, a number, off *at; words are separated by one blank. */
bool api_opaque_number(const char **at, uint64_t *out);

#endif
