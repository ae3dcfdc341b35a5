/* SPDX-License-Identifier: MIT */
/*
 * main/tls_files - the files of --tls-cert, --tls-key and --tls-client-ca.
 *
 * Purpose  Read all of them, or take none: at start, and on SIGHUP.
 * Owns     Nothing.
 * Threads  main's.
 * Errors   WAY_INVALID with the option at fault, and never with what stands in a file.
 *
 * A certificate that has ended is served at start, with a warning: clients that look will refuse it
 * by themselves, the others and plain listeners go on. On SIGHUP it is refused, for what is served
 * already cannot be worse.
 */
#ifndef WAY_MAIN_TLS_FILES_H
#define WAY_MAIN_TLS_FILES_H

#include "api/http_tls.h"
#include "main/options.h"

/* Whether the options go together; opens nothing. */
WAY_MUST_CHECK enum way_status way_tls_options_check(const struct way_options *options,
                                                     struct way_error *err);
/* Reads the files and forgets them. */
WAY_MUST_CHECK enum way_status way_tls_files_check(const struct way_options *options,
                                                   struct way_error *err);
/* *out is NULL without --tls-cert; else to be freed with api_tls_free(). */
WAY_MUST_CHECK enum way_status way_tls_open(const struct way_options *options, struct api_tls **out,
                                            struct way_error *err);
/* Logs what was read; when it fails, `tls` has what it had. */
WAY_MUST_CHECK enum way_status way_tls_read_again(const struct way_options *options,
                                                  struct api_tls *tls, struct way_error *err);

#endif
