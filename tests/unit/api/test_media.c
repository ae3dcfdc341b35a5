/* SPDX-License-Identifier: MIT */
#include "api/media.h"

#include "base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the others first */

#define JSON   API_MEDIA_JSON
#define PLAIN  API_MEDIA_TEXT
#define BOTH   (API_MEDIA_JSON | API_MEDIA_TEXT)
#define NONE   API_MEDIA_NONE
#define SCRAPE API_MEDIA_METRICS

/* RFC 9110 12.5.1. */
static void the_best_of_what_both_can_is_chosen(void **state)
{
    static const struct {
        const char *label, *accept;
        unsigned offered;
        enum api_media want;
    } cases[] = {
        {"no header", NULL, BOTH, JSON},
        {"an empty header", "", BOTH, JSON},
        {"nothing but blanks and commas", " ,\t,", BOTH, JSON},
        {"anything", "*/*", BOTH, JSON},
        {"JSON", "application/json", BOTH, JSON},
        {"text", "text/plain", BOTH, PLAIN},
        {"text where there is none", "text/plain", JSON, NONE},
        {"what nobody has", "image/png", BOTH, NONE},
        {"a type and any subtype", "text/*", BOTH, PLAIN},
        {"any subtype of a type there is not", "image/*", BOTH, NONE},
        {"in upper case", "TEXT/PLAIN", BOTH, PLAIN},
        {"equals: the first of ours", "text/plain, application/json", BOTH, JSON},
        {"a lower quality", "application/json;q=0.5, text/plain", BOTH, PLAIN},
        {"qualities with blanks", "application/json ; q=0.2 ,\ttext/plain ; q=0.3", BOTH, PLAIN},
        {"three digits count", "application/json;q=0.998, text/plain;q=0.999", BOTH, PLAIN},
        {"one in full", "application/json;q=0.999, text/plain;q=1.000", BOTH, PLAIN},
        {"a capital Q", "application/json;Q=0.1, text/plain;Q=0.2", BOTH, PLAIN},
        {"quality zero is a no", "application/json;q=0, text/plain;q=0.1", BOTH, PLAIN},
        {"quality zero is a no, and nothing else", "application/json;q=0", BOTH, NONE},
        {"zero with digits", "text/plain;q=0.000", PLAIN, NONE},
        {"the closer range decides: not JSON", "*/*, application/json;q=0", BOTH, PLAIN},
        {"the closer range decides, in either order", "application/json;q=0, */*", BOTH, PLAIN},
        {"a type closer than anything", "*/*;q=0.9, text/*;q=0.1", BOTH, JSON},
        {"a subtype closer than a type", "text/*;q=0.1, text/plain;q=0.9, */*;q=0.5", BOTH, PLAIN},
        {"everything refused", "*/*;q=0", BOTH, NONE},
        {"everything but text", "*/*;q=0, text/plain", BOTH, PLAIN},
        {"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", BOTH,
         JSON},
        {"Prometheus",
         "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,"
         "*/*;q=0.1",
         SCRAPE, SCRAPE},
        {"other parameters are no matter", "text/plain;format=flowed", BOTH, PLAIN},
        {"a word that begins alike", "text/plainer", BOTH, NONE},
        {"a word that is cut", "text/plai", BOTH, NONE},
        {"no slash", "text", BOTH, NONE},
        {"any type of one subtype is no range", "*/json", BOTH, NONE},
        {"empty elements", ",, ,text/plain,,", BOTH, PLAIN},
        {"nothing is offered", "*/*", 0, NONE},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_media_negotiate(cases[i].accept, cases[i].offered), cases[i].want);
    }
}

static void a_body_says_what_it_is(void **state)
{
    static const struct {
        const char *label, *type;
        unsigned accepted;
        enum api_media want;
    } cases[] = {
        {"JSON", "application/json", JSON, JSON},
        {"in upper case", "Application/JSON", JSON, JSON},
        {"with a charset", "application/json; charset=utf-8", JSON, JSON},
        {"with a quoted charset", "application/json;charset=\"UTF-8\"", JSON, JSON},
        {"with blanks", " application/json ; charset = utf-8 ", JSON, JSON},
        {"with another parameter", "application/json; profile=x", JSON, JSON},
        {"in another charset", "application/json; charset=iso-8859-1", JSON, NONE},
        {"in another charset, behind another parameter", "application/json; a=b; charset=latin1",
         JSON, NONE},
        {"a merge patch", "application/merge-patch+json", JSON | API_MEDIA_MERGE_PATCH,
         API_MEDIA_MERGE_PATCH},
        {"a merge patch where there is none", "application/merge-patch+json", JSON, NONE},
        {"a form", "application/x-www-form-urlencoded", JSON, NONE},
        {"text", "text/plain", JSON, NONE},
        {"any", "*/*", JSON, NONE},
        {"any application", "application/*", JSON, NONE},
        {"nothing", "", JSON, NONE},
        {"half", "application", JSON, NONE},
        {"a list", "application/json, text/plain", JSON, NONE},
        {"a suffix", "application/problem+json", JSON, NONE},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_media_of_content(cases[i].type, cases[i].accepted), cases[i].want);
    }
}

static void each_representation_has_a_type(void **state)
{
    static const struct {
        enum api_media media;
        const char *want;
    } cases[] = {
        {API_MEDIA_JSON, "application/json"},
        {API_MEDIA_TEXT, "text/plain; charset=utf-8"},
        {API_MEDIA_YAML, "application/yaml"},
        {API_MEDIA_METRICS, "text/plain; version=0.0.4; charset=utf-8"},
        {API_MEDIA_MERGE_PATCH, "application/merge-patch+json"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        assert_string_equal(api_media_type(cases[i].media), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_what_both_can_is_chosen),
        cmocka_unit_test(a_body_says_what_it_is),
        cmocka_unit_test(each_representation_has_a_type),
    };

    return cmocka_run_group_tests_name("api/media", tests, NULL, NULL);
}
