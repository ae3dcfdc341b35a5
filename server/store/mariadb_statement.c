/* SPDX-License-Identifier: MIT */
#include "store/mariadb_statement.h"

#include "base/clock.h"

#include <mysql.h>

#include <stdlib.h>
#include <string.h>

/* One column of a result, as the client library fills it in. */
struct result_column {
    enum way_value_kind kind;
    long long number;
    MYSQL_TIME time;
    char *bytes; /* owned; TEXT, BYTES */
    unsigned long len;
    my_bool is_null;
    my_bool is_cut;
};

struct statement {
    MYSQL_STMT *stmt; /* owned */
    unsigned column_count;
    struct result_column columns[WAY_COLUMNS_MAX];
};

static enum way_status fail(struct way_mariadb_session *session, MYSQL_STMT *stmt,
                            struct way_error *err)
{
    /* An error that comes in the place of a row is kept by the connection only. */
    if (mysql_stmt_errno(stmt) == 0) {
        return way_mariadb_session_fail(session, mysql_errno(session->mysql),
                                        mysql_error(session->mysql), err);
    }
    return way_mariadb_session_fail(session, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), err);
}

/* The library takes values through pointers that are not const, and only reads them. */
static void *unconst(const void *pointer)
{
    const union {
        const void *given;
        void *wanted;
    } both = {.given = pointer};

    return both.wanted;
}

/* --- preparing ---------------------------------------------------------------------------------
 */

void way_mariadb_statement_drop(void *statement)
{
    struct statement *dropped = statement;

    for (unsigned i = 0; i < dropped->column_count; i++) {
        free(dropped->columns[i].bytes);
    }
    if (dropped->stmt != NULL) {
        (void)mysql_stmt_close(dropped->stmt); /* no answer is awaited */
    }
    free(dropped);
}

static enum way_value_kind kind_of(const MYSQL_FIELD *field)
{
    enum { BINARY_CHARSET = 63 };

    switch ((int)field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
        return WAY_VALUE_NUMBER;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
        return WAY_VALUE_TIME;
    default: /* texts, and numbers with a point, which only the predecessor's table can have */
        return field->charsetnr == BINARY_CHARSET ? WAY_VALUE_BYTES : WAY_VALUE_TEXT;
    }
}

/* Gives `column` a buffer and describes it to the library in *bind. False: no memory. */
static bool bind_result(struct result_column *column, const MYSQL_FIELD *field, MYSQL_BIND *bind)
{
    size_t bytes = field->length < WAY_VALUE_BYTES_MAX ? field->length : WAY_VALUE_BYTES_MAX;

    *bind =
        (MYSQL_BIND){.length = &column->len, .is_null = &column->is_null, .error = &column->is_cut};
    column->kind = kind_of(field);
    switch (column->kind) {
    case WAY_VALUE_NUMBER:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = &column->number;
        return true;
    case WAY_VALUE_TIME:
        bind->buffer_type = MYSQL_TYPE_DATETIME;
        bind->buffer = &column->time;
        return true;
    case WAY_VALUE_TEXT:
    case WAY_VALUE_BYTES:
    case WAY_VALUE_NULL:
        break;
    }
    column->bytes = malloc(bytes + 1);
    bind->buffer_type = MYSQL_TYPE_BLOB;
    bind->buffer = column->bytes;
    bind->buffer_length = bytes;
    return column->bytes != NULL;
}

static enum way_status bind_results(struct way_mariadb_session *session,
                                    struct statement *statement, struct way_error *err)
{
    MYSQL_BIND binds[WAY_COLUMNS_MAX];
    MYSQL_RES *metadata = mysql_stmt_result_metadata(statement->stmt);
    bool is_bound = true;

