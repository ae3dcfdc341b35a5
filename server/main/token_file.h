/* SPDX-License-Identifier: MIT */
/*
 * main/token_file - the file of --tokens, and the secret that a command sends.
 *
 * Purpose  Read whole files of tokens, or none of them.
 * Owns     Nothing.
 * Threads  main's.
 * Errors   WAY_INVALID with what is wrong, and never with what stands in a file.
 */
#ifndef WAY_MAIN_TOKEN_FILE_H
#define WAY_MAIN_TOKEN_FILE_H

#include "base/text.h"
#include "main/options.h"
#include "model/token.h"

enum { WAY_SECRET_MAX = 256 /* bytes of a secret that a command sends, with NUL */ };

/* Gives a table, to be freed with free(). Logs a warning when others may read the file. */
WAY_MUST_CHECK enum way_status way_token_file_read(const char *path, struct way_token_table **table,
                                                   struct way_error *err);

/* The first line of a plain file, which has to fit into `size` bytes with NUL; `name`: the option
 * that says which file. */
WAY_MUST_CHECK enum way_status way_secret_file_read(const char *name, const char *path,
                                                    char *secret, size_t size,
                                                    struct way_error *err);

/* The secret that --token-file or WAYPOST_TOKEN gives a command; empty when neither does. */
WAY_MUST_CHECK enum way_status way_secret_read(const struct way_options *options,
                                               char secret[static WAY_SECRET_MAX],
                                               struct way_error *err);

/* `waypost token`: draws a secret; appends it, and the line for the file. */
WAY_MUST_CHECK enum way_status way_token_make(const char *name, const char *role,
                                              struct way_text *out, struct way_error *err);

#endif
