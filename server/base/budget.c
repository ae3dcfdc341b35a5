/* SPDX-License-Identifier: MIT */
#include "base/budget.h"

#include "base/status.h"

void way_budget_init(struct way_budget *budget, size_t max)
{
    budget->max = max;
    atomic_init(&budget->used, 0);
}

bool way_budget_take(struct way_budget *budget, size_t bytes)
{
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

    do {
        if (bytes > budget->max - used) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void way_budget_give(struct way_budget *budget, size_t bytes)
{
    size_t used = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);

    WAY_ASSERT(used >= bytes);
}

size_t way_budget_used(const struct way_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}
