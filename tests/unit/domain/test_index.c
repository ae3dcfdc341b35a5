/* SPDX-License-Identifier: MIT */
#include "domain/index.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static struct way_key key_of(const char *text)
{
    struct way_key key;

    assert_int_equal(way_key_parse(text, strlen(text), &key, NULL), WAY_OK);
    return key;
}

static void set_name(struct way_key *key, const char *format, uint64_t number)
{
    key->len =
        (uint8_t)snprintf(key->text, sizeof key->text, "%s%" PRIu64 ".example", format, number);
    key->kind = WAY_KEY_DOMAIN;
}

static struct way_index_change put_of(const char *key, const char *target, uint64_t revision)
{
    struct way_index_change change = {
        .key = key_of(key), .is_live = true, .target.host = key_of(target), .revision = revision};

    return change;
}

static struct way_index_change removal_of(const char *key, uint64_t revision)
{
    struct way_index_change change = {.key = key_of(key), .revision = revision};

    return change;
}

static void apply(struct way_index *index, struct way_index_change change)
{
    assert_int_equal(way_index_apply(index, &change, 1, change.revision), WAY_OK);
}

/* NULL: `key` must not be there. */
static void assert_target(struct way_index_reader *reader, const char *key, const char *target,
                          uint64_t revision)
{
    struct way_key wanted = key_of(key);
    struct way_match match;

    assert_int_equal(way_index_find(reader, &wanted, &match), target != NULL);
    if (target != NULL) {
        struct way_key want = key_of(target);

        assert_string_equal(match.target.host.text, target);
        assert_int_equal(match.target.host.len, want.len);
        assert_int_equal(match.target.host.kind, want.kind);
        assert_int_equal(match.revision, revision);
    }
}

struct fixture {
    struct way_index *index;
    struct way_index_reader *reader;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->index = way_index_new();
    assert_non_null(fixture->index);
    fixture->reader = way_index_reader_open(fixture->index);
    assert_non_null(fixture->reader);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    way_index_reader_close(fixture->reader);
    way_index_free(fixture->index);
    free(fixture);
    return 0;
}

/* --- one change after the other --------------------------------------------------------------- */

static void a_new_index_is_empty(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(way_index_count(fixture->index), 0);
    assert_int_equal(way_index_revision(fixture->index), 0);
    assert_target(fixture->reader, "example.org", NULL, 0);
}

static void a_key_is_put_replaced_removed_and_put_again(void **state)
{
    struct fixture *fixture = *state;

    apply(fixture->index, put_of("example.org", "10.0.0.5", 1));
    assert_target(fixture->reader, "example.org", "10.0.0.5", 1);
    assert_int_equal(way_index_count(fixture->index), 1);
    apply(fixture->index, put_of("example.org", "relay.example.net", 2));
    assert_target(fixture->reader, "example.org", "relay.example.net", 2);
    assert_int_equal(way_index_count(fixture->index), 1);
    apply(fixture->index, removal_of("example.org", 3));
    assert_target(fixture->reader, "example.org", NULL, 0);
    assert_int_equal(way_index_count(fixture->index), 0);
    apply(fixture->index, put_of("example.org", "2001:db8::1", 4));
    assert_target(fixture->reader, "example.org", "2001:db8::1", 4);
    assert_int_equal(way_index_count(fixture->index), 1);
    assert_int_equal(way_index_revision(fixture->index), 4);
}

static void only_the_whole_key_matches(void **state)
{
    struct fixture *fixture = *state;

    apply(fixture->index, put_of("example.org", "10.0.0.5", 1));
    assert_target(fixture->reader, "a.example.org", NULL, 0);
    assert_target(fixture->reader, "example.or", NULL, 0);
    assert_target(fixture->reader, "xample.org", NULL, 0);
    assert_target(fixture->reader, "example.orga", NULL, 0);
    assert_target(fixture->reader, "10.0.0.5", NULL, 0);
}

