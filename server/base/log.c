/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A pipe that polls writable takes this much at once (PIPE_BUF, pipe(7)), so that no write blocks.
 */
enum { LINE_MAX_BYTES = 4096 };

static const char *const words[] = {"error", "warn", "notice", "info", "debug"};

/* Set before threads start, read by all. */
static enum way_log_level most_verbose = WAY_LOG_NOTICE;

void way_log_set_level(enum way_log_level level)
{
    most_verbose = level;
}

bool way_log_level_parse(const char *word, enum way_log_level *out)
{
    for (size_t i = 0; i < WAY_COUNT_OF(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = (enum way_log_level)i;
            return true;
        }
    }
    return false;
}

bool way_log_is_on(enum way_log_level level)
{
    return level <= most_verbose;
}

/* Lines that nobody took; told with the next one that somebody takes. */
static atomic_ulong dropped_lines;

/* A log that nobody reads must not stop the service. */
static void write_line(const char *line, size_t len)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    char notice[96];
    unsigned long dropped;

    if (poll(&out, 1, 0) == 0 || write(STDERR_FILENO, line, len) < 0) {
        (void)atomic_fetch_add(&dropped_lines, 1);
        return;
    }
    dropped = atomic_exchange(&dropped_lines, 0);
    if (dropped > 0) {
        int told =
            snprintf(notice, sizeof notice, "level=warn event=log.dropped lines=%lu\n", dropped);

        if (poll(&out, 1, 0) == 0 || write(STDERR_FILENO, notice, (size_t)told) < 0) {
            (void)atomic_fetch_add(&dropped_lines, dropped);
        }
    }
}

void way_log(enum way_log_level level, const char *event, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    char now[WAY_TIME_TEXT_MAX];
    va_list arguments;
    int head;
    int rest;
    size_t len;

    if (!way_log_is_on(level)) {
        return;
    }
    way_time_format(way_clock_wall_us(), now);
    head = snprintf(line, sizeof line, "time=%s level=%s event=%s%s", now, words[level], event,
                    format[0] == '\0' ? "" : " ");
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): version 14 overlooks va_start */
    rest = vsnprintf(line + head, sizeof line - (size_t)head, format, arguments);
    va_end(arguments);
    len = (size_t)head + (size_t)(rest < 0 ? 0 : rest);
    len = len < sizeof line ? len : sizeof line - 1; /* cut; the newline takes the NUL's place */
    line[len] = '\n';
    write_line(line, len + 1);
}

static bool is_plain(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char byte = bytes[i];

        if (byte <= ' ' || byte >= 0x7f || byte == '"' || byte == '\\' || byte == '=') {
            return false;
        }
    }
    return len > 0;
}

static void quote_byte(struct way_text *text, char byte, bool is_utf8)
{
    bool is_high = ((unsigned char)byte & 0x80) != 0;

    if (byte == '"' || byte == '\\') {
        way_text_putc(text, '\\');
        way_text_putc(text, byte);
    } else if (way_byte_is_control(byte) || (is_high && !is_utf8)) {
        way_text_printf(text, "\\x%02x", (unsigned)(unsigned char)byte);
    } else {
        way_text_putc(text, byte);
    }
}

const char *way_log_quote(const char *bytes, size_t len, char *out, size_t out_bytes)
{
    struct way_text text;
    size_t room = out_bytes - 2; /* the closing quote and NUL */
    bool is_utf8 = way_utf8_is_valid(bytes, len);

    if (is_plain(bytes, len) && len < out_bytes) {
        memcpy(out, bytes, len);
        out[len] = '\0';
        return out;
    }
    way_text_init(&text, out, out_bytes, room);
    way_text_putc(&text, '"');
    for (size_t i = 0; i < len && text.len + 4 <= room; i++) {
        quote_byte(&text, bytes[i], is_utf8);
    }
    out[text.len] = '"';
    out[text.len + 1] = '\0';
    return out;
}
