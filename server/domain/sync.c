/* SPDX-License-Identifier: MIT */
/*
 * How  Two parties change the index: this thread, with what a poll returned, and the
 *      writer's thread, with what it has just committed. A poll that was taken before
 *      such a commit could bring back what the commit deleted. So both work under
 *      the lock, and a poll's rows are thrown away, to be read again, when they are
 *      older than our own newest commit.
 */
#include "domain/sync.h"

#include "base/clock.h"
#include "base/condition.h"
#include "base/log.h"
#include "domain/log_page.h"
#include "domain/own_commits.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct way_sync {
    struct way_store *store;     /* borrowed */
    struct way_index *index;     /* borrowed */
    struct way_waiters *waiters; /* borrowed; NULL: none */
    const char *snapshot;        /* borrowed; NULL: none */
    uint64_t snapshot_max_age_ms;
    uint64_t calm_ms; /* between two polls while all is well */
    pthread_t thread;
    atomic_bool has_data;
    /* When the content was last known to be true: monotonic time, less the age that a snapshot file
     * had when it was read. */
    _Atomic uint64_t touched_ms;
    _Atomic uint64_t age_before_ms;
    struct way_condition condition;
    /* guarded by it */
    bool is_stopping;
    bool is_woken; /* rest() ends at once */
    bool must_reload;
    struct way_health health;
    uint64_t rejected;
    struct way_own_commits own;
    struct way_position position; /* what the index is true as of */
    uint64_t tail;                /* how far the log was read since the load; up to the position */
    /* sync's thread only */
    struct way_session *session;
    bool has_more;                 /* the last page of changes was full */
    struct way_position confirmed; /* where the database has shown us to be, at the last poll */
    uint64_t hole_since_ms;        /* 0: none */
    uint64_t looked_ms;            /* when the server was last asked whether it takes writes */
    uint64_t read_only_since_ms;   /* 0: it does */
    uint64_t behind_since_ms;      /* the database shows less than we know; 0: it does not */
    uint64_t loaded;               /* revision of the last load */
    uint64_t checked;              /* the log below is known to have a hole that does not fill */
    bool was_down;                 /* to log changes of state only */
    bool has_tried_snapshot;
};

/* Waits until the time is over or somebody wakes us. Returns false when we are to stop. */
static bool rest(struct way_sync *sync, uint64_t ms)
{
    uint64_t until_ms = way_clock_mono_ms() + ms;
    bool goes_on;

    way_condition_lock(&sync->condition);
    while (!sync->is_stopping && !sync->is_woken &&
           way_condition_wait(&sync->condition, until_ms)) {
    }
    sync->is_woken = false;
    goes_on = !sync->is_stopping;
    way_condition_unlock(&sync->condition);
    return goes_on;
}

/* Under the lock, after every change of the index, so that announcements keep its order. */
static void tell_waiters(struct way_sync *sync, bool is_replaced)
{
    if (sync->waiters == NULL) {
        return;
    }
    if (is_replaced) {
        way_waiters_wake_all(sync->waiters);
    }
    way_waiters_announce(sync->waiters, way_index_revision(sync->index));
}

static void note_down(struct way_sync *sync, const struct way_error *err)
{
    char detail[WAY_ERROR_DETAIL_MAX * 2];

    way_session_close(sync->session);
    sync->session = NULL;
    way_condition_lock(&sync->condition);
    way_health_note_down(&sync->health, err->detail);
    way_condition_unlock(&sync->condition);
    if (!sync->was_down) {
        way_log(WAY_LOG_ERROR, "store.down", "store=%s serving=%s detail=%s",
                way_store_name(sync->store), way_sync_has_data(sync) ? "memory" : "nothing",
                way_log_quote(err->detail, strlen(err->detail), detail, sizeof detail));
    }
    sync->was_down = true;
}

static void note_up(struct way_sync *sync)
{
    way_condition_lock(&sync->condition);
    way_health_note_up(&sync->health);
    atomic_store(&sync->touched_ms, way_clock_mono_ms());
    atomic_store(&sync->age_before_ms, 0);
    way_condition_unlock(&sync->condition);
    if (sync->was_down) {
        way_log(WAY_LOG_NOTICE, "store.up", "store=%s revision=%" PRIu64,
                way_store_name(sync->store), way_index_revision(sync->index));
    }
    sync->was_down = false;
}

