/* SPDX-License-Identifier: MIT */
/*
 * base/status - how a call ended, and why.
 *
 * Purpose  One closed list of outcomes for every module, so that each door
 *          (HTTP, metrics, exit codes) can map it completely.
 * Owns     Nothing. struct way_error is a plain value.
 * Threads  Pure functions; call from anywhere.
 * Errors   -
 */
#ifndef WAY_BASE_STATUS_H
#define WAY_BASE_STATUS_H

#include "base/compiler.h"

enum way_status {
    WAY_OK = 0,
    WAY_MALFORMED,   /* the input does not parse */
    WAY_INVALID,     /* it parses and breaks a rule; see way_error.field */
    WAY_NOT_FOUND,   /* no such thing */
    WAY_EXISTS,      /* create refused: the key is already taken */
    WAY_STALE,       /* a precondition failed: somebody changed it before you */
    WAY_GONE,        /* it was there once, and is not kept any more */
    WAY_TOO_LARGE,   /* a named limit would be exceeded */
    WAY_BUSY,        /* a bounded queue is full: try again */
    WAY_BEHIND,      /* this copy of the data is older than was asked for: try again */
    WAY_UNAVAILABLE, /* a dependency did not answer; nothing was changed */
    WAY_UNSETTLED,   /* a commit was sent and its answer never came */
    WAY_TIMEOUT,     /* our own deadline passed */
    WAY_NO_MEMORY,
    WAY_INTERNAL, /* a bug on our side; logged where it is born */
    WAY_STATUS_COUNT
};

enum {
    WAY_ERROR_FIELD_MAX = 48,   /* bytes of the name of a field at fault, with NUL */
    WAY_ERROR_DETAIL_MAX = 256, /* bytes of what is wrong with it, with NUL */
};

/* Written only on failure. `field` is empty when no single field is at fault. */
struct way_error {
    enum way_status status;
    char field[WAY_ERROR_FIELD_MAX];
    char detail[WAY_ERROR_DETAIL_MAX];
};

/* Fills *err (may be NULL) and returns `status`, so that a failing path is one line. */
enum way_status way_fail(struct way_error *err, enum way_status status, const char *field,
                         const char *format, ...) WAY_PRINTF(4, 5);

/* A stable lower-case word for logs and metric labels, "ok" for WAY_OK. */
const char *way_status_name(enum way_status status);

/* For our own mistakes only, never for input: logs the place and aborts. Stays on in release. */
#define WAY_ASSERT(condition) \
    ((condition) ? (void)0 : way_assert_failed(#condition, __FILE__, __LINE__))
WAY_NORETURN void way_assert_failed(const char *condition, const char *file, int line);

#endif
