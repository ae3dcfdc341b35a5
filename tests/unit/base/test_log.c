/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/text.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

#define TEXT(literal) (literal), sizeof(literal) - 1 /* NULs and all */

static void a_value_is_quoted_when_it_must_be(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        const char *want;
    } cases[] = {
        {"a plain word", TEXT("mail.example"), "mail.example"},
        {"an address", TEXT("[2001:db8::1]:25"), "[2001:db8::1]:25"},
        {"nothing", TEXT(""), "\"\""},
        {"a blank", TEXT("a b"), "\"a b\""},
        {"an equals sign", TEXT("a=b"), "\"a=b\""},
        {"a quote", TEXT("a\"b"), "\"a\\\"b\""},
        {"a backslash", TEXT("a\\b"), "\"a\\\\b\""},
        {"a line feed", TEXT("a\nevent=forged"), "\"a\\x0aevent=forged\""},
        {"a carriage return", TEXT("a\rb"), "\"a\\x0db\""},
        {"NUL", TEXT("a\0b"), "\"a\\x00b\""},
        {"escape", TEXT("\x1b[1m"), "\"\\x1b[1m\""},
        {"DEL", TEXT("\x7f"), "\"\\x7f\""},
        {"UTF-8", TEXT("Grüße"), "\"Grüße\""},
        {"no UTF-8", TEXT("Gr\xfc\xdf"), "\"Gr\\xfc\\xdf\""},
        {"no UTF-8 beside UTF-8", TEXT("ü\xff"), "\"ü\\xff\""},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        char out[64];

        print_message("    %s\n", cases[i].label);
        assert_ptr_equal(way_log_quote(cases[i].in, cases[i].len, out, sizeof out), out);
        assert_string_equal(out, cases[i].want);
    }
}

/* Whatever comes, and however small the room: one value that a parser reads back. */
static void a_value_that_is_cut_stays_one_value(void **state)
{
    static const struct {
        const char *label, *piece;
    } cases[] = {
        {"plain", "x"},           {"blanks", " "},         {"quotes", "\""},
        {"backslashes", "\\"},    {"control bytes", "\n"}, {"no UTF-8", "\xff"},
        {"two octets each", "ü"}, {"three", "日"},         {"four", "🙂"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].label);
        for (size_t room = 8; room < 40; room++) {
            char in[200];
            char *out = malloc(room); /* on the heap, so that overruns show */
            size_t step = strlen(cases[i].piece);
            size_t in_len = 0;
            size_t len;

            assert_non_null(out);
            while (in_len + step < sizeof in) {
                memcpy(in + in_len, cases[i].piece, step);
                in_len += step;
            }
            (void)way_log_quote(in, in_len, out, room);
            len = strlen(out);
            assert_in_range(len, 2, room - 1);
            assert_true(way_utf8_is_valid(out, len));
            assert_int_equal(out[0], '"');
            assert_int_equal(out[len - 1], '"');
            for (size_t at = 1; at < len - 1; at++) {
                assert_false(way_byte_is_control(out[at]));
                assert_int_not_equal(out[at], '"');
                if (out[at] == '\\') {
                    at += out[at + 1] == 'x' ? 3 : 1; /* an escape is whole, or not there */
                }
                assert_in_range(at, 1, len - 2);
            }
            free(out);
        }
    }
}

static void a_plain_value_that_just_fits_is_not_quoted(void **state)
{
    char out[8];

    (void)state;
    assert_string_equal(way_log_quote("1234567", 7, out, sizeof out), "1234567");
    assert_int_equal(way_log_quote("12345678", 8, out, sizeof out)[0], '"');
}

/* --- lines ------------------------------------------------------------------------------------ */

struct capture {
    int saved;
    int ends[2];
};

