/* SPDX-License-Identifier: MIT */
#include "main/options.h"

#include "base/log.h"
#include "store/database_url.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_LIST,
    KIND_TEXT,
    KIND_DATABASE,
    KIND_NUMBER,
    KIND_DURATION,
    KIND_SIZE,
    KIND_SWITCH,
    KIND_WORD
};

enum {
    ENV_NAME_MAX = 64,
    FLAG_VALUES = 256,  /* above all letters; two flags of one value would be one to getopt, and an
                         * abbreviation of both not ambiguous */
    OPTION_SHOWN = 100, /* bytes of an option in a message */
    SECRET_FILE_MAX = 4096, /* bytes of a file that holds a secret */
    ROWS_MAX = 64,
    DATABASE_SHOWN_MAX = 8192, /* bytes of a URL with all its hosts */
};

struct option_row {
    const char *name; /* the flag without its dashes */
    enum kind kind;
    size_t offset;        /* in struct way_options */
    const char *fallback; /* the default, as a user would write it */
    const char *value;    /* how help calls the value */
    const char *words;    /* KIND_WORD: "a|b|c", stored as 0, 1, 2 */
    uint64_t min;         /* numbers, durations and sizes */
    uint64_t max;
    const char *help;
};

#define AT(member) offsetof(struct way_options, member)

