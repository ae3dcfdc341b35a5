/* SPDX-License-Identifier: MIT */
/*
 * main/options - every setting, in one table.
 *
 * Purpose  A row gives a setting its flag (--dns-timeout), its environment name
 *          (WAYPOST_DNS_TIMEOUT), default, bounds and help. --help, --check-config,
 *          docs/configuration.md and docs/waypost.8 are printed from the rows.
 * Owns     struct way_options owns its texts; free them with way_options_free().
 * Threads  main's, before others start.
 * Errors   WAY_INVALID with the setting's name; WAY_NO_MEMORY.
 *
 * A flag beats the environment, which beats the default. Defaults are text and are read
 * by the same code as what users write.
 */
#ifndef WAY_MAIN_OPTIONS_H
#define WAY_MAIN_OPTIONS_H

#include "base/text.h"

enum { WAY_OPTION_LIST_MAX = 16 }; /* values of an option that may repeat */

enum way_command {
    WAY_COMMAND_SERVE,
    WAY_COMMAND_MIGRATE,
    WAY_COMMAND_RELOAD,
    WAY_COMMAND_TOKEN,
    WAY_COMMAND_HEALTHCHECK
};

/* What to do instead of the command. */
enum way_request {
    WAY_REQUEST_NONE,
    WAY_REQUEST_HELP,
    WAY_REQUEST_VERSION,
    WAY_REQUEST_CHECK_CONFIG,
    WAY_REQUEST_DUMP_ROUTES,
    WAY_REQUEST_PRINT_CONFIGURATION,
    WAY_REQUEST_PRINT_MANUAL,
};

struct way_option_list {
    size_t count;
    char *items[WAY_OPTION_LIST_MAX]; /* owned */
};

struct way_options {
    enum way_command command;
    enum way_request request;
    const char *token_name; /* the operands of `token`; borrowed from the command line */
    const char *token_role;
    struct way_option_list listen;
    struct way_option_list cors_origins;
    char *database;
    char *database_password_file;
    char *dns;
    uint64_t dns_timeout_ms;
    uint64_t dns_max_lookups;
    uint64_t threads; /* 0: one a core */
    uint64_t max_connections;
    uint64_t max_connections_per_address; /* 0: half of all */
    uint64_t max_body_memory;             /* bytes */
    uint64_t max_answer_memory;
    uint64_t header_timeout_ms;
    uint64_t body_timeout_ms;
    uint64_t answer_timeout_ms;
    uint64_t idle_timeout_ms;
    bool is_open;
    char *tokens;
    char *token_file;
    char *tls_cert;
    char *tls_key;
    char *tls_client_ca;
    char *port_file;
    char *snapshot;
    uint64_t snapshot_max_age_ms;
    uint64_t poll_interval_ms;
    uint64_t log_retention_ms;
    uint64_t history_retention_ms;
    uint64_t when_empty; /* 0: fail, 1: dns */
    uint64_t stale_after_ms;
    uint64_t log_level;   /* enum way_log_level */
    uint64_t log_lookups; /* enum way_log_lookups */
};

/* Reads the command line and the environment. *options is to be freed in any case. */
WAY_MUST_CHECK enum way_status way_options_read(int count, char **arguments,
                                                struct way_options *options, struct way_error *err);
void way_options_free(struct way_options *options);

/* For --help. */
void way_options_help(struct way_text *out);
/* docs/configuration.md. */
void way_options_document(struct way_text *out);

/* What the tables know of one command or option, for who prints it in a form of his own. */
struct way_option_entry {
    enum { WAY_ENTRY_COMMAND, WAY_ENTRY_OPTION, WAY_ENTRY_REQUEST } kind;

    const char *name;        /* without dashes */
    const char *value;       /* how the value is called; NULL: takes none */
    const char *environment; /* NULL: not read from there */
    const char *fallback;    /* "" or NULL: none */
    const char *words;       /* "a|b|c"; NULL: any */
    const char *help;
};

/* Shows all of them, in the order of --help. An entry is borrowed for the call. */
void way_options_walk(void (*show)(const struct way_option_entry *entry, void *owner), void *owner);
/* `name = value` lines; secrets are not shown. */
void way_options_show(const struct way_options *options, struct way_text *out);

#endif
