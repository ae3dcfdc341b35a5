/* SPDX-License-Identifier: MIT */
/*
 * model/override_json - an override as the API shows it and the history keeps it.
 *
 * Purpose  The one place that writes an override object.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   As the text: they stick to it.
 */
#ifndef WAY_MODEL_OVERRIDE_JSON_H
#define WAY_MODEL_OVERRIDE_JSON_H

#include "base/text.h"
#include "model/override.h"

/* Octets of any override, with NUL: a comment of control bytes that somebody wrote by hand fits. */
enum { WAY_OVERRIDE_JSON_MAX = 8192 };

void way_override_write_json(struct way_text *out, const struct way_override *row);

#endif
