/* SPDX-License-Identifier: MIT */
/*
 * store/takeover - the predecessor's table becomes ours, once, and nothing of it is lost.
 *
 * Purpose  A database that the predecessor made has a table dns_overrides with lookup_key,
 *          target_host, comment, created_at, updated_at and nothing of ours. It is kept under
 *          the name dns_overrides_seed, and its rows are imported in one transaction as one
 *          revision. What cannot be served goes to dns_overrides_rejected with a reason.
 * Owns     Nothing between calls.
 * Threads  As the session it works on.
 * Errors   As store/store.h.
 *
 * Each step can be cut short anywhere and is then done by the next start: renaming is one
 * statement, and the import ends with override_state.is_seed_taken, in its own transaction. The
 * lines about rows are logged after that transaction is committed, so they are not repeated.
 */
#ifndef WAY_STORE_TAKEOVER_H
#define WAY_STORE_TAKEOVER_H

#include "store/driver.h"

WAY_MUST_CHECK enum way_status way_takeover_rename(struct way_session *session,
                                                   struct way_error *err);
/* Imports dns_overrides_seed when `has_seed`; either way the database is marked as taken over. */
WAY_MUST_CHECK enum way_status way_takeover_import(struct way_session *session, bool has_seed,
                                                   struct way_error *err);

#endif
