/* SPDX-License-Identifier: MIT */
/*
 * How  A page is two statements in one snapshot: the state row with the count, and one row more
 *      than asked for, which says whether there is a next page. What a caller sends is only ever a
 *      value; the texts are put together from the constants below, so there is a small number of
 *      them, and each is prepared once a session.
 */
#include "store/store.h"

#include "base/text.h"
#include "store/driver.h"
#include "store/row.h"

enum { SQL_BYTES_MAX = 1024 };

/* SQL is made of these names and of nothing a caller can choose. */
static const char *const sort_columns[] = {
    [WAY_SORT_KEY] = "lookup_key",
    [WAY_SORT_TARGET] = "target_host",
    [WAY_SORT_UPDATED] = "updated_at",
};

/* The values behind the '?' of one text, in the order of the text. */
struct binding {
    struct way_value values[WAY_COLUMNS_MAX];
    size_t count;
};

static void bind(struct binding *binding, struct way_value value)
{
    WAY_ASSERT(binding->count < WAY_COUNT_OF(binding->values));
    binding->values[binding->count++] = value;
}

static void add_match(struct way_text *sql, struct binding *binding,
                      const struct way_dialect *dialect, const struct way_list_query *query)
{
    way_text_puts(sql, dialect->matches);
    for (unsigned column = 0; column < 3; column++) {
        bind(binding, way_value_span(query->q, query->q_len));
    }
}

static struct way_value after_value(const struct way_list_query *query)
{
    switch (query->sort) {
    case WAY_SORT_TARGET:
        return way_value_span(query->after_target.text, query->after_target.len);
    case WAY_SORT_UPDATED:
        return way_value_time(query->after_updated_at_us);
    case WAY_SORT_KEY:
        break;
    }
    return way_value_span(query->after_key.text, query->after_key.len);
}

/* Behind (sort, lookup_key), in words that let the database start inside its index: else a page
 * deep inside many rows of one target reads all those before it. */
static void add_after(struct way_text *sql, struct binding *binding,
                      const struct way_dialect *dialect, const struct way_list_query *query)
{
    const char *column = sort_columns[query->sort];
    char past = query->is_descending ? '<' : '>';

    bind(binding, after_value(query));
    if (query->sort == WAY_SORT_KEY) {
        way_text_printf(sql, "lookup_key %c ?", past);
        return;
    }
    if (dialect->seeks_pairs) {
        way_text_printf(sql, "(%s, lookup_key) %c (?, ?)", column, past);
    } else {
        way_text_printf(sql, "(%s %c ? OR (%s = ? AND lookup_key %c ?))", column, past, column,
                        past);
        bind(binding, after_value(query));
    }
    bind(binding, way_value_span(query->after_key.text, query->after_key.len));
}

static void write_rows_sql(struct way_text *sql, struct binding *binding,
                           const struct way_dialect *dialect, const struct way_list_query *query)
{
    const char *direction = query->is_descending ? "DESC" : "ASC";

    way_text_puts(sql, "SELECT " WAY_ROW_COLUMNS " FROM dns_overrides");
    if (query->q_len > 0) {
        way_text_puts(sql, " WHERE ");
        add_match(sql, binding, dialect, query);
    }
    if (query->has_after) {
        way_text_puts(sql, query->q_len > 0 ? " AND " : " WHERE ");
        add_after(sql, binding, dialect, query);
    }
    if (query->sort == WAY_SORT_KEY) {
        way_text_printf(sql, " ORDER BY lookup_key %s LIMIT ?", direction);
    } else {
        way_text_printf(sql, " ORDER BY %s %s, lookup_key %s LIMIT ?", sort_columns[query->sort],
                        direction, direction);
    }
    bind(binding, way_value_number(query->limit + 1));
}

static void write_head_sql(struct way_text *sql, struct binding *binding,
                           const struct way_dialect *dialect, const struct way_list_query *query)
{
    way_text_puts(sql, "SELECT " WAY_POSITION_COLUMNS ", (SELECT COUNT(*) FROM dns_overrides");
    if (query->q_len > 0) {
        way_text_puts(sql, " WHERE ");
        add_match(sql, binding, dialect, query);
    }
    way_text_puts(sql, ") FROM override_state WHERE id = 1");
}

struct list {
    way_row_visit_fn visit;
    void *owner;
    size_t limit;
    size_t seen;
    bool is_headed;
    struct way_list_page page;
    struct way_override row;
};

static bool take_head(void *owner, const struct way_value *columns)
{
    struct list *list = owner;

    list->is_headed = way_position_decode(columns, &list->page.position);
    list->page.total = way_value_u64(&columns[WAY_POSITION_COLUMN_COUNT]);
    return true;
}

static bool take_listed(void *owner, const struct way_value *columns)
{
    struct list *list = owner;

    if (list->seen++ == list->limit) {
        list->page.has_more = true;
        return false;
    }
    /* The table's checks keep out what cannot be shown, whoever writes. */
    return !way_row_decode(columns, &list->row) || list->visit(list->owner, &list->row);
}

typedef void (*write_sql_fn)(struct way_text *sql, struct binding *binding,
                             const struct way_dialect *dialect, const struct way_list_query *query);

static enum way_status run_written(struct way_session *session, write_sql_fn write,
                                   const struct way_list_query *query,
                                   const struct way_query *taker, struct way_error *err)
{
    char storage[SQL_BYTES_MAX];
    struct binding binding = {.count = 0};
    struct way_query ready = *taker;
    struct way_text sql;
    enum way_status status;

    way_text_init(&sql, storage, sizeof storage, SQL_BYTES_MAX);
    write(&sql, &binding, &session->driver->dialect, query);
    ready.sql = way_text_string(&sql);
    ready.values = binding.values;
    ready.value_count = binding.count;
    status = way_text_status(&sql) == WAY_OK
                 ? way_session_run(session, &ready, err)
                 : way_fail(err, WAY_INTERNAL, "", "a list statement is over its limit");
    way_text_fini(&sql);
    return status;
}

enum way_status way_store_list(struct way_session *session, const struct way_list_query *query,
                               way_row_visit_fn visit, void *owner, struct way_list_page *page,
                               struct way_error *err)
{
    struct list list = {.visit = visit, .owner = owner, .limit = query->limit};
    enum way_status status;

    WAY_ASSERT(query->limit >= 1 && query->limit <= WAY_LIST_PAGE_MAX);
    WAY_ASSERT(query->q_len <= WAY_LIST_QUERY_BYTES_MAX);
    if (!way_utf8_is_valid(query->q, query->q_len)) {
        return way_fail(err, WAY_INVALID, "q", "is not valid UTF-8");
    }
    way_session_hurry(session);
    status = way_session_snapshot(session, err);
    if (status == WAY_OK) {
        status = run_written(session, write_head_sql, query,
                             &(struct way_query){.visit = take_head, .owner = &list}, err);
    }
    if (status == WAY_OK && !list.is_headed) {
        status =
            way_fail(err, WAY_UNAVAILABLE, "", "%s: override_state has no row", session->place);
    }
    if (status == WAY_OK) {
        status = run_written(session, write_rows_sql, query,
                             &(struct way_query){.visit = take_listed, .owner = &list}, err);
    }
    way_session_rollback(session);
    if (status == WAY_OK) {
        *page = list.page;
    }
    return status;
}