static enum way_status prepare(struct way_sync *sync, struct way_error *err)
{
    struct way_store_report report = {0};
    char reason[WAY_ERROR_DETAIL_MAX * 2];
    enum way_status status = way_store_prepare(sync->session, &report, err);

    if (status != WAY_OK) {
        return status;
    }
    way_condition_lock(&sync->condition);
    way_health_note_schema(&sync->health, &report);
    sync->rejected = report.rejected;
    way_condition_unlock(&sync->condition);
    if (report.is_read_only) {
        way_log(WAY_LOG_ERROR, "store.read_only", "store=%s reason=%s", way_store_name(sync->store),
                way_log_quote(report.reason, strlen(report.reason), reason, sizeof reason));
    }
    return WAY_OK;
}

/* A load in progress. The store is not told why its visitor has had enough, so we must know. */
struct loading {
    struct way_index_draft *draft;
    enum way_status status;
};

static bool put_into_draft(void *owner, const struct way_live *live)
{
    struct loading *loading = owner;

    loading->status = way_index_draft_put(loading->draft, live);
    return loading->status == WAY_OK;
}

/* Fills the draft, whole or not at all. */
static enum way_status fill_draft(struct way_sync *sync, struct way_index_draft *draft,
                                  struct way_position *position, struct way_error *err)
{
    struct loading loading = {.draft = draft, .status = WAY_OK};
    enum way_status status = way_store_load(sync->session, put_into_draft, &loading, position, err);

    if (status == WAY_OK && loading.status != WAY_OK) {
        status = way_fail(err, loading.status, "", "no memory for all overrides");
    }
    return status;
}

/* A snapshot may, in theory, show a commit and not the one before it, as a poll has been seen to
 * do: so the end of the log is read once more on top of a load. Applying a change twice is
 * harmless. */
static uint64_t tail_of_load(const struct way_sync *sync, const struct way_position *position)
{
    uint64_t tail = position->revision > WAY_SYNC_AGAIN ? position->revision - WAY_SYNC_AGAIN : 0;

    tail = tail < position->low ? position->low : tail;
    tail = tail < sync->checked ? sync->checked : tail;
    return tail < position->revision ? tail : position->revision;
}

/* Makes the draft the index's content, with what we have committed meanwhile. *old is what the
 * caller must free: it may be large, and the lock is one that lookups take. */
static enum way_status show_load(struct way_sync *sync, struct way_index_draft *draft,
                                 const struct way_position *position, struct way_index_draft **old)
{
    struct way_position shown = *position;
    enum way_status status;

    way_condition_lock(&sync->condition);
    status = way_own_commits_put(&sync->own, draft, &shown);
    if (status == WAY_OK) {
        sync->position = shown;
        sync->tail = tail_of_load(sync, position);
        sync->confirmed = *position;
        way_health_note_up(&sync->health); /* whoever sees the data must see that it is fresh */
        atomic_store(&sync->touched_ms, way_clock_mono_ms());
        atomic_store(&sync->age_before_ms, 0);
        *old = way_index_replace(sync->index, draft, shown.revision);
        atomic_store(&sync->has_data, true); /* before somebody is woken to look */
        tell_waiters(sync, true);
    }
    way_condition_unlock(&sync->condition);
    return status;
}

/* The wish to load stands until one is shown. */
static void end_load(struct way_sync *sync, enum way_status status)
{
    way_condition_lock(&sync->condition);
    way_own_commits_end(&sync->own);
    sync->must_reload = sync->must_reload || status != WAY_OK;
    way_condition_unlock(&sync->condition);
}

static enum way_status load(struct way_sync *sync, struct way_error *err)
{
    struct way_index_draft *draft = way_index_draft_new(sync->index);
    struct way_index_draft *old = NULL;
    struct way_position position = {0};
    uint64_t started = way_clock_mono_ms();
    enum way_status status;