/* clang-format off */
static const struct option_row rows[] = {
    { "listen", KIND_LIST, AT(listen), "127.0.0.1:8080", "ADDRESS", NULL, 0, 0,
      "Where to listen; may repeat (in the environment: separated by commas). HOST:PORT, [IPv6]:PORT or unix:PATH?mode=0660&group=NAME. Port 0 takes a free one. With --tls-cert every TCP address speaks TLS, unless ?tls=off stands behind it; a unix socket never does." },
    { "database", KIND_DATABASE, AT(database), "sqlite:waypost.db", "URL", NULL, 0, 0,
      "Where the overrides are kept: sqlite:PATH, or mariadb://USER:PASSWORD@HOST[:PORT][,HOST...]/DATABASE[?tls=verify&ca=PATH], or mariadb://USER@/DATABASE?socket=PATH." },
    { "database-password-file", KIND_TEXT, AT(database_password_file), "", "PATH", NULL, 0, 0,
      "Take MariaDB's password from the first line of this file, as it is, and none in the URL." },
    { "dns", KIND_TEXT, AT(dns), "", "SERVERS", NULL, 0, 0,
      "DNS servers to ask, ADDRESS[:PORT] separated by commas. Default: those of /etc/resolv.conf." },
    { "dns-timeout", KIND_DURATION, AT(dns_timeout_ms), "5s", "TIME", NULL, 100, 60000,
      "How long a lookup may wait for DNS in all." },
    { "dns-max-lookups", KIND_NUMBER, AT(dns_max_lookups), "10000", "N", NULL, 1, 1000000,
      "How many lookups may wait for DNS at a time, those of batches up to half of it; more are answered 503 busy." },
    { "threads", KIND_NUMBER, AT(threads), "0", "N", NULL, 0, 64,
      "Loops that serve requests. 0: one for each core." },
    { "max-connections", KIND_NUMBER, AT(max_connections), "8192", "N", NULL, 16, 1000000,
      "Connections at a time; fewer, if the process may not have as many descriptors. For another one the longest idle one is closed; when none is idle it waits, for 1 s at most, and is then answered 503 busy." },
    { "max-connections-per-address", KIND_NUMBER, AT(max_connections_per_address), "0", "N", NULL, 0, 1000000,
      "Of these, how many one client address (of IPv6: one /64) may have; for another one its longest idle one is closed, or the new one answered 503 busy. 0: half of all. Unix sockets do not count. Behind a proxy all clients are one address: give as many as --max-connections." },
    { "max-body-memory", KIND_SIZE, AT(max_body_memory), "256MiB", "SIZE", NULL, 1 << 20, 1ULL << 40,
      "Memory for the bodies of all requests under way together; more is answered 503 busy. Bodies of up to 4 KiB do not count." },
    { "max-answer-memory", KIND_SIZE, AT(max_answer_memory), "256MiB", "SIZE", NULL, 1 << 20, 1ULL << 40,
      "Memory for all answers under way together: of lists, histories, changes and batches that their clients have not read yet; more is answered 503 busy. Answers of up to 64 KiB do not count, nor do those to lookups of one key." },
    { "header-timeout", KIND_DURATION, AT(header_timeout_ms), "10s", "TIME", NULL, 100, 3600000,
      "How long a client may take to send the head of a request." },
    { "body-timeout", KIND_DURATION, AT(body_timeout_ms), "30s", "TIME", NULL, 100, 3600000,
      "How long a client may take to send the body of a request." },
    { "answer-timeout", KIND_DURATION, AT(answer_timeout_ms), "60s", "TIME", NULL, 100, 3600000,
      "How long a client may take to read an answer." },
    { "idle-timeout", KIND_DURATION, AT(idle_timeout_ms), "75s", "TIME", NULL, 100, 3600000,
      "How long a connection is kept between two requests." },
    { "open", KIND_SWITCH, AT(is_open), "false", NULL, NULL, 0, 0,
      "Allow addresses that other machines can reach without --tokens: whoever reaches the port can then change where mail goes." },
    { "tokens", KIND_TEXT, AT(tokens), "", "PATH", NULL, 0, 0,
      "Do what a request asks only if it sends a token of this file, and only what the token's role may. One a line: NAME ROLE SHA256HEX, as `waypost token` prints it; # begins a comment. Read again on SIGHUP." },
    { "token-file", KIND_TEXT, AT(token_file), "", "PATH", NULL, 0, 0,
      "For `waypost reload` of an SQLite file: the token to send is the first line of this file. Or give the token itself in the environment, as WAYPOST_TOKEN." },
    { "cors-origin", KIND_LIST, AT(cors_origins), "", "ORIGIN", NULL, 0, 0,
      "Let pages of this origin, as in https://dash.example.org, read answers and change overrides; may repeat. Also wanted for the address of a proxy in front, if browsers come through it." },
    { "tls-cert", KIND_TEXT, AT(tls_cert), "", "PATH", NULL, 0, 0,
      "Speak TLS 1.2 and 1.3 on TCP addresses, with this certificate and the chain behind it (PEM). Read again on SIGHUP, together with the key and the authorities." },
    { "tls-key", KIND_TEXT, AT(tls_key), "", "PATH", NULL, 0, 0,
      "The key of --tls-cert (PEM, without a passphrase)." },
    { "tls-client-ca", KIND_TEXT, AT(tls_client_ca), "", "PATH", NULL, 0, 0,
      "Let in over TLS only who shows a certificate that one of these authorities has signed (PEM); the handshake of others fails. Tokens are wanted all the same." },
    { "port-file", KIND_TEXT, AT(port_file), "", "PATH", NULL, 0, 0,
      "Write the bound addresses to this file, one a line, once they are bound." },
    { "snapshot", KIND_TEXT, AT(snapshot), "", "PATH", NULL, 0, 0,
      "Keep the overrides in this file, too, and start from it when the database is away. For MariaDB; SQLite is a file already." },
    { "snapshot-max-age", KIND_DURATION, AT(snapshot_max_age_ms), "7d", "TIME", NULL, 0, 31536000000,
      "Do not start from a file whose content was last known to be true longer ago than this. 0s: never start from one." },
    { "poll-interval", KIND_DURATION, AT(poll_interval_ms), "100ms", "TIME", NULL, 10, 10000,
      "How often to look whether other instances have changed something. For MariaDB; an SQLite file has one instance." },
    { "log-retention", KIND_DURATION, AT(log_retention_ms), "7d", "TIME", NULL, 60000, 315360000000,
      "How long the change log is kept: an instance or a reader of /changes that was away for longer reads everything anew." },
    { "history-retention", KIND_DURATION, AT(history_retention_ms), "400d", "TIME", NULL, 60000, 315360000000,
      "How long changes can be looked up and reverted." },
    { "when-empty", KIND_WORD, AT(when_empty), "fail", "WHAT", "fail|dns", 0, 0,
      "What lookups do with neither a database nor a snapshot at start: answer 503, or go on as if there were no overrides." },
    { "stale-after", KIND_DURATION, AT(stale_after_ms), "10s", "TIME", NULL, 1000, 86400000,
      "Lookups carry X-Waypost-Stale with the age of the data once that is longer than this." },
    { "log-level", KIND_WORD, AT(log_level), "notice", "LEVEL", "error|warn|notice|info|debug", 0, 0,
      "What to log on stderr; info adds a line for each request." },
    { "log-lookups", KIND_WORD, AT(log_lookups), "none", "WHICH", "none|overrides|all", 0, 0,
      "Log lookups: key, matched key, target, revision, door." },
};
/* clang-format on */
_Static_assert(WAY_COUNT_OF(rows) <= ROWS_MAX, "raise ROWS_MAX");