    if (metadata == NULL) {
        return WAY_OK; /* a statement without rows */
    }
    WAY_ASSERT(mysql_num_fields(metadata) <= WAY_COLUMNS_MAX);
    while (is_bound && statement->column_count < mysql_num_fields(metadata)) {
        unsigned at = statement->column_count++;

        is_bound = bind_result(&statement->columns[at], mysql_fetch_field_direct(metadata, at),
                               &binds[at]);
    }
    mysql_free_result(metadata);
    if (!is_bound) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a statement");
    }
    return mysql_stmt_bind_result(statement->stmt, binds) == 0
               ? WAY_OK
               : fail(session, statement->stmt, err);
}

/* A Galera node that has to roll back a local transaction, because another node's came first, tells
 * the client with the next command. When that is to prepare a statement, it has been seen to roll
 * back and to tell nobody: what followed was then written outside of any transaction. So after
 * preparing in a write we ask with a command that is told. */
static enum way_status verify_prepared(struct way_mariadb_session *session, struct way_error *err)
{
    enum way_status status;

    if (!session->holds_write) {
        return WAY_OK;
    }
    status = way_mariadb_session_execute(session, "DO 0", err);
    return status == WAY_OK ? way_mariadb_session_verify(session, err) : status;
}

static enum way_status prepare(struct way_mariadb_session *session, const char *sql,
                               struct statement **out, struct way_error *err)
{
    struct statement *statement = way_statement_cache_find(&session->statements, sql);
    enum way_status status = WAY_OK;

    if (statement != NULL) {
        *out = statement;
        return WAY_OK;
    }
    status = way_mariadb_session_spend(session, err);
    if (status != WAY_OK) {
        return status;
    }
    statement = calloc(1, sizeof *statement);
    if (statement == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a statement");
    }
    statement->stmt = mysql_stmt_init(session->mysql);
    if (statement->stmt == NULL) {
        status = way_fail(err, WAY_NO_MEMORY, "", "no memory for a statement");
    } else if (mysql_stmt_prepare(statement->stmt, sql, strlen(sql)) != 0) {
        status = fail(session, statement->stmt, err);
    } else {
        status = bind_results(session, statement, err);
    }
    if (status == WAY_OK &&
        way_statement_cache_put(&session->statements, sql, statement) != WAY_OK) {
        status = way_fail(err, WAY_NO_MEMORY, "", "no memory for a statement");
    }
    if (status != WAY_OK) {
        way_mariadb_statement_drop(statement);
        return status;
    }
    *out = statement;
    return verify_prepared(session, err);
}

/* --- values ------------------------------------------------------------------------------------
 */

/* Times travel as text, "2026-01-02T03:04:05.678901", which the server turns into its own. */
struct time_text {
    char text[WAY_TIME_TEXT_MAX];
    unsigned long len;
};

static void format_time(const struct way_value *value, struct time_text *out)
{
    way_time_format(value->number, out->text);
    out->len = strlen(out->text) - 1; /* without the Z: a DATETIME has no zone */
}

/* One set of values, each with a description of its own. */
struct single {
    MYSQL_BIND binds[WAY_REPEAT_MAX];
    struct time_text times[WAY_REPEAT_MAX];
    unsigned long lengths[WAY_REPEAT_MAX];
};

static void bind_single(struct single *single, size_t at, const struct way_value *value)
{
    MYSQL_BIND *bind = &single->binds[at];

    *bind = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_NULL, .length = &single->lengths[at]};
    switch (value->kind) {
    case WAY_VALUE_NUMBER:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = unconst(&value->number);
        break;
    case WAY_VALUE_TIME:
        format_time(value, &single->times[at]);
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = single->times[at].text;
        single->lengths[at] = single->times[at].len;
        break;
    case WAY_VALUE_TEXT:
    case WAY_VALUE_BYTES:
        bind->buffer_type = value->kind == WAY_VALUE_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
        bind->buffer = unconst(value->bytes);
        single->lengths[at] = value->len;
        break;
    case WAY_VALUE_NULL:
        break;
    }
}

