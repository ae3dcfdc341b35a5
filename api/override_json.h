/* SPDX-License-Identifier: MIT */
/*
 * api/override_json - an override as the API shows it.
 *
 * Purpose  The one place that writes an override object.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   As the text: they stick to it.
 */
#ifndef WAY_API_OVERRIDE_JSON_H
#define WAY_API_OVERRIDE_JSON_H

#include "base/text.h"
#include "model/override.h"

void api_override_write(struct way_text *out, const struct way_override *row);

#endif
