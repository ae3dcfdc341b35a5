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
enum { LINE_MAX_BYTES = 4096, QUOTED_ONE_MAX = 8 };

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

/* What one character becomes inside quotes; returns how many octets of the input it was. */
static size_t quote_one(const char *bytes, size_t len, char out[static QUOTED_ONE_MAX])
{
    size_t step = way_utf8_step(bytes, len);

    if (bytes[0] == '"' || bytes[0] == '\\') {
        (void)snprintf(out, QUOTED_ONE_MAX, "\\%c", bytes[0]);
        return 1;
    }
    if (step == 0 || way_byte_is_control(bytes[0])) {
        (void)snprintf(out, QUOTED_ONE_MAX, "\\x%02x", (unsigned)(unsigned char)bytes[0]);
        return 1;
    }
    (void)snprintf(out, QUOTED_ONE_MAX, "%.*s", (int)step, bytes);
    return step;
}

const char *way_log_quote(const char *bytes, size_t len, char *out, size_t out_bytes)
{
    size_t room = out_bytes - 2; /* the closing quote and NUL */
    size_t have = 1;
    size_t at = 0;

    if (is_plain(bytes, len) && len < out_bytes) {
        memcpy(out, bytes, len);
        out[len] = '\0';
        return out;
    }
    out[0] = '"';
    while (at < len) {
        char one[QUOTED_ONE_MAX];
        size_t step = quote_one(bytes + at, len - at, one);
        size_t more = strlen(one);

        if (have + more > room) {
            break; /* cut between two characters */
        }
        memcpy(out + have, one, more);
        have += more;
        at += step;
    }
    out[have] = '"';
    out[have + 1] = '\0';
    return out;
}