static const struct {
    const char *name;
    enum way_request request;
    const char *help;
} requests[] = {
    {"help", WAY_REQUEST_HELP, "Print this and stop."},
    {"version", WAY_REQUEST_VERSION, "Print the version and stop."},
    {"check-config", WAY_REQUEST_CHECK_CONFIG, "Check the settings, print them and stop."},
    {"dump-routes", WAY_REQUEST_DUMP_ROUTES, "Print the HTTP operations as JSON and stop."},
    {"print-configuration", WAY_REQUEST_PRINT_CONFIGURATION,
     "Print docs/configuration.md and stop."},
    {"print-manual", WAY_REQUEST_PRINT_MANUAL, "Print docs/waypost.8 and stop."},
};

static const struct {
    const char *name;
    enum way_command command;
    const char *help;
} commands[] = {
    {"serve", WAY_COMMAND_SERVE, "Answer requests until SIGTERM or SIGINT. The default."},
    {"migrate", WAY_COMMAND_MIGRATE, "Bring the database's schema up to date and stop."},
    {"reload", WAY_COMMAND_RELOAD,
     "Say that rows were changed by SQL, so that every instance reads all of them again; print the "
     "new revision and stop. MariaDB is told itself (--database); for an SQLite file the instance "
     "on the first --listen is asked."},
    {"token", WAY_COMMAND_TOKEN,
     "token NAME ROLE: draw a token, print the secret (it is kept nowhere) and the line for "
     "--tokens, and stop. ROLE: reader looks up and reads overrides and metrics; editor changes "
     "overrides, too, and sees their history; auditor reads, and sees the history; admin may do "
     "everything."},
    {"healthcheck", WAY_COMMAND_HEALTHCHECK,
     "Ask the instance on the first --listen whether it is alive; exit 0 if so, else 1. Needs no "
     "token, and over TLS looks at no certificate. With --tls-client-ca the first plain address is "
     "asked."},
};

static void env_name(const char *name, char out[static ENV_NAME_MAX])
{
    size_t at = (size_t)snprintf(out, ENV_NAME_MAX, "WAYPOST_");

    for (; *name != '\0' && at < ENV_NAME_MAX - 1; name++, at++) {
        out[at] = way_ascii_upper(*name);
        if (*name == '-') {
            out[at] = '_';
        }
    }
    out[at] = '\0';
}

static void *member_of(struct way_options *options, const struct option_row *row)
{
    return (char *)options + row->offset;
}

static const void *const_member_of(const struct way_options *options, const struct option_row *row)
{
    return (const char *)options + row->offset;
}

