/* SPDX-License-Identifier: MIT */
#include "api/http_tls.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

/* 1.2 with forward secrecy, and 1.3. */
#define PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"

enum { US_PER_S = 1000000 };

enum family { FAMILY_HANDSHAKES, FAMILY_END, FAMILY_COUNT };

enum handshake { HANDSHAKE_DONE, HANDSHAKE_FAILED, HANDSHAKE_COUNT };

struct api_tls_credentials {
    atomic_size_t references;
    /* constant after reading */
    gnutls_certificate_credentials_t gnutls;
    bool wants_client;
    int64_t end_us;
};

struct api_tls {
    struct way_metrics *metrics;
    pthread_mutex_t lock;
    struct api_tls_credentials *current; /* guarded by lock */
};

static void label_handshake(size_t series, struct way_text *out)
{
    way_text_puts(out, series == HANDSHAKE_DONE ? "result=\"done\"" : "result=\"failed\"");
}

static const struct way_metric_family families[] = {
    [FAMILY_HANDSHAKES] = {"waypost_tls_handshakes_total",
                           "TLS handshakes; failed: refused, broken off, or too slow.", WAY_COUNTER,
                           HANDSHAKE_COUNT, label_handshake},
    [FAMILY_END] = {"waypost_tls_certificate_expiry_timestamp_seconds",
                    "When the first certificate of the served chain ends, in seconds since 1970.",
                    WAY_GAUGE, 1, NULL},
};
_Static_assert(WAY_COUNT_OF(families) == FAMILY_COUNT, "describe every family");

/* --- reading -------------------------------------------------------------------------------- */

static gnutls_datum_t datum_of(struct api_bytes bytes)
{
    /* The library takes a writable pointer and does not write. */
    return (gnutls_datum_t){
        .data = (unsigned char *)(uintptr_t)bytes.at, /* NOLINT(performance-no-int-to-ptr) */
        .size = (unsigned)bytes.len};
}

static enum way_status fail_gnutls(struct way_error *err, const char *field, const char *what,
                                   int code)
{
    return code == GNUTLS_E_MEMORY_ERROR
               ? way_fail(err, WAY_NO_MEMORY, field, "out of memory")
               : way_fail(err, WAY_INVALID, field, "%s: %s", what, gnutls_strerror(code));
}

/* By itself, so that a fault is told of the right file. */
static enum way_status check_key(struct api_bytes pem, struct way_error *err)
{
    const gnutls_datum_t data = datum_of(pem);
    gnutls_x509_privkey_t key;
    int code = gnutls_x509_privkey_init(&key);

    if (code < 0) {
        return fail_gnutls(err, "tls-key", "no key", code);
    }
    code = gnutls_x509_privkey_import2(key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_x509_privkey_deinit(key);
    return code < 0 ? fail_gnutls(err, "tls-key", "the file has no key that can be read", code)
                    : WAY_OK;
}

/* The chain ends with the first of its certificates. */
static enum way_status read_end(struct api_bytes pem, int64_t *end_us, struct way_error *err)
{
    const gnutls_datum_t data = datum_of(pem);
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    int code = gnutls_x509_crt_list_import2(&chain, &count, &data, GNUTLS_X509_FMT_PEM, 0);

    if (code < 0) {
        return fail_gnutls(err, "tls-cert", "the file has no certificate that can be read", code);
    }
    *end_us = INT64_MAX;
    for (unsigned i = 0; i < count; i++) {
        int64_t end_s = (int64_t)gnutls_x509_crt_get_expiration_time(chain[i]);

        if (end_s < *end_us / US_PER_S) {
            *end_us = end_s * US_PER_S;
        }
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
    return WAY_OK;
}

static enum way_status set_key_pair(struct api_tls_credentials *credentials,
                                    const struct api_tls_files *files, struct way_error *err)
{
    const gnutls_datum_t chain = datum_of(files->certificate);
    const gnutls_datum_t key = datum_of(files->key);
    int code = gnutls_certificate_set_x509_key_mem2(credentials->gnutls, &chain, &key,
                                                    GNUTLS_X509_FMT_PEM, NULL, 0);

    if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
        return way_fail(err, WAY_INVALID, "tls-key",
                        "the key is not that of the first certificate of --tls-cert");
    }
    return code < 0 ? fail_gnutls(err, "tls-cert", "the certificate cannot be used", code) : WAY_OK;
}

static int verify_client(gnutls_session_t session);

static enum way_status set_authorities(struct api_tls_credentials *credentials,
                                       struct api_bytes pem, struct way_error *err)
{
    const gnutls_datum_t data = datum_of(pem);
    int count =
        gnutls_certificate_set_x509_trust_mem(credentials->gnutls, &data, GNUTLS_X509_FMT_PEM);

