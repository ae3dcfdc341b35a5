/* SPDX-License-Identifier: MIT */
/*
 * waypost - tells mail relays where mail should go.
 *
 * This file reads the command line, runs one command, and turns signals into a stop.
 */
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "main/database.h"
#include "main/healthcheck.h"
#include "main/manual.h"
#include "main/notify.h"
#include "main/options.h"
#include "main/reload.h"
#include "main/token_file.h"
#include "main/wiring.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_STOPPED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    STOP_SECONDS_MAX = 9, /* a database that hangs must not keep a stopping process */
    OUTPUT_MAX = 1024 * 1024,
    RELOADED_MAX = 256,   /* bytes of the line that `reload` prints */
    TOKEN_TEXT_MAX = 512, /* bytes of the two lines that `token` prints */
    LOOK_SECONDS = 1,     /* how often a service manager is told what has changed */
};

static int fail(const struct way_error *err)
{
    (void)fprintf(stderr, "waypost: %s%s%s%s%s\n", err->field[0] == '\0' ? "" : "--", err->field,
                  err->field[0] == '\0' ? "" : ": ", err->detail,
                  err->status == WAY_INVALID ? " (waypost --help explains)" : "");
    return err->status == WAY_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

/* Ends a stop that hangs. Everything that is acknowledged is in the database; whoever still waits
 * has no answer. */
static void *stop_by_force(void *unused)
{
    (void)unused;
    way_clock_pause_ms(STOP_SECONDS_MAX * 1000);
    way_log(WAY_LOG_WARN, "stop.forced", "detail=\"a call hung\"");
    _exit(EXIT_STOPPED);
}

static void watch_stop(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, stop_by_force, NULL) == 0) {
        (void)pthread_detach(thread);
    } else {
        (void)alarm(STOP_SECONDS_MAX); /* without a word */
    }
}

static void block_signals(sigset_t *set)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL); /* every later thread inherits it */
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* What `systemctl status` shows, and a sign of life for the watchdog. */
static void tell(struct way_notify *notify, struct way_instance *instance)
{
    char storage[WAY_NOTIFY_STATUS_MAX];
    struct way_text text;

    way_text_init(&text, storage, sizeof storage, sizeof storage);
    way_instance_describe(instance, &text);
    way_notify_status(notify, way_text_string(&text));
    way_text_fini(&text);
    if (way_instance_is_alive(instance)) {
        way_notify_alive(notify);
    }
}

static void read_again(struct way_notify *notify, struct way_instance *instance)
{
    way_notify_reloading(notify);
    way_instance_read_again(instance);
    way_notify_ready(notify);
}

static void wait_for_stop(const sigset_t *set, struct way_instance *instance)
{
    const struct timespec look = {.tv_sec = LOOK_SECONDS};
    struct way_notify notify;
    int signal = 0;

    way_notify_open(&notify);
    way_notify_ready(&notify);
    while (signal != SIGTERM && signal != SIGINT) {
        if (notify.is_on) {
            tell(&notify, instance);
        }
        /* Below 0: interrupted, or time for another look. */
        signal = notify.is_on ? sigtimedwait(set, NULL, &look) : sigwaitinfo(set, NULL);
        if (signal == SIGHUP) {
            read_again(&notify, instance);
        }
    }
    watch_stop();
    way_notify_stopping(&notify);
    way_log(WAY_LOG_NOTICE, "stop", "signal=%s", signal == SIGTERM ? "TERM" : "INT");
}

static int serve(const struct way_options *options)
{
    struct way_instance *instance = NULL;
    struct way_error err = {0};
    sigset_t set;

    block_signals(&set);
    if (way_instance_start(options, &instance, &err) != WAY_OK) {
        return fail(&err);
    }
    wait_for_stop(&set, instance);
    way_instance_stop(instance);
    return EXIT_STOPPED;
}

static void print(void (*write_text)(struct way_text *out))
{
    struct way_text text;

    way_text_init(&text, NULL, 0, OUTPUT_MAX);
    write_text(&text);
    (void)fwrite(text.data, 1, text.len, stdout);
    way_text_fini(&text);
}

static void print_options(const struct way_options *options)
{
    struct way_text text;

    way_text_init(&text, NULL, 0, OUTPUT_MAX);
    way_options_show(options, &text);
    (void)fwrite(text.data, 1, text.len, stdout);
    way_text_fini(&text);
}

static int reload(const struct way_options *options)
{
    char storage[RELOADED_MAX];
    struct way_text text;
    struct way_error err = {0};
    enum way_status status;

    way_text_init(&text, storage, sizeof storage, sizeof storage);
    status = way_reload(options, &text, &err);
    if (status == WAY_OK) {
        (void)fwrite(text.data, 1, text.len, stdout);
    }
    way_text_fini(&text);
    return status == WAY_OK ? EXIT_STOPPED : fail(&err);
}

static int make_token(const struct way_options *options)
{
    char storage[TOKEN_TEXT_MAX];
    struct way_text text;
    struct way_error err = {0};
    enum way_status status;

    way_text_init(&text, storage, sizeof storage, sizeof storage);
    status = way_token_make(options->token_name, options->token_role, &text, &err);
    if (status == WAY_OK &&
        (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0)) {
        status = way_fail(&err, WAY_UNAVAILABLE, "", "cannot write the token");
    }
    explicit_bzero(storage, sizeof storage);
    way_text_fini(&text);
    return status == WAY_OK ? EXIT_STOPPED : fail(&err);
}

static int run_command(const struct way_options *options)
{
    struct way_error err = {0};
    enum way_status status = WAY_OK;

    switch (options->command) {
    case WAY_COMMAND_SERVE:
        return serve(options);
    case WAY_COMMAND_RELOAD:
        return reload(options);
    case WAY_COMMAND_TOKEN:
        return make_token(options);
    case WAY_COMMAND_MIGRATE:
        status = way_migrate(options, &err);
        break;
    case WAY_COMMAND_HEALTHCHECK:
        status = way_healthcheck(options, &err);
        break;
    }
    return status == WAY_OK ? EXIT_STOPPED : fail(&err);
}

static int run(const struct way_options *options)
{
    struct way_error err = {0};

    switch (options->request) {
    case WAY_REQUEST_HELP:
        print(way_options_help);
        return EXIT_STOPPED;
    case WAY_REQUEST_VERSION:
        (void)printf("waypost %s\n", WAY_VERSION);
        return EXIT_STOPPED;
    case WAY_REQUEST_DUMP_ROUTES:
        print(api_routes_dump);
        return EXIT_STOPPED;
    case WAY_REQUEST_PRINT_CONFIGURATION:
        print(way_options_document);
        return EXIT_STOPPED;
    case WAY_REQUEST_PRINT_MANUAL:
        print(way_manual);
        return EXIT_STOPPED;
    case WAY_REQUEST_CHECK_CONFIG:
    case WAY_REQUEST_NONE:
        break;
    }
    way_log_set_level((enum way_log_level)options->log_level);
    if ((options->command == WAY_COMMAND_SERVE || options->command == WAY_COMMAND_MIGRATE) &&
        way_instance_check(options, &err) != WAY_OK) {
        return fail(&err);
    }
    if (options->request == WAY_REQUEST_CHECK_CONFIG) {
        print_options(options);
        return EXIT_STOPPED;
    }
    return run_command(options);
}

int main(int count, char **arguments)
{
    struct way_options options;
    struct way_error err = {0};
    enum way_status status = way_options_read(count, arguments, &options, &err);
    int code = status == WAY_OK ? run(&options) : fail(&err);

    way_options_free(&options);
    return code;
}
