/* SPDX-License-Identifier: MIT */
/* What the servers do, seen through a resolver. */
#include "dns/forwarder.h"

#include "fixture.h"

static void be_unable(struct server *server, const struct query *query)
{
    answer_with(server, query, 0x8182); /* SERVFAIL */
    server_reply(server, query);
}

static void refuse(struct server *server, const struct query *query)
{
    answer_with(server, query, 0x8185);
    server_reply(server, query);
}

/* Keeps "slow.example" until the test wakes it. */
static void answer_but_slow(struct server *server, const struct query *query)
{
    if (query == NULL || strcmp(query->name, "slow.example") == 0) {
        answer_when_woken(server, query);
    } else {
        answer(server, query);
    }
}

static void answer_bad_names(struct server *server, const struct query *query)
{
    if (strcmp(query->name, "nxdomain.example") == 0) {
        answer_with(server, query, 0x8183);
        packet_soa(&server->packet, "example", 900, 600);
    } else if (strcmp(query->name, "nodata.example") == 0) {
        answer_with(server, query, 0x8180);
        packet_soa(&server->packet, "example", 60, 600);
    } else {
        answer_with(server, query, 0x8180);
        packet_mx(&server->packet, "@12", 30, 0, "");
    }
    server_reply(server, query);
}

static void truncate_udp(struct server *server, const struct query *query)
{
    if (!query->is_tcp) {
        answer_with(server, query, 0x8380);
        server_reply(server, query);
        return;
    }
    answer_with(server, query, 0x8180);
    for (unsigned i = 0; i < 200; i++) {
        packet_mx(&server->packet, "@12", 300, i, "mx.@12");
    }
    server_reply(server, query);
}

static void dislike_edns(struct server *server, const struct query *query)
{
    if (!query->has_edns) {
        answer(server, query);
        return;
    }
    answer_with(server, query, 0x8181);
    server_reply(server, query);
}

static void dislike_everything(struct server *server, const struct query *query)
{
    answer_with(server, query, 0x8181);
    server_reply(server, query);
}

/* Before the answer comes what others might send: noise, another's question, another's id. */
static void answer_among_noise(struct server *server, const struct query *query)
{
    static const uint8_t noise[] = "\x00\x01noise";
    struct query other = *query;

    (void)sendto(query->descriptor, noise, sizeof noise, 0, (const struct sockaddr *)&query->from,
                 query->from_len);
    packet_start(&server->packet, 0x8180, "other.example", query->type);
    packet_address(&server->packet, "@12", 300, "192.0.2.66");
    server_reply(server, query);
    other.bytes[0] ^= 0xff;
    answer_with(server, query, 0x8180);
    packet_address(&server->packet, "@12", 300, "192.0.2.66");
    server_reply(server, &other);
    answer(server, query);
}

static void answer_malformed(struct server *server, const struct query *query)
{
    answer_with(server, query, 0x8180);
    packet_mx(&server->packet, "@12", 300, 10, "@16383");
    server_reply(server, query);
}

/* alias.example -> mail.example, and "l9.example" -> "l10.example" and so on without end. */
static void answer_bare_cnames(struct server *server, const struct query *query)
{
    char target[32];

    answer_with(server, query, 0x8180);
    if (strcmp(query->name, "alias.example") == 0) {
        packet_cname(&server->packet, "@12", 40, "Mail.Example");
    } else if (strcmp(query->name, "astray.example") == 0) {
        packet_cname(&server->packet, "@12", 40, "nowhere.example");
    } else if (strcmp(query->name, "nowhere.example") == 0) {
        answer_with(server, query, 0x8183);
    } else if (query->name[0] == 'l') {
        (void)snprintf(target, sizeof target, "l%lu.example",
                       strtoul(query->name + 1, NULL, 10) + 1);
        packet_cname(&server->packet, "@12", 40, target);
    } else {
        packet_mx(&server->packet, "@12", 300, 10, "mx.example");
    }
    server_reply(server, query);
}

enum { SMALL_WIRE = 4, MANY = 40 };

/* Holds everything until the test has asked all it wants to ask; from then on answers when as many
 * are waiting as may be on the wire, and not before. */