    if (draft == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for the overrides");
    }
    way_condition_lock(&sync->condition);
    sync->must_reload = false; /* a wish to reload that comes from now on is a new one */
    way_own_commits_begin(&sync->own);
    way_condition_unlock(&sync->condition);
    way_session_catch_up(sync->session);
    status = fill_draft(sync, draft, &position, err);
    if (status == WAY_OK) {
        status = show_load(sync, draft, &position, &old);
        if (status != WAY_OK) {
            (void)way_fail(err, status, "", "our own commits overtook the load");
        }
    }
    end_load(sync, status);
    if (status != WAY_OK) {
        way_index_draft_free(draft);
        return status;
    }
    way_index_draft_free(old);
    sync->hole_since_ms = 0;
    sync->behind_since_ms = 0;
    sync->loaded = position.revision;
    way_log(WAY_LOG_NOTICE, "sync.loaded", "overrides=%" PRIu64 " revision=%" PRIu64 " ms=%" PRIu64,
            way_index_count(sync->index), position.revision, way_clock_mono_ms() - started);
    return WAY_OK;
}

/* Shows the index what was gathered, unless one of our own commits has overtaken the poll. */
static enum way_status apply_page(struct way_sync *sync, const struct way_log_page *page,
                                  uint64_t polled_revision)
{
    enum way_status status = WAY_OK;

    way_condition_lock(&sync->condition);
    if (polled_revision < sync->own.newest) {
        sync->has_more = true; /* at once: who writes all the time must see others, too */
    } else if (page->newest > page->from) {
        status = way_index_apply(sync->index, page->changes, page->count, page->newest);
        if (status == WAY_OK) {
            sync->tail = page->newest;
            if (page->newest > sync->position.revision) {
                sync->position.revision = page->newest;
                memcpy(sync->position.tx, page->newest_tx, WAY_TX_BYTES);
                /* Else the page began behind the line that would have told. */
                sync->confirmed =
                    page->from <= page->known.revision ? sync->position : sync->confirmed;
            }
            tell_waiters(sync, false);
        }
    }
    way_condition_unlock(&sync->condition);
    return status;
}

/* Whether a state of affairs that is normal for a moment has lasted too long. */
static bool is_lasting(uint64_t *since_ms, bool is_so, uint64_t max_ms)
{
    uint64_t now = way_clock_mono_ms();

    if (!is_so) {
        *since_ms = 0;
        return false;
    }
    if (*since_ms == 0) {
        *since_ms = now;
    }
    return now - *since_ms > max_ms;
}

/* A hole that stays means that the log is not what we think. */
static bool is_hole_lasting(struct way_sync *sync, const struct way_log_page *page,
                            uint64_t polled_revision)
{
    bool has_hole = !page->is_cut && page->newest < polled_revision;

    if (page->newest > page->from) {
        sync->hole_since_ms = 0; /* there is progress */
    }
    if (!is_lasting(&sync->hole_since_ms, has_hole, WAY_SYNC_HOLE_MAX_MS)) {
        return false;
    }
    sync->checked = polled_revision;
    return true;
}

/* What we hold the database to, as of before a poll. */
struct knowledge {
    struct way_position position;
    /* Our own commits may stand ahead of the position, which waits for what others did before. */
    uint64_t own_newest;
    uint8_t own_tx[WAY_TX_BYTES];
};

static uint64_t newest_of(const struct knowledge *known)
{
    return known->own_newest > known->position.revision ? known->own_newest
                                                        : known->position.revision;
}

static enum way_status read_changes(struct way_sync *sync, const struct knowledge *known,
                                    uint64_t from, const struct way_position *polled,
                                    bool *must_load, struct way_error *err)
{
    struct way_log_page page = {.known = known->position,
                                .own_newest = known->own_newest,
                                .from = from,
                                .low = polled->low,
                                .loaded = sync->loaded};
    enum way_status status = way_log_page_init(&page, err);

    memcpy(page.own_tx, known->own_tx, WAY_TX_BYTES);
    if (status != WAY_OK) {
        return status;
    }
    status =
        way_store_changes(sync->session, from, WAY_LOG_PAGE_ROWS, way_log_page_take, &page, err);
    if (status == WAY_OK) {
        way_log_page_end(&page);
        sync->has_more = page.is_cut;
        if (!page.must_reload) {
            status = apply_page(sync, &page, polled->revision);
        }
        *must_load = page.must_reload || is_hole_lasting(sync, &page, polled->revision);
    }
    way_log_page_fini(&page);
    return status;
}

/* The database shows less than we know. A node of a cluster will catch up; a server alone was set
 * back, and what it shows is what there is. */
