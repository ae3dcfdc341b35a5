/* SPDX-License-Identifier: MIT */
#include "main/tls_files.h"

#include "base/clock.h"
#include "base/log.h"
#include "main/plain_file.h"

#include <stdlib.h>
#include <string.h>

struct pem {
    struct way_file_content content; /* owned, and wiped: it may be a key */
    struct api_bytes bytes;          /* of it; NULL: the option was not given */
};

enum way_status way_tls_options_check(const struct way_options *options, struct way_error *err)
{
    bool has_certificate = options->tls_cert[0] != '\0';

    if (has_certificate != (options->tls_key[0] != '\0')) {
        return has_certificate ? way_fail(err, WAY_INVALID, "tls-cert", "wants --tls-key, too")
                               : way_fail(err, WAY_INVALID, "tls-key", "wants --tls-cert, too");
    }
    if (!has_certificate && options->tls_client_ca[0] != '\0') {
        return way_fail(err, WAY_INVALID, "tls-client-ca", "wants --tls-cert and --tls-key, too");
    }
    return WAY_OK;
}

static enum way_status read_pem(const char *option, const char *path, struct pem *pem,
                                struct way_error *err)
{
    enum way_status status;

    if (path[0] == '\0') {
        return WAY_OK;
    }
    pem->content.size = API_TLS_FILE_MAX + 1; /* one more, to see that it is so */
    pem->content.bytes = malloc(pem->content.size);
    if (pem->content.bytes == NULL) {
        return way_fail(err, WAY_NO_MEMORY, option, "out of memory");
    }
    status = way_file_read(option, path, &pem->content, err);
    if (status != WAY_OK) {
        return status;
    }
    if (pem->content.len == 0 || pem->content.len > API_TLS_FILE_MAX) {
        return way_fail(err, WAY_INVALID, option, "%.*s has %s bytes", WAY_PATH_SHOWN, path,
                        pem->content.len == 0 ? "no" : "too many");
    }
    pem->bytes = (struct api_bytes){pem->content.bytes, pem->content.len};
    return WAY_OK;
}

static void forget_pem(struct pem *pem)
{
    if (pem->content.bytes != NULL) {
        explicit_bzero(pem->content.bytes, pem->content.size);
        free(pem->content.bytes);
    }
}

static void warn_of_readers(const char *path, mode_t mode)
{
    char quoted[WAY_LOG_VALUE_MAX];

    if ((mode & WAY_FILE_EXPOSED) != 0) {
        way_log(WAY_LOG_WARN, "tls.exposed",
                "path=%s mode=%04o detail=\"others may read or write the key\"",
                way_log_quote(path, strlen(path), quoted, sizeof quoted), (unsigned)mode & 07777);
    }
}

static enum way_status read_files(const struct way_options *options,
                                  struct api_tls_credentials **out, struct way_error *err)
{
    struct pem certificate = {0};
    struct pem key = {0};
    struct pem client_ca = {0};
    enum way_status status = read_pem("tls-cert", options->tls_cert, &certificate, err);

    if (status == WAY_OK) {
        status = read_pem("tls-key", options->tls_key, &key, err);
    }
    if (status == WAY_OK) {
        status = read_pem("tls-client-ca", options->tls_client_ca, &client_ca, err);
    }
    if (status == WAY_OK) {
        const struct api_tls_files files = {
            .certificate = certificate.bytes, .key = key.bytes, .client_ca = client_ca.bytes};

        status = api_tls_credentials_read(&files, out, err);
    }
    if (status == WAY_OK) {
        warn_of_readers(options->tls_key, key.content.mode);
    }
    forget_pem(&certificate);
    forget_pem(&key);
    forget_pem(&client_ca);
    return status;
}

static bool has_ended(const struct api_tls_credentials *credentials)
{
    return api_tls_credentials_end_us(credentials) <= way_clock_wall_us();
}

/* Call before somebody else takes the credentials. */
static void log_read(const struct way_options *options,
                     const struct api_tls_credentials *credentials)
{
    char end[WAY_TIME_TEXT_MAX];

    way_time_format(api_tls_credentials_end_us(credentials), end);
    way_log(WAY_LOG_NOTICE, "tls.read", "ends=%s client_certificates=%s", end,
            options->tls_client_ca[0] == '\0' ? "none" : "required");
    if (has_ended(credentials)) {
        way_log(WAY_LOG_WARN, "tls.ended",
                "ends=%s detail=\"the certificate is served although it has ended\"", end);
    }
}

enum way_status way_tls_files_check(const struct way_options *options, struct way_error *err)
{
    struct api_tls_credentials *credentials = NULL;
    enum way_status status = WAY_OK;

    if (options->tls_cert[0] != '\0') {
        status = read_files(options, &credentials, err);
    }
    api_tls_credentials_drop(credentials);
    return status;
}

enum way_status way_tls_open(const struct way_options *options, struct api_tls **out,
                             struct way_error *err)
{
    struct api_tls_credentials *credentials = NULL;
    enum way_status status;

    *out = NULL;
    if (options->tls_cert[0] == '\0') {
        return WAY_OK;
    }
    status = read_files(options, &credentials, err);
    if (status != WAY_OK) {
        return status;
    }
    log_read(options, credentials);
    *out = api_tls_new(credentials);
    if (*out == NULL) {
        api_tls_credentials_drop(credentials);
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to start");
    }
    return WAY_OK;
}

enum way_status way_tls_read_again(const struct way_options *options, struct api_tls *tls,
                                   struct way_error *err)
{
    struct api_tls_credentials *credentials = NULL;
    enum way_status status = read_files(options, &credentials, err);

    if (status != WAY_OK) {
        return status;
    }
    if (has_ended(credentials)) {
        api_tls_credentials_drop(credentials);
        return way_fail(err, WAY_INVALID, "tls-cert", "the certificate has ended");
    }
    log_read(options, credentials);
    api_tls_replace(tls, credentials);
    return WAY_OK;
}
