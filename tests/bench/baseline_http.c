/* SPDX-License-Identifier: MIT */
/*
 * A bare libmicrohttpd server: what HTTP costs with this library when nothing is looked up.
 *
 *     baseline_http shared|made
 *
 * shared: one constant reply for all. made: a reply made for each request, with the one
 * header that says what it is. Prints its port, answers on one thread of the library's own
 * (epoll), and ends at the end of its standard input.
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char body[] =
    "{\"lookup_key\":\"u0123456.bench.example\",\"override\":true,\"source\":\"override\","
    "\"target_host\":\"mx42.target.example\",\"revision\":1}\n";

static struct MHD_Response *make_reply(void)
{
    struct MHD_Response *reply = MHD_create_response_from_buffer(
        sizeof body - 1, (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);

    if (reply != NULL) {
        (void)MHD_add_response_header(reply, "Content-Type", "application/json");
    }
    return reply;
}

/* `owner`: the shared reply, or NULL. */
static enum MHD_Result answer(void *owner, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **request)
{
    static int seen;
    struct MHD_Response *reply = owner;
    enum MHD_Result result;

    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    (void)upload_len;
    if (*request == NULL) {
        *request = &seen;
        return MHD_YES;
    }
    if (reply != NULL) {
        return MHD_queue_response(connection, MHD_HTTP_OK, reply);
    }
    reply = make_reply();
    if (reply == NULL) {
        return MHD_NO;
    }
    result = MHD_queue_response(connection, MHD_HTTP_OK, reply);
    MHD_destroy_response(reply);
    return result;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Response *shared = NULL;
    const union MHD_DaemonInfo *info;
    struct MHD_Daemon *daemon;
    char byte;

    if (argc != 2 || (strcmp(argv[1], "shared") != 0 && strcmp(argv[1], "made") != 0)) {
        (void)fputs("usage: baseline_http shared|made\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "shared") == 0) {
        shared = make_reply();
    }
    daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, shared,
                              MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_END);
    info = daemon == NULL ? NULL : MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info == NULL) {
        (void)fputs("baseline_http: the library did not start\n", stderr);
        return 1;
    }
    (void)printf("%u\n", info->port);
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    MHD_stop_daemon(daemon);
    if (shared != NULL) {
        MHD_destroy_response(shared);
    }
    return 0;
}
