/* SPDX-License-Identifier: MIT */
/*
 * base/text - a byte buffer that grows up to a named limit, and small helpers on bytes.
 *
 * Purpose  Build answers, log lines and documents without ever overrunning.
 * Owns     Its bytes, once they no longer fit the storage the caller lent.
 * Threads  One thread at a time.
 * Errors   Appends never fail one by one: the first failure sticks, later
 *          appends do nothing, and way_text_status() tells at the end.
 */
#ifndef WAY_BASE_TEXT_H
#define WAY_BASE_TEXT_H

#include "base/budget.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct way_text {
    char *data; /* not NUL-ended; see way_text_string() */
    size_t len;
    size_t capacity;
    size_t max;                /* bytes it may ever hold */
    char *lent;                /* the caller's storage, or NULL; never freed here */
    bool is_full;              /* an append hit `max` */
    bool is_starved;           /* an append found no memory, or its budget none */
    struct way_budget *budget; /* borrowed; NULL: its memory is counted nowhere */
    size_t spare;              /* bytes on the heap that are not counted */
    size_t charged;            /* what is counted now */
};

/* Starts empty in `lent` (may be NULL with 0); moves to the heap when that is too small. */
void way_text_init(struct way_text *text, char *lent, size_t lent_bytes, size_t max);
/* From now on what it has on the heap comes out of `budget`, once that is more than `spare` bytes;
 * when the budget has no more, appends find no memory. Before the first append. */
void way_text_charge(struct way_text *text, struct way_budget *budget, size_t spare);
/* Frees what is on the heap, and gives it back to its budget. The struct may be initialised again.
 */
void way_text_fini(struct way_text *text);
/* Keeps the storage, forgets the content and the failure. */
void way_text_clear(struct way_text *text);

/* True when `more` bytes fit behind the content now, with what that takes: larger storage. For the
 * appends below; false sticks. */
bool way_text_grow(struct way_text *text, size_t more);

/* The appends are here for their callers to take in: an answer is made of dozens of short ones. */
static inline bool way_text_has_room(struct way_text *text, size_t more)
{
    if (more <= text->capacity - text->len && more <= text->max - text->len && !text->is_full &&
        !text->is_starved) {
        return true;
    }
    return way_text_grow(text, more);
}

static inline void way_text_append(struct way_text *text, const char *bytes, size_t len)
{
    if (len > 0 && way_text_has_room(text, len)) {
        memcpy(text->data + text->len, bytes, len);
        text->len += len;
    }
}

static inline void way_text_puts(struct way_text *text, const char *string)
{
    way_text_append(text, string, strlen(string));
}

static inline void way_text_putc(struct way_text *text, char byte)
{
    if (way_text_has_room(text, 1)) {
        text->data[text->len++] = byte;
    }
}

void way_text_put_u64(struct way_text *text, uint64_t number);
void way_text_printf(struct way_text *text, const char *format, ...) WAY_PRINTF(2, 3);

/* WAY_OK, WAY_TOO_LARGE or WAY_NO_MEMORY: what happened to the appends since init or clear. */
enum way_status way_text_status(const struct way_text *text);
/* The content with a NUL behind it; "" when that fails. Borrowed until the next change. */
const char *way_text_string(struct way_text *text);

/* Strict UTF-8 (RFC 3629: no overlong forms, no surrogates); NUL is a valid octet here. */
bool way_utf8_is_valid(const char *bytes, size_t len);
/* Octets of the sequence at the start of `bytes` (at least one); 0 when it is not valid UTF-8. */
size_t way_utf8_step(const char *bytes, size_t len);
/* Characters in valid UTF-8. */
size_t way_utf8_count(const char *bytes, size_t len);

/* A byte below 0x20 or 0x7f. */
static inline bool way_byte_is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

/* ASCII only; the locale plays no part. */
static inline char way_ascii_lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)((unsigned char)byte | 0x20U);
    }
    return byte;
}

char way_ascii_upper(char byte);
bool way_ascii_equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len);
/* The value of a hexadecimal digit, in either case; -1: it is none. */
int way_hex_digit(char byte);
/* Decimal digits only, no sign, no blanks; false when empty, malformed or over `max`. */
bool way_u64_parse(const char *bytes, size_t len, uint64_t max, uint64_t *out);

#endif
