/* SPDX-License-Identifier: MIT */
/*
 * store/store_mariadb - overrides in MariaDB (or Galera), shared by any number of instances.
 *
 * Purpose  Prepared statements only, strict mode, UTC, our own time-outs and host list.
 * Owns     Nothing that is open: sessions connect.
 * Threads  As store/store.h.
 * Errors   As store/store.h; new() fails only for want of memory.
 */
#ifndef WAY_STORE_STORE_MARIADB_H
#define WAY_STORE_STORE_MARIADB_H

#include "store/database_url.h"
#include "store/store.h"

/* Copies `url`. */
WAY_MUST_CHECK enum way_status way_store_mariadb_new(const struct way_database_url *url,
                                                     struct way_store **store,
                                                     struct way_error *err);

#endif
