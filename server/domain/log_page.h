/* SPDX-License-Identifier: MIT */
/*
 * domain/log_page - one page of the change log, as far as it follows what the index knows.
 *
 * Purpose  Takes the lines of one read and decides which of them may be shown: those that
 *          follow without a hole, in whole revisions, of the same history. Anything else
 *          is said to need a load.
 * Owns     Its changes.
 * Threads  One thread at a time.
 * Errors   WAY_NO_MEMORY from init.
 */
#ifndef WAY_DOMAIN_LOG_PAGE_H
#define WAY_DOMAIN_LOG_PAGE_H

#include "domain/index.h"

enum { WAY_LOG_PAGE_ROWS = 1024 /* lines of one read */ };

struct way_log_page {
    /* the caller's, constant */
    struct way_position known; /* what the index was true as of before the read */
    uint64_t own_newest;       /* of our own commits, which may be shown ahead of that */
    uint8_t own_tx[WAY_TX_BYTES];
    uint64_t from;   /* lines behind this revision are new; up to known.revision */
    uint64_t low;    /* what the log has pruned */
    uint64_t loaded; /* revision of the last load */
    /* the result */
    struct way_index_change *changes;
    size_t count;
    uint64_t newest; /* the last revision that follows without a hole; `from`: none */
    uint8_t newest_tx[WAY_TX_BYTES]; /* zeros: not known */
    bool is_cut;                     /* the page was full: there is more to read */
    bool must_reload;                /* the log does not lead on from what is known */
    /* its own */
    uint64_t *logged; /* [change]: the revision of its line */
    size_t seen;      /* lines */
};

/* All zeros: it is not. */
bool way_tx_is_known(const uint8_t tx[static WAY_TX_BYTES]);
/* Whether both are known, and differ: a revision was given out twice. */
bool way_tx_differs(const uint8_t known[static WAY_TX_BYTES],
                    const uint8_t tx[static WAY_TX_BYTES]);

/* For way_store_changes() behind `page->from`, at most WAY_LOG_PAGE_ROWS lines. */
WAY_MUST_CHECK enum way_status way_log_page_init(struct way_log_page *page, struct way_error *err);
bool way_log_page_take(void *page, const struct way_log_row *row); /* a way_log_visit_fn */
/* After the last line. */
void way_log_page_end(struct way_log_page *page);
void way_log_page_fini(struct way_log_page *page);

#endif
