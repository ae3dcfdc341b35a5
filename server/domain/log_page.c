/* SPDX-License-Identifier: MIT */
#include "domain/log_page.h"

#include <stdlib.h>
#include <string.h>

bool way_tx_is_known(const uint8_t tx[static WAY_TX_BYTES])
{
    static const uint8_t none[WAY_TX_BYTES];

    return memcmp(tx, none, sizeof none) != 0;
}

bool way_tx_differs(const uint8_t known[static WAY_TX_BYTES], const uint8_t tx[static WAY_TX_BYTES])
{
    return way_tx_is_known(known) && way_tx_is_known(tx) && memcmp(known, tx, WAY_TX_BYTES) != 0;
}

enum way_status way_log_page_init(struct way_log_page *page, struct way_error *err)
{
    page->changes = calloc(WAY_LOG_PAGE_ROWS, sizeof *page->changes);
    page->logged = calloc(WAY_LOG_PAGE_ROWS, sizeof *page->logged);
    page->newest = page->from;
    if (page->changes == NULL || page->logged == NULL) {
        way_log_page_fini(page);
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to read the change log");
    }
    return WAY_OK;
}

void way_log_page_fini(struct way_log_page *page)
{
    free(page->changes);
    free(page->logged);
    page->changes = NULL;
    page->logged = NULL;
}

static void note_change(struct way_log_page *page, const struct way_log_row *row)
{
    struct way_index_change *change = &page->changes[page->count];

    page->logged[page->count++] = row->revision;
    change->key = row->key;
    change->is_live = row->is_live;
    change->target = row->live.target;
    /* The row as it is now may be newer than this line of the log. */
    change->revision = row->is_live ? row->live.revision : row->revision;
}

/* False: the page ends before this line. */
static bool follow(struct way_log_page *page, const struct way_log_row *row)
{
    if ((row->revision == page->known.revision && way_tx_differs(page->known.tx, row->tx)) ||
        (row->revision == page->own_newest && way_tx_differs(page->own_tx, row->tx))) {
        page->must_reload = true;
        return false;
    }
    if (row->revision <= page->from) {
        return true;
    }
    if (row->revision != page->newest && row->revision != page->newest + 1) {
        return false; /* a hole */
    }
    if (row->op == WAY_OP_RELOAD && row->revision > page->loaded) {
        page->must_reload = true;
        return false;
    }
    page->newest = row->revision;
    memcpy(page->newest_tx, row->tx, WAY_TX_BYTES);
    if (row->op != WAY_OP_RELOAD) { /* else what it wants has happened */
        note_change(page, row);
    }
    return true;
}

bool way_log_page_take(void *owner, const struct way_log_row *row)
{
    struct way_log_page *page = owner;

    /* The first line is that of the revision we stand at, if the log has it. */
    if (page->seen++ == 0 && row->revision > page->from && page->from > page->low &&
        page->from == page->known.revision && way_tx_is_known(page->known.tx)) {
        return false; /* the hole is where we stand */
    }
    return follow(page, row);
}

/* The last revision of a full page may be cut: it is left to the next page. */
void way_log_page_end(struct way_log_page *page)
{
    uint64_t last = page->newest;

    if (page->seen < WAY_LOG_PAGE_ROWS || page->must_reload) {
        return;
    }
    while (page->count > 0 && page->logged[page->count - 1] >= last) {
        page->count--;
    }
    page->is_cut = true;
    if (last > page->from + 1) {
        page->newest = last - 1;
    } else if (last <= page->loaded) {
        page->newest = last; /* all of it was loaded */
    } else {
        page->newest = page->from;
        page->must_reload = true; /* one revision that fills a page and more */
    }
    memset(page->newest_tx, 0, sizeof page->newest_tx); /* the next page tells */
}
