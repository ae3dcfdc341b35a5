/* SPDX-License-Identifier: MIT */
/*
 * main/plain_file - a small file that an option names, read into memory.
 *
 * Purpose  One way to read what operators put beside the program: tokens, secrets, certificates.
 * Owns     Nothing.
 * Threads  main's.
 * Errors   WAY_INVALID with the option's name, and never with what stands in the file.
 */
#ifndef WAY_MAIN_PLAIN_FILE_H
#define WAY_MAIN_PLAIN_FILE_H

#include "base/status.h"

#include <stddef.h>
#include <sys/stat.h>

enum {
    WAY_PATH_SHOWN = 100,                 /* bytes of a path in a message */
    WAY_FILE_EXPOSED = S_IROTH | S_IWOTH, /* others may read or write it */
};

struct way_file_content {
    char *bytes; /* the caller's */
    size_t size; /* of `bytes`; what is longer is cut */
    size_t len;
    mode_t mode; /* of the file */
};

/* `option`: the one that says which file, without its dashes. */
WAY_MUST_CHECK enum way_status way_file_read(const char *option, const char *path,
                                             struct way_file_content *content,
                                             struct way_error *err);

#endif
