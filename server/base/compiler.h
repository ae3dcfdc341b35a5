/* SPDX-License-Identifier: MIT */
/*
 * base/compiler - the compiler's attributes under portable names.
 */
#ifndef WAY_BASE_COMPILER_H
#define WAY_BASE_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
#    define WAY_MUST_CHECK __attribute__((warn_unused_result))
#    define WAY_PRINTF(format_index, first_argument) \
        __attribute__((format(printf, format_index, first_argument)))
#    define WAY_NORETURN          __attribute__((noreturn))
#    define WAY_PREFETCH(address) __builtin_prefetch(address)
#else
#    define WAY_MUST_CHECK
#    define WAY_PRINTF(format_index, first_argument)
#    define WAY_NORETURN
#    define WAY_PREFETCH(address) ((void)(address))
#endif

#define WAY_CACHE_LINE 64 /* bytes; cells that different threads write stand this far apart */

#define WAY_COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Around code that keeps memory where gcc's analyzer loses sight of it, behind an index or an
 * offset that is computed, and so calls it leaked. A comment names who frees it. */
#if defined(__GNUC__) && !defined(__clang__)
#    define WAY_KEEPS_BEGIN _Pragma("GCC diagnostic push") WAY_IGNORE_LEAK
#    define WAY_IGNORE_LEAK _Pragma("GCC diagnostic ignored \"-Wanalyzer-malloc-leak\"")
#    define WAY_KEEPS_END   _Pragma("GCC diagnostic pop")
#else
#    define WAY_KEEPS_BEGIN
#    define WAY_KEEPS_END
#endif

#endif
