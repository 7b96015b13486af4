/*
 * Signature Version 4 against an independent signer (botocore): every POST case without a query of
 * Amazon's published test suite, each intermediate compared, and requests as DynamoDB gets them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "aws/sigv4.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY_ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define WALL_S 1440938160 /* 20150830T123600Z */
#define NO_BODY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define FORM_BODY "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
#define ITEM_BODY "a927ffa6179eddd20431dad02508ef7ed620babe97d84b28efb9f91cbfffdbc4"
#define TO_SIGN "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n"
#define TO_SIGN_DYNAMODB                                                                           \
    "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/dynamodb/aws4_request\n"
#define SUITE_HOST "example.amazonaws.com"
#define DYNAMODB_HOST "dynamodb.us-east-1.amazonaws.com"
#define SUITE_TOKEN                                                                                \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpS"  \
    "PfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDY"  \
    "wT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqK"  \
    "mlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

struct signing_case {
    const char *name;
    const char *service;
    const char *host;
    struct {
        const char *name;
        const char *value;
    } headers[3];
    const char *body;
    const char *token; /* NULL: none */
    const char *canonical_request;
    const char *string_to_sign;
    const char *signed_headers;
    const char *signature;
};

#define VANILLA                                                                                    \
    .service = "service", .host = SUITE_HOST, .body = "",                                          \
    .canonical_request = "POST\n/\n\nhost:" SUITE_HOST "\nx-amz-date:20150830T123600Z\n\n"         \
                         "host;x-amz-date\n" NO_BODY,                                              \
    .string_to_sign = TO_SIGN "553f88c9e4d10fc9e109e2aeb65f030801b70c2f6468faca261d401ae622fc87",  \
    .signed_headers = "host;x-amz-date",                                                           \
    .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"

