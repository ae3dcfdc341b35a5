/* SPDX-License-Identifier: MIT */
#include "dns/resolv_conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Notes the file's identity; true when it is another than before. */
static bool look(struct way_resolv_conf *conf)
{
    struct stat file = {.st_size = 0};
    bool is_changed;

    if (stat(conf->path, &file) != 0) {
        file = (struct stat){.st_size = 0};
    }
    is_changed = file.st_dev != conf->device || file.st_ino != conf->inode ||
                 file.st_size != conf->bytes || file.st_mtim.tv_sec != conf->modified.tv_sec ||
                 file.st_mtim.tv_nsec != conf->modified.tv_nsec;
    conf->device = file.st_dev;
    conf->inode = file.st_ino;
    conf->bytes = file.st_size;
    conf->modified = file.st_mtim;
    return is_changed;
}

enum way_status way_resolv_conf_init(struct way_resolv_conf *conf, const char *path,
                                     uint64_t now_ms)
{
    *conf = (struct way_resolv_conf){.path = strdup(path), .looked_ms = now_ms};
    if (conf->path == NULL) {
        return WAY_NO_MEMORY;
    }
    (void)look(conf); /* there is nothing to compare with yet */
    return WAY_OK;
}

void way_resolv_conf_fini(struct way_resolv_conf *conf)
{
    free(conf->path);
    conf->path = NULL;
}

bool way_resolv_conf_is_changed(struct way_resolv_conf *conf, uint64_t now_ms)
{
    if (now_ms - conf->looked_ms < WAY_RESOLV_CONF_LOOK_MS) {
        return false;
    }
    conf->looked_ms = now_ms;
    return look(conf);
}
