/* SPDX-License-Identifier: MIT */
/*
 * fuzz/time - base/clock: RFC 3339 times.
 *
 * Input  An octet that says what follows: two numbers, microseconds since 1970, or a text.
 * Law    parse(format(t)) is t, or the nearest time of the years 0 to 9999; texts sort as their
 * times do. An accepted text names a time whose own text is accepted and the same; letter case
 *        makes no difference.
 */
#include "law.h"

#include "base/clock.h"
#include "base/text.h"

enum { TEXT_MAX = 256 };

static int64_t clamp(int64_t time)
{
    int64_t least = way_time_from_civil(0, 1, 1, 0, 0, 0, 0);
    int64_t most = way_time_from_civil(9999, 12, 31, 23, 59, 59, 999999);

    time = time < least ? least : time;
    return time > most ? most : time;
}

static void obey_number(int64_t time)
{
    char text[WAY_TIME_TEXT_MAX];
    int64_t again;

    way_time_format(time, text);
    LAW(strlen(text) == WAY_TIME_TEXT_MAX - 1);
    LAW(way_time_parse(text, strlen(text), &again) && again == clamp(time));
}

static void obey_order(int64_t a, int64_t b)
{
    char a_text[WAY_TIME_TEXT_MAX];
    char b_text[WAY_TIME_TEXT_MAX];
    int order;

    way_time_format(a, a_text);
    way_time_format(b, b_text);
    order = strcmp(a_text, b_text);
    LAW((order > 0) - (order < 0) == (clamp(a) > clamp(b)) - (clamp(a) < clamp(b)));
}

static void obey_text(const char *text, size_t len)
{
    char other[TEXT_MAX];
    int64_t time;
    int64_t again;
    bool is_time = way_time_parse(text, len, &time);

    for (size_t i = 0; i < len; i++) {
        char lower = way_ascii_lower(text[i]);

        other[i] = lower;
        if (lower == text[i]) {
            other[i] = way_ascii_upper(text[i]);
        }
    }
    LAW(way_time_parse(other, len, &again) == is_time);
    if (is_time) {
        LAW(again == time);
        obey_number(time);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};

    if (feed_octet(&feed) % 2 == 0) {
        int64_t a = (int64_t)feed_u64(&feed);
        int64_t b = (int64_t)feed_u64(&feed);

        obey_number(a);
        obey_number(b);
        obey_order(a, b);
    } else if (feed.left <= TEXT_MAX) {
        obey_text((const char *)feed.at, feed.left);
    }
    return 0;
}