static void answer_in_rounds(struct server *server, const struct query *query)
{
    if (query == NULL) {
        size_t unread = 0;

        while (recv(server->udp, server->packet.bytes, 1, MSG_DONTWAIT) > 0) {
            unread++;
        }
        server_note_held(server, server->held_count + unread);
        server->is_open = true;
    } else {
        server_hold(server, query);
    }
    if (server->is_open && server->held_count >= SMALL_WIRE) {
        answer_when_woken(server, NULL);
    }
}

static void negative_answers_are_told_apart(void **state)
{
    static struct fixture fixture;
    struct probe *probe;

    (void)state;
    START(&fixture, answer_bad_names);
    probe = look_up(&fixture, WAY_DNS_MX, "nxdomain.example");
    assert_int_equal(probe->outcome, WAY_DNS_NXDOMAIN);
    assert_int_equal(probe->ttl, 600);
    probe = look_up(&fixture, WAY_DNS_MX, "nodata.example");
    assert_int_equal(probe->outcome, WAY_DNS_NO_DATA);
    assert_int_equal(probe->ttl, 60);
    probe = look_up(&fixture, WAY_DNS_MX, "null.example");
    assert_int_equal(probe->outcome, WAY_DNS_FOUND);
    assert_string_equal(probe->first.of.mx.host, "");
    finish(&fixture);
}

static void an_ipv6_server_is_asked(void **state)
{
    static struct fixture fixture;
    char list[32];

    (void)state;
    fixture_init(&fixture);
    fixture.servers[0] = server_start("::1", 0, answer);
    if (fixture.servers[0] == NULL) {
        finish(&fixture);
        skip(); /* no IPv6 on this machine */
    }
    (void)snprintf(list, sizeof list, "[::1]:%u", fixture.servers[0]->port);
    open_resolver(&fixture, list, TIMEOUT_MS, ON_WIRE_MAX);
    assert_int_equal(look_up(&fixture, WAY_DNS_A, "a.example")->outcome, WAY_DNS_FOUND);
    finish(&fixture);
}

static void a_server_that_cannot_answer_is_passed_over(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, be_unable, refuse, answer);
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_FOUND);
    assert_int_equal(server_queries(fixture.servers[0]), 1);
    assert_int_equal(server_queries(fixture.servers[1]), 1);
    assert_int_equal(server_queries(fixture.servers[2]), 1);
    assert_int_equal(fixture.observed[WAY_DNS_FAILURE], 2);
    finish(&fixture);
}

static void no_server_able_is_a_failure_at_once(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, be_unable, refuse, answer_malformed);
    ask(&fixture, 0, WAY_DNS_MX, "a.example", PATIENT_MS);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_FAILURE);
    assert_int_equal(server_queries(fixture.servers[0]), 1);
    finish(&fixture);
}

static void a_silent_server_is_asked_last_afterwards(void **state)
{
    static struct fixture fixture;
    uint64_t start_ms;

    (void)state;
    start(&fixture, 600, ON_WIRE_MAX, (const server_script_fn[SERVERS_MAX]){be_silent, answer});
    start_ms = way_clock_mono_ms();
    assert_int_equal(look_up(&fixture, WAY_DNS_A, "a.example")->outcome, WAY_DNS_FOUND);
    assert_true(way_clock_mono_ms() - start_ms >= 200); /* one attempt at the first */
    assert_int_equal(server_queries(fixture.servers[0]), 1);
    assert_int_equal(look_up(&fixture, WAY_DNS_A, "b.example")->outcome, WAY_DNS_FOUND);
    assert_int_equal(server_queries(fixture.servers[0]), 1);
    assert_int_equal(server_queries(fixture.servers[1]), 2);
    assert_int_equal(fixture.observed[WAY_DNS_TIMEOUT], 1);
    finish(&fixture);
}

static void answer_the_second_time(struct server *server, const struct query *query)
{
    if (query->number > 1) {
        answer(server, query);
    }
}

