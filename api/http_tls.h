/* SPDX-License-Identifier: MIT */
/*
 * api/http_tls - certificates, and the TLS side of a connection.
 *
 * Purpose  Credentials (certificate chain, key, the authorities of client certificates) are
 *          read as a whole, never change, and are counted: a connection keeps those it
 *          began with to its end, new connections get those that are current. So they
 *          can be replaced at any time, and no connection notices.
 * Owns     api_tls: the current credentials, and the metrics of handshakes.
 * Threads  api_tls_replace() and begin/end: any, at the same time. The rest of a link is its
 *          connection's loop's.
 * Errors   read: WAY_INVALID, with the option at fault in the field; WAY_NO_MEMORY.
 *
 * libmicrohttpd gets no credentials of its own: where ours are not put in, every
 * handshake fails. Without session tickets each connection is a full handshake, so a client
 * certificate is always looked at.
 *
 * Sources  RFC 5246, RFC 8446; RFC 8446 6.2 for the alerts.
 */
#ifndef WAY_API_HTTP_TLS_H
#define WAY_API_HTTP_TLS_H

#include "api/request.h"
#include "base/text.h"

#include <sys/types.h>

enum {
    API_TLS_FILE_MAX = 1024 * 1024, /* bytes of a file of certificates, or of a key */
    API_TLS_DAEMON_OPTIONS = 3,     /* what a daemon has to be told, with the end of the list */
};

struct api_tls;
struct api_tls_credentials;
struct MHD_Connection;
struct MHD_OptionItem;

/* What the files hold, in PEM. */
struct api_tls_files {
    struct api_bytes certificate; /* the server's, and the chain behind it */
    struct api_bytes key;
    struct api_bytes client_ca; /* NULL: no client certificate is asked for */
};

/* Gives credentials, to be dropped or made an api_tls of. */
WAY_MUST_CHECK enum way_status api_tls_credentials_read(const struct api_tls_files *files,
                                                        struct api_tls_credentials **out,
                                                        struct way_error *err);
/* NULL is fine. */
void api_tls_credentials_drop(struct api_tls_credentials *credentials);
/* When the first certificate of the chain ends, in microseconds since 1970. */
int64_t api_tls_credentials_end_us(const struct api_tls_credentials *credentials);

/* Takes the credentials, unless it returns NULL: out of memory. */
struct api_tls *api_tls_new(struct api_tls_credentials *credentials);
/* When no connection is left. NULL is fine. */
void api_tls_free(struct api_tls *tls);
/* Takes the credentials: every connection from now on gets them. */
void api_tls_replace(struct api_tls *tls, struct api_tls_credentials *credentials);
void api_tls_render(const struct api_tls *tls, struct way_text *out);

/* API_TLS_DAEMON_OPTIONS of them, for MHD_OPTION_ARRAY of a daemon that is started with
 * MHD_USE_TLS. */
void api_tls_daemon_options(struct MHD_OptionItem *options);

/* One connection's. Zero: it is plain. */
struct api_tls_link {
    struct api_tls *tls;                     /* borrowed */
    struct api_tls_credentials *credentials; /* counted; NULL: plain, or ended */
    int fd;
    bool is_tried;                                  /* the handshake, at least once */
    bool is_established;                            /* the client has finished it */
    bool is_refused;                                /* for its certificate, and is told so */
    void (*established)(struct api_tls_link *link); /* on the loop, at most once */
};

/* At the beginning of each connection. Returns whether it speaks TLS. */
bool api_tls_begin(struct api_tls *tls, struct MHD_Connection *mhd, int fd,
                   struct api_tls_link *link, void (*established)(struct api_tls_link *link));
/* During a handshake: it waits to send, and not for the client. */
bool api_tls_wants_to_write(struct MHD_Connection *mhd);
/* When the connection's session is gone. */
void api_tls_end(struct api_tls_link *link);
/* Sends past the library, encrypted if the connection is. Returns what was taken, negative: none.
 */
ssize_t api_tls_send(struct MHD_Connection *mhd, int fd, const char *bytes, size_t len);

#endif