/* Many sets of values, column by column: what COM_STMT_BULK_EXECUTE wants. */
struct bulk_column {
    union {
        char *bytes[WAY_REPEAT_MAX];
        long long numbers[WAY_REPEAT_MAX];
    };

    unsigned long lengths[WAY_REPEAT_MAX];
    char indicators[WAY_REPEAT_MAX];
    struct time_text times[WAY_REPEAT_MAX];
};

struct bulk {
    MYSQL_BIND binds[WAY_COLUMNS_MAX];
    struct bulk_column columns[WAY_COLUMNS_MAX];
};

static enum enum_field_types bulk_type(const struct way_query *query, size_t column)
{
    for (size_t set = 0; set < query->repeat; set++) {
        switch (query->values[set * query->value_count + column].kind) {
        case WAY_VALUE_NUMBER:
            return MYSQL_TYPE_LONGLONG;
        case WAY_VALUE_BYTES:
            return MYSQL_TYPE_BLOB;
        case WAY_VALUE_TEXT:
        case WAY_VALUE_TIME:
            return MYSQL_TYPE_STRING;
        case WAY_VALUE_NULL:
            break; /* has no type: the next one tells */
        }
    }
    return MYSQL_TYPE_STRING;
}

static void put_bulk(struct bulk_column *column, size_t set, const struct way_value *value)
{
    column->indicators[set] = STMT_INDICATOR_NONE;
    switch (value->kind) {
    case WAY_VALUE_NUMBER:
        column->numbers[set] = value->number;
        break;
    case WAY_VALUE_TIME:
        format_time(value, &column->times[set]);
        column->bytes[set] = column->times[set].text;
        column->lengths[set] = column->times[set].len;
        break;
    case WAY_VALUE_TEXT:
    case WAY_VALUE_BYTES:
        column->bytes[set] = unconst(value->bytes);
        column->lengths[set] = value->len;
        break;
    case WAY_VALUE_NULL:
        column->indicators[set] = STMT_INDICATOR_NULL;
        break;
    }
}

static void bind_bulk(struct bulk *bulk, const struct way_query *query)
{
    for (size_t at = 0; at < query->value_count; at++) {
        struct bulk_column *column = &bulk->columns[at];
        enum enum_field_types type = bulk_type(query, at);

        for (size_t set = 0; set < query->repeat; set++) {
            put_bulk(column, set, &query->values[set * query->value_count + at]);
        }
        bulk->binds[at] = (MYSQL_BIND){
            .buffer_type = type,
            .buffer = type == MYSQL_TYPE_LONGLONG ? (void *)column->numbers : (void *)column->bytes,
            .length = column->lengths,
            .u.indicator = column->indicators,
        };
    }
}

/* --- running -----------------------------------------------------------------------------------
 */

static struct way_value value_of(const struct result_column *column)
{
    const MYSQL_TIME *time = &column->time;
    unsigned long len = column->len < WAY_VALUE_BYTES_MAX ? column->len : WAY_VALUE_BYTES_MAX;

    if (column->is_null) {
        return way_value_null();
    }
    switch (column->kind) {
    case WAY_VALUE_NUMBER:
        return way_value_number((uint64_t)column->number);
    case WAY_VALUE_TIME:
        if (time->month == 0 || time->day == 0) {
            return way_value_null(); /* 0000-00-00 */
        }
        return way_value_time(way_time_from_civil(time->year, time->month, time->day, time->hour,
                                                  time->minute, time->second,
                                                  (unsigned)time->second_part));
    case WAY_VALUE_TEXT:
        return way_value_span(column->bytes, len);
    case WAY_VALUE_BYTES:
        return way_value_bytes(column->bytes, len);
    case WAY_VALUE_NULL:
        break;
    }
    return way_value_null();
}