static bool is_set_back(struct way_sync *sync, const struct knowledge *known,
                        const struct way_position *polled)
{
    bool is_behind = polled->revision < newest_of(known);
    bool may_lag = way_session_may_lag(sync->session);
    bool is_behind_for_long =
        is_lasting(&sync->behind_since_ms, is_behind && may_lag, WAY_SYNC_LAG_MAX_MS);

    if (is_behind && may_lag) {
        way_session_catch_up(sync->session);
    }
    return is_behind && (is_behind_for_long || !may_lag);
}

/* Whether the log cannot lead from what we know to what the database holds. */
static bool is_other_data(struct way_sync *sync, const struct knowledge *known,
                          const struct way_position *polled)
{
    const struct way_position *position = &known->position;

    return memcmp(polled->epoch, position->epoch, sizeof polled->epoch) != 0 ||
           polled->low > position->revision || is_set_back(sync, known, polled) ||
           (polled->revision == position->revision && way_tx_differs(position->tx, polled->tx));
}

static bool take_place(void *owner, const struct way_log_row *row)
{
    struct way_position *place = owner;

    place->revision = row->revision;
    memcpy(place->tx, row->tx, WAY_TX_BYTES);
    return false;
}

/* Our own commits move the position without a look at the log. A server may have been set back
 * before them, and they have taken revisions that we knew already: so the line at which a poll saw
 * us last must still be there. */
static enum way_status check_confirmed(struct way_sync *sync, const struct way_position *position,
                                       bool *must_load, struct way_error *err)
{
    struct way_position found = {0};
    enum way_status status;

    if (position->revision == sync->confirmed.revision || !way_store_is_shared(sync->store)) {
        return WAY_OK;
    }
    status = way_store_changes(sync->session, sync->confirmed.revision, 1, take_place, &found, err);
    if (status == WAY_OK) {
        *must_load = found.revision == sync->confirmed.revision &&
                     way_tx_differs(sync->confirmed.tx, found.tx);
        sync->confirmed = *position;
    }
    return status;
}

/* A replica that has not heard of all we know is no source, whatever epoch it has heard of: what it
 * lacks was acknowledged, and may come back with the server it copies from. When it takes writes
 * one day, it is what there is. */
static enum way_status check_replica(struct way_sync *sync, const struct knowledge *known,
                                     const struct way_position *polled, struct way_error *err)
{
    if (!way_session_is_read_only(sync->session) || polled->revision >= newest_of(known)) {
        return WAY_OK;
    }
    return way_fail(err, WAY_UNAVAILABLE, "",
                    "%.100s: read-only, and behind: at revision %" PRIu64 ", known is %" PRIu64,
                    way_session_place(sync->session), polled->revision, newest_of(known));
}

/* One look at the database: has anything changed since? */
static enum way_status poll_once(struct way_sync *sync, struct way_error *err)
{
    struct way_position polled = {0};
    struct knowledge known;
    uint64_t tail;
    bool must_load;
    enum way_status status;

    /* Before the poll: our own commits go on meanwhile, and it need not show those. */
    way_condition_lock(&sync->condition);
    known.position = sync->position;
    known.own_newest = sync->own.newest;
    memcpy(known.own_tx, sync->own.tx, WAY_TX_BYTES);
    way_condition_unlock(&sync->condition);
    status = way_store_poll(sync->session, &polled, err);
    if (status == WAY_OK) {
        status = check_replica(sync, &known, &polled, err);
    }
    if (status != WAY_OK) {
        return status;
    }
    way_condition_lock(&sync->condition);
    must_load = sync->must_reload || !way_sync_has_data(sync);
    tail = sync->tail;
    way_condition_unlock(&sync->condition);
    sync->has_more = false;
    must_load = must_load || is_other_data(sync, &known, &polled);
    if (polled.revision == tail) {
        sync->hole_since_ms = 0;
    }
    if (!must_load) {
        status = check_confirmed(sync, &known.position, &must_load, err);
    }
    /* A node that lags has rows that are older than ours. */
    if (status == WAY_OK && !must_load && polled.revision > tail &&
        polled.revision >= newest_of(&known)) {
        status = read_changes(sync, &known, tail, &polled, &must_load, err);
    }
    return status == WAY_OK && must_load ? load(sync, err) : status;
}