static void an_older_revision_changes_nothing(void **state)
{
    static const struct {
        const char *label;
        bool is_live;
        uint64_t revision;
        const char *want;
        uint64_t want_revision;
    } cases[] = {
        {"an older put", true, 9, "10.0.0.5", 10},
        {"an older removal", false, 9, "10.0.0.5", 10},
        {"a put of the same revision", true, 10, "10.0.0.6", 10},
        {"a newer put", true, 11, "10.0.0.6", 11},
        {"a removal of the same revision", false, 10, NULL, 0},
        {"a newer removal", false, 11, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_index *index = way_index_new();
        struct way_index_reader *reader;

        print_message("    %s\n", cases[i].label);
        assert_non_null(index);
        reader = way_index_reader_open(index);
        apply(index, put_of("example.org", "10.0.0.5", 10));
        apply(index, cases[i].is_live ? put_of("example.org", "10.0.0.6", cases[i].revision)
                                      : removal_of("example.org", cases[i].revision));
        assert_target(reader, "example.org", cases[i].want, cases[i].want_revision);
        assert_int_equal(way_index_count(index), cases[i].want == NULL ? 0 : 1);
        assert_int_equal(way_index_revision(index), cases[i].revision > 10 ? 11 : 10);
        way_index_reader_close(reader);
        way_index_free(index);
    }
}

static void changes_of_one_batch_are_applied_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    const struct way_index_change changes[] = {
        put_of("a.example", "10.0.0.1", 1), put_of("b.example", "10.0.0.2", 2),
        removal_of("a.example", 3),         put_of("c.example", "10.0.0.3", 4),
        put_of("c.example", "10.0.0.4", 5), removal_of("d.example", 6),
        removal_of("b.example", 7),         put_of("b.example", "10.0.0.5", 8),
    };

    assert_int_equal(way_index_apply(fixture->index, changes, WAY_COUNT_OF(changes), 8), WAY_OK);
    assert_target(fixture->reader, "a.example", NULL, 0);
    assert_target(fixture->reader, "b.example", "10.0.0.5", 8);
    assert_target(fixture->reader, "c.example", "10.0.0.4", 5);
    assert_target(fixture->reader, "d.example", NULL, 0);
    assert_int_equal(way_index_count(fixture->index), 2);
    assert_int_equal(way_index_revision(fixture->index), 8);
    assert_int_equal(way_index_apply(fixture->index, NULL, 0, 9), WAY_OK);
    assert_int_equal(way_index_revision(fixture->index), 9);
    assert_int_equal(way_index_apply(fixture->index, NULL, 0, 5), WAY_OK);
    assert_int_equal(way_index_revision(fixture->index), 9);
}

static void a_draft_replaces_everything(void **state)
{
    struct fixture *fixture = *state;
    struct way_index_draft *draft = way_index_draft_new(fixture->index);
    struct way_live live = {.key = key_of("new.example"), .target.host = key_of("10.0.0.2")};

    assert_non_null(draft);
    apply(fixture->index, put_of("old.example", "10.0.0.1", 50));
    live.revision = 3;
    assert_int_equal(way_index_draft_put(draft, &live), WAY_OK);
    live.target.host = key_of("10.0.0.3"); /* the same key again: the last one stays */
    live.revision = 4;
    assert_int_equal(way_index_draft_put(draft, &live), WAY_OK);
    assert_target(fixture->reader, "new.example", NULL, 0);
    draft = way_index_replace(fixture->index, draft, 7); /* a backup: an earlier revision */
    assert_non_null(draft);                              /* what was there before */
    way_index_draft_free(draft);
    assert_target(fixture->reader, "old.example", NULL, 0);
    assert_target(fixture->reader, "new.example", "10.0.0.3", 4);
    assert_int_equal(way_index_count(fixture->index), 1);
    assert_int_equal(way_index_revision(fixture->index), 7);
    way_index_draft_free(way_index_draft_new(fixture->index));
    way_index_draft_free(NULL);
    way_index_free(NULL);
}

