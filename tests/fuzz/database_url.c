/* SPDX-License-Identifier: MIT */
/*
 * fuzz/database_url - store/database_url: which database.
 *
 * Input  A URL.
 * Law    An accepted URL, shown without its password, is accepted and says the same in all but the
 *        password. What is shown does not depend on the password, only on whether there is one.
 *        A refused URL leaves no password in the message: the input is also read behind a user with
 *        a password that we would know again.
 */
#include "law.h"

#include "store/database_url.h"

enum { SHOWN_BYTES_MAX = 32 * 1024 };

#define SECRET "Zq7kJw2xPv"

static void obey_parts(const struct way_database_url *a, const struct way_database_url *b)
{
    LAW(a->engine == b->engine && a->is_tls_verified == b->is_tls_verified);
    LAW(strcmp(a->path, b->path) == 0 && strcmp(a->user, b->user) == 0);
    LAW(strcmp(a->database, b->database) == 0 && strcmp(a->socket, b->socket) == 0);
    LAW(strcmp(a->ca, b->ca) == 0 && a->host_count == b->host_count);
    LAW((a->password[0] == '\0') == (b->password[0] == '\0'));
    for (size_t i = 0; i < a->host_count; i++) {
        LAW(strcmp(a->hosts[i].name, b->hosts[i].name) == 0 && a->hosts[i].port > 0);
        LAW(a->hosts[i].port == b->hosts[i].port);
    }
}

static void obey_showing(struct way_database_url *url)
{
    static char shown[SHOWN_BYTES_MAX];
    static char other[SHOWN_BYTES_MAX];
    struct way_database_url again;

    way_database_url_format(url, shown, sizeof shown);
    LAW(way_database_url_parse(shown, &again, NULL) == WAY_OK);
    obey_parts(url, &again);
    if (url->password[0] != '\0') {
        LAW(strcmp(again.password, "***") == 0);
        (void)snprintf(url->password, sizeof url->password, "%s", SECRET);
        way_database_url_format(url, other, sizeof other);
        LAW(strcmp(shown, other) == 0);
    }
}

static void obey_secrecy(const char *text)
{
    struct way_database_url url;
    struct way_error err;
    size_t bytes = strlen(text) + sizeof "mariadb://u:" SECRET;
    char *whole = law_memory(bytes);

    (void)snprintf(whole, bytes, "mariadb://u:" SECRET "%s", text);
    if (way_database_url_parse(whole, &url, &err) != WAY_OK) {
        LAW(strstr(err.detail, SECRET) == NULL || strstr(text, SECRET) != NULL);
    }
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    struct way_database_url url;
    struct way_error err;
    char *text = feed_string(&feed, '\0');

    if (way_database_url_parse(text, &url, &err) == WAY_OK) {
        obey_showing(&url);
    } else {
        LAW(err.status == WAY_INVALID && strcmp(err.field, "database") == 0);
    }
    obey_secrecy(text);
    free(text);
    return 0;
}