WAY_KEEPS_BEGIN /* the copy is freed by way_options_free() */

static enum way_status set_text(char **slot, const char *value, size_t len, const char *name,
                                struct way_error *err)
{
    char *copy = strndup(value, len);

    if (copy == NULL) {
        return way_fail(err, WAY_NO_MEMORY, name, "out of memory");
    }
    free(*slot);
    *slot = copy;
    return WAY_OK;
}

WAY_KEEPS_END

static enum way_status add_to_list(struct way_option_list *list, const char *value, size_t len,
                                   const char *name, struct way_error *err)
{
    enum way_status status;

    if (list->count == WAY_OPTION_LIST_MAX) {
        return way_fail(err, WAY_INVALID, name, "may be given %d times", WAY_OPTION_LIST_MAX);
    }
    status = set_text(&list->items[list->count], value, len, name, err);
    list->count += status == WAY_OK;
    return status;
}

static enum way_status split_list(struct way_option_list *list, const char *value, const char *name,
                                  struct way_error *err)
{
    enum way_status status = WAY_OK;

    while (status == WAY_OK && *value != '\0') {
        size_t len = strcspn(value, ",");

        status = add_to_list(list, value, len, name, err);
        value += value[len] == ',' ? len + 1 : len;
    }
    return status;
}

static enum way_status set_number(const struct option_row *row, const char *value, uint64_t *out,
                                  struct way_error *err)
{
    uint64_t number;

    if (!way_u64_parse(value, strlen(value), row->max, &number) || number < row->min) {
        return way_fail(err, WAY_INVALID, row->name,
                        "must be a number from %" PRIu64 " to %" PRIu64, row->min, row->max);
    }
    *out = number;
    return WAY_OK;
}

static enum way_status set_duration(const struct option_row *row, const char *value, uint64_t *out,
                                    struct way_error *err)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

    size_t digits = strspn(value, "0123456789");
    uint64_t number;

    for (size_t i = 0; i < WAY_COUNT_OF(units); i++) {
        if (strcmp(value + digits, units[i].unit) == 0 &&
            way_u64_parse(value, digits, row->max / units[i].ms, &number) &&
            number * units[i].ms >= row->min) {
            *out = number * units[i].ms;
            return WAY_OK;
        }
    }
    return way_fail(err, WAY_INVALID, row->name,
                    "must be a time from %" PRIu64 "ms to %" PRIu64 "ms, as in 500ms, 5s or 2m",
                    row->min, row->max);
}

static const struct {
    const char *unit;
    uint64_t bytes;
} size_units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}};

/* The largest unit of which a size is a multiple, which all are of the smallest. */
static void put_size(struct way_text *out, uint64_t bytes)
{
    size_t unit = 0;

    while (bytes % size_units[unit].bytes != 0) {
        unit++;
    }
    way_text_printf(out, "%" PRIu64 "%s", bytes / size_units[unit].bytes, size_units[unit].unit);
}

static enum way_status set_size(const struct option_row *row, const char *value, uint64_t *out,
                                struct way_error *err)
{
    size_t digits = strspn(value, "0123456789");
    uint64_t number;

    for (size_t i = 0; i < WAY_COUNT_OF(size_units); i++) {
        if (strcmp(value + digits, size_units[i].unit) == 0 &&
            way_u64_parse(value, digits, row->max / size_units[i].bytes, &number) &&
            number * size_units[i].bytes >= row->min) {
            *out = number * size_units[i].bytes;
            return WAY_OK;
        }
    }
    return way_fail(err, WAY_INVALID, row->name,
                    "must be a size from %" PRIu64 "KiB to %" PRIu64
                    "GiB, as in 512KiB, 64MiB or 1GiB",
                    row->min >> 10, row->max >> 30);
}

static enum way_status set_switch(const struct option_row *row, const char *value, bool *out,
                                  struct way_error *err)
{
    static const char *const yes[] = {"true", "yes", "1", "on"};
    static const char *const no[] = {"false", "no", "0", "off"};