static void a_draft_that_is_given_up_leaves_no_trace(void **state)
{
    struct fixture *fixture = *state;
    struct way_index_draft *draft = way_index_draft_new(fixture->index);
    struct way_live live = {
        .key = key_of("new.example"), .target.host = key_of("10.0.0.2"), .revision = 1};

    assert_non_null(draft);
    assert_int_equal(way_index_draft_put(draft, &live), WAY_OK);
    way_index_draft_free(draft);
    assert_target(fixture->reader, "new.example", NULL, 0);
}

static void readers_are_bounded_and_come_back(void **state)
{
    struct fixture *fixture = *state; /* which has one already */
    struct way_index_reader *readers[WAY_INDEX_READERS_MAX];

    for (size_t i = 1; i < WAY_INDEX_READERS_MAX; i++) {
        readers[i] = way_index_reader_open(fixture->index);
        assert_non_null(readers[i]);
    }
    assert_null(way_index_reader_open(fixture->index));
    way_index_reader_close(readers[100]);
    readers[100] = way_index_reader_open(fixture->index);
    assert_non_null(readers[100]);
    assert_null(way_index_reader_open(fixture->index));
    apply(fixture->index, put_of("example.org", "10.0.0.5", 1));
    for (size_t i = 1; i < WAY_INDEX_READERS_MAX; i++) {
        assert_target(readers[i], "example.org", "10.0.0.5", 1);
        way_index_reader_close(readers[i]);
    }
    way_index_reader_close(NULL);
}

/* --- many changes, held against a model ------------------------------------------------------- */

enum { KEYS = 100000, ROUNDS = 6000, BATCH_MAX = 64 };

/* xorshift64*, with a fixed seed. */
static uint64_t draw(uint64_t *generator, uint64_t below)
{
    *generator ^= *generator >> 12;
    *generator ^= *generator << 25;
    *generator ^= *generator >> 27;
    return ((*generator * UINT64_C(2685821657736338717)) >> 33) % below;
}

struct model {
    uint64_t revision;     /* the newest */
    uint64_t count;        /* of live keys */
    uint64_t of_key[KEYS]; /* revision of the live entry; 0: none */
    struct way_index_change changes[BATCH_MAX];
};

/* One change, sometimes older than what is there. */
static void draw_change(struct model *model, uint64_t *generator, unsigned percent_put,
                        struct way_index_change *change)
{
    uint64_t at = draw(generator, KEYS);
    bool is_put = draw(generator, 100) < percent_put;
    uint64_t *entry = &model->of_key[at];
    bool is_old = *entry > 1 && draw(generator, 10) == 0;

    change->revision = is_old ? 1 + draw(generator, *entry - 1) : ++model->revision;
    change->is_live = is_put;
    set_name(&change->key, "k", at);
    set_name(&change->target.host, "r", change->revision);
    if (is_old) {
        return;
    }
    if (is_put) {
        model->count += *entry == 0;
        *entry = change->revision;
    } else {
        model->count -= *entry != 0;
        *entry = 0;
    }
}

static void assert_like_model(struct fixture *fixture, const struct model *model)
{
    struct way_key key;
    struct way_key want;
    struct way_match match;

    assert_int_equal(way_index_count(fixture->index), model->count);
    assert_int_equal(way_index_revision(fixture->index), model->revision);
    for (uint64_t at = 0; at < KEYS; at++) {
        set_name(&key, "k", at);
        if (way_index_find(fixture->reader, &key, &match) != (model->of_key[at] != 0)) {
            fail_msg("%s is%s there", key.text, model->of_key[at] == 0 ? "" : " not");
        }
        if (model->of_key[at] != 0) {
            set_name(&want, "r", model->of_key[at]);
            assert_int_equal(match.revision, model->of_key[at]);
            assert_string_equal(match.target.host.text, want.text);
        }
    }
}

