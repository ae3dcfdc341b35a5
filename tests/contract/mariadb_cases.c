/* SPDX-License-Identifier: MIT */
#include "cases.h"

int run_mariadb_cases(void)
{
    return 0;
}