static void silent_servers_are_asked_in_turn(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, 600, ON_WIRE_MAX,
          (const server_script_fn[SERVERS_MAX]){be_silent, answer_the_second_time});
    assert_int_equal(look_up(&fixture, WAY_DNS_A, "a.example")->outcome, WAY_DNS_FOUND);
    assert_int_equal(server_queries(fixture.servers[0]), 2);
    assert_int_equal(server_queries(fixture.servers[1]), 2);
    finish(&fixture);
}

static void silence_is_a_timeout_at_the_deadline(void **state)
{
    static struct fixture fixture;
    const struct probe *probe = &fixture.probes[0];

    (void)state;
    start(&fixture, 900, ON_WIRE_MAX,
          (const server_script_fn[SERVERS_MAX]){be_silent, be_silent, be_silent});
    ask(&fixture, 0, WAY_DNS_A, "a.example", 900);
    run(&fixture);
    assert_int_equal(probe->outcome, WAY_DNS_TIMEOUT);
    assert_true(probe->done_ms >= probe->deadline_ms);
    for (size_t i = 0; i < 3; i++) {
        assert_true(server_queries(fixture.servers[i]) >= 1);
    }
    finish(&fixture);
}

static void one_silent_server_is_asked_twice(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, 600, ON_WIRE_MAX, (const server_script_fn[SERVERS_MAX]){be_silent});
    ask(&fixture, 0, WAY_DNS_A, "a.example", 600);
    run(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_TIMEOUT);
    assert_true(server_queries(fixture.servers[0]) >= 2);
    finish(&fixture);
}

/* A port that nobody listens on, for as long as the other end of the pair is open. */
static int closed_port(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(taken >= 0);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return taken;
}

static void a_refused_connection_is_a_failure_at_once(void **state)
{
    static struct fixture fixture;
    char list[64];
    uint16_t port;
    int taken = closed_port(&port);

    (void)state;
    fixture_init(&fixture);
    (void)snprintf(list, sizeof list, "127.0.0.1:%u,127.0.0.2:%u", port, port);
    open_resolver(&fixture, list, TIMEOUT_MS, ON_WIRE_MAX);
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_FAILURE);
    finish(&fixture);
    (void)close(taken);
}

static void a_refused_connection_leads_to_the_next_server(void **state)
{
    static struct fixture fixture;
    char list[64];
    uint16_t port;
    int taken = closed_port(&port);

    (void)state;
    fixture_init(&fixture);
    fixture.servers[0] = server_start("127.0.0.1", 0, answer);
    assert_non_null(fixture.servers[0]);
    (void)snprintf(list, sizeof list, "127.0.0.1:%u,127.0.0.1:%u", port, fixture.servers[0]->port);
    open_resolver(&fixture, list, TIMEOUT_MS, ON_WIRE_MAX);
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_FOUND);
    finish(&fixture);
    (void)close(taken);
}

static void truncated_answers_come_over_tcp(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, truncate_udp);
    for (size_t i = 0; i < 20; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "n%zu.example", i);
        ask(&fixture, i, WAY_DNS_MX, name, PATIENT_MS);
    }
    run_quickly(&fixture);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(fixture.probes[i].outcome, WAY_DNS_FOUND);
        assert_int_equal(fixture.probes[i].count, 200);
    }
    assert_int_equal(server_queries(fixture.servers[0]), 40);
    finish(&fixture);
}

static void a_server_without_edns_is_asked_without(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, dislike_edns);
    for (size_t i = 0; i < 20; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "n%zu.example", i);
        ask(&fixture, i, WAY_DNS_A, name, PATIENT_MS);
    }
    run_quickly(&fixture);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(fixture.probes[i].outcome, WAY_DNS_FOUND);
    }
    finish(&fixture);
}

static void formerr_without_edns_is_a_failure(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, dislike_everything);
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_FAILURE);
    finish(&fixture);
}

static void noise_is_not_an_answer(void **state)
{
    static const uint8_t real[] = {192, 0, 2, 7};
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer_among_noise);
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_FOUND);
    assert_memory_equal(fixture.probes[0].first.of.ipv4, real, sizeof real);
    finish(&fixture);
}