static void load_model(struct fixture *fixture, const struct model *model)
{
    struct way_index_draft *draft = way_index_draft_new(fixture->index);

    assert_non_null(draft);
    for (uint64_t at = 0; at < KEYS; at++) {
        struct way_live live = {.revision = model->of_key[at]};

        if (live.revision != 0) {
            set_name(&live.key, "k", at);
            set_name(&live.target.host, "r", live.revision);
            assert_int_equal(way_index_draft_put(draft, &live), WAY_OK);
        }
    }
    way_index_draft_free(way_index_replace(fixture->index, draft, model->revision));
}

static void a_hundred_thousand_keys_are_as_a_simple_model_has_them(void **state)
{
    static const unsigned percent_put[] = {95, 50, 5, 80}; /* it grows, churns, shrinks, grows */
    struct fixture *fixture = *state;
    struct model *model = calloc(1, sizeof *model);
    uint64_t generator = 100000;

    assert_non_null(model);
    for (size_t phase = 0; phase < WAY_COUNT_OF(percent_put); phase++) {
        for (size_t round = 0; round < ROUNDS; round++) {
            size_t count = 1 + draw(&generator, BATCH_MAX);

            for (size_t i = 0; i < count; i++) {
                draw_change(model, &generator, percent_put[phase], &model->changes[i]);
            }
            assert_int_equal(
                way_index_apply(fixture->index, model->changes, count, model->revision), WAY_OK);
        }
        print_message("    phase %zu: %" PRIu64 " keys\n", phase, model->count);
        assert_like_model(fixture, model);
        load_model(fixture, model);
        assert_like_model(fixture, model);
    }
    for (uint64_t at = 0; at < KEYS; at++) {
        struct way_index_change change = {.revision = ++model->revision};

        set_name(&change.key, "k", at);
        model->of_key[at] = 0;
        apply(fixture->index, change);
    }
    model->count = 0;
    assert_like_model(fixture, model);
    free(model);
}

/* --- readers beside a writer ------------------------------------------------------------------ */

enum { SHARED_KEYS = 64, READERS = 4, WRITES = 4000 };

struct race {
    struct way_index *index;
    struct way_key keys[SHARED_KEYS];
    struct way_key absent[SHARED_KEYS]; /* nobody ever puts them */
    _Atomic bool is_over;
    _Atomic uint64_t found;
    _Atomic uint64_t missed;
    _Atomic uint64_t broken; /* entries that are not what any writer wrote */
    _Atomic uint64_t backwards;
    _Atomic uint64_t ghosts; /* of absent keys */
    uint64_t revision;       /* the writer's */
};

