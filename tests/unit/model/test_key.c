/* SPDX-License-Identifier: MIT */
#include "model/key.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define LABEL_63      "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz-"
#define LABEL_61      "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"
#define NAME_253      LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61
#define TEXT(literal) (literal), sizeof(literal) - 1 /* NULs and all */

struct spelling {
    const char *label, *in;
    size_t len;
    const char *want;
};

static void check_spellings(const struct spelling *cases, size_t count, enum way_key_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        struct way_key key;
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_key_parse(cases[i].in, cases[i].len, &key, &err), WAY_OK);
        assert_string_equal(key.text, cases[i].want);
        assert_int_equal(key.len, strlen(cases[i].want));
        assert_int_equal(key.kind, kind);
        assert_int_equal(way_key_is_address(&key), kind != WAY_KEY_DOMAIN);
    }
}

static void a_domain_has_one_spelling(void **state)
{
    static const struct spelling cases[] = {
        {"the normal form", TEXT("mail.example.org"), "mail.example.org"},
        {"upper case is folded", TEXT("MAIL.Example.ORG"), "mail.example.org"},
        {"one trailing dot goes", TEXT("mail.example."), "mail.example"},
        {"white space around goes", TEXT(" \t\r\n\v\fmail.example \t\r\n\v\f"), "mail.example"},
        {"brackets go", TEXT("[mail.example]"), "mail.example"},
        {"brackets, dot and blanks go", TEXT(" [MAIL.example.] "), "mail.example"},
        {"one label", TEXT("localhost"), "localhost"},
        {"one octet", TEXT("a"), "a"},
        {"underscores", TEXT("_dmarc._tcp.example"), "_dmarc._tcp.example"},
        {"hyphens anywhere", TEXT("-r3---sn-abc-.example.org"), "-r3---sn-abc-.example.org"},
        {"a converted name passes", TEXT("XN--BCHER-KVA.example"), "xn--bcher-kva.example"},
        {"digits before the last label", TEXT("1.2.3.4a"), "1.2.3.4a"},
        {"all digits, but not the last label", TEXT("192.0.2.example"), "192.0.2.example"},
        {"a hyphen among the digits", TEXT("example.1-2"), "example.1-2"},
        {"an underscore among the digits", TEXT("example.1_2"), "example.1_2"},
        {"something like a prefix", TEXT("ipv6.example"), "ipv6.example"},
        {"the longest label", TEXT(LABEL_63 ".example"), LABEL_63 ".example"},
        {"the longest name", TEXT(NAME_253), NAME_253},
        {"the longest name and the root dot", TEXT(NAME_253 "."), NAME_253},
        {"the longest name in brackets", TEXT("[" NAME_253 "]"), NAME_253},
    };

    (void)state;
    check_spellings(cases, WAY_COUNT_OF(cases), WAY_KEY_DOMAIN);
}

static void an_international_name_becomes_ascii(void **state)
{
    static const struct spelling cases[] = {
        {"the example of the design", TEXT("Bücher.Example."), "xn--bcher-kva.example"},
        {"upper case outside ASCII", TEXT("BÜCHER.EXAMPLE"), "xn--bcher-kva.example"},
        {"decomposed letters are composed",
         TEXT("bu\xcc\x88"
              "cher.example"),
         "xn--bcher-kva.example"},
        {"sharp s stays: non-transitional", TEXT("faß.example"), "xn--fa-hia.example"},
        {"final sigma stays", TEXT("βόλος.example"), "xn--nxasmm1c.example"},
        {"only one label is converted", TEXT("Mail.bücher.Example"), "mail.xn--bcher-kva.example"},
        {"a converted label beside one", TEXT("xn--bcher-kva.bücher"),
         "xn--bcher-kva.xn--bcher-kva"},
        {"underscores beside one", TEXT("_dmarc.bücher.example"), "_dmarc.xn--bcher-kva.example"},
        {"full-width letters are narrowed", TEXT("ｍａｉｌ.example"), "mail.example"},
        {"ideographic full stops are dots", TEXT("bücher。example"), "xn--bcher-kva.example"},
        {"an ideographic root dot goes", TEXT("mail.example。"), "mail.example"},
        {"a soft hyphen is nothing",
         TEXT("ex\xc2\xad"
              "ample.org"),
         "example.org"},
        {"blanks and brackets around", TEXT(" [Bücher.example] "), "xn--bcher-kva.example"},
        {"many octets that become few",
         TEXT("ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ.e"),
         "abcdefghijklmnopqrstuvwxyz.e"},
    };

    (void)state;
    check_spellings(cases, WAY_COUNT_OF(cases), WAY_KEY_DOMAIN);
}

