/* SPDX-License-Identifier: MIT */
/*
 * base/log - one line an event on stderr, as key=value pairs.
 *
 * Purpose  Lines that people read at night and programs parse:
 *          time=... level=notice event=store.up host=127.0.0.1
 * Owns     Nothing.
 * Threads  Any. A line is written by one write(2), so lines do not mix.
 * Errors   None. A line that nobody takes is dropped and counted; the count is told by
 *          event=log.dropped once somebody reads again.
 *
 * Levels   error: someone must act. warn: degraded. notice: a change of state,
 *          or of data. info: each request. debug: for developers.
 */
#ifndef WAY_BASE_LOG_H
#define WAY_BASE_LOG_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

enum way_log_level { WAY_LOG_ERROR, WAY_LOG_WARN, WAY_LOG_NOTICE, WAY_LOG_INFO, WAY_LOG_DEBUG };

enum { WAY_LOG_VALUE_MAX = 1024 }; /* bytes of one quoted value; longer ones are cut */

/* Lines above this level are dropped. Default WAY_LOG_NOTICE. Set it before threads start. */
void way_log_set_level(enum way_log_level level);
bool way_log_level_parse(const char *word, enum way_log_level *out);
bool way_log_is_on(enum way_log_level level);

/* `event` is a fixed dotted word; `format` gives the pairs ("revision=%" PRIu64 " rows=%zu").
 * Values that came from outside go through way_log_quote() first. */
void way_log(enum way_log_level level, const char *event, const char *format, ...) WAY_PRINTF(3, 4);

/* A value from outside, made safe for one log line: bare when it is plain, else in double quotes
 * with quotes, backslashes, control and non-UTF-8 bytes escaped. Returns `out`. */
const char *way_log_quote(const char *bytes, size_t len, char *out, size_t out_bytes);

#endif
