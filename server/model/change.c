/* SPDX-License-Identifier: MIT */
#include "model/change.h"

#include <stdio.h>
#include <string.h>

static bool if_match_holds(const struct way_precondition *precondition,
                           const struct way_override *current)
{
    char etag[WAY_ETAG_MAX];

    if (current == NULL) {
        return false;
    }
    if (precondition->if_match_any) {
        return true;
    }
    way_override_etag(current, etag);
    for (size_t i = 0; i < precondition->if_match_count; i++) {
        if (strcmp(precondition->if_match[i], etag) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the row may be touched at all: existence first, so that PATCH and DELETE of an absent key
 * stay 404, then the preconditions. */
static enum way_status check_presence(const struct way_wish *wish,
                                      const struct way_override *current, struct way_error *err)
{
    bool needs_row = wish->kind == WAY_WISH_PATCH || wish->kind == WAY_WISH_DELETE;

    if (needs_row && current == NULL) {
        return way_fail(err, WAY_NOT_FOUND, "", "there is no override for %s", wish->key.text);
    }
    if (wish->precondition.has_if_match && !if_match_holds(&wish->precondition, current)) {
        return way_fail(
            err, WAY_STALE, "",
            current == NULL
                ? "If-Match: there is no override for this key"
                : "If-Match: the override has changed since you read it; read it again");
    }
    if (wish->precondition.has_revision &&
        wish->precondition.revision != (current == NULL ? 0 : current->revision)) {
        return way_fail(err, WAY_STALE, "", "%s has changed since", wish->key.text);
    }
    if (wish->precondition.if_none_match_any && current != NULL) {
        return way_fail(err, WAY_STALE, "", "If-None-Match: the key has an override already");
    }
    if (wish->kind == WAY_WISH_CREATE && current != NULL) {
        return way_fail(err, WAY_EXISTS, "", "%s has an override already; PUT or PATCH changes it",
                        wish->key.text);
    }
    return WAY_OK;
}

/* The row that the wish describes, on top of `base` (for PUT and POST: the defaults). */
static enum way_status compose(const struct way_wish *wish, struct way_override *row,
                               struct way_error *err)
{
    if (wish->has_target) {
        row->target = wish->target;
    } else if (wish->kind != WAY_WISH_PATCH) {
        return way_fail(err, WAY_INVALID, "target_host", "is missing");
    }
    if (wish->has_comment) {
        memcpy(row->comment, wish->comment, sizeof row->comment);
    }
    if (wish->has_enabled) {
        row->is_enabled = wish->enabled;
    }
    return way_override_check(row, err);
}

enum way_status way_wish_judge(const struct way_wish *wish, const struct way_override *current,
                               int64_t now_us, enum way_verdict *verdict,
                               struct way_override *after, struct way_error *err)
{
    struct way_override row = {.is_enabled = true};
    enum way_status status = check_presence(wish, current, err);

    if (status != WAY_OK) {
        return status;
    }
    if (wish->kind == WAY_WISH_DELETE) {
        *after = *current;
        *verdict = WAY_VERDICT_DELETED;
        return WAY_OK;
    }
    if (wish->kind == WAY_WISH_PATCH) {
        row = *current;
    }
    row.lookup_key = wish->key;
    status = compose(wish, &row, err);
    if (status != WAY_OK) {
        return status;
    }
    if (current != NULL && way_override_same(&row, current)) {
        *after = *current;
        *verdict = WAY_VERDICT_NONE;
        return WAY_OK;
    }
    row.created_at_us = current == NULL ? now_us : current->created_at_us;
    row.updated_at_us = now_us;
    memcpy(row.created_by, current == NULL ? wish->actor : current->created_by,
           sizeof row.created_by);
    memcpy(row.updated_by, wish->actor, sizeof row.updated_by);
    *after = row;
    *verdict = current == NULL ? WAY_VERDICT_CREATED : WAY_VERDICT_CHANGED;
    return WAY_OK;
}
