/* SPDX-License-Identifier: MIT */
#include "main/ask_tls.h"

#include "api/http_tls.h"
#include "main/plain_file.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

struct way_tls_client {
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    const char *alert; /* the server's last word; NULL: none */
};

static enum way_status read_pin(const char *path, gnutls_datum_t *der, struct way_error *err)
{
    struct way_file_content content = {.size = API_TLS_FILE_MAX};
    enum way_status status;
    gnutls_datum_t pem;

    content.bytes = malloc(content.size);
    if (content.bytes == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "tls-cert", "out of memory");
    }
    status = way_file_read("tls-cert", path, &content, err);
    if (status == WAY_OK) {
        pem = (gnutls_datum_t){(unsigned char *)content.bytes, (unsigned)content.len};
        if (gnutls_pem_base64_decode2("CERTIFICATE", &pem, der) < 0) {
            status = way_fail(err, WAY_INVALID, "tls-cert", "%.*s has no certificate",
                              WAY_PATH_SHOWN, path);
        }
    }
    free(content.bytes);
    return status;
}

static enum way_status check_pin(gnutls_session_t session, const char *path, struct way_error *err)
{
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &count);
    gnutls_datum_t pinned = {0};
    enum way_status status = read_pin(path, &pinned, err);

    if (status == WAY_OK &&
        (shown == NULL || count == 0 || pinned.data == NULL || shown[0].size != pinned.size ||
         memcmp(shown[0].data, pinned.data, pinned.size) != 0)) {
        status = way_fail(err, WAY_UNAVAILABLE, "",
                          "what listens there shows another certificate than that of --tls-cert; "
                          "if the file is new, send the instance SIGHUP first");
    }
    gnutls_free(pinned.data);
    return status;
}

static int shake_hands(gnutls_session_t session)
{
    int code;

    do {
        code = gnutls_handshake(session);
    } while (code == GNUTLS_E_INTERRUPTED || code == GNUTLS_E_WARNING_ALERT_RECEIVED);
    return code;
}

static enum way_status fail_gnutls(gnutls_session_t session, int code, struct way_error *err)
{
    bool is_alert = code == GNUTLS_E_FATAL_ALERT_RECEIVED;

    return way_fail(err, WAY_UNAVAILABLE, "", "no TLS handshake: %s",
                    is_alert                 ? gnutls_alert_get_name(gnutls_alert_get(session))
                    : code == GNUTLS_E_AGAIN ? "no answer in time"
                                             : gnutls_strerror(code));
}

enum way_status way_tls_client_open(int fd, const char *pin, struct way_tls_client **out,
                                    struct way_error *err)
{
    struct way_tls_client *client = calloc(1, sizeof *client);
    enum way_status status = WAY_OK;
    int code;

    if (client == NULL || gnutls_init(&client->session, GNUTLS_CLIENT) < 0) {
        free(client);
        return way_fail(err, WAY_NO_MEMORY, "", "out of memory");
    }
    if (gnutls_certificate_allocate_credentials(&client->credentials) < 0 ||
        gnutls_set_default_priority(client->session) < 0 ||
        gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, client->credentials) < 0) {
        status = way_fail(err, WAY_NO_MEMORY, "", "out of memory");
        goto out;
    }
    gnutls_transport_set_int(client->session, fd);
    code = shake_hands(client->session);
    if (code < 0) {
        status = fail_gnutls(client->session, code, err);
    } else if (pin != NULL) {
        status = check_pin(client->session, pin, err);
    }
out:
    if (status != WAY_OK) {
        way_tls_client_close(client);
        return status;
    }
    *out = client;
    return WAY_OK;
}

ssize_t way_tls_client_send(struct way_tls_client *client, const char *bytes, size_t len)
{
    ssize_t sent;

    do {
        sent = gnutls_record_send(client->session, bytes, len);
    } while (sent == GNUTLS_E_INTERRUPTED);
    return sent;
}

ssize_t way_tls_client_receive(struct way_tls_client *client, char *bytes, size_t size)
{
    ssize_t got;

    do {
        got = gnutls_record_recv(client->session, bytes, size);
    } while (got == GNUTLS_E_INTERRUPTED);
    if (got == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        client->alert = gnutls_alert_get_name(gnutls_alert_get(client->session));
    }
    return got;
}

const char *way_tls_client_alert(const struct way_tls_client *client)
{
    return client->alert;
}

void way_tls_client_close(struct way_tls_client *client)
{
    if (client == NULL) {
        return;
    }
    gnutls_deinit(client->session);
    if (client->credentials != NULL) {
        gnutls_certificate_free_credentials(client->credentials);
    }
    free(client);
}
