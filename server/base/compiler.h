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

#endif
