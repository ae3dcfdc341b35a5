/* SPDX-License-Identifier: MIT */
/*
 * dns/resolv_conf - has the system's list of DNS servers changed?
 *
 * Purpose  Notice a new resolv.conf (DHCP, VPN) without asking the system each time.
 * Owns     Its copy of the path.
 * Threads  One thread at a time.
 * Errors   init(): WAY_NO_MEMORY.
 */
#ifndef WAY_DNS_RESOLV_CONF_H
#define WAY_DNS_RESOLV_CONF_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { WAY_RESOLV_CONF_LOOK_MS = 5000 }; /* the file is looked at no more often */

struct way_resolv_conf {
    char *path; /* owned */
    uint64_t looked_ms;
    /* of the file when it was looked at last; all 0 when there was none */
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec modified;
};

/* Takes a first look: changes are told from here on. */
WAY_MUST_CHECK enum way_status way_resolv_conf_init(struct way_resolv_conf *conf, const char *path,
                                                    uint64_t now_ms);
void way_resolv_conf_fini(struct way_resolv_conf *conf);
/* True once for each change. To be called before the file is read, so that none is missed. */
bool way_resolv_conf_is_changed(struct way_resolv_conf *conf, uint64_t now_ms);

#endif