    for (size_t i = 0; i < WAY_COUNT_OF(yes); i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *out = strcmp(value, yes[i]) == 0;
            return WAY_OK;
        }
    }
    return way_fail(err, WAY_INVALID, row->name, "must be true or false");
}

static enum way_status set_word(const struct option_row *row, const char *value, uint64_t *out,
                                struct way_error *err)
{
    const char *at = row->words;
    size_t wanted = strlen(value);

    for (uint64_t number = 0; *at != '\0'; number++) {
        size_t len = strcspn(at, "|");

        if (len == wanted && strncmp(at, value, len) == 0) {
            *out = number;
            return WAY_OK;
        }
        at += at[len] == '|' ? len + 1 : len;
    }
    return way_fail(err, WAY_INVALID, row->name, "must be one of %s", row->words);
}

static enum way_status set_value(struct way_options *options, const struct option_row *row,
                                 const char *value, struct way_error *err)
{
    void *member = member_of(options, row);

    switch (row->kind) {
    case KIND_LIST:
        return split_list(member, value, row->name, err);
    case KIND_TEXT:
    case KIND_DATABASE:
        return set_text(member, value, strlen(value), row->name, err);
    case KIND_NUMBER:
        return set_number(row, value, member, err);
    case KIND_DURATION:
        return set_duration(row, value, member, err);
    case KIND_SIZE:
        return set_size(row, value, member, err);
    case KIND_SWITCH:
        return set_switch(row, value, member, err);
    case KIND_WORD:
        return set_word(row, value, member, err);
    }
    return way_fail(err, WAY_INTERNAL, row->name, "has a kind that nothing reads");
}

/* The first line of the file that WAYPOST_..._FILE names. */
static enum way_status read_secret_file(struct way_options *options, const struct option_row *row,
                                        const char *path, struct way_error *err)
{
    char content[SECRET_FILE_MAX];
    char reason[128];
    FILE *file = fopen(path, "re");
    size_t len;
    enum way_status status;

    if (file == NULL) {
        return way_fail(err, WAY_INVALID, row->name, "cannot read %s: %s", path,
                        strerror_r(errno, reason, sizeof reason));
    }
    len = fread(content, 1, sizeof content - 1, file);
    (void)fclose(file);
    content[len] = '\0';
    content[strcspn(content, "\r\n")] = '\0';
    status = set_value(options, row, content, err);
    explicit_bzero(content, sizeof content);
    return status;
}

static enum way_status read_environment(struct way_options *options, const struct option_row *row,
                                        struct way_error *err)
{
    char name[ENV_NAME_MAX];
    char file_name[ENV_NAME_MAX + 8];
    const char *value;
    const char *file;

    env_name(row->name, name);
    (void)snprintf(file_name, sizeof file_name, "%s_FILE", name);
    /* NOLINTBEGIN(concurrency-mt-unsafe): no other thread runs yet */
    value = getenv(name);
    file = row->kind == KIND_DATABASE ? getenv(file_name) : NULL;
    /* NOLINTEND(concurrency-mt-unsafe) */
    if (value != NULL && file != NULL) {
        return way_fail(err, WAY_INVALID, row->name, "%s and %s exclude each other", name,
                        file_name);
    }
    if (file != NULL) {
        return read_secret_file(options, row, file, err);
    }
    return set_value(options, row, value != NULL ? value : row->fallback, err);
}

/* Without its value: who takes --token for an option would see a secret again. */
static enum way_status refuse_option(const char *option, struct way_error *err)
{
    size_t len = strcspn(option, "=");

    return way_fail(err, WAY_INVALID, "", "unknown or ambiguous option \"%.*s\"",
                    len > OPTION_SHOWN ? OPTION_SHOWN : (int)len, option);
}

