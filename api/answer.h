/* SPDX-License-Identifier: MIT */
/*
 * api/answer - how a lookup's answer looks on the wire.
 *
 * Purpose  JSON for programs, lines for shells and Exim (design section 2).
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   As the text: they stick to it.
 */
#ifndef WAY_API_ANSWER_H
#define WAY_API_ANSWER_H

#include "base/text.h"
#include "domain/lookup.h"

/* Only for an answer whose outcome is WAY_LOOKUP_ANSWERED. */
void api_answer_json(struct way_text *out, const struct way_key *key,
                     const struct way_answer *answer);
void api_answer_text(struct way_text *out, const struct way_key *key,
                     const struct way_answer *answer);

#endif