static const struct signing_case cases[] = {
    {"post-vanilla", VANILLA},
    {"post-header-key-case", VANILLA},
    /* The token is added after signing, so it is none for the signer. */
    {"post-sts-header-after", VANILLA},
    {"post-header-key-sort", .service = "service", .host = SUITE_HOST,
     .headers = {{"my-header1", "value1"}}, .body = "",
     .canonical_request = "POST\n/\n\nhost:" SUITE_HOST "\nmy-header1:value1\n"
                          "x-amz-date:20150830T123600Z\n\nhost;my-header1;x-amz-date\n" NO_BODY,
     .string_to_sign = TO_SIGN "9368318c2967cf6de74404b30c65a91e8f6253e0a8659d6d5319f1a812f87d65",
     .signed_headers = "host;my-header1;x-amz-date",
     .signature = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case", .service = "service", .host = SUITE_HOST,
     .headers = {{"my-header1", "VALUE1"}}, .body = "",
     .canonical_request = "POST\n/\n\nhost:" SUITE_HOST "\nmy-header1:VALUE1\n"
                          "x-amz-date:20150830T123600Z\n\nhost;my-header1;x-amz-date\n" NO_BODY,
     .string_to_sign = TO_SIGN "d51ced243e649e3de6ef63afbbdcbca03131a21a7103a1583706a64618606a93",
     .signed_headers = "host;my-header1;x-amz-date",
     .signature = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"post-sts-header-before", .service = "service", .host = SUITE_HOST, .body = "",
     .token = SUITE_TOKEN,
     .canonical_request =
         "POST\n/\n\nhost:" SUITE_HOST "\nx-amz-date:20150830T123600Z\n"
         "x-amz-security-token:" SUITE_TOKEN "\n\nhost;x-amz-date;x-amz-security-token\n" NO_BODY,
     .string_to_sign = TO_SIGN "c237e1b440d4c63c32ca95b5b99481081cb7b13c7e40434868e71567c1a882f6",
     .signed_headers = "host;x-amz-date;x-amz-security-token",
     .signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"post-x-www-form-urlencoded", .service = "service", .host = SUITE_HOST,
     .headers = {{"content-type", "application/x-www-form-urlencoded"}}, .body = "Param1=value1",
     .canonical_request = "POST\n/\n\ncontent-type:application/x-www-form-urlencoded\n"
                          "host:" SUITE_HOST "\nx-amz-date:20150830T123600Z\n\n"
                          "content-type;host;x-amz-date\n" FORM_BODY,
     .string_to_sign = TO_SIGN "42a5e5bb34198acb3e84da4f085bb7927f2bc277ca766e6d19c73c2154021281",
     .signed_headers = "content-type;host;x-amz-date",
     .signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-x-www-form-urlencoded-parameters", .service = "service", .host = SUITE_HOST,
     .headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf8"}},
     .body = "Param1=value1",
     .canonical_request =
         "POST\n/\n\ncontent-type:application/x-www-form-urlencoded; charset=utf8\n"
         "host:" SUITE_HOST "\nx-amz-date:20150830T123600Z\n\n"
         "content-type;host;x-amz-date\n" FORM_BODY,
     .string_to_sign = TO_SIGN "2e1cf7ed91881a30569e46552437e4156c823447bf1781b921b5d486c568dd1c",
     .signed_headers = "content-type;host;x-amz-date",
     .signature = "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
    {"values are trimmed, blanks in them made one", .service = "service", .host = SUITE_HOST,
     .headers = {{"my-header1", "  a   b\t c  "}, {"my-header2", "\"a   b   c\""}}, .body = "",
     .canonical_request = "POST\n/\n\nhost:" SUITE_HOST "\nmy-header1:a b c\n"
                          "my-header2:\"a b c\"\nx-amz-date:20150830T123600Z\n\n"
                          "host;my-header1;my-header2;x-amz-date\n" NO_BODY,
     .string_to_sign = TO_SIGN "c5ff29eb822de0191e6c7ffbfe6858236af8b3d9b8ee3f8ea7f974bd26c8fd0a",
     .signed_headers = "host;my-header1;my-header2;x-amz-date",
     .signature = "4a7a1ba878c4d4656a496b4bd9c821e8034fc596ef2aadd9cd48f833f60bb7e3"},
    {"DynamoDB's GetItem", .service = "dynamodb", .host = DYNAMODB_HOST,
     .headers = {{"content-type", "application/x-amz-json-1.0"},
                 {"x-amz-target", "DynamoDB_20120810.GetItem"}},
     .body = "{\"TableName\":\"t\",\"Key\":{\"pk\":{\"S\":\"a\"}}}",
     .canonical_request = "POST\n/\n\ncontent-type:application/x-amz-json-1.0\n"
                          "host:" DYNAMODB_HOST "\nx-amz-date:20150830T123600Z\n"
                          "x-amz-target:DynamoDB_20120810.GetItem\n\n"
                          "content-type;host;x-amz-date;x-amz-target\n" ITEM_BODY,
     .string_to_sign =
         TO_SIGN_DYNAMODB "5a6492397bc18dbdf087b965b8ec63efbbdaf16a19b4370420b0a58dcd720a1c",
     .signed_headers = "content-type;host;x-amz-date;x-amz-target",
     .signature = "45ee44bea424e226d0017dad9a154dfbd437f63bc9584bd80a68e5d1771a0269"},
    {"DynamoDB's GetItem with a token", .service = "dynamodb", .host = DYNAMODB_HOST,
     .headers = {{"content-type", "application/x-amz-json-1.0"},
                 {"x-amz-target", "DynamoDB_20120810.GetItem"}},
     .body = "{\"TableName\":\"t\",\"Key\":{\"pk\":{\"S\":\"a\"}}}", .token = "TOKEN/with+chars==",
     .canonical_request =
         "POST\n/\n\ncontent-type:application/x-amz-json-1.0\n"
         "host:" DYNAMODB_HOST "\nx-amz-date:20150830T123600Z\n"
         "x-amz-security-token:TOKEN/with+chars==\n"
         "x-amz-target:DynamoDB_20120810.GetItem\n\n"
         "content-type;host;x-amz-date;x-amz-security-token;x-amz-target\n" ITEM_BODY,
     .string_to_sign =
         TO_SIGN_DYNAMODB "d508119663e327fd364284d8aa7a24b3c952606a04fff030d0d89c1b05b2af8b",
     .signed_headers = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
     .signature = "210ac3d3210a33b1b75993ac3f227d1dc63c329b2d44f21f9eb74dd74e692444"},
};

/* headers: room for those of the row. */
static struct sigv4_request request_of(const struct signing_case *row, struct sigv4_header *headers)
{
    struct sigv4_request request = {
        .host = str_from(row->host),
        .headers = headers,
        .body = str_from(row->body),
        .wall_s = WALL_S,
        .region = "us-east-1",
        .service = row->service,
        .access_key_id = STR(KEY_ID),
        .secret_access_key = STR(SECRET),
        .session_token = str_from(row->token),
    };
    for (size_t i = 0; i < COUNT(row->headers) && row->headers[i].name; i++) {
        headers[i] = (struct sigv4_header){row->headers[i].name, str_from(row->headers[i].value)};
        request.header_count++;
    }
    return request;
}

static void check_authorization(const struct signing_case *row, const char *authorization)
{
    struct buf expected;
    buf_init(&expected, 4096);
    buf_printf(&expected,
               "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/us-east-1/%s/aws4_request, "
               "SignedHeaders=%s, Signature=%s",
               row->service, row->signed_headers, row->signature);
    assert_string_equal(authorization, expected.data);
    buf_free(&expected);
}

static void test_every_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct signing_case *row = &cases[i];
        struct sigv4_header headers[3];
        const struct sigv4_request request = request_of(row, headers);
        char date[SIGV4_DATE_SIZE];
        struct buf out[3];
        for (size_t n = 0; n < COUNT(out); n++)
            buf_init(&out[n], 16384);
        print_message("  %s\n", row->name);
        assert_int_equal(sigv4_sign(&request, date, &out[0], &out[1], &out[2]), 0);
        assert_string_equal(date, "20150830T123600Z");
        assert_string_equal(out[1].data, row->canonical_request);
        assert_string_equal(out[2].data, row->string_to_sign);
        check_authorization(row, out[0].data);
        for (size_t n = 0; n < COUNT(out); n++)
            buf_free(&out[n]);
    }
}