/* What stands behind the options: the two words of `token`, nothing else. */
static enum way_status read_operands(char **operands, int count, struct way_options *options,
                                     struct way_error *err)
{
    enum { TOKEN_OPERANDS = 2 };

    if (options->command != WAY_COMMAND_TOKEN || options->request != WAY_REQUEST_NONE) {
        return count == 0
                   ? WAY_OK
                   : way_fail(err, WAY_INVALID, "", "unexpected argument \"%.100s\"", operands[0]);
    }
    if (count != TOKEN_OPERANDS) {
        return way_fail(err, WAY_INVALID, "", "the command is: waypost token NAME ROLE");
    }
    options->token_name = operands[0];
    options->token_role = operands[1];
    return WAY_OK;
}

static enum way_status read_flags(int count, char **arguments, struct way_options *options,
                                  bool *was_given, struct way_error *err)
{
    struct option flags[ROWS_MAX + WAY_COUNT_OF(requests) + 1] = {0};
    size_t known = WAY_COUNT_OF(rows);
    int index = 0;
    int got;

    for (size_t i = 0; i < known; i++) {
        flags[i].name = rows[i].name;
        flags[i].val = FLAG_VALUES + (int)i;
        flags[i].has_arg = rows[i].kind == KIND_SWITCH ? optional_argument : required_argument;
    }
    for (size_t i = 0; i < WAY_COUNT_OF(requests); i++) {
        flags[known + i].val = FLAG_VALUES + (int)(known + i);
        flags[known + i].name = requests[i].name;
    }
    opterr = 0;
    optind = 1;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): likewise */
    while ((got = getopt_long(count, arguments, "+:", flags, &index)) != -1) {
        enum way_status status;

        if (got == '?' && optopt != 0 && optopt < FLAG_VALUES) {
            /* getopt does not say where in the line it stands, and what stands there may be secret.
             */
            return way_fail(err, WAY_INVALID, "", "unknown option -%c", optopt);
        }
        if (got == '?') {
            return refuse_option(arguments[optind - 1], err);
        }
        if (got == ':') {
            return way_fail(err, WAY_INVALID, "", "option \"%.100s\" wants a value",
                            arguments[optind - 1]);
        }
        if ((size_t)index >= known) {
            options->request = requests[(size_t)index - known].request;
            continue;
        }
        was_given[index] = true;
        status = set_value(options, &rows[index], optarg == NULL ? "true" : optarg, err);
        if (status != WAY_OK) {
            return status;
        }
    }
    return read_operands(arguments + optind, count - optind, options, err);
}

/* The command is the first word; "serve" may be left out. */
static enum way_status read_command(int *count, char ***arguments, struct way_options *options,
                                    struct way_error *err)
{
    if (*count < 2 || (*arguments)[1][0] == '-') {
        return WAY_OK;
    }
    for (size_t i = 0; i < WAY_COUNT_OF(commands); i++) {
        if (strcmp((*arguments)[1], commands[i].name) == 0) {
            options->command = commands[i].command;
            (*count)--;
            (*arguments)++;
            return WAY_OK;
        }
    }
    return way_fail(err, WAY_INVALID, "", "unknown command \"%.100s\"", (*arguments)[1]);
}

enum way_status way_options_read(int count, char **arguments, struct way_options *options,
                                 struct way_error *err)
{
    bool was_given[ROWS_MAX] = {false};
    enum way_status status;

    *options = (struct way_options){.command = WAY_COMMAND_SERVE};
    status = read_command(&count, &arguments, options, err);
    if (status == WAY_OK) {
        status = read_flags(count, arguments, options, was_given, err);
    }
    for (size_t i = 0; status == WAY_OK && i < WAY_COUNT_OF(rows); i++) {
        if (!was_given[i]) {
            status = read_environment(options, &rows[i], err);
        }
    }
    if (status == WAY_OK && options->listen.count == 0) {
        status = way_fail(err, WAY_INVALID, "listen", "must not be empty");
    }
    return status;
}