/* Now and then: does the server take writes? One that does not may have been replaced by another,
 * which is then among the hosts: a new session finds it. */
static enum way_status look_round(struct way_sync *sync, struct way_error *err)
{
    uint64_t now = way_clock_mono_ms();
    enum way_status status;

    if (now - sync->looked_ms < WAY_SYNC_CHECK_MS) {
        return WAY_OK;
    }
    sync->looked_ms = now;
    status = way_session_look_round(sync->session, err);
    if (status != WAY_OK) {
        return status;
    }
    way_condition_lock(&sync->condition);
    way_health_note_server(&sync->health, way_session_is_read_only(sync->session),
                           way_session_place(sync->session));
    way_condition_unlock(&sync->condition);
    if (is_lasting(&sync->read_only_since_ms, way_session_is_read_only(sync->session),
                   WAY_SYNC_BACKOFF_MAX_MS)) {
        sync->read_only_since_ms = 0;
        sync->looked_ms = 0;
        way_session_close(sync->session);
        sync->session = NULL;
    }
    return WAY_OK;
}

static enum way_status connect_and_poll(struct way_sync *sync, struct way_error *err)
{
    enum way_status status;

    if (sync->session == NULL) {
        status = way_session_open(sync->store, &sync->session, err);
        if (status != WAY_OK) {
            return status;
        }
    }
    if (!sync->health.is_prepared) { /* only this thread sets it */
        status = prepare(sync, err);
        if (status != WAY_OK) {
            return status;
        }
    }
    status = poll_once(sync, err);
    return status == WAY_OK ? look_round(sync, err) : status;
}

/* A server may close a connection for its own reasons: one that has worked before deserves another
 * before the database counts as away. */
static enum way_status look(struct way_sync *sync, struct way_error *err)
{
    bool had_session = sync->session != NULL;
    enum way_status status = connect_and_poll(sync, err);

    if (status != WAY_UNAVAILABLE || !had_session || sync->was_down) {
        return status;
    }
    way_session_close(sync->session);
    sync->session = NULL;
    return connect_and_poll(sync, err);
}

/* How old the content of a file is; a clock that was set back makes it new, not negative. */
static uint64_t age_of(const struct way_snapshot_info *info)
{
    int64_t age_us = way_clock_wall_us() - info->true_at_us;

    return age_us < 0 ? 0 : (uint64_t)age_us / 1000;
}

static void serve_snapshot(struct way_sync *sync, struct way_index_draft *draft,
                           const struct way_snapshot_info *info)
{
    way_condition_lock(&sync->condition);
    sync->position = info->position;
    sync->confirmed = info->position;
    sync->tail = info->position.revision;
    /* Its rows may be newer than its position, and lost since. It bridges an outage, no more. */
    sync->must_reload = true;
    draft = way_index_replace(sync->index, draft, info->position.revision);
    atomic_store(&sync->touched_ms, way_clock_mono_ms());
    atomic_store(&sync->age_before_ms, age_of(info));
    atomic_store(&sync->has_data, true);
    tell_waiters(sync, true);
    way_condition_unlock(&sync->condition);
    way_index_draft_free(draft);
    way_log(WAY_LOG_WARN, "sync.snapshot",
            "serving=file overrides=%" PRIu64 " revision=%" PRIu64 " age_seconds=%" PRIu64,
            info->count, info->position.revision, age_of(info) / 1000);
}

/* The database is away and we have nothing yet: once, start from the file. */
static void try_snapshot(struct way_sync *sync)
{
    struct way_index_draft *draft;
    struct way_snapshot_info info;
    struct way_error err = {0};
    char detail[WAY_LOG_VALUE_MAX];

    if (sync->snapshot == NULL || sync->has_tried_snapshot || way_sync_has_data(sync)) {
        return;
    }
    sync->has_tried_snapshot = true;
    draft = way_index_draft_new(sync->index);
    if (draft == NULL) {
        (void)way_fail(&err, WAY_NO_MEMORY, "", "no memory for the snapshot");
    } else if (way_snapshot_load(sync->snapshot, draft, &info, &err) == WAY_OK) {
        if (sync->snapshot_max_age_ms > 0 && age_of(&info) <= sync->snapshot_max_age_ms) {
            serve_snapshot(sync, draft, &info);
            return;
        }
        (void)way_fail(&err, WAY_STALE, "", "the snapshot is %" PRIu64 " s old, too old to serve",
                       age_of(&info) / 1000);
    }
    way_index_draft_free(draft);
    way_log(WAY_LOG_WARN, "sync.snapshot", "serving=nothing detail=%s",
            way_log_quote(err.detail, strlen(err.detail), detail, sizeof detail));
}

