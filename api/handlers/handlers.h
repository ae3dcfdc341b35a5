/* SPDX-License-Identifier: MIT */
/*
 * api/handlers - one function an operation of openapi.yaml; api/routes.c names them.
 *
 * Purpose  Decode, call the domain, encode. No rule of the domain stands here.
 * Owns     While a handler waits: its call or lookup, let go by its abandon function.
 * Threads  As the exchange.
 * Errors   Every way ends in api_exchange_finish().
 */
#ifndef WAY_API_HANDLERS_HANDLERS_H
#define WAY_API_HANDLERS_HANDLERS_H

#include "api/exchange.h"

/* overrides.c */
void api_create_override(struct api_exchange *exchange);
void api_get_override(struct api_exchange *exchange);
void api_set_override(struct api_exchange *exchange);
void api_change_override(struct api_exchange *exchange);
void api_delete_override(struct api_exchange *exchange);

/* list.c */
void api_list_overrides(struct api_exchange *exchange);

/* changes.c */
void api_list_changes(struct api_exchange *exchange);

/* history.c */
void api_list_history(struct api_exchange *exchange);
void api_list_override_history(struct api_exchange *exchange);

/* revert.c */
void api_revert_override(struct api_exchange *exchange);

/* undo.c */
void api_revert_revision(struct api_exchange *exchange);

/* reload.c */
void api_reload(struct api_exchange *exchange);

/* lookup.c */
void api_resolve_by_path(struct api_exchange *exchange);
void api_resolve_by_query(struct api_exchange *exchange);
void api_mx_by_path(struct api_exchange *exchange);
void api_mx_by_query(struct api_exchange *exchange);

/* batch.c */
void api_resolve_batch(struct api_exchange *exchange);
void api_mx_batch(struct api_exchange *exchange);

/* service.c */
void api_get_liveness(struct api_exchange *exchange);
void api_get_readiness(struct api_exchange *exchange);
void api_get_metrics(struct api_exchange *exchange);
void api_get_contract(struct api_exchange *exchange);

#endif