static void free_list(struct way_option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
}

void way_options_free(struct way_options *options)
{
    free_list(&options->listen);
    free_list(&options->cors_origins);
    free(options->database);
    free(options->database_password_file);
    free(options->dns);
    free(options->port_file);
    free(options->snapshot);
    free(options->tls_cert);
    free(options->tls_key);
    free(options->tls_client_ca);
    free(options->tokens);
    free(options->token_file);
    *options = (struct way_options){0};
}

/* Words of `text`, broken into lines of `width`, each behind `indent` blanks. */
static void put_wrapped(struct way_text *out, const char *text, size_t indent, size_t width)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (column > 0 && column + 1 + len > width) {
            way_text_putc(out, '\n');
            column = 0;
        }
        if (column == 0) {
            way_text_printf(out, "%*s", (int)indent, "");
        } else {
            way_text_putc(out, ' ');
            column++;
        }
        way_text_append(out, text, len);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    way_text_putc(out, '\n');
}

void way_options_help(struct way_text *out)
{
    enum { INDENT = 6, WIDTH = 74 };

    way_text_puts(out, "waypost - tells mail relays where mail should go\n\n"
                       "usage: waypost [COMMAND] [OPTION...]\n\ncommands:\n");
    for (size_t i = 0; i < WAY_COUNT_OF(commands); i++) {
        way_text_printf(out, "  %s\n", commands[i].name);
        put_wrapped(out, commands[i].help, INDENT, WIDTH);
    }
    way_text_puts(out, "\noptions, each also read from the environment:\n");
    for (size_t i = 0; i < WAY_COUNT_OF(rows); i++) {
        const struct option_row *row = &rows[i];
        char env[ENV_NAME_MAX];

        env_name(row->name, env);
        way_text_printf(out, "  --%s%s%s   %s%s%s\n", row->name, row->value == NULL ? "" : " ",
                        row->value == NULL ? "" : row->value, env,
                        row->fallback[0] == '\0' ? "" : "   default ", row->fallback);
        put_wrapped(out, row->help, INDENT, WIDTH);
        if (row->words != NULL) {
            way_text_printf(out, "      One of %s.\n", row->words);
        }
    }
    for (size_t i = 0; i < WAY_COUNT_OF(requests); i++) {
        way_text_printf(out, "  --%s\n", requests[i].name);
        put_wrapped(out, requests[i].help, INDENT, WIDTH);
    }
    way_text_puts(out, "\nexit codes: 0 stopped; 1 a port or an SQLite file cannot be opened, or "
                       "failed at\nrun time; 2 usage, or a URL that does not parse\n");
}

/* A table cell: '|' would end it. */
static void put_cell(struct way_text *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            way_text_putc(out, '\\');
        }
        way_text_putc(out, *text);
    }
}

void way_options_document(struct way_text *out)
{
    way_text_puts(out, "# Configuration\n\nPrinted by `waypost --print-configuration`; do not edit "
                       "by hand. A flag beats the environment,\nwhich beats the default. A secret "
                       "can also be read from the first line of a file, named by\nthe "
                       "environment name with `_FILE` behind it.\n\n"
                       "| flag | environment | default | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < WAY_COUNT_OF(rows); i++) {
        const struct option_row *row = &rows[i];
        char env[ENV_NAME_MAX];

        env_name(row->name, env);
        way_text_printf(out, "| `--%s` | `%s`%s%s%s | ", row->name, env,
                        row->kind == KIND_DATABASE ? ", `" : "",
                        row->kind == KIND_DATABASE ? env : "",
                        row->kind == KIND_DATABASE ? "_FILE`" : "");
        if (row->fallback[0] != '\0') {
            way_text_printf(out, "`%s`", row->fallback);
        }
        way_text_puts(out, " | ");
        put_cell(out, row->help);
        if (row->words != NULL) {
            way_text_puts(out, " One of `");
            put_cell(out, row->words);
            way_text_puts(out, "`.");
        }
        if (row->kind == KIND_NUMBER) {
            way_text_printf(out, " From %" PRIu64 " to %" PRIu64 ".", row->min, row->max);
        }
        if (row->kind == KIND_DURATION) {
            way_text_printf(out, " From %" PRIu64 " ms to %" PRIu64 " ms.", row->min, row->max);
        }
        if (row->kind == KIND_SIZE) {
            way_text_puts(out, " From ");
            put_size(out, row->min);
            way_text_puts(out, " to ");
            put_size(out, row->max);
            way_text_putc(out, '.');
        }
        way_text_puts(out, " |\n");
    }
}

