/* SPDX-License-Identifier: MIT */
#include "store/mariadb_mysql8.h"

#include "base/text.h"

#include <mysql.h>
#include <mysqld_error.h>

#include <string.h>

enum { SQL_BYTES_MAX = 64 * 1024 /* of one statement in MySQL's words */ };

static const struct {
    const char *mariadb;
    const char *mysql;
} words[] = {
    {"ascii_nopad_bin", "ascii_bin"}, /* pads; keys and targets never end in a blank */
    {"utf8mb4_nopad_bin", "utf8mb4_0900_bin"},
    {"CREATE INDEX IF NOT EXISTS", "CREATE INDEX"},
    {"ADD COLUMN IF NOT EXISTS", "ADD COLUMN"},
    {"max_statement_time = 3", "max_execution_time = 3000"}, /* milliseconds, SELECT only */
    {"max_statement_time = 0", "max_execution_time = 0"},
    /* It has none: set its wait_timeout low, which ends the transactions of lost clients. */
    {", idle_write_transaction_timeout = 5", ""},
    {", idle_write_transaction_timeout = 30", ""},
};

bool way_mysql8_is(struct st_mysql *mysql)
{
    return !mariadb_connection(mysql);
}

static void translate(const char *sql, struct way_text *out)
{
    while (*sql != '\0') {
        size_t i = 0;

        while (i < WAY_COUNT_OF(words) &&
               strncmp(sql, words[i].mariadb, strlen(words[i].mariadb)) != 0) {
            i++;
        }
        if (i < WAY_COUNT_OF(words)) {
            way_text_puts(out, words[i].mysql);
            sql += strlen(words[i].mariadb);
        } else {
            way_text_putc(out, *sql++);
        }
    }
}

bool way_mysql8_query(struct st_mysql *mysql, const char *sql)
{
    struct way_text text;
    int rc;

    way_text_init(&text, NULL, 0, SQL_BYTES_MAX);
    translate(sql, &text);
    /* A text that found no memory is empty, and the server refuses it. */
    rc = mysql_real_query(mysql, way_text_status(&text) == WAY_OK ? text.data : "",
                          way_text_status(&text) == WAY_OK ? text.len : 0);
    way_text_fini(&text);
    /* An index or a column that is there already is what IF NOT EXISTS would have let pass. */
    return rc == 0 || mysql_errno(mysql) == ER_DUP_KEYNAME ||
           mysql_errno(mysql) == ER_DUP_FIELDNAME;
}
