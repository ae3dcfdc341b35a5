/* SPDX-License-Identifier: MIT */
/*
 * base/budget - memory that many share, with one bound on all of it.
 *
 * Purpose  What strangers can make us keep has a bound for each of them; this is the bound
 *          for all of them together.
 * Owns     Nothing but the number; the memory is the takers'.
 * Threads  Any.
 * Errors   take(): false, and nothing is taken.
 */
#ifndef WAY_BASE_BUDGET_H
#define WAY_BASE_BUDGET_H

#include "base/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct way_budget {
    size_t max; /* constant */
    _Atomic size_t used;
};

void way_budget_init(struct way_budget *budget, size_t max);
/* Give back what was taken, no more and no less. */
WAY_MUST_CHECK bool way_budget_take(struct way_budget *budget, size_t bytes);
void way_budget_give(struct way_budget *budget, size_t bytes);
size_t way_budget_used(const struct way_budget *budget);

#endif
