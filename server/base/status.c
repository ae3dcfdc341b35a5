/* SPDX-License-Identifier: MIT */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
    [WAY_OK] = "ok",
    [WAY_MALFORMED] = "malformed",
    [WAY_INVALID] = "invalid",
    [WAY_NOT_FOUND] = "not_found",
    [WAY_EXISTS] = "exists",
    [WAY_STALE] = "stale",
    [WAY_GONE] = "gone",
    [WAY_TOO_LARGE] = "too_large",
    [WAY_BUSY] = "busy",
    [WAY_BEHIND] = "behind",
    [WAY_UNAVAILABLE] = "unavailable",
    [WAY_UNSETTLED] = "unsettled",
    [WAY_TIMEOUT] = "timeout",
    [WAY_NO_MEMORY] = "no_memory",
    [WAY_INTERNAL] = "internal",
};
_Static_assert(WAY_COUNT_OF(names) == WAY_STATUS_COUNT, "give every way_status a name");

enum way_status way_fail(struct way_error *err, enum way_status status, const char *field,
                         const char *format, ...)
{
    va_list arguments;

    if (err == NULL) {
        return status;
    }
    err->status = status;
    (void)snprintf(err->field, sizeof err->field, "%s", field); /* cut on purpose */
    va_start(arguments, format);
    /* Cut on purpose. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): 14 overlooks va_start */
    (void)vsnprintf(err->detail, sizeof err->detail, format, arguments);
    va_end(arguments);
    return status;
}

const char *way_status_name(enum way_status status)
{
    return (unsigned)status < WAY_STATUS_COUNT ? names[status] : "unknown";
}

void way_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "level=error event=assert.failed condition=\"%s\" file=%s line=%d\n",
                  condition, file, line);
    abort();
}
