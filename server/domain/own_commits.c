/* SPDX-License-Identifier: MIT */
#include "domain/own_commits.h"

#include <stdlib.h>
#include <string.h>

void way_own_entry(const struct way_change *change, struct way_index_change *entry)
{
    entry->key = change->row.lookup_key;
    entry->is_live = !change->is_delete && change->row.is_enabled;
    entry->target = change->row.target;
    entry->revision = change->revision;
}

void way_own_commits_begin(struct way_own_commits *own)
{
    way_own_commits_end(own);
    own->notes = calloc(WAY_OWN_NOTES_MAX, sizeof *own->notes); /* touched as far as used */
    own->is_cut = false;
}

void way_own_commits_end(struct way_own_commits *own)
{
    free(own->notes);
    own->notes = NULL;
    own->count = 0;
}

void way_own_commits_add(struct way_own_commits *own, const uint8_t tx[static WAY_TX_BYTES],
                         const struct way_change *changes, size_t count)
{
    own->newest = changes[count - 1].revision;
    memcpy(own->tx, tx, WAY_TX_BYTES);
    if (own->notes == NULL || count > WAY_OWN_NOTES_MAX - own->count) {
        own->is_cut = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        way_own_entry(&changes[i], &own->notes[own->count++]);
    }
}

static enum way_status put_note(struct way_index_draft *draft, const struct way_index_change *note)
{
    const struct way_live live = {
        .key = note->key, .target = note->target, .revision = note->revision};

    if (note->is_live) {
        return way_index_draft_put(draft, &live);
    }
    way_index_draft_del(draft, &note->key);
    return WAY_OK;
}

enum way_status way_own_commits_put(struct way_own_commits *own, struct way_index_draft *draft,
                                    struct way_position *position)
{
    uint64_t shown = position->revision; /* without a gap */
    bool is_behind = false;

    if (own->is_cut && own->newest > position->revision) {
        return WAY_BUSY;
    }
    for (size_t i = 0; i < own->count; i++) {
        const struct way_index_change *note = &own->notes[i];
        enum way_status status;

        if (note->revision <= position->revision) {
            continue;
        }
        status = put_note(draft, note);
        if (status != WAY_OK) {
            return status;
        }
        is_behind = true;
        shown = note->revision == shown + 1 ? shown + 1 : shown;
    }
    if (!is_behind) { /* nothing, or a server that was set back: what it shows is what there is */
        own->newest = position->revision;
        memset(own->tx, 0, WAY_TX_BYTES);
    } else if (shown == own->newest) {
        position->revision = shown;
        memcpy(position->tx, own->tx, WAY_TX_BYTES);
    }
    return WAY_OK;
}
