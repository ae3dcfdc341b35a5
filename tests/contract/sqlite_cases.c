/* SPDX-License-Identifier: MIT */
#include "cases.h"

int run_sqlite_cases(void)
{
    return 0;
}
