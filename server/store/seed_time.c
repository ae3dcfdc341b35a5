/* SPDX-License-Identifier: MIT */
#include "store/seed_time.h"

#include "base/clock.h"
#include "base/text.h"

enum { MICROS = 1000000 };

/* What is left of a text. */
struct cursor {
    const char *at;
    size_t left;
};

static bool skip(struct cursor *text, const char *any_of)
{
    for (; *any_of != '\0'; any_of++) {
        if (text->left > 0 && *text->at == *any_of) {
            text->at++;
            text->left--;
            return true;
        }
    }
    return false;
}

/* Exactly `digits` digits, at most `max`. */
static bool read_number(struct cursor *text, size_t digits, uint64_t max, unsigned *out)
{
    uint64_t number;

    if (text->left < digits || !way_u64_parse(text->at, digits, max, &number)) {
        return false;
    }
    text->at += digits;
    text->left -= digits;
    *out = (unsigned)number;
    return true;
}

/* ".999999999": what is finer than a microsecond is dropped. */
static bool read_fraction(struct cursor *text, unsigned *micros)
{
    unsigned scale = MICROS / 10;
    bool has_digit = false;

    *micros = 0;
    if (!skip(text, ".,")) {
        return true;
    }
    for (; text->left > 0 && *text->at >= '0' && *text->at <= '9'; text->at++, text->left--) {
        *micros += (unsigned)(*text->at - '0') * scale;
        scale /= 10;
        has_digit = true;
    }
    return has_digit;
}

/* "Z", "+02:00", "-0530", "+02", and what Go adds behind it. */
static bool read_zone(struct cursor *text, int64_t *offset_s)
{
    unsigned hours;
    unsigned minutes = 0;
    bool is_west;

    *offset_s = 0;
    (void)skip(text, " "); /* may be there or not */
    if (text->left == 0 || skip(text, "Zz")) {
        return text->left == 0;
    }
    is_west = *text->at == '-';
    if (!skip(text, "+-") || !read_number(text, 2, 23, &hours)) {
        return false;
    }
    if (text->left > 0 && *text->at != ' ') {
        (void)skip(text, ":"); /* may be there or not */
        if (!read_number(text, 2, 59, &minutes)) {
            return false;
        }
    }
    *offset_s = (int64_t)(hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
    return text->left == 0 || *text->at == ' ';
}

static bool parse_civil(struct cursor text, int64_t *wall_us)
{
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    unsigned micros = 0;
    int64_t offset_s = 0;

    if (!read_number(&text, 4, 9999, &year) || !skip(&text, "-") ||
        !read_number(&text, 2, 12, &month) || !skip(&text, "-") ||
        !read_number(&text, 2, 31, &day) || month == 0 || day == 0) {
        return false;
    }
    if (text.left > 0 && (!skip(&text, "Tt ") || !read_number(&text, 2, 23, &hour) ||
                          !skip(&text, ":") || !read_number(&text, 2, 59, &minute))) {
        return false;
    }
    if (skip(&text, ":") &&
        (!read_number(&text, 2, 60, &second) || !read_fraction(&text, &micros))) {
        return false;
    }
    if (!read_zone(&text, &offset_s)) {
        return false;
    }
    *wall_us =
        way_time_from_civil(year, month, day, hour, minute, second, micros) - offset_s * MICROS;
    return true;
}

/* Seconds reach 10^11 in the year 5138, milliseconds were beyond it in 1973; and so on. */
static int64_t from_number(int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    if (size < 100000000000ULL) {
        return number * MICROS;
    }
    if (size < 100000000000000ULL) {
        return number * 1000;
    }
    return size < 100000000000000000ULL ? number : number / 1000;
}

static bool parse_text(struct cursor text, int64_t *wall_us)
{
    const char *dot = text.at;
    uint64_t number;

    while (dot < text.at + text.left && *dot != '.') {
        dot++; /* a floating number of seconds: the fraction does not matter */
    }
    if (way_u64_parse(text.at, (size_t)(dot - text.at), INT64_MAX, &number)) {
        *wall_us = from_number((int64_t)number);
        return true;
    }
    return parse_civil(text, wall_us);
}

bool way_seed_time_parse(const struct way_value *value, int64_t *wall_us)
{
    int64_t parsed = 0;
    bool is_parsed = true;

    switch (value->kind) {
    case WAY_VALUE_NUMBER:
        parsed = from_number(value->number);
        break;
    case WAY_VALUE_TIME:
        parsed = value->number;
        break;
    case WAY_VALUE_TEXT:
    case WAY_VALUE_BYTES:
        is_parsed = parse_text((struct cursor){value->bytes, value->len}, &parsed);
        break;
    case WAY_VALUE_NULL:
        is_parsed = false;
        break;
    }
    /* Zero is how the predecessor wrote "none", in each of its forms: 1970, year 0, year 1. */
    if (!is_parsed || parsed == 0 || parsed < way_time_from_civil(1000, 1, 1, 0, 0, 0, 0) ||
        parsed >= way_time_from_civil(10000, 1, 1, 0, 0, 0, 0)) {
        return false;
    }
    *wall_us = parsed;
    return true;
}
