/* SPDX-License-Identifier: MIT */
/*
 * api/epoch - the name of the data, as 32 hexadecimal digits.
 *
 * Purpose  Revisions belong to an epoch; a reader that names it is told when the data was
 *          replaced.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   false: not 32 digits.
 */
#ifndef WAY_API_EPOCH_H
#define WAY_API_EPOCH_H

#include "api/request.h"
#include "base/text.h"
#include "store/store.h"

/* Lower case. */
void api_epoch_write(struct way_text *out, const uint8_t epoch[static WAY_EPOCH_BYTES]);
/* Either case. */
bool api_epoch_read(struct api_bytes text, uint8_t epoch[static WAY_EPOCH_BYTES]);

#endif