/* ---- the parts ------------------------------------------------------------------------------- */

/* A hash goes on from what it has begun with as if it had not stopped, again and again. */
static void test_hashes_that_go_on(void **state)
{
    static const char text[] = "what do ya want for nothing?";
    struct sigv4_engine *engine = sigv4_engine_new();
    EVP_MD_CTX *begun = NULL;
    unsigned char whole[SIGV4_HASH_SIZE];
    unsigned char pieces[SIGV4_HASH_SIZE];
    (void)state;
    assert_int_equal(sigv4_hash(engine, STR(text), whole), 0);
    for (size_t n = 0; n < sizeof(text); n++) {
        assert_int_equal(sigv4_hash_begin(engine, &begun, NULL, (struct str){text, n}), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(sigv4_hash_go_on(engine, begun,
                                              (struct str){text + n, sizeof(text) - 1 - n}, pieces),
                             0);
            assert_memory_equal(pieces, whole, sizeof(whole));
        }
        if (n + 1 == sizeof(text) - 1)
            break;
    }
    EVP_MD_CTX_free(begun);
    sigv4_engine_free(engine);
    sigv4_engine_free(NULL);
}

static void test_what_cannot_be_signed(void **state)
{
    struct sigv4_header many[40];
    struct sigv4_header headers[3];
    struct sigv4_request request = request_of(&cases[0], headers);
    char date[SIGV4_DATE_SIZE];
    char long_secret[512];
    struct buf out;
    (void)state;
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct sigv4_header){"a", STR("b")};
    buf_init(&out, 4096);
    request.headers = many;
    request.header_count = COUNT(many);
    assert_int_equal(sigv4_sign(&request, date, &out, NULL, NULL), -1);
    request = request_of(&cases[0], headers);
    memset(long_secret, 's', sizeof long_secret);
    request.secret_access_key = (struct str){long_secret, sizeof long_secret};
    assert_int_equal(sigv4_sign(&request, date, &out, NULL, NULL), -1);
    request = request_of(&cases[0], headers);
    request.wall_s = INT64_C(400000000000); /* the year has five digits */
    assert_int_equal(sigv4_sign(&request, date, &out, NULL, NULL), -1);
    buf_free(&out);
    buf_init(&out, 40); /* too small for the line */
    request = request_of(&cases[0], headers);
    assert_int_equal(sigv4_sign(&request, date, &out, NULL, NULL), -1);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_step),
        cmocka_unit_test(test_hashes_that_go_on),
        cmocka_unit_test(test_what_cannot_be_signed),
    };
    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