    if (count <= 0) {
        return fail_gnutls(err, "tls-client-ca", "the file has no certificate that can be read",
                           count == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : count);
    }
    credentials->wants_client = true;
    gnutls_certificate_set_verify_function(credentials->gnutls, verify_client);
    return WAY_OK;
}

enum way_status api_tls_credentials_read(const struct api_tls_files *files,
                                         struct api_tls_credentials **out, struct way_error *err)
{
    struct api_tls_credentials *made = calloc(1, sizeof *made);
    enum way_status status;

    if (made == NULL || gnutls_certificate_allocate_credentials(&made->gnutls) < 0) {
        free(made);
        return way_fail(err, WAY_NO_MEMORY, "tls-cert", "out of memory");
    }
    atomic_init(&made->references, 1);
    status = read_end(files->certificate, &made->end_us, err);
    if (status == WAY_OK) {
        status = check_key(files->key, err);
    }
    if (status == WAY_OK) {
        status = set_key_pair(made, files, err);
    }
    if (status == WAY_OK && files->client_ca.at != NULL) {
        status = set_authorities(made, files->client_ca, err);
    }
    if (status != WAY_OK) {
        api_tls_credentials_drop(made);
        return status;
    }
    *out = made;
    return WAY_OK;
}

void api_tls_credentials_drop(struct api_tls_credentials *credentials)
{
    if (credentials != NULL && atomic_fetch_sub(&credentials->references, 1) == 1) {
        gnutls_certificate_free_credentials(credentials->gnutls);
        free(credentials);
    }
}

int64_t api_tls_credentials_end_us(const struct api_tls_credentials *credentials)
{
    return credentials->end_us;
}

/* --- the current ones ----------------------------------------------------------------------- */

static void show_end(const struct api_tls *tls, const struct api_tls_credentials *credentials)
{
    way_metric_set(tls->metrics, FAMILY_END, 0, (uint64_t)(credentials->end_us / US_PER_S));
}

struct api_tls *api_tls_new(struct api_tls_credentials *credentials)
{
    struct api_tls *tls = calloc(1, sizeof *tls);

    if (tls == NULL) {
        return NULL;
    }
    tls->metrics = way_metrics_new(families, FAMILY_COUNT);
    if (tls->metrics == NULL || pthread_mutex_init(&tls->lock, NULL) != 0) {
        way_metrics_free(tls->metrics);
        free(tls);
        return NULL;
    }
    tls->current = credentials;
    show_end(tls, credentials);
    return tls;
}

void api_tls_free(struct api_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    api_tls_credentials_drop(tls->current);
    way_metrics_free(tls->metrics);
    (void)pthread_mutex_destroy(&tls->lock);
    free(tls);
}

void api_tls_replace(struct api_tls *tls, struct api_tls_credentials *credentials)
{
    struct api_tls_credentials *old;

    (void)pthread_mutex_lock(&tls->lock);
    old = tls->current;
    tls->current = credentials;
    (void)pthread_mutex_unlock(&tls->lock);
    show_end(tls, credentials);
    api_tls_credentials_drop(old);
}

static struct api_tls_credentials *take_current(struct api_tls *tls)
{
    struct api_tls_credentials *current;

    (void)pthread_mutex_lock(&tls->lock);
    current = tls->current;
    (void)atomic_fetch_add(&current->references, 1);
    (void)pthread_mutex_unlock(&tls->lock);
    return current;
}

void api_tls_render(const struct api_tls *tls, struct way_text *out)
{
    way_metrics_render(tls->metrics, out);
}

/* --- one connection ------------------------------------------------------------------------- */

/* The library asks for a certificate where no credentials of ours were put in. */
/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): the library's form */
static int have_no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities,
                               int authority_count, const gnutls_pk_algorithm_t *algorithms,
                               int algorithm_count, gnutls_pcert_st **chain, unsigned *chain_len,
                               gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)authority_count;
    (void)algorithms;
    (void)algorithm_count;
    (void)chain;
    (void)chain_len;
    (void)key;
    return -1;
}

/* NOLINTEND(readability-function-size,readability-non-const-parameter) */

void api_tls_daemon_options(struct MHD_OptionItem *options)
{
    static char priorities[] = PRIORITIES;

    const union {
        gnutls_certificate_retrieve_function2 *call;
        void *pointer;
    } callback = {.call = have_no_certificate};

    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, priorities};
    options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, callback.pointer};
    options[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

static gnutls_session_t session_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info == NULL ? NULL : info->tls_session;
}

