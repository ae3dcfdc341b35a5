/* SPDX-License-Identifier: MIT */
/*
 * main/descriptors - how many connections there are descriptors for.
 *
 * Purpose  Connections need descriptors, and the soft limit is often 1,024. Databases, DNS and
 *          files never go without because of them.
 * Owns     Nothing; raises the process's soft limit.
 * Threads  main's, before others start.
 * Errors   -
 */
#ifndef WAY_MAIN_DESCRIPTORS_H
#define WAY_MAIN_DESCRIPTORS_H

#include <stddef.h>

/* Returns `connections`, or as many as the hard limit allows; then one line says so. */
size_t way_descriptors_raise(size_t connections, size_t loops);

#endif