static void an_ipv4_address_has_one_spelling(void **state)
{
    static const struct spelling cases[] = {
        {"plain", TEXT("192.0.2.1"), "192.0.2.1"},
        {"in brackets", TEXT("[192.0.2.1]"), "192.0.2.1"},
        {"with a trailing dot", TEXT("192.0.2.1."), "192.0.2.1"},
        {"with blanks", TEXT("\t192.0.2.1\n"), "192.0.2.1"},
        {"the lowest", TEXT("0.0.0.0"), "0.0.0.0"},
        {"the highest", TEXT("255.255.255.255"), "255.255.255.255"},
    };

    (void)state;
    check_spellings(cases, WAY_COUNT_OF(cases), WAY_KEY_IPV4);
}

/* RFC 5952, section by section. */
static void an_ipv6_address_has_one_spelling(void **state)
{
    static const struct spelling cases[] = {
        {"1: all spellings of one address, a", TEXT("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1"},
        {"1: b", TEXT("2001:0db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1"},
        {"1: c", TEXT("2001:db8::1:0:0:1"), "2001:db8::1:0:0:1"},
        {"1: d", TEXT("2001:db8::0:1:0:0:1"), "2001:db8::1:0:0:1"},
        {"1: e", TEXT("2001:0db8::1:0:0:1"), "2001:db8::1:0:0:1"},
        {"1: f", TEXT("2001:db8:0:0:1::1"), "2001:db8::1:0:0:1"},
        {"1: g", TEXT("2001:db8:0000:0:1::1"), "2001:db8::1:0:0:1"},
        {"1: h", TEXT("2001:DB8:0:0:1::1"), "2001:db8::1:0:0:1"},
        {"4.1: leading zeros go", TEXT("2001:0db8::0001"), "2001:db8::1"},
        {"4.1: a field of zeros is one", TEXT("2001:db8:1:0000:1:1:1:1"), "2001:db8:1:0:1:1:1:1"},
        {"4.2.1: shortened as much as can be", TEXT("2001:db8::0:1"), "2001:db8::1"},
        {"4.2.2: one field of zeros is not shortened", TEXT("2001:db8::1:1:1:1:1"),
         "2001:db8:0:1:1:1:1:1"},
        {"4.2.3: the longest run", TEXT("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1"},
        {"4.2.3: of equals the first", TEXT("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1"},
        {"4.3: lower case", TEXT("2001:DB8::ABCD"), "2001:db8::abcd"},
        {"5: mapped addresses stay IPv6, with dots", TEXT("::ffff:192.0.2.1"), "::ffff:192.0.2.1"},
        {"5: also when written in fields", TEXT("::FFFF:C000:201"), "::ffff:192.0.2.1"},
        {"all zeros", TEXT("0:0:0:0:0:0:0:0"), "::"},
        {"the loopback", TEXT("0:0:0:0:0:0:0:1"), "::1"},
        {"a run at the end", TEXT("2001:db8:0:0:0:0:0:0"), "2001:db8::"},
        {"no run", TEXT("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8"},
        {"a low word only", TEXT("::abcd"), "::abcd"},
        {"the old compatible form has no dots", TEXT("::192.0.2.1"), "::c000:201"},
        {"two low words", TEXT("::1:0"), "::1:0"},
        {"the longest spelling", TEXT("0000:0000:0000:0000:0000:FFFF:255.255.255.255"),
         "::ffff:255.255.255.255"},
        {"dots in another prefix", TEXT("64:ff9b::192.0.2.1"), "64:ff9b::c000:201"},
        {"in brackets", TEXT("[2001:DB8:0::1]"), "2001:db8::1"},
        {"with a prefix", TEXT("IPv6:2001:db8::1"), "2001:db8::1"},
        {"with a prefix, lower case", TEXT("ipv6:2001:db8::1"), "2001:db8::1"},
        {"with a prefix in brackets", TEXT("[IPv6:2001:DB8:0::1]"), "2001:db8::1"},
        {"a prefix before the loopback", TEXT("[ipv6:::1]"), "::1"},
        {"a prefix before a mapped address", TEXT("ipv6:::ffff:192.0.2.1"), "::ffff:192.0.2.1"},
        {"with blanks and all", TEXT("  [IPV6:2001:db8::1.] "), "2001:db8::1"},
    };

    (void)state;
    check_spellings(cases, WAY_COUNT_OF(cases), WAY_KEY_IPV6);
}

static const struct {
    const char *label, *in;
    size_t len;
    const char *says;
} refused_keys[] = {
    {"nothing", TEXT(""), "empty"},
    {"blanks only", TEXT(" \t\r\n "), "empty"},
    {"the root", TEXT("."), "empty"},
    {"empty brackets", TEXT("[]"), "empty"},
    {"two trailing dots", TEXT("mail.example.."), "empty label"},
    {"two dots", TEXT("mail..example"), "empty label"},
    {"a dot in front", TEXT(".example"), "empty label"},
    {"an opening bracket", TEXT("[192.0.2.1"), "brackets"},
    {"a closing bracket", TEXT("192.0.2.1]"), "brackets"},
    {"one bracket", TEXT("["), "brackets"},
    {"a dot behind the brackets", TEXT("[192.0.2.1]."), "brackets"},
    {"brackets in brackets", TEXT("[[192.0.2.1]]"), "'['"},
    {"a bracket inside", TEXT("a[b.example"), "'['"},
    {"blanks inside brackets", TEXT("[ 192.0.2.1 ]"), "blank"},
    {"a blank inside", TEXT("mail example.org"), "blank"},
    {"a tab inside", TEXT("mail\texample"), "blank"},
    {"a line feed inside", TEXT("mail.example\nx"), "blank"},
    {"NUL inside", TEXT("mail.exa\0mple"), "0x00"},
    {"NUL at the end", TEXT("mail.example\0"), "0x00"},
    {"NUL behind an address", TEXT("192.0.2.1\0"), "0x00"},
    {"NUL in an address", TEXT("192.0.2.1\0.example"), "0x00"},
    {"only NUL", TEXT("\0"), "0x00"},
    {"DEL", TEXT("mail.exa\x7fmple"), "0x7f"},
    {"escape", TEXT("mail\x1b[1m.example"), "0x1b"},
    {"a control byte beside UTF-8",
     TEXT("b\xc3\xbc\x01"
          "cher.example"),
     "0x01"},
    {"NUL beside UTF-8",
     TEXT("b\xc3\xbc"
          "cher\0.example"),
     "0x00"},
    {"not UTF-8",
     TEXT("b\xfc"
          "cher.example"),
     "UTF-8"},
    {"overlong UTF-8", TEXT("a\xc0\xaf.example"), "UTF-8"},
    {"a surrogate", TEXT("a\xed\xa0\x80.example"), "UTF-8"},
    {"UTF-8 cut short", TEXT("example.\xc3"), "UTF-8"},
    {"a letter IDNA forbids", TEXT("a\xe2\x80\x8b\xe2\x98\x83\xef\xbf\xbd.example"), "IDNA"},
    {"a name that maps to nothing", TEXT("\xc2\xad"), "empty"},
    {"a no-break space", TEXT("\xc2\xa0"), ""},
    {"a label of 64", TEXT(LABEL_63 "x.example"), "63"},
    {"the last label of 64", TEXT("example." LABEL_63 "x"), "63"},
    {"a name of 254", TEXT(NAME_253 "x"), "253"},
    {"a name of 254 and the root dot", TEXT(NAME_253 "x."), "253"},
    {"an address out of range", TEXT("192.0.2.256"), "IPv4"},
    {"leading zeros", TEXT("010.0.0.1"), "IPv4"},
    {"three numbers", TEXT("192.0.2"), "IPv4"},
    {"five numbers", TEXT("192.0.2.1.1"), "IPv4"},
    {"a number", TEXT("2130706433"), "IPv4"},
    {"a last label of digits", TEXT("mail.example.25"), "IPv4"},
    {"full-width digits", TEXT("１９２.０.２.１"), "IPv4"},
    {"a hexadecimal number is a name, a colon is not", TEXT("0x7f000001:25"), "port"},
    {"a zone id", TEXT("fe80::1%eth0"), "zone"},
    {"a zone id in brackets", TEXT("[fe80::1%25eth0]"), "zone"},
    {"a zone number", TEXT("fe80::1%1"), "zone"},
    {"nine fields", TEXT("1:2:3:4:5:6:7:8:9"), "IPv6"},
    {"two gaps", TEXT("2001::db8::1"), "IPv6"},
    {"five digits", TEXT("2001:0db80::1"), "IPv6"},
    {"a port", TEXT("mail.example:25"), "port"},
    {"a port behind brackets", TEXT("[2001:db8::1]:25"), "brackets"},
    {"a URL", TEXT("smtp://mail.example"), "scheme"},
    {"a prefix length", TEXT("192.0.2.0/24"), "'/'"},
    {"a mail address", TEXT("user@example.org"), "mail address"},
    {"a wildcard", TEXT("*.example.org"), "wildcard"},
    {"a list", TEXT("a.example,b.example"), "','"},
    {"a prefix and nothing", TEXT("ipv6:"), "IPv6"},
    {"a prefix before IPv4", TEXT("IPv6:192.0.2.1"), "IPv6"},
    {"a prefix before a name", TEXT("ipv6:mail.example"), "IPv6"},
    {"a prefix twice", TEXT("ipv6:ipv6:::1"), "IPv6"},
    {"a prefix before a zone id", TEXT("ipv6:fe80::1%eth0"), "IPv6"},
    {"a prefix before brackets", TEXT("ipv6:[::1]"), "brackets"},
    {"a hash", TEXT("mail#example"), "'#'"},
    {"a percent sign", TEXT("mail%2eexample"), "'%'"},
};

static void what_is_no_key_is_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(refused_keys); i++) {
        struct way_key key;
        struct way_key before;
        struct way_error err;

        print_message("    %s\n", refused_keys[i].label);
        memset(&key, 0x5a, sizeof key);
        before = key;
        assert_int_equal(way_key_parse(refused_keys[i].in, refused_keys[i].len, &key, &err),
                         WAY_INVALID);
        assert_int_equal(err.status, WAY_INVALID);
        assert_string_equal(err.field, "lookup_key");
        assert_int_not_equal(err.detail[0], '\0');
        if (strstr(err.detail, refused_keys[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.detail, refused_keys[i].says);
        }
        assert_memory_equal(&key, &before, sizeof key);
    }
}

static void a_spelling_that_is_much_too_long_is_refused(void **state)
{
    static char spelling[WAY_KEY_INPUT_MAX + 1];
    struct way_key key;
    struct way_error err;

    (void)state;
    memset(spelling, ' ', sizeof spelling);
    memcpy(spelling, "mail.example", 12);
    assert_int_equal(way_key_parse(spelling, WAY_KEY_INPUT_MAX, &key, &err), WAY_OK);
    assert_int_equal(way_key_parse(spelling, sizeof spelling, &key, &err), WAY_INVALID);
    memset(spelling, 'x', sizeof spelling);
    assert_int_equal(way_key_parse(spelling, sizeof spelling, &key, &err), WAY_INVALID);
    assert_int_equal(way_key_parse(spelling, sizeof spelling - 1, &key, &err), WAY_INVALID);
    /* the last octets make it not ASCII */
    memcpy(spelling + WAY_KEY_INPUT_MAX - 2, "\xc3\xbc", 2);
    assert_int_equal(way_key_parse(spelling, WAY_KEY_INPUT_MAX, &key, &err), WAY_INVALID);
}

static void an_error_is_not_needed(void **state)
{
    struct way_key key;

    (void)state;
    assert_int_equal(way_key_parse(TEXT("a b"), &key, NULL), WAY_INVALID);
    assert_int_equal(way_key_parse(TEXT("[a"), &key, NULL), WAY_INVALID);
    assert_int_equal(way_key_parse_mail_domain(TEXT("@"), &key, NULL), WAY_INVALID);
}

/* --- laws, over generated spellings ----------------------------------------------------------- */

/* xorshift64*, with a fixed seed: every run sees the same spellings. */
static uint64_t draw(uint64_t *generator, uint64_t below)
{
    *generator ^= *generator >> 12;
    *generator ^= *generator << 25;
    *generator ^= *generator >> 27;
    return ((*generator * UINT64_C(2685821657736338717)) >> 33) % below;
}

static size_t write_spelling(uint64_t *generator, char *out, size_t room)
{
    static const char *const pieces[] = {
        "a",    "b",    "Z",        "mail",  "EXAMPLE",   "1",
        "25",   "192",  "0",        "2001",  "db8",       "-",
        "_",    ".",    ".",        ".",     ".",         ":",
        "::",   "[",    "]",        "ipv6:", " ",         "ü",
        "ß",    "。",   "ﬁ",        "İ",     "xn--",      "xn--bcher-kva",
        "ffff", "0000", "%",        "@",     "192.0.2.1", "::1",
        "日本", "ا",    "\xc2\xad", "\xff",
    };
    size_t count = 1 + draw(generator, 9);
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[draw(generator, WAY_COUNT_OF(pieces))];
        size_t more = strlen(piece);

        if (len + more <= room) {
            memcpy(out + len, piece, more);
            len += more;
        }
    }
    return len;
}

static void assert_same_key(const char *spelling, size_t len, const struct way_key *want)
{
    struct way_key key;

    if (way_key_parse(spelling, len, &key, NULL) != WAY_OK || !way_key_equal(&key, want) ||
        key.kind != want->kind) {
        fail_msg("\"%.*s\" is not %s", (int)len, spelling, want->text);
    }
}

static void assert_laws(const struct way_key *key)
{
    char spelling[WAY_KEY_MAX + 8];
    struct way_key restored;

    assert_int_equal(key->len, strlen(key->text));
    assert_in_range(key->len, 1, WAY_KEY_MAX);
    assert_same_key(key->text, key->len, key);
    assert_int_equal(way_key_restore(key->text, key->len, &restored), WAY_OK);
    assert_true(way_key_equal(key, &restored));
    (void)snprintf(spelling, sizeof spelling, " [%s] ", key->text);
    assert_same_key(spelling, strlen(spelling), key);
    (void)snprintf(spelling, sizeof spelling, "%s.", key->text);
    assert_same_key(spelling, strlen(spelling), key);
    for (size_t i = 0; i <= key->len; i++) {
        spelling[i] = way_ascii_upper(key->text[i]);
    }
    assert_same_key(spelling, key->len, key);
}

static void a_key_that_is_accepted_comes_back_unchanged(void **state)
{
    uint64_t generator = 20240607;
    size_t accepted[3] = {0};
    size_t refused = 0;

    (void)state;
    for (size_t i = 0; i < 30000; i++) {
        char spelling[64];
        struct way_key key;
        size_t len = write_spelling(&generator, spelling, sizeof spelling);

        if (way_key_parse(spelling, len, &key, NULL) != WAY_OK) {
            refused++;
            continue;
        }
        accepted[key.kind]++;
        assert_laws(&key);
    }
    /* the generator is worth something only while it makes all kinds */
    assert_in_range(accepted[WAY_KEY_DOMAIN], 3000, 30000);
    assert_in_range(accepted[WAY_KEY_IPV4], 50, 30000);
    assert_in_range(accepted[WAY_KEY_IPV6], 50, 30000);
    assert_in_range(refused, 3000, 30000);
}

static void every_address_survives_its_own_text(void **state)
{
    uint64_t generator = 5952;

    (void)state;
    for (size_t i = 0; i < 5000; i++) {
        unsigned char octets[16];
        unsigned char again[16];
        char text[WAY_KEY_MAX + 1];
        struct way_key key;

        for (size_t j = 0; j < sizeof octets; j += 2) {
            bool is_zero = draw(&generator, 3) > 0;

            octets[j] = is_zero ? 0 : (unsigned char)draw(&generator, 256);
            octets[j + 1] = is_zero ? 0 : (unsigned char)draw(&generator, 256);
        }
        way_ipv6_format(octets, text);
        assert_int_equal(inet_pton(AF_INET6, text, again), 1);
        assert_memory_equal(octets, again, sizeof octets);
        assert_int_equal(way_key_parse(text, strlen(text), &key, NULL), WAY_OK);
        assert_string_equal(key.text, text);
        assert_int_equal(key.kind, WAY_KEY_IPV6);
    }
}

/* --- the other doors -------------------------------------------------------------------------- */

static void a_mail_address_gives_its_domain(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        const char *want;
    } cases[] = {
        {"a mail address", TEXT("user@example.org"), "example.org"},
        {"its domain is normalised", TEXT(" User@Example.ORG. "), "example.org"},
        {"a domain alone", TEXT("Example.org"), "example.org"},
        {"the last '@' counts", TEXT("\"a@b\"@example.org"), "example.org"},
        {"an international domain", TEXT("user@bücher.example"), "xn--bcher-kva.example"},
        {"any local part", TEXT("dirk.müller+tag/x@example.org"), "example.org"},
        {"a literal", TEXT("user@[192.0.2.1]"), "192.0.2.1"},
        {"an IPv6 literal", TEXT("user@[IPv6:2001:DB8::1]"), "2001:db8::1"},
        {"nothing before the '@'", TEXT("@example.org"), NULL},
        {"nothing but blanks before the '@'", TEXT("  @example.org"), NULL},
        {"nothing behind the '@'", TEXT("user@"), NULL},
        {"an '@' alone", TEXT("@"), NULL},
        {"nothing", TEXT(""), NULL},
        {"no domain behind the '@'", TEXT("user@exa mple"), NULL},
        {"NUL behind the '@'", TEXT("user@exam\0ple"), NULL},
        {"NUL before the '@'", TEXT("us\0er@example.org"), NULL},
        {"a line feed before the '@'", TEXT("us\ner@example.org"), NULL},
        {"no UTF-8 before the '@'", TEXT("us\xff@example.org"), NULL},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_key key;
        struct way_error err;
        enum way_status status = way_key_parse_mail_domain(cases[i].in, cases[i].len, &key, &err);

        print_message("    %s\n", cases[i].label);
        if (cases[i].want == NULL) {
            assert_int_equal(status, WAY_INVALID);
            assert_string_equal(err.field, "lookup_key");
            continue;
        }
        assert_int_equal(status, WAY_OK);
        assert_string_equal(key.text, cases[i].want);
    }
}

static void a_mail_address_that_is_much_too_long_is_refused(void **state)
{
    static char spelling[WAY_KEY_INPUT_MAX + 1];
    static const char domain[] = "@example.org";
    const size_t len = sizeof domain - 1;
    struct way_key key;

    (void)state;
    memset(spelling, 'x', sizeof spelling);
    memcpy(spelling + WAY_KEY_INPUT_MAX - len, domain, len);
    assert_int_equal(way_key_parse_mail_domain(spelling, WAY_KEY_INPUT_MAX, &key, NULL), WAY_OK);
    memcpy(spelling + WAY_KEY_INPUT_MAX - len, "x@example.org", len + 1);
    assert_int_equal(way_key_parse_mail_domain(spelling, sizeof spelling, &key, NULL), WAY_INVALID);
}

static void only_text_in_normal_form_is_restored(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        bool is_normal;
    } cases[] = {
        {"a domain", TEXT("mail.example"), true},
        {"a converted name", TEXT("xn--bcher-kva.example"), true},
        {"an IPv4 address", TEXT("192.0.2.1"), true},
        {"an IPv6 address", TEXT("2001:db8::1"), true},
        {"the longest name", TEXT(NAME_253), true},
        {"upper case", TEXT("Mail.example"), false},
        {"a trailing dot", TEXT("mail.example."), false},
        {"a blank in front", TEXT(" mail.example"), false},
        {"a blank behind", TEXT("mail.example "), false},
        {"brackets", TEXT("[192.0.2.1]"), false},
        {"an address that is not canonical", TEXT("2001:db8:0::1"), false},
        {"UTF-8", TEXT("bücher.example"), false},
        {"no name", TEXT("a b"), false},
        {"nothing", TEXT(""), false},
        {"NUL behind", TEXT("mail.example\0"), false},
        {"too long", TEXT(NAME_253 "x"), false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_key key = {.len = 1, .text = "?"};
        enum way_status status = way_key_restore(cases[i].in, cases[i].len, &key);

        print_message("    %s\n", cases[i].label);
        assert_int_equal(status, cases[i].is_normal ? WAY_OK : WAY_INVALID);
        if (cases[i].is_normal) {
            assert_int_equal(key.len, cases[i].len);
            assert_memory_equal(key.text, cases[i].in, cases[i].len + 1);
        } else {
            assert_string_equal(key.text, "?");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_has_one_spelling),
        cmocka_unit_test(an_international_name_becomes_ascii),
        cmocka_unit_test(an_ipv4_address_has_one_spelling),
        cmocka_unit_test(an_ipv6_address_has_one_spelling),
        cmocka_unit_test(what_is_no_key_is_refused_with_a_reason),
        cmocka_unit_test(a_spelling_that_is_much_too_long_is_refused),
        cmocka_unit_test(an_error_is_not_needed),
        cmocka_unit_test(a_key_that_is_accepted_comes_back_unchanged),
        cmocka_unit_test(every_address_survives_its_own_text),
        cmocka_unit_test(a_mail_address_gives_its_domain),
        cmocka_unit_test(a_mail_address_that_is_much_too_long_is_refused),
        cmocka_unit_test(only_text_in_normal_form_is_restored),
    };

    return cmocka_run_group_tests_name("model/key", tests, NULL, NULL);
}
