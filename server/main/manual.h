/* SPDX-License-Identifier: MIT */
/*
 * main/manual - the manual page, waypost(8).
 *
 * Purpose  Commands and options come from the tables of main/options, so that they are written
 *          once; what surrounds them stands here.
 * Owns     Nothing.
 * Threads  main's.
 * Errors   Those of the text.
 */
#ifndef WAY_MAIN_MANUAL_H
#define WAY_MAIN_MANUAL_H

#include "base/text.h"

/* docs/waypost.8, in man(7)'s macros. */
void way_manual(struct way_text *out);

#endif