static enum way_status take_rows(struct way_mariadb_session *session, struct statement *statement,
                                 const struct way_query *query, struct way_error *err)
{
    struct way_value values[WAY_COLUMNS_MAX];
    enum way_status status = WAY_OK;
    int rc = 0;

    while (status == WAY_OK) {
        rc = mysql_stmt_fetch(statement->stmt);
        if (rc != 0 && rc != MYSQL_DATA_TRUNCATED) {
            break;
        }
        for (unsigned i = 0; i < statement->column_count; i++) {
            values[i] = value_of(&statement->columns[i]);
        }
        if (query->visit != NULL && !query->visit(query->owner, values)) {
            break;
        }
        status = way_mariadb_session_spend(session, err);
    }
    if (rc == 1) {
        status = fail(session, statement->stmt, err); /* errors may come between rows */
    }
    if (!session->base.is_lost) {
        (void)mysql_stmt_free_result(statement->stmt); /* reads what is left over */
    }
    return status;
}

static enum way_status execute(struct way_mariadb_session *session, struct statement *statement,
                               MYSQL_BIND *binds, unsigned sets, struct way_error *err)
{
    enum way_status status = way_mariadb_session_spend(session, err);

    if (status != WAY_OK) {
        return status;
    }
    /* 0 is the usual way of one set; it must be said again when the last run was a bulk. */
    (void)mysql_stmt_attr_set(statement->stmt, STMT_ATTR_ARRAY_SIZE, &sets);
    if ((binds != NULL && mysql_stmt_bind_param(statement->stmt, binds) != 0) ||
        mysql_stmt_execute(statement->stmt) != 0) {
        return fail(session, statement->stmt, err);
    }
    return WAY_OK;
}

static enum way_status run_bulk(struct way_mariadb_session *session, struct statement *statement,
                                const struct way_query *query, struct way_error *err)
{
    struct bulk *bulk = calloc(1, sizeof *bulk);
    enum way_status status;

    if (bulk == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for %zu rows", query->repeat);
    }
    bind_bulk(bulk, query);
    status = execute(session, statement, bulk->binds, (unsigned)query->repeat, err);
    free(bulk);
    return status;
}

static enum way_status run_single(struct way_mariadb_session *session, struct statement *statement,
                                  const struct way_query *query, size_t set, struct way_error *err)
{
    struct single single;
    enum way_status status;

    for (size_t at = 0; at < query->value_count; at++) {
        bind_single(&single, at, &query->values[set * query->value_count + at]);
    }
    status = execute(session, statement, query->value_count > 0 ? single.binds : NULL, 0, err);
    if (status == WAY_OK && statement->column_count > 0) {
        status = take_rows(session, statement, query, err);
    }
    return status;
}

enum way_status way_mariadb_statement_run(struct way_mariadb_session *session,
                                          const struct way_query *query, uint64_t *insert_id,
                                          struct way_error *err)
{
    struct statement *statement = NULL;
    size_t sets = query->repeat == 0 ? 1 : query->repeat;
    enum way_status status = prepare(session, query->sql, &statement, err);

    if (status != WAY_OK) {
        return status;
    }
    WAY_ASSERT(statement != NULL && query->value_count <= WAY_REPEAT_MAX);
    WAY_ASSERT(mysql_stmt_param_count(statement->stmt) == query->value_count);
    if (sets > 1 && session->has_bulk) {
        WAY_ASSERT(query->value_count <= WAY_COLUMNS_MAX);
        status = run_bulk(session, statement, query, err);
    } else {
        for (size_t set = 0; set < sets && status == WAY_OK; set++) {
            status = run_single(session, statement, query, set, err);
        }
    }
    if (status == WAY_OK) {
        status = way_mariadb_session_verify(session, err);
    }
    if (status == WAY_OK && query->changed != NULL) {
        *query->changed = mysql_stmt_affected_rows(statement->stmt);
    }
    if (status == WAY_OK && insert_id != NULL) {
        *insert_id = mysql_stmt_insert_id(statement->stmt);
    }
    return status;
}
