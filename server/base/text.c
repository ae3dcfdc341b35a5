/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_HEAP_BYTES = 512 };

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through text->data */
void way_text_init(struct way_text *text, char *lent, size_t lent_bytes, size_t max)
{
    *text = (struct way_text){.data = lent, .capacity = lent_bytes, .max = max, .lent = lent};
}

void way_text_fini(struct way_text *text)
{
    if (text->data != text->lent) {
        free(text->data);
    }
    if (text->charged > 0) {
        way_budget_give(text->budget, text->charged);
    }
    *text = (struct way_text){0};
}

void way_text_clear(struct way_text *text)
{
    text->len = 0;
    text->is_full = false;
    text->is_starved = false;
}

void way_text_charge(struct way_text *text, struct way_budget *budget, size_t spare)
{
    text->budget = budget;
    text->spare = spare;
}

/* For `capacity` bytes on the heap, which is more than there are. */
static bool pay_for(struct way_text *text, size_t capacity)
{
    if (text->budget == NULL || capacity <= text->spare) {
        return true;
    }
    if (!way_budget_take(text->budget, capacity - text->charged)) {
        return false;
    }
    text->charged = capacity;
    return true;
}

bool way_text_grow(struct way_text *text, size_t more)
{
    size_t capacity = text->capacity < FIRST_HEAP_BYTES ? FIRST_HEAP_BYTES : text->capacity;
    char *data;

    if (text->is_full || text->is_starved) {
        return false;
    }
    if (more > text->max - text->len) {
        text->is_full = true;
        return false;
    }
    if (more <= text->capacity - text->len) {
        return true;
    }
    while (capacity - text->len < more) {
        capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
    }
    if (!pay_for(text, capacity)) {
        text->is_starved = true;
        return false;
    }
    data = realloc(text->data == text->lent ? NULL : text->data, capacity);
    if (data == NULL) {
        text->is_starved = true;
        return false;
    }
    if (text->data == text->lent && text->len > 0) {
        memcpy(data, text->lent, text->len);
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void way_text_put_u64(struct way_text *text, uint64_t number)
{
    char digits[20]; /* 2^64 - 1 has twenty */
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    way_text_append(text, digits + at, sizeof digits - at);
}

void way_text_printf(struct way_text *text, const char *format, ...)
{
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    /* One byte more than we keep: vsnprintf ends with NUL. */
    if (len <= 0 || !way_text_has_room(text, (size_t)len + 1)) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text->data + text->len, (size_t)len + 1, format, arguments);
    va_end(arguments);
    text->len += (size_t)len;
}

enum way_status way_text_status(const struct way_text *text)
{
    if (text->is_full) {
        return WAY_TOO_LARGE;
    }
    return text->is_starved ? WAY_NO_MEMORY : WAY_OK;
}

const char *way_text_string(struct way_text *text)
{
    if (!way_text_has_room(text, 1)) {
        return "";
    }
    text->data[text->len] = '\0';
    return text->data;
}

/* What the first octet of a sequence says: its length, and the bounds of the second octet, which
 * leave out overlong forms, surrogates and what lies above U+10FFFF. Length 0: not valid. */
struct utf8_start {
    size_t length;
    unsigned char low;
    unsigned char high;
};

static struct utf8_start read_start(unsigned char first)
{
    if (first < 0x80) {
        return (struct utf8_start){1, 0, 0};
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return (struct utf8_start){2, 0x80, 0xbf};
    }
    if (first >= 0xe0 && first <= 0xef) {
        return (struct utf8_start){3, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf};
    }
    if (first >= 0xf0 && first <= 0xf4) {
        return (struct utf8_start){4, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf};
    }
    return (struct utf8_start){0, 0, 0};
}

/* How many octets the sequence that starts here has; 0 when it is not valid UTF-8. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    struct utf8_start start = read_start(at[0]);

    if (start.length < 2) {
        return start.length;
    }
    if (left < start.length || at[1] < start.low || at[1] > start.high) {
        return 0;
    }
    for (size_t i = 2; i < start.length; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf) {
            return 0;
        }
    }
    return start.length;
}

size_t way_utf8_step(const char *bytes, size_t len)
{
    return len == 0 ? 0 : sequence_length((const unsigned char *)bytes, len);
}

bool way_utf8_is_valid(const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes;

    while (len > 0) {
        size_t step = sequence_length(at, len);

        if (step == 0) {
            return false;
        }
        at += step;
        len -= step;
    }
    return true;
}

size_t way_utf8_count(const char *bytes, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    }
    return count;
}

char way_ascii_upper(char byte)
{
    if (byte >= 'a' && byte <= 'z') {
        return (char)((unsigned char)byte & ~0x20U);
    }
    return byte;
}

bool way_ascii_equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len) {
        return false;
    }
    for (size_t i = 0; i < a_len; i++) {
        if (way_ascii_lower(a[i]) != way_ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
}

int way_hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte = way_ascii_lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool way_u64_parse(const char *bytes, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t number = 0;

    if (len == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)bytes[i] - '0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    if (number > max) {
        return false;
    }
    *out = number;
    return true;
}
