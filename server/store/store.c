/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "base/clock.h"
#include "base/random.h"
#include "store/driver.h"

#include <stdio.h>
#include <string.h>

enum way_status way_store_init(struct way_store *store, const struct way_driver *driver,
                               struct way_error *err)
{
    if (pthread_mutex_init(&store->preparing, NULL) != 0) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a lock");
    }
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        (void)pthread_mutex_destroy(&store->preparing);
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a lock");
    }
    store->driver = driver;
    way_random_bytes(store->holder, sizeof store->holder);
    store->refusal[0] = '\0';
    return WAY_OK;
}

void way_store_fini(struct way_store *store)
{
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_mutex_destroy(&store->preparing);
}

void way_store_free(struct way_store *store)
{
    if (store != NULL) {
        store->driver->free(store);
    }
}

const char *way_store_name(const struct way_store *store)
{
    return store->driver->name;
}

bool way_store_is_shared(const struct way_store *store)
{
    return store->driver->is_shared;
}

void way_session_init(struct way_session *session, struct way_store *store)
{
    *session = (struct way_session){.store = store, .driver = store->driver};
    way_session_hurry(session);
}

enum way_status way_session_open(struct way_store *store, struct way_session **session,
                                 struct way_error *err)
{
    return store->driver->open(store, false, session, err);
}

void way_session_close(struct way_session *session)
{
    if (session != NULL) {
        session->driver->close(session); /* which ends a transaction, without waiting for it */
    }
}

const char *way_session_place(const struct way_session *session)
{
    return session->place;
}

static enum way_status refuse_lost(const struct way_session *session, struct way_error *err)
{
    return way_fail(err, WAY_UNAVAILABLE, "", "%s: the connection is lost", session->place);
}

enum way_status way_session_run(struct way_session *session, const struct way_query *query,
                                struct way_error *err)
{
    if (session->is_lost) {
        return refuse_lost(session, err);
    }
    WAY_ASSERT(query->repeat <= WAY_REPEAT_MAX);
    WAY_ASSERT(query->repeat <= 1 || query->visit == NULL);
    return session->driver->run(session, query, err);
}

enum way_status way_session_execute(struct way_session *session, const char *sql,
                                    struct way_error *err)
{
    return session->is_lost ? refuse_lost(session, err)
                            : session->driver->execute(session, sql, err);
}

void way_session_rollback(struct way_session *session)
{
    session->is_writing = false;
    if (!session->is_lost) {
        session->driver->rollback(session);
    }
}

void way_session_hurry(struct way_session *session)
{
    session->started_ms = way_clock_mono_ms();
}

void way_session_linger(struct way_session *session)
{
    session->started_ms = 0;
}

struct way_value way_value_null(void)
{
    return (struct way_value){.kind = WAY_VALUE_NULL};
}

struct way_value way_value_number(uint64_t number)
{
    return (struct way_value){.kind = WAY_VALUE_NUMBER, .number = (int64_t)number};
}

struct way_value way_value_time(int64_t wall_us)
{
    return (struct way_value){.kind = WAY_VALUE_TIME, .number = wall_us};
}

struct way_value way_value_text(const char *string)
{
    return way_value_span(string, strlen(string));
}

struct way_value way_value_span(const char *text, size_t len)
{
    return (struct way_value){.kind = WAY_VALUE_TEXT, .bytes = text, .len = len};
}

struct way_value way_value_bytes(const void *bytes, size_t len)
{
    return (struct way_value){.kind = WAY_VALUE_BYTES, .bytes = bytes, .len = len};
}

uint64_t way_value_u64(const struct way_value *value)
{
    bool is_number = value->kind == WAY_VALUE_NUMBER || value->kind == WAY_VALUE_TIME;

    return is_number ? (uint64_t)value->number : 0;
}
