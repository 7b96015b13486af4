/*
 * Searching as readers do: what is found in what; that folding by runs is folding of the whole; and
 * bytes that are no UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>
#include <cmocka.h>

#include "base/fold.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum found { ABSENT, FOUND };

static bool finds(struct str needle, struct str text)
{
    struct fold f;
    fold_init(&f, needle);
    bool found = fold_finds(&f, text);
    fold_free(&f);
    return found;
}

static void test_what_is_found(void **state)
{
    static const struct {
        const char *needle;
        const char *text;
        enum found found;
    } cases[] = {
        {"lisbon", "Trip to Lisbon", FOUND},
        {"LISBON", "Trip to Lisbon", FOUND},
        {"o l", "Trip to Lisbon", FOUND},
        {"lisboa", "Trip to Lisbon", ABSENT},
        {"lisbon ", "Trip to Lisbon", ABSENT},
        {"a", "", ABSENT},
        {"[`{@", "[`{@", FOUND}, /* neighbours of the letters stay apart */
        {"[", "{", ABSENT},
        {"@", "`", ABSENT},
        {"straße", "HAUPTSTRASSE", FOUND},
        {"STRASSE", "Hauptstraße", FOUND},
        {"STRAẞE", "strasse", FOUND},
        {"ς", "ΟΔΥΣΣΕΥΣ", FOUND},
        {"Σ", "Οδυσσεύς", FOUND},
        {"οδυσσευς", "ΟΔΥΣΣΕΥΣ", FOUND},
        {"οδυσσευσ", "Οδυσσευς", FOUND},
        {"İstanbul", "i\xcc\x87stanbul", FOUND},
        {"İ", "İSTANBUL", FOUND},
        {"stanbul", "İSTANBUL", FOUND},
        {"istanbul", "İSTANBUL", ABSENT}, /* the dot is a character of its own */
        {"ı", "I", ABSENT},               /* no language is asked for */
        {"å", "\xe2\x84\xab", FOUND},     /* the sign of the unit */
        {"\xc3\x85", "A\xcc\x8a", FOUND}, /* composed, decomposed */
        {"a\xcc\x8a", "\xc3\x85", FOUND},
        {"a\xcc\x8a", "xA\xcc\x8ax", FOUND},
        {"cafe", "caf\xc3\xa9", ABSENT},
        {"cafe", "cafe\xcc\x81", ABSENT},
        {"caf\xc3\xa9", "CAFE\xcc\x81", FOUND},
        /* Two marks in either order. */
        {"q\xcc\xa3\xcc\x87", "Q\xcc\x87\xcc\xa3", FOUND},
        {"fine", "ﬁne", FOUND},
        {"ﬁ", "FIsh", FOUND},
        {"full", "ＦＵＬＬ", FOUND},
        {"x²", "x2", FOUND},
        {"kelvin", "Kelvin", FOUND},
        {"😀", "well 😀!", FOUND},
        {"😀", "well 😁!", ABSENT},
        {"🧑‍🚀", "a 🧑‍🚀 b", FOUND},
        {"한글", "한글 문서", FOUND},
        {"한", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", FOUND}, /* letters of a syllable */
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "한", FOUND},
        {"하", "한", ABSENT},
        {"\xed\x95\x98\xe1\x86\xab", "한", FOUND}, /* a syllable and its last letter */
        {"が", "か\xe3\x82\x99", FOUND},
        {"か", "か\xe3\x82\x99", ABSENT},
        {"ガ", "ｶﾞ", FOUND},
        {"привет", "ПРИВЕТ, мир", FOUND},
        {"й", "И\xcc\x86", FOUND},
        {"…", "so...", FOUND},
        {"“a”", "“A”", FOUND},
        {"漢字", "漢字かな", FOUND},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (finds(str_from(cases[i].needle), str_from(cases[i].text)) != (cases[i].found == FOUND))
            fail_msg("\"%s\" in \"%s\"", cases[i].needle, cases[i].text);
    }
}

/* Bytes that are no UTF-8, in the needle, in the text and in both; and NUL. */
static void test_any_bytes(void **state)
{
    static const struct {
        struct str needle;
        struct str text;
        enum found found;
    } cases[] = {
        {STR_INIT("b"), STR_INIT("a\0B"), FOUND},
        {STR_INIT("a\0b"), STR_INIT("A\0B"), FOUND},
        {STR_INIT("a\0b"), STR_INIT("A\0C"), ABSENT},
        {STR_INIT("x"), STR_INIT("\xff\xfeX"), FOUND},
        {STR_INIT("x"), STR_INIT("X\x80\xe2"), ABSENT}, /* what stands before them stays, too */
        {STR_INIT("\xff"), STR_INIT("a\xff"), FOUND},
        {STR_INIT("\xe2\x82"), STR_INIT("\xe2\x82"), FOUND},
        {STR_INIT("\xed\xa0\x80"), STR_INIT("\xed\xa0\x80"), FOUND},
        {STR_INIT("z"), STR_INIT("\xf4\x90\x80\x80 Z"), FOUND},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (finds(cases[i].needle, cases[i].text) != (cases[i].found == FOUND))
            fail_msg("case %zu", i);
    }
}

/* ---- runs and the whole ---------------------------------------------------------------------- */

static void check_as_whole(const uint8_t *text, size_t n)
{
    struct buf folded;
    size_t length = 0;
    uint8_t *whole = u8_casefold(text, n, NULL, UNINORM_NFKC, NULL, &length);
    assert_non_null(whole);
    buf_init(&folded, (size_t)1024 * 1024);
    fold_append(&folded, (struct str){(const char *)text, n});
    if (folded.len != length || memcmp(folded.data, whole, length) != 0) {
        for (size_t i = 0; i < n; i++)
            print_message("%02x ", text[i]);
        fail_msg("%.*s is not %.*s", (int)folded.len, folded.data, (int)length, whole);
    }
    buf_free(&folded);
    free(whole);
}

static void test_every_character(void **state)
{
    uint8_t text[16];
    (void)state;
    for (ucs4_t c = 1; c < 0x20000; c++) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        /* Alone, and after what marks join with: letters and the first of a syllable. */
        static const char *const before[] = {"", "e", "か", "한", "하", "и", "ا", "ω"};
        for (size_t i = 0; i < COUNT(before); i++) {
            size_t n = strlen(before[i]);
            memcpy(text, before[i], n);
            n += (size_t)u8_uctomb(text + n, c, 6);
            check_as_whole(text, n);
        }
    }
}

/* Always the same ones. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static ucs4_t random_character(uint32_t *seed)
{
    static const ucs4_t from[] = {0x20,   0x41,   0xC0,   0x300,  0x391,  0x410,  0x5B0,
                                  0x620,  0x900,  0xE01,  0x1100, 0x1E00, 0x2010, 0x2100,
                                  0x3041, 0x3099, 0x4E00, 0xAC00, 0xFB00, 0xFF00, 0x1F300};
    return from[next_random(seed) % COUNT(from)] + next_random(seed) % 0x60;
}

static void test_mixtures(void **state)
{
    uint32_t seed = 7;
    (void)state;
    for (int round = 0; round < 50000; round++) {
        uint8_t text[64];
        size_t n = 0;
        size_t characters = 1 + next_random(&seed) % 12;
        for (size_t i = 0; i < characters; i++)
            n += (size_t)u8_uctomb(text + n, random_character(&seed), 6);
        check_as_whole(text, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_found),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_mixtures),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