/* Takes standard error away; what is written must fit a pipe. */
static void capture_begin(struct capture *capture)
{
    assert_int_equal(pipe2(capture->ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_true(fcntl(capture->ends[1], F_SETPIPE_SZ, 1024 * 1024) > 0);
    capture->saved = dup(STDERR_FILENO);
    assert_true(capture->saved >= 0);
    assert_int_equal(dup2(capture->ends[1], STDERR_FILENO), STDERR_FILENO);
}

static size_t capture_end(struct capture *capture, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got;

    assert_int_equal(dup2(capture->saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(capture->saved);
    (void)close(capture->ends[1]);
    while (len < size - 1 && (got = read(capture->ends[0], out + len, size - 1 - len)) > 0) {
        len += (size_t)got;
    }
    (void)close(capture->ends[0]);
    out[len] = '\0';
    return len;
}

static void a_line_is_time_level_event_and_pairs(void **state)
{
    static const char shape[] = "time=0000-00-00T00:00:00.000000Z ";
    static const char want[] = "level=warn event=store.down host=db.example port=3306\ntime=";
    struct capture capture;
    char out[1024];

    (void)state;
    capture_begin(&capture);
    way_log(WAY_LOG_WARN, "store.down", "host=%s port=%d", "db.example", 3306);
    way_log(WAY_LOG_ERROR, "bare", "%s", "");
    assert_in_range(capture_end(&capture, out, sizeof out), sizeof shape + sizeof want, 1023);
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool is_digit = out[i] >= '0' && out[i] <= '9';

        assert_true(shape[i] == '0' ? is_digit : out[i] == shape[i]);
    }
    assert_int_equal(strncmp(out + sizeof shape - 1, want, sizeof want - 1), 0);
}

static void lines_above_the_level_are_dropped(void **state)
{
    static const enum way_log_level levels[] = {WAY_LOG_ERROR, WAY_LOG_WARN, WAY_LOG_NOTICE,
                                                WAY_LOG_INFO, WAY_LOG_DEBUG};

    static const char *const words[] = {"error", "warn", "notice", "info", "debug"};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(levels); i++) {
        enum way_log_level parsed;
        struct capture capture;
        char out[4096];
        size_t lines = 0;

        assert_true(way_log_level_parse(words[i], &parsed));
        assert_int_equal(parsed, levels[i]);
        way_log_set_level(parsed);
        capture_begin(&capture);
        for (size_t j = 0; j < WAY_COUNT_OF(levels); j++) {
            assert_int_equal(way_log_is_on(levels[j]), j <= i);
            way_log(levels[j], "event", "n=%zu", j);
        }
        (void)capture_end(&capture, out, sizeof out);
        for (const char *at = out; (at = strchr(at, '\n')) != NULL; at++) {
            lines++;
        }
        assert_int_equal(lines, i + 1);
    }
    way_log_set_level(WAY_LOG_NOTICE);
}

static void a_level_is_one_of_five_words(void **state)
{
    static const char *const words[] = {"", "Error", "warning", "notice ", "6", "trace"};
    enum way_log_level level = WAY_LOG_INFO;

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(words); i++) {
        assert_false(way_log_level_parse(words[i], &level));
        assert_int_equal(level, WAY_LOG_INFO);
    }
}

static void a_line_that_is_too_long_is_cut_and_ended(void **state)
{
    static char long_value[40000];
    static char out[64 * 1024];
    struct capture capture;
    size_t len;

    (void)state;
    memset(long_value, 'x', sizeof long_value - 1);
    capture_begin(&capture);
    way_log(WAY_LOG_ERROR, "long", "value=%s", long_value);
    way_log(WAY_LOG_ERROR, "next", "%s", "");
    len = capture_end(&capture, out, sizeof out);
    assert_in_range(len, 4096, 20000);
    assert_int_equal(out[len - 1], '\n');
    assert_non_null(strstr(out, "xxxx\ntime="));
}

enum { WRITERS = 4, LINES = 200 };

static void *write_lines(void *argument)
{
    char value[512];

    memset(value, *(const char *)argument, sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (unsigned i = 0; i < LINES; i++) {
        way_log(WAY_LOG_ERROR, "mixed", "value=%s", value);
    }
    return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
    static char out[1024 * 1024];
    static char letters[] = "abcd";
    struct capture capture;
    pthread_t threads[WRITERS];
    unsigned lines = 0;
    char *at = out;

    (void)state;
    capture_begin(&capture);
    for (unsigned i = 0; i < WRITERS; i++) {
        if (pthread_create(&threads[i], NULL, write_lines, &letters[i]) != 0) {
            abort(); /* standard error is away: cmocka could not say so */
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)capture_end(&capture, out, sizeof out);
    for (char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        const char *value = strstr(at, "value=");

        *end = '\0';
        lines++;
        assert_int_equal(strncmp(at, "time=", 5), 0);
        assert_non_null(value);
        value += 6;
        assert_int_equal(strlen(value), 511);
        assert_int_equal(strspn(value, (const char[]){value[0], '\0'}), 511);
    }
    assert_int_equal(lines, WRITERS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_quoted_when_it_must_be),
        cmocka_unit_test(a_value_that_is_cut_stays_one_value),
        cmocka_unit_test(a_plain_value_that_just_fits_is_not_quoted),
        cmocka_unit_test(a_line_is_time_level_event_and_pairs),
        cmocka_unit_test(lines_above_the_level_are_dropped),
        cmocka_unit_test(a_level_is_one_of_five_words),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_ended),
        cmocka_unit_test(lines_of_several_threads_do_not_mix),
    };

    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