/* What a client reads; RFC 8446 has a word of its own for a certificate that was not shown. */
static gnutls_alert_description_t alert_of(gnutls_session_t session, bool is_shown, unsigned faults)
{
    if (!is_shown) {
        return gnutls_protocol_get_version(session) == GNUTLS_TLS1_3 ? GNUTLS_A_CERTIFICATE_REQUIRED
                                                                     : GNUTLS_A_HANDSHAKE_FAILURE;
    }
    if ((faults & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) != 0) {
        return GNUTLS_A_CERTIFICATE_EXPIRED;
    }
    return (faults & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0 ? GNUTLS_A_UNKNOWN_CA
                                                        : GNUTLS_A_BAD_CERTIFICATE;
}

static int verify_client(gnutls_session_t session)
{
    struct api_tls_link *link = gnutls_session_get_ptr(session);
    static unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = purpose};
    unsigned faults = 0;
    unsigned count = 0;
    bool is_shown = gnutls_certificate_get_peers(session, &count) != NULL && count > 0;

    if (is_shown && gnutls_certificate_verify_peers(session, &wanted, 1, &faults) >= 0 &&
        faults == 0) {
        return 0;
    }
    /* It fits into the socket's buffer; if not, the end of the connection says enough. */
    (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, alert_of(session, is_shown, faults));
    link->is_refused = true;
    way_log(WAY_LOG_DEBUG, "tls.refused_client", "shown=%s faults=%u", is_shown ? "true" : "false",
            faults);
    return -1;
}

/* The client's last message of a handshake; ours was sent before, or is about to be. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned is_incoming,
                       const gnutls_datum_t *message)
{
    struct api_tls_link *link = gnutls_session_get_ptr(session);

    (void)type;
    (void)when;
    (void)message;
    if (is_incoming != 0 && !link->is_established) {
        link->is_established = true;
        link->established(link);
    }
    return 0;
}

/* As the library's own, but it tells that the handshake has been tried. */
static ssize_t pull(gnutls_transport_ptr_t transport, void *bytes, size_t size)
{
    struct api_tls_link *link = transport;

    link->is_tried = true;
    return recv(link->fd, bytes, size, 0);
}

/* gnutls wants one beside every pull(). Nothing here ever waits. */
static int can_pull(gnutls_transport_ptr_t transport, unsigned wait_ms)
{
    struct pollfd event = {.fd = ((const struct api_tls_link *)transport)->fd, .events = POLLIN};

    (void)wait_ms;
    return poll(&event, 1, 0);
}

bool api_tls_begin(struct api_tls *tls, struct MHD_Connection *mhd, int fd,
                   struct api_tls_link *link, void (*established)(struct api_tls_link *link))
{
    gnutls_session_t session = session_of(mhd);
    gnutls_transport_ptr_t receiver;
    gnutls_transport_ptr_t sender;

    *link = (struct api_tls_link){.tls = tls, .fd = fd, .established = established};
    if (session == NULL || tls == NULL) {
        return false;
    }
    link->credentials = take_current(tls);
    gnutls_session_set_ptr(session, link);
    gnutls_transport_get_ptr2(session, &receiver, &sender);
    gnutls_transport_set_ptr2(session, link, sender); /* it goes on sending by itself */
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, can_pull);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                       on_finished);
    /* Not REQUIRE: verify_client() itself refuses whoever shows none, for it can say so. */
    gnutls_certificate_server_set_request(
        session, link->credentials->wants_client ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
    /* In the place of the library's, which have no certificate: when this fails, so does the
     * handshake. */
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, link->credentials->gnutls);
    return true;
}

bool api_tls_wants_to_write(struct MHD_Connection *mhd)
{
    return gnutls_record_get_direction(session_of(mhd)) == 1;
}

void api_tls_end(struct api_tls_link *link)
{
    if (link->credentials == NULL) {
        return;
    }
    way_metric_add(link->tls->metrics, FAMILY_HANDSHAKES,
                   link->is_established ? HANDSHAKE_DONE : HANDSHAKE_FAILED, 1);
    api_tls_credentials_drop(link->credentials);
    link->credentials = NULL;
}

ssize_t api_tls_send(struct MHD_Connection *mhd, int fd, const char *bytes, size_t len)
{
    gnutls_session_t session = mhd == NULL ? NULL : session_of(mhd);

    return session == NULL ? send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT)
                           : gnutls_record_send(session, bytes, len);
}
