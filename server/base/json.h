/* SPDX-License-Identifier: MIT */
/*
 * base/json - writes JSON into a text, member by member.
 *
 * Purpose  Answers go straight into the buffer that is sent. (Bodies are read with
 *          jansson, in api/body.c.)
 * Owns     Nothing.
 * Threads  As the text.
 * Errors   As the text: they stick to it.
 */
#ifndef WAY_BASE_JSON_H
#define WAY_BASE_JSON_H

#include "base/text.h"

/* A quoted string. Octets that are not UTF-8 become U+FFFD. */
void way_json_string(struct way_text *out, const char *bytes, size_t len);

/* `"name":` with a comma before it unless it follows an opening bracket. Names are our own. */
void way_json_name(struct way_text *out, const char *name);
/* A comma unless the text ends with an opening bracket: before each element of an array. */
void way_json_separate(struct way_text *out);

void way_json_member_string(struct way_text *out, const char *name, const char *value);
void way_json_member_bytes(struct way_text *out, const char *name, const char *bytes, size_t len);
void way_json_member_u64(struct way_text *out, const char *name, uint64_t value);
void way_json_member_bool(struct way_text *out, const char *name, bool value);

#endif