void way_options_walk(void (*show)(const struct way_option_entry *entry, void *owner), void *owner)
{
    for (size_t i = 0; i < WAY_COUNT_OF(commands); i++) {
        show(&(struct way_option_entry){.kind = WAY_ENTRY_COMMAND,
                                        .name = commands[i].name,
                                        .help = commands[i].help},
             owner);
    }
    for (size_t i = 0; i < WAY_COUNT_OF(rows); i++) {
        char env[ENV_NAME_MAX];

        env_name(rows[i].name, env);
        show(&(struct way_option_entry){.kind = WAY_ENTRY_OPTION,
                                        .name = rows[i].name,
                                        .value = rows[i].value,
                                        .environment = env,
                                        .fallback = rows[i].fallback,
                                        .words = rows[i].words,
                                        .help = rows[i].help},
             owner);
    }
    for (size_t i = 0; i < WAY_COUNT_OF(requests); i++) {
        show(&(struct way_option_entry){.kind = WAY_ENTRY_REQUEST,
                                        .name = requests[i].name,
                                        .help = requests[i].help},
             owner);
    }
}

static void show_word(const struct option_row *row, uint64_t number, struct way_text *out)
{
    const char *at = row->words;

    for (; number > 0; number--) {
        at += strcspn(at, "|") + 1;
    }
    way_text_append(out, at, strcspn(at, "|"));
}

/* Without its password. What does not parse might show one in any place. */
static void show_database(const char *text, struct way_text *out)
{
    struct way_database_url url;
    char shown[DATABASE_SHOWN_MAX] = "(does not parse)";

    if (way_database_url_parse(text, &url, NULL) == WAY_OK) {
        way_database_url_format(&url, shown, sizeof shown);
    }
    way_text_puts(out, shown);
}

static void show_value(const struct way_options *options, const struct option_row *row,
                       struct way_text *out)
{
    const void *member = const_member_of(options, row);
    const struct way_option_list *list = member;

    switch (row->kind) {
    case KIND_LIST:
        for (size_t i = 0; i < list->count; i++) {
            way_text_printf(out, "%s%s", i == 0 ? "" : ",", list->items[i]);
        }
        return;
    case KIND_TEXT:
        way_text_puts(out, *(char *const *)member);
        return;
    case KIND_DATABASE:
        show_database(*(char *const *)member, out);
        return;
    case KIND_NUMBER:
        way_text_put_u64(out, *(const uint64_t *)member);
        return;
    case KIND_DURATION:
        way_text_printf(out, "%" PRIu64 "ms", *(const uint64_t *)member);
        return;
    case KIND_SIZE:
        put_size(out, *(const uint64_t *)member);
        return;
    case KIND_SWITCH:
        way_text_puts(out, *(const bool *)member ? "true" : "false");
        return;
    case KIND_WORD:
        show_word(row, *(const uint64_t *)member, out);
        return;
    }
}

void way_options_show(const struct way_options *options, struct way_text *out)
{
    for (size_t i = 0; i < WAY_COUNT_OF(rows); i++) {
        way_text_printf(out, "%s = ", rows[i].name);
        show_value(options, &rows[i], out);
        way_text_putc(out, '\n');
    }
}