/* What is written under a revision says the revision; its length differs from one to the next. */
static void set_target(struct way_target *target, uint64_t key, uint64_t revision)
{
    target->host.len =
        (uint8_t)snprintf(target->host.text, sizeof target->host.text,
                          "k%" PRIu64 ".r%" PRIu64 ".%.*s", key, revision, (int)(revision % 60 + 1),
                          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    target->host.kind = WAY_KEY_DOMAIN;
}

static void *read_all_the_time(void *argument)
{
    struct race *race = argument;
    struct way_index_reader *reader = way_index_reader_open(race->index);
    uint64_t seen[SHARED_KEYS] = {0};

    while (reader != NULL && !atomic_load(&race->is_over)) {
        for (size_t i = 0; i < SHARED_KEYS; i++) {
            struct way_match match;
            struct way_target want;

            atomic_fetch_add(&race->ghosts, way_index_find(reader, &race->absent[i], &match));
            if (!way_index_find(reader, &race->keys[i], &match)) {
                atomic_fetch_add(&race->missed, 1);
                continue;
            }
            set_target(&want, i, match.revision);
            atomic_fetch_add(&race->found, 1);
            atomic_fetch_add(&race->broken, !way_key_equal(&want.host, &match.target.host) ||
                                                strlen(match.target.host.text) != want.host.len);
            atomic_fetch_add(&race->backwards, match.revision < seen[i]);
            seen[i] = match.revision;
        }
    }
    way_index_reader_close(reader);
    return NULL;
}

/* Puts, removes, and now and then replaces everything. */
static void write_for_a_while(struct race *race)
{
    uint64_t generator = 4242;

    for (size_t i = 0; i < WRITES; i++) {
        struct way_index_change changes[8] = {0};
        struct way_index_draft *draft;

        for (size_t j = 0; j < WAY_COUNT_OF(changes); j++) {
            uint64_t key = draw(&generator, SHARED_KEYS);

            changes[j].key = race->keys[key];
            changes[j].revision = ++race->revision;
            changes[j].is_live = draw(&generator, 4) > 0;
            set_target(&changes[j].target, key, race->revision);
        }
        assert_int_equal(
            way_index_apply(race->index, changes, WAY_COUNT_OF(changes), race->revision), WAY_OK);
        if (i % 100 != 99) {
            continue;
        }
        draft = way_index_draft_new(race->index);
        assert_non_null(draft);
        race->revision++;
        for (size_t key = 0; key < SHARED_KEYS; key += 1 + i / 100 % 2) {
            struct way_live live = {.key = race->keys[key], .revision = race->revision};

            set_target(&live.target, key, race->revision);
            assert_int_equal(way_index_draft_put(draft, &live), WAY_OK);
        }
        way_index_draft_free(way_index_replace(race->index, draft, race->revision));
    }
}

static void a_reader_sees_whole_overrides_and_only_its_own_keys(void **state)
{
    struct fixture *fixture = *state;
    struct race race = {.index = fixture->index};
    pthread_t threads[READERS];

    for (size_t i = 0; i < SHARED_KEYS; i++) {
        set_name(&race.keys[i], "s", i);
        set_name(&race.absent[i], "absent", i);
    }
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &race), 0);
    }
    do {
        write_for_a_while(&race);
    } while (atomic_load(&race.found) == 0); /* the readers have had their turn */
    atomic_store(&race.is_over, true);
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    print_message("    %" PRIu64 " found, %" PRIu64 " not there\n", atomic_load(&race.found),
                  atomic_load(&race.missed));
    assert_int_equal(atomic_load(&race.ghosts), 0);
    assert_int_equal(atomic_load(&race.broken), 0);
    assert_int_equal(atomic_load(&race.backwards), 0);
}

static void *write_own_keys(void *argument)
{
    struct way_index *index = *(struct way_index **)argument;
    uint64_t mine = (uint64_t)(uintptr_t)argument;

    for (uint64_t i = 0; i < 2000; i++) {
        struct way_index_change change = {.is_live = true, .revision = i + 1};

        change.key.len = (uint8_t)snprintf(change.key.text, sizeof change.key.text,
                                           "w%" PRIx64 ".k%" PRIu64 ".example", mine, i);
        set_target(&change.target, i, i + 1);
        if (way_index_apply(index, &change, 1, i + 1) != WAY_OK) {
            return argument; /* not NULL */
        }
    }
    return NULL;
}

static void writers_take_turns(void **state)
{
    struct fixture *fixture = *state;
    struct way_index *places[4];
    pthread_t threads[4];

    for (size_t i = 0; i < WAY_COUNT_OF(threads); i++) {
        places[i] = fixture->index;
        assert_int_equal(pthread_create(&threads[i], NULL, write_own_keys, &places[i]), 0);
    }
    for (size_t i = 0; i < WAY_COUNT_OF(threads); i++) {
        void *fault = NULL;

        (void)pthread_join(threads[i], &fault);
        assert_null(fault);
    }
    assert_int_equal(way_index_count(fixture->index), 8000);
    assert_int_equal(way_index_revision(fixture->index), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_index_is_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_put_replaced_removed_and_put_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_the_whole_key_matches, set_up, tear_down),
        cmocka_unit_test(an_older_revision_changes_nothing),
        cmocka_unit_test_setup_teardown(changes_of_one_batch_are_applied_in_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_draft_replaces_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_draft_that_is_given_up_leaves_no_trace, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(readers_are_bounded_and_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hundred_thousand_keys_are_as_a_simple_model_has_them,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_sees_whole_overrides_and_only_its_own_keys, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(writers_take_turns, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("domain/index", tests, NULL, NULL);
}