static void bare_cnames_are_followed(void **state)
{
    static struct fixture fixture;
    const struct probe *probe;

    (void)state;
    START(&fixture, answer_bare_cnames);
    probe = look_up(&fixture, WAY_DNS_MX, "alias.example");
    assert_int_equal(probe->outcome, WAY_DNS_FOUND);
    assert_int_equal(probe->ttl, 40);
    assert_string_equal(probe->first.of.mx.host, "mx.example");
    assert_int_equal(server_queries(fixture.servers[0]), 2);
    probe = look_up(&fixture, WAY_DNS_MX, "astray.example");
    assert_int_equal(probe->outcome, WAY_DNS_NXDOMAIN);
    finish(&fixture);
}

static void answer_all_but_aliases(struct server *server, const struct query *query)
{
    if (strcmp(query->name, "alias.example") == 0) {
        be_unable(server, query);
    } else {
        answer(server, query);
    }
}

static void answer_nothing_but_aliases(struct server *server, const struct query *query)
{
    if (strcmp(query->name, "alias.example") == 0) {
        answer_bare_cnames(server, query);
    } else {
        be_unable(server, query);
    }
}

/* That a server could not tell about the alias says nothing about the name behind it. */
static void every_server_may_know_where_a_cname_leads(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer_all_but_aliases, answer_nothing_but_aliases);
    assert_int_equal(look_up(&fixture, WAY_DNS_MX, "alias.example")->outcome, WAY_DNS_FOUND);
    assert_int_equal(server_queries(fixture.servers[0]), 2);
    finish(&fixture);
}

static void nobody_is_asked_for_onion_names(void **state)
{
    static struct fixture fixture;
    const struct probe *probe;

    (void)state;
    START(&fixture, answer);
    probe = look_up(&fixture, WAY_DNS_MX, "mail.onion");
    assert_int_equal(probe->outcome, WAY_DNS_NXDOMAIN);
    assert_int_equal(probe->ttl, 0);
    assert_int_equal(server_queries(fixture.servers[0]), 0);
    finish(&fixture);
}

static void endless_cnames_are_a_failure(void **state)
{
    static struct fixture fixture;

    (void)state;
    START(&fixture, answer_bare_cnames);
    assert_int_equal(look_up(&fixture, WAY_DNS_MX, "l0.example")->outcome, WAY_DNS_FAILURE);
    assert_int_equal(server_queries(fixture.servers[0]), WAY_DNS_CNAMES_MAX + 1);
    finish(&fixture);
}

static void queries_on_the_wire_are_bounded(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, TIMEOUT_MS, SMALL_WIRE,
          (const server_script_fn[SERVERS_MAX]){answer_in_rounds});
    for (size_t i = 0; i < MANY; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "n%zu.example", i);
        ask(&fixture, i, WAY_DNS_A, name, PATIENT_MS);
    }
    server_await(fixture.servers[0], SMALL_WIRE);
    server_wake(fixture.servers[0]);
    run_quickly(&fixture);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(fixture.probes[i].outcome, WAY_DNS_FOUND);
        /* Who has asked first is answered first, but for those on the wire together. */
        assert_true(i < SMALL_WIRE ||
                    fixture.probes[i].done_ms >= fixture.probes[i - SMALL_WIRE].done_ms);
    }
    assert_int_equal(server_queries(fixture.servers[0]), MANY);
    assert_int_equal(server_held_most(fixture.servers[0]), SMALL_WIRE);
    finish(&fixture);
}

static void a_full_server_leaves_work_to_the_next(void **state)
{
    static struct fixture fixture;

    (void)state;
    start(&fixture, TIMEOUT_MS, 1,
          (const server_script_fn[SERVERS_MAX]){answer_when_woken, answer});
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    ask(&fixture, 1, WAY_DNS_A, "b.example", PATIENT_MS);
    server_await(fixture.servers[1], 1);
    server_await(fixture.servers[0], 1);
    server_wake(fixture.servers[0]);
    run_quickly(&fixture);
    assert_int_equal(fixture.probes[0].outcome, WAY_DNS_FOUND);
    assert_int_equal(fixture.probes[1].outcome, WAY_DNS_FOUND);
    finish(&fixture);
}

static void write_resolv_conf(const char *path, const char *address)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fprintf(file, "# by hand\nsearch example\nnameserver %s\n", address) > 0);
    assert_int_equal(fclose(file), 0);
}