static void *run(void *argument)
{
    struct way_sync *sync = argument;
    uint64_t backoff_ms = WAY_SYNC_BACKOFF_MIN_MS;
    uint64_t wait_ms;

    do {
        struct way_error err = {0};
        enum way_status status = look(sync, &err);

        if (status == WAY_OK) {
            note_up(sync);
            backoff_ms = WAY_SYNC_BACKOFF_MIN_MS;
            wait_ms = sync->has_more ? 0 : sync->calm_ms;
        } else if (status == WAY_BUSY) {
            wait_ms = WAY_SYNC_BACKOFF_MIN_MS; /* somebody else is at it; nothing is wrong */
        } else {
            note_down(sync, &err);
            try_snapshot(sync);
            wait_ms = backoff_ms;
            backoff_ms =
                backoff_ms * 2 < WAY_SYNC_BACKOFF_MAX_MS ? backoff_ms * 2 : WAY_SYNC_BACKOFF_MAX_MS;
        }
    } while (rest(sync, wait_ms));
    way_session_close(sync->session);
    return NULL;
}

struct way_sync *way_sync_start(const struct way_sync_options *options)
{
    struct way_sync *sync = calloc(1, sizeof *sync);

    if (sync == NULL) {
        return NULL;
    }
    sync->store = options->store;
    sync->index = options->index;
    sync->waiters = options->waiters;
    sync->snapshot = options->snapshot;
    sync->snapshot_max_age_ms = options->snapshot_max_age_ms;
    sync->calm_ms = options->poll_ms == 0 ? WAY_SYNC_POLL_MS : options->poll_ms;
    if (!way_store_is_shared(options->store)) {
        sync->calm_ms = WAY_SYNC_CHECK_MS;
    }
    way_health_init(&sync->health);
    atomic_store(&sync->touched_ms, way_clock_mono_ms());
    if (way_condition_init(&sync->condition) != WAY_OK) {
        free(sync);
        return NULL;
    }
    if (pthread_create(&sync->thread, NULL, run, sync) != 0) {
        way_condition_fini(&sync->condition);
        free(sync);
        return NULL;
    }
    (void)pthread_setname_np(sync->thread, "sync");
    return sync;
}

static void set_and_wake(struct way_sync *sync, bool *flag)
{
    way_condition_lock(&sync->condition);
    *flag = true;
    sync->is_woken = true;
    way_condition_signal(&sync->condition);
    way_condition_unlock(&sync->condition);
}

void way_sync_stop(struct way_sync *sync)
{
    if (sync == NULL) {
        return;
    }
    set_and_wake(sync, &sync->is_stopping);
    (void)pthread_join(sync->thread, NULL);
    way_condition_fini(&sync->condition);
    free(sync);
}

void way_sync_reload(struct way_sync *sync)
{
    set_and_wake(sync, &sync->must_reload);
}

uint64_t way_sync_age_ms(const struct way_sync *sync, uint64_t now_ms)
{
    uint64_t touched_ms = atomic_load_explicit(&sync->touched_ms, memory_order_relaxed);

    return (now_ms > touched_ms ? now_ms - touched_ms : 0) +
           atomic_load_explicit(&sync->age_before_ms, memory_order_relaxed);
}

bool way_sync_snapshot_info(struct way_sync *sync, struct way_snapshot_info *info)
{
    bool is_confirmed;

    way_condition_lock(&sync->condition);
    is_confirmed = way_sync_has_data(sync) && !sync->health.is_down && !sync->must_reload &&
                   way_sync_age_ms(sync, way_clock_mono_ms()) < WAY_SYNC_STALE_MS;
    *info = (struct way_snapshot_info){
        .position = sync->position,
        .true_at_us =
            way_clock_wall_us() - (int64_t)way_sync_age_ms(sync, way_clock_mono_ms()) * 1000,
        .count = way_index_count(sync->index),
    };
    way_condition_unlock(&sync->condition);
    return is_confirmed;
}

