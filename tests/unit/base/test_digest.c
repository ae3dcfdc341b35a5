/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void a_digest_is_that_of_the_standard(void **state)
{
    static const struct {
        const char *in, *want; /* FIPS 180-4, examples */
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        uint8_t digest[WAY_SHA256_BYTES];
        char hex[WAY_SHA256_HEX + 1];

        assert_true(way_sha256(cases[i].in, strlen(cases[i].in), digest));
        way_hex_write(digest, sizeof digest, hex);
        assert_string_equal(hex, cases[i].want);
    }
}

static void digests_are_equal_when_every_byte_is(void **state)
{
    uint8_t one[WAY_SHA256_BYTES] = {0};

    (void)state;
    for (size_t i = 0; i < WAY_SHA256_BYTES; i++) {
        uint8_t other[WAY_SHA256_BYTES] = {0};

        assert_true(way_digests_are_equal(one, other));
        other[i] = 1;
        assert_false(way_digests_are_equal(one, other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_is_that_of_the_standard),
        cmocka_unit_test(digests_are_equal_when_every_byte_is),
    };

    return cmocka_run_group_tests_name("base/digest", tests, NULL, NULL);
}