/* Asks on until the file has been looked at again, then lets the slow answer come. */
static void ask_until_the_other_server_answers(struct probe *probe)
{
    struct fixture *fixture = probe->fixture;

    if (server_queries(fixture->servers[1]) == 0) {
        ask(fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    } else {
        server_wake(fixture->servers[0]);
    }
}

/* Takes as long as the file is not looked at again. Meanwhile one query stays on the wire, so that
 * the old server's channel must outlive the change. */
static void a_changed_resolv_conf_is_followed(void **state)
{
    static struct fixture fixture;
    char folder[] = "/tmp/waypost-test-XXXXXX";
    char path[64];
    char addresses[2][INET_ADDRSTRLEN];
    struct way_cares_options options = {
        .resolv_conf = path, .timeout_ms = 10 * (uint64_t)PATIENT_MS, .on_wire_max = ON_WIRE_MAX};

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/resolv.conf", folder);
    fixture_init(&fixture);
    for (unsigned i = 0; i < 2; i++) {
        /* resolv.conf knows no ports: an address of our own, in case tests run side by side. */
        (void)snprintf(addresses[i], sizeof addresses[i], "127.%u.%u.%u", 53 + i,
                       (unsigned)getpid() >> 8 & 0xff, (unsigned)getpid() & 0xff);
        fixture.servers[i] =
            server_start(addresses[i], WAY_DNS_PORT, i == 0 ? answer_but_slow : answer);
    }
    if (fixture.servers[0] == NULL || fixture.servers[1] == NULL) {
        finish(&fixture);
        (void)rmdir(folder);
        skip(); /* port 53 is not for everybody */
    }
    write_resolv_conf(path, addresses[0]);
    assert_int_equal(way_resolver_cares_new(fixture.loop, &options, &fixture.resolver, NULL),
                     WAY_OK);
    assert_int_equal(look_up(&fixture, WAY_DNS_A, "a.example")->outcome, WAY_DNS_FOUND);
    assert_int_equal(server_queries(fixture.servers[0]), 1);

    ask(&fixture, 1, WAY_DNS_A, "slow.example", PATIENT_MS);
    server_await(fixture.servers[0], 2);
    write_resolv_conf(path, addresses[1]);
    fixture.probes[0].then = ask_until_the_other_server_answers;
    ask(&fixture, 0, WAY_DNS_A, "a.example", PATIENT_MS);
    run(&fixture);
    assert_int_equal(fixture.probes[1].outcome, WAY_DNS_FOUND);
    assert_int_equal(server_queries(fixture.servers[1]), 1);
    finish(&fixture);
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(negative_answers_are_told_apart),
        cmocka_unit_test(an_ipv6_server_is_asked),
        cmocka_unit_test(a_server_that_cannot_answer_is_passed_over),
        cmocka_unit_test(no_server_able_is_a_failure_at_once),
        cmocka_unit_test(a_silent_server_is_asked_last_afterwards),
        cmocka_unit_test(silent_servers_are_asked_in_turn),
        cmocka_unit_test(silence_is_a_timeout_at_the_deadline),
        cmocka_unit_test(one_silent_server_is_asked_twice),
        cmocka_unit_test(a_refused_connection_is_a_failure_at_once),
        cmocka_unit_test(a_refused_connection_leads_to_the_next_server),
        cmocka_unit_test(truncated_answers_come_over_tcp),
        cmocka_unit_test(a_server_without_edns_is_asked_without),
        cmocka_unit_test(formerr_without_edns_is_a_failure),
        cmocka_unit_test(noise_is_not_an_answer),
        cmocka_unit_test(bare_cnames_are_followed),
        cmocka_unit_test(every_server_may_know_where_a_cname_leads),
        cmocka_unit_test(nobody_is_asked_for_onion_names),
        cmocka_unit_test(endless_cnames_are_a_failure),
        cmocka_unit_test(queries_on_the_wire_are_bounded),
        cmocka_unit_test(a_full_server_leaves_work_to_the_next),
        cmocka_unit_test(a_changed_resolv_conf_is_followed),
    };

    return cmocka_run_group_tests_name("dns/forwarder", tests, start_library, stop_library);
}
