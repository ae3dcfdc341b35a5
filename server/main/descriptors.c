/* SPDX-License-Identifier: MIT */
#include "main/descriptors.h"

#include "api/http_linger.h"
#include "base/log.h"

#include <stdint.h>
#include <sys/resource.h>

enum { DESCRIPTORS_BESIDES = 512 /* files, DNS sockets, databases: on top of connections */ };

size_t way_descriptors_raise(size_t connections, size_t loops)
{
    struct rlimit limit;
    rlim_t besides = DESCRIPTORS_BESIDES + (rlim_t)loops * API_LINGER_MAX;
    rlim_t wanted = connections + besides;
    rlim_t have = wanted;
    size_t bound;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        have = limit.rlim_cur;
        if (have < wanted) {
            limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
            have = setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : have;
        }
    }
    if (have >= wanted) {
        return connections;
    }
    /* With very few, half for each side. */
    bound = (size_t)(have > 2 * besides ? have - besides : have / 2);
    if (bound > connections) {
        bound = connections;
    }
    way_log(
        WAY_LOG_WARN, "start.descriptors",
        "have=%ju want=%ju connections=%zu detail=\"the hard limit of descriptors is too low for "
        "--max-connections\"",
        (uintmax_t)have, (uintmax_t)wanted, bound);
    return bound;
}
