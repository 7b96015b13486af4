/*
 * What a response of DynamoDB means: one table of responses, with what comes out; the checksum, the
 * words, and the server's time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "aws/dynamo_classify.h"
#include "aws/skew.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TYPE(name)                                                                                 \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" name "\",\"message\":\"words\"}"
#define CORAL(name, words)                                                                         \
    "{\"__type\":\"com.amazon.coral.service#" name "\",\"message\":\"" words "\"}"
#define CANCELED(reasons)                                                                          \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\","               \
    "\"Message\":\"canceled\",\"CancellationReasons\":[" reasons "]}"
#define R(code) "{\"Code\":\"" code "\"}"

struct row {
    int status;
    const char *body;
    enum verdict_kind kind;
    enum dynamo_outcome outcome;
    bool maybe_done;
    const char *type;
};

static const struct row rows[] = {
    /* answers */
    {200, "{}", VERDICT_ANSWER, DYNAMO_OK, false, ""},
    {200, "{\"Item\":{}}", VERDICT_ANSWER, DYNAMO_OK, false, ""},
    {400, TYPE("ConditionalCheckFailedException"), VERDICT_ANSWER, DYNAMO_CONDITION_FAILED, false,
     "ConditionalCheckFailedException"},
    {400, TYPE("ResourceNotFoundException"), VERDICT_ANSWER, DYNAMO_TABLE_NOT_FOUND, false,
     "ResourceNotFoundException"},
    {400, TYPE("ResourceInUseException"), VERDICT_ANSWER, DYNAMO_TABLE_IN_USE, false,
     "ResourceInUseException"},
    {400, CORAL("AccessDeniedException", "no"), VERDICT_ANSWER, DYNAMO_DENIED, false,
     "AccessDeniedException"},
    {403, CORAL("AccessDenied", "no"), VERDICT_ANSWER, DYNAMO_DENIED, false, "AccessDenied"},
    {400, CORAL("ValidationException", "no"), VERDICT_ANSWER, DYNAMO_REJECTED, false,
     "ValidationException"},
    {400, TYPE("IdempotentParameterMismatchException"), VERDICT_ANSWER, DYNAMO_REJECTED, false,
     "IdempotentParameterMismatchException"},
    {400, TYPE("SomethingNew"), VERDICT_ANSWER, DYNAMO_REJECTED, false, "SomethingNew"},
    /* without a namespace, and with another member for the type's words */
    {400, "{\"__type\":\"ResourceNotFoundException\"}", VERDICT_ANSWER, DYNAMO_TABLE_NOT_FOUND,
     false, "ResourceNotFoundException"},

    /* server faults: the status first, whatever the body is */
    {500, TYPE("InternalServerError"), VERDICT_TRANSIENT, DYNAMO_OK, true, "InternalServerError"},
    {500, "", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {502, "<html>bad gateway</html>", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {503, "<html>unavailable</html>", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {504, "{\"half\":", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {500, TYPE("ConditionalCheckFailedException"), VERDICT_TRANSIENT, DYNAMO_OK, true,
     "ConditionalCheckFailedException"},
    {503, TYPE("ThrottlingException"), VERDICT_THROTTLED, DYNAMO_OK, false, "ThrottlingException"},
    /* but not every status from 500 on is worth another try */
    {501, "", VERDICT_STRANGE, DYNAMO_OK, true, ""},
    {505, "<html>", VERDICT_STRANGE, DYNAMO_OK, true, ""},
    {520, TYPE("X"), VERDICT_STRANGE, DYNAMO_OK, true, "X"},

    /* faults that have a name */
    {400, TYPE("InternalServerError"), VERDICT_TRANSIENT, DYNAMO_OK, true, "InternalServerError"},
    {400, CORAL("RequestTimeout", ""), VERDICT_TRANSIENT, DYNAMO_OK, true, "RequestTimeout"},
    {400, CORAL("RequestTimeoutException", ""), VERDICT_TRANSIENT, DYNAMO_OK, true,
     "RequestTimeoutException"},
    {408, "", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {400, TYPE("ReplicatedWriteConflictException"), VERDICT_TRANSIENT, DYNAMO_OK, false,
     "ReplicatedWriteConflictException"},
    {400, TYPE("TransactionConflictException"), VERDICT_CONFLICT, DYNAMO_OK, false,
     "TransactionConflictException"},

    /* throttling */
    {400, CORAL("ThrottlingException", ""), VERDICT_THROTTLED, DYNAMO_OK, false,
     "ThrottlingException"},
    {400, TYPE("ProvisionedThroughputExceededException"), VERDICT_THROTTLED, DYNAMO_OK, false,
     "ProvisionedThroughputExceededException"},
    {400, TYPE("RequestLimitExceeded"), VERDICT_THROTTLED, DYNAMO_OK, false,
     "RequestLimitExceeded"},
    {400, TYPE("TransactionInProgressException"), VERDICT_THROTTLED, DYNAMO_OK, false,
     "TransactionInProgressException"},
    {400, TYPE("LimitExceededException"), VERDICT_THROTTLED, DYNAMO_OK, false,
     "LimitExceededException"},
    {429, "slow down", VERDICT_THROTTLED, DYNAMO_OK, false, ""},

    /* transactions: every reason must be one that passes */
    {400, CANCELED(R("TransactionConflict") "," R("None")), VERDICT_CONFLICT,
     DYNAMO_TRANSACTION_CANCELED, false, "TransactionCanceledException"},
    {400, CANCELED(R("None") "," R("ThrottlingError")), VERDICT_THROTTLED,
     DYNAMO_TRANSACTION_CANCELED, false, "TransactionCanceledException"},
    {400, CANCELED(R("ProvisionedThroughputExceeded") "," R("TransactionConflict")),
     VERDICT_THROTTLED, DYNAMO_TRANSACTION_CANCELED, false, "TransactionCanceledException"},
    {400, CANCELED(R("TransactionConflict") "," R("ThrottlingError")), VERDICT_THROTTLED,
     DYNAMO_TRANSACTION_CANCELED, false, "TransactionCanceledException"},
    {400, CANCELED(R("TransactionConflict") "," R("ConditionalCheckFailed")), VERDICT_ANSWER,
     DYNAMO_TRANSACTION_CANCELED, false, "TransactionCanceledException"},
    {400, CANCELED(R("ConditionalCheckFailed") "," R("TransactionConflict")), VERDICT_ANSWER,
     DYNAMO_TRANSACTION_CANCELED, false, "TransactionCanceledException"},
    {400, CANCELED(R("ValidationError")), VERDICT_ANSWER, DYNAMO_TRANSACTION_CANCELED, false,
     "TransactionCanceledException"},
    {400, CANCELED(R("ItemCollectionSizeLimitExceeded")), VERDICT_ANSWER,
     DYNAMO_TRANSACTION_CANCELED, false, "TransactionCanceledException"},
    {400, CANCELED(R("None")), VERDICT_ANSWER, DYNAMO_TRANSACTION_CANCELED, false,
     "TransactionCanceledException"},
    {400, CANCELED(""), VERDICT_ANSWER, DYNAMO_TRANSACTION_CANCELED, false,
     "TransactionCanceledException"},
    {400, CANCELED("null"), VERDICT_ANSWER, DYNAMO_TRANSACTION_CANCELED, false,
     "TransactionCanceledException"},

    /* who asks */
    {400, CORAL("ExpiredTokenException", ""), VERDICT_EXPIRED, DYNAMO_OK, false,
     "ExpiredTokenException"},
    {403, CORAL("ExpiredToken", ""), VERDICT_EXPIRED, DYNAMO_OK, false, "ExpiredToken"},
    {400, CORAL("UnrecognizedClientException", ""), VERDICT_KEY_UNKNOWN, DYNAMO_OK, false,
     "UnrecognizedClientException"},
    {400, CORAL("InvalidClientTokenId", ""), VERDICT_KEY_UNKNOWN, DYNAMO_OK, false,
     "InvalidClientTokenId"},
    {400, CORAL("MissingAuthenticationToken", ""), VERDICT_KEY_UNKNOWN, DYNAMO_OK, false,
     "MissingAuthenticationToken"},
    {400, CORAL("MissingAuthenticationTokenException", ""), VERDICT_KEY_UNKNOWN, DYNAMO_OK, false,
     "MissingAuthenticationTokenException"},
    {400, CORAL("IncompleteSignatureException", ""), VERDICT_BAD_SIGNATURE, DYNAMO_OK, false,
     "IncompleteSignatureException"},
    {400, CORAL("InvalidSignatureException", "The request signature we calculated"),
     VERDICT_BAD_SIGNATURE, DYNAMO_OK, false, "InvalidSignatureException"},
    {400, CORAL("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"),
     VERDICT_CLOCK, DYNAMO_OK, false, "InvalidSignatureException"},
    {400, CORAL("InvalidSignatureException", "Signature not yet current: 1 is still later than 2"),
     VERDICT_CLOCK, DYNAMO_OK, false, "InvalidSignatureException"},
    {403, CORAL("RequestTimeTooSkewed", ""), VERDICT_CLOCK, DYNAMO_OK, false,
     "RequestTimeTooSkewed"},
    {403, CORAL("RequestExpired", ""), VERDICT_CLOCK, DYNAMO_OK, false, "RequestExpired"},

    /* not DynamoDB */
    {404, "<html>not found</html>", VERDICT_STRANGE, DYNAMO_OK, false, ""},
    {403, "", VERDICT_STRANGE, DYNAMO_OK, false, ""},
    {302, "", VERDICT_STRANGE, DYNAMO_OK, false, ""},
    {400, "{\"error\":\"other\"}", VERDICT_STRANGE, DYNAMO_OK, false, ""},
    {400, "[1]", VERDICT_STRANGE, DYNAMO_OK, false, ""},

    /* 200, but not an answer that can be read: it was carried out all the same */
    {200, "", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {200, "{\"Item\":{", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {200, "<html>welcome</html>", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
    {200, "[]", VERDICT_TRANSIENT, DYNAMO_OK, true, ""},
};

static struct transport_response response_of(int status, const char *body)
{
    struct transport_response r = {.outcome = TRANSPORT_ANSWERED,
                                   .status = status,
                                   .date_s = -1,
                                   .crc32 = -1,
                                   .retry_after_ms = -1};
    buf_init(&r.body, 4096);
    buf_puts(&r.body, body);
    return r;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct transport_response r = response_of(row->status, row->body);
        struct dynamo_verdict v;
        print_message("  %d %s\n", row->status, row->body);
        dynamo_classify(&r, &v);
        assert_int_equal(v.kind, row->kind);
        if (v.kind == VERDICT_ANSWER)
            assert_int_equal(v.outcome, row->outcome);
        assert_int_equal(v.maybe_done, row->maybe_done);
        assert_string_equal(v.type, row->type);
        buf_free(&r.body);
    }
}

/* Every name that counts, in each of its spellings. An unknown one would be an answer. */
static const struct {
    enum verdict_kind kind;
    bool maybe_done;
    const char *names[12];
} names[] = {
    {VERDICT_THROTTLED,
     false,
     {"ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded",
      "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled",
      "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
      "LimitExceededException", "TransactionInProgressException"}},
    {VERDICT_CONFLICT, false, {"TransactionConflictException"}},
    {VERDICT_TRANSIENT, false, {"ReplicatedWriteConflictException"}},
    {VERDICT_TRANSIENT,
     true,
     {"InternalServerError", "InternalServerErrorException", "InternalFailure",
      "ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout",
      "RequestTimeoutException"}},
    {VERDICT_EXPIRED, false, {"ExpiredTokenException", "ExpiredToken"}},
    {VERDICT_CLOCK, false, {"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"}},
    {VERDICT_KEY_UNKNOWN,
     false,
     {"UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken",
      "MissingAuthenticationTokenException", "OptInRequired", "NotAuthorized", "AuthFailure"}},
    {VERDICT_BAD_SIGNATURE,
     false,
     {"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature",
      "IncompleteSignatureException"}},
};

static void check_name(const char *name, enum verdict_kind kind, bool maybe_done)
{
    char body[256];
    struct dynamo_verdict v;
    (void)snprintf(body, sizeof body, "{\"__type\":\"a.b#%s\",\"message\":\"words\"}", name);
    struct transport_response r = response_of(400, body);
    dynamo_classify(&r, &v);
    if (v.kind != kind || v.maybe_done != maybe_done)
        fail_msg("%s: kind %d, maybe done %d", name, (int)v.kind, v.maybe_done);
    buf_free(&r.body);
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        for (const char *const *name = names[i].names; *name; name++)
            check_name(*name, names[i].kind, names[i].maybe_done);
    }
}

static void test_no_answer(void **state)
{
    static const struct {
        enum transport_outcome outcome;
        bool unresolved;
        bool timed_out;
        enum verdict_kind kind;
        bool maybe_done;
    } failures[] = {
        {TRANSPORT_NOT_SENT, false, false, VERDICT_TRANSIENT, false},
        {TRANSPORT_NOT_SENT, false, true, VERDICT_TRANSIENT, false},
        {TRANSPORT_NOT_SENT, true, false, VERDICT_UNRESOLVED, false},
        {TRANSPORT_MAYBE_SENT, false, false, VERDICT_TRANSIENT, true},
        {TRANSPORT_MAYBE_SENT, false, true, VERDICT_TRANSIENT, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        /* A body and a status that must not be looked at. */
        struct transport_response r = response_of(200, "{}");
        struct dynamo_verdict v;
        r.outcome = failures[i].outcome;
        r.name_not_resolved = failures[i].unresolved;
        r.timed_out = failures[i].timed_out;
        (void)snprintf(r.error, sizeof r.error, "why");
        dynamo_classify(&r, &v);
        assert_int_equal(v.kind, failures[i].kind);
        assert_int_equal(v.maybe_done, failures[i].maybe_done);
        assert_string_equal(v.message, "why");
        buf_free(&r.body);
    }
}

#define CRC_OF_ITEM 0x02f50b6c /* of {"Item":{}}, by Python's zlib */

static void test_the_checksum_comes_before_the_parsing(void **state)
{
    static const struct {
        int64_t crc32;
        const char *body;
        enum verdict_kind kind;
    } sums[] = {
        {CRC_OF_ITEM, "{\"Item\":{}}", VERDICT_ANSWER},
        {CRC_OF_ITEM ^ 1, "{\"Item\":{}}", VERDICT_TRANSIENT},
        {CRC_OF_ITEM, "{\"Item\":{} }", VERDICT_TRANSIENT},
        {0, "{\"Item\":{}}", VERDICT_TRANSIENT},
        {-1, "{\"Item\":{}}", VERDICT_ANSWER}, /* no header */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(sums); i++) {
        struct transport_response r = response_of(200, sums[i].body);
        struct dynamo_verdict v;
        r.crc32 = sums[i].crc32;
        dynamo_classify(&r, &v);
        assert_int_equal(v.kind, sums[i].kind);
        assert_int_equal(v.maybe_done, sums[i].kind == VERDICT_TRANSIENT);
        buf_free(&r.body);
    }
}

/* A flipped bit in an error must not pass for another error. */
static void test_the_checksum_of_an_error(void **state)
{
    struct transport_response r = response_of(400, TYPE("ConditionalCheckFailedException"));
    struct dynamo_verdict v;
    (void)state;
    r.crc32 = 1;
    dynamo_classify(&r, &v);
    assert_int_equal(v.kind, VERDICT_TRANSIENT);
    assert_string_equal(v.type, "");
    buf_free(&r.body);
}

static void test_words(void **state)
{
    static const struct {
        const char *body;
        const char *message;
    } words[] = {
        {"{\"__type\":\"a#X\",\"message\":\"small\"}", "small"},
        {"{\"__type\":\"a#X\",\"Message\":\"capital\"}", "capital"},
        {"{\"__type\":\"a#X\"}", ""},
        {"{\"__type\":\"a#X\",\"message\":7}", ""},
        /* What follows the first line is the canonical request, with the token. */
        {"{\"__type\":\"a#X\",\"message\":\"should have been\\n'POST\\nx-amz-security-token:T\"}",
         "should have been"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        struct transport_response r = response_of(400, words[i].body);
        struct dynamo_verdict v;
        dynamo_classify(&r, &v);
        assert_string_equal(v.message, words[i].message);
        buf_free(&r.body);
    }
}

static void test_long_words_are_cut_at_a_character(void **state)
{
    struct transport_response r = response_of(400, "{\"__type\":\"");
    struct dynamo_verdict v;
    (void)state;
    for (int i = 0; i < 100; i++)
        buf_puts(&r.body, "T");
    buf_puts(&r.body, "\",\"message\":\"");
    for (int i = 0; i < 300; i++)
        buf_puts(&r.body, "\xc3\xa4");
    buf_puts(&r.body, "\"}");
    dynamo_classify(&r, &v);
    assert_int_equal(strlen(v.type), sizeof v.type - 1);
    assert_int_equal(strlen(v.message), 254);
    assert_true(str_is_utf8(str_from(v.message)));
    buf_free(&r.body);
}

#define EXPIRED                                                                                    \
    "Signature expired: 20150830T123600Z is now earlier than 20150830T124500Z "                    \
    "(20150830T125000Z - 5 min.)"
#define NOT_YET                                                                                    \
    "Signature not yet current: 20150830T123600Z is still later than 20150830T122500Z "            \
    "(20150830T122000Z + 5 min.)"

static void test_the_time_in_a_message(void **state)
{
    static const struct {
        const char *message;
        int64_t s;
    } times[] = {
        {EXPIRED, 1440939000},
        {NOT_YET, 1440937200},
        {"(20150830T125000Z", 1440939000},
        {"(20150830T125000", -1},
        {"(20159930T125000Z - 5 min.)", -1},
        {"Signature expired: 20150830T123600Z", -1},
        {"(", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++)
        assert_int_equal(skew_time_in_message(str_from(times[i].message)), times[i].s);
    assert_int_equal(skew_time_in_message(STR_NONE), -1);
}

static void test_the_servers_time(void **state)
{
    static const struct {
        int64_t date_s;
        const char *body;
        int64_t server_s;
    } times[] = {
        /* The header is nearer to now than the words. */
        {1000, CORAL("InvalidSignatureException", EXPIRED), 1000},
        {-1, CORAL("InvalidSignatureException", EXPIRED), 1440939000},
        {-1, CORAL("InvalidSignatureException", NOT_YET), 1440937200},
        {-1, CORAL("RequestTimeTooSkewed", "too far"), SKEW_TIME_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        struct transport_response r = response_of(400, times[i].body);
        struct dynamo_verdict v;
        r.date_s = times[i].date_s;
        dynamo_classify(&r, &v);
        assert_int_equal(v.kind, VERDICT_CLOCK);
        assert_int_equal(v.server_s, times[i].server_s);
        buf_free(&r.body);
    }
}

/* With a good checksum the reader finds out; without one nothing that is broken passes. */
static void test_what_no_checksum_vouches_for_is_checked_to_its_end(void **state)
{
    static const char broken[] = "{\"Item\":{\"a\":{\"S\":\"b\"}}";
    struct transport_response r = response_of(200, broken);
    struct dynamo_verdict v;
    (void)state;
    dynamo_classify(&r, &v);
    assert_int_equal(v.kind, VERDICT_TRANSIENT);
    r.crc32 = (int64_t)crc32(0, (const unsigned char *)broken, sizeof broken - 1);
    dynamo_classify(&r, &v);
    assert_int_equal(v.kind, VERDICT_ANSWER);
    assert_string_equal(r.body.data, broken);
    buf_free(&r.body);
}

static void test_the_reasons_are_left_as_they_came(void **state)
{
    static const char reasons[] = "[{\"Code\":\"None\"},{\"Item\":{\"a\":{\"S\":\"\\\"b\\n\"}},"
                                  "\"Code\":\"ConditionalCheckFailed\"}]";
    struct dynamo_verdict v;
    char body[512];
    (void)state;
    (void)snprintf(body, sizeof body,
                   "{\"CancellationReasons\": %s ,\"message\":\"a\\nb\",\"__type\":"
                   "\"a#TransactionCanceledException\"}",
                   reasons);
    struct transport_response r = response_of(400, body);
    dynamo_classify(&r, &v);
    assert_int_equal(v.kind, VERDICT_ANSWER);
    assert_int_equal(v.outcome, DYNAMO_TRANSACTION_CANCELED);
    assert_string_equal(v.message, "a");
    assert_true(str_is(v.reasons, reasons));
    buf_free(&r.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_the_checksum_comes_before_the_parsing),
        cmocka_unit_test(test_the_checksum_of_an_error),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_long_words_are_cut_at_a_character),
        cmocka_unit_test(test_the_time_in_a_message),
        cmocka_unit_test(test_the_servers_time),
        cmocka_unit_test(test_what_no_checksum_vouches_for_is_checked_to_its_end),
        cmocka_unit_test(test_the_reasons_are_left_as_they_came),
    };
    return cmocka_run_group_tests_name("dynamo_classify", tests, NULL, NULL);
}