bool way_sync_has_data(const struct way_sync *sync)
{
    return atomic_load_explicit(&sync->has_data, memory_order_acquire);
}

void way_sync_view(struct way_sync *sync, struct way_sync_view *view)
{
    const char *why;
    uint64_t untouched_ms;

    *view = (struct way_sync_view){.has_data = way_sync_has_data(sync)};
    way_condition_lock(&sync->condition);
    view->is_prepared = sync->health.is_prepared;
    view->is_schema_read_only = sync->health.is_schema_read_only;
    view->rejected = sync->rejected;
    view->state = way_health_state(&sync->health, way_clock_mono_ms(), &why);
    (void)snprintf(view->detail, sizeof view->detail, "%s", why);
    untouched_ms = way_sync_age_ms(sync, way_clock_mono_ms());
    /* A poll that hangs is not told yet, and counts all the same. */
    if (view->state == WAY_STORE_DOWN || untouched_ms > WAY_SYNC_STALE_MS) {
        view->stale_seconds = untouched_ms / 1000;
    }
    way_condition_unlock(&sync->condition);
}

void way_sync_note_refused(struct way_sync *sync, const char *why)
{
    char detail[WAY_LOG_VALUE_MAX];
    bool is_news;

    way_condition_lock(&sync->condition);
    is_news = way_health_note_refused(&sync->health, way_clock_mono_ms(), why);
    way_condition_unlock(&sync->condition);
    if (is_news) {
        way_log(WAY_LOG_ERROR, "store.failing", "store=%s detail=%s", way_store_name(sync->store),
                way_log_quote(why, strlen(why), detail, sizeof detail));
    }
}

/* Under the lock. What the follower has already applied is left out: the key may have been
 * changed again since, and a delete leaves nothing in the index that would tell. */
static enum way_status show_commit(struct way_sync *sync, const uint8_t *tx,
                                   const struct way_change *changes, size_t count)
{
    struct way_index_change *entries = calloc(count, sizeof *entries);
    uint64_t known = sync->position.revision;
    uint64_t shown = known;
    size_t used = 0;
    enum way_status status;

    if (entries == NULL) {
        return WAY_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (changes[i].revision <= known) {
            continue;
        }
        way_own_entry(&changes[i], &entries[used++]);
        /* What others committed in between is not in the index yet: then the index is not true as
         * of our revision either. The next poll closes the gap. */
        shown = changes[i].revision == shown + 1 ? shown + 1 : shown;
    }
    status = way_index_apply(sync->index, entries, used, shown);
    if (status == WAY_OK && shown > known) {
        sync->tail = sync->tail == known ? shown : sync->tail;
        sync->position.revision = shown;
        memcpy(sync->position.tx, tx, WAY_TX_BYTES);
        tell_waiters(sync, false);
    }
    free(entries);
    return status;
}

/* Under the lock, of a commit that begins with `first`: whether earlier ones of ours, which were
 * shown, may be lost. Ours ascend unless the server was set back. While it is away it may be, and
 * the newest one, which the next poll would find to be missing, is going to be this one. */
static bool is_own_doubtful(const struct way_sync *sync, uint64_t first)
{
    bool is_ahead = sync->own.newest > sync->position.revision;

    return way_tx_is_known(sync->own.tx) &&
           (first <= sync->own.newest || (is_ahead && sync->health.is_down));
}

void way_sync_committed(struct way_sync *sync, const uint8_t tx[static WAY_TX_BYTES],
                        const struct way_change *changes, size_t count)
{
    bool is_doubtful;
    bool is_news;

    way_condition_lock(&sync->condition);
    is_doubtful = is_own_doubtful(sync, changes[0].revision);
    way_own_commits_add(&sync->own, tx, changes, count);
    is_news = way_health_note_done(&sync->health);
    /* Committed, but not shown; or others were shown and are lost: only a load helps. */
    if (show_commit(sync, tx, changes, count) != WAY_OK || is_doubtful) {
        sync->must_reload = true;
        sync->is_woken = true;
        way_condition_signal(&sync->condition);
    }
    way_condition_unlock(&sync->condition);
    if (is_news) {
        way_log(WAY_LOG_NOTICE, "store.takes_changes", "store=%s", way_store_name(sync->store));
    }
}
