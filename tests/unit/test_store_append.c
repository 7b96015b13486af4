/*
 * The append protocol against scripted answers: what each failed condition means, what is asked
 * again, and what a caller is told after a fault.
 */
#include "store_fixture.h"

#define MISMATCH NAMED("IdempotentParameterMismatchException")

static int append(struct world *w, size_t count, const char *key, const char *hint, struct err *e)
{
    const struct message_new messages[] = {
        {.message_id = STR("m1"), .role = STR("user"), .content = STR("one")},
        {.message_id = STR("m2"), .role = STR("assistant"), .content = STR("two")},
        {.message_id = STR("m3"), .role = STR("user"), .content = STR("three")},
    };
    const struct append_new wanted = {
        .session_id = STR("s"),
        .hint = str_from(hint),
        .messages = messages,
        .count = count,
        .idempotency = {.key = str_from(key)},
    };
    struct message out[COUNT(messages)];
    enum store_write end = store_messages_append(w->store, &wanted, out, e);

    for (size_t i = 0; i < count && end != STORE_WRITE_FAILED; i++) {
        say_str(w, i ? ", " : "", out[i].message_id);
        say(w, " %lld", (long long)out[i].timestamp);
    }
    if (end == STORE_REPLAYED)
        say(w, " replayed");
    return end == STORE_WRITE_FAILED ? -1 : 0;
}

static int one(struct world *w, struct err *e)
{
    return append(w, 1, NULL, NULL, e);
}

static int two(struct world *w, struct err *e)
{
    return append(w, 2, NULL, NULL, e);
}

static int three(struct world *w, struct err *e)
{
    return append(w, 3, NULL, NULL, e);
}

static int with_key(struct world *w, struct err *e)
{
    return append(w, 1, "key", NULL, e);
}

static int three_with_key(struct world *w, struct err *e)
{
    return append(w, 3, "key", NULL, e);
}

static int by_owner(struct world *w, struct err *e)
{
    return append(w, 1, NULL, "u", e);
}

static int by_owner_with_key(struct world *w, struct err *e)
{
    return append(w, 1, "key", "u", e);
}

static int twice(struct world *w, struct err *e)
{
    int r = one(w, e);
    say(w, "; ");
    return r < 0 ? r : one(w, e);
}

#define KNOWN .known_last_ms = 1000
#define FIRST(ms) "\":first\":{\"N\":\"" ms "\"}"
#define LATER "1440938170000"
#define LATER_NEXT "1440938170001"
#define MARKER(fingerprint)                                                                        \
    STOPPED_BY(fingerprint "," N("first_us", "1440938100000123") "," MARKER_IDS)
#define MARKER_IDS "\"message_ids\":{\"L\":[{\"S\":\"a1\"},{\"S\":\"a2\"},{\"S\":\"a3\"}]}"
#define MESSAGE_AT(ms) "{" N("timestamp", ms) "," S("created_at", NOW_TEXT) "}"

static const struct store_case good[] = {
    {.name = "one message",
     .run = one,
     KNOWN,
     .script = {{TRANSACT,
                 OK,
                 {"\"ClientRequestToken\":\"", FIRST(NOW_MS), N(":count", "1"),
                  "last_timestamp<:first", "attribute_not_exists(deleted_at)"},
                 .lacks = "fingerprint"}},
     .says = "m1 1440938160000"},
    {.name = "the session's preview is the message's",
     .run = one,
     KNOWN,
     .script = {{TRANSACT,
                 OK,
                 {"last_timestamp=:last,last_shown=:last,last_role=:role,"
                  "last_preview=:preview",
                  N(":last", NOW_MS), S(":role", "user"), S(":preview", "one")}}},
     .says = "m1 1440938160000"},
    {.name = "the session's preview is that of an array's last message",
     .run = two,
     KNOWN,
     .script = {{TRANSACT,
                 OK,
                 {N(":last", "1440938160001"), S(":role", "assistant"), S(":preview", "two")}}},
     .says = "m1 1440938160000, m2 1440938160001"},
    {.name = "an array, in order",
     .run = three,
     KNOWN,
     .script = {{TRANSACT,
                 OK,
                 {FIRST(NOW_MS), N(":last", "1440938160002"), N(":count", "3"),
                  S("message_id", "m2"), N("timestamp", "1440938160001")}}},
     .says = "m1 1440938160000, m2 1440938160001, m3 1440938160002"},
    {.name = "with a key",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT,
                 OK,
                 {N("timestamp", "-230750531443081127952632724236776334"), NO_FINGERPRINT,
                  N("first_us", NOW_MS "000")}}},
     .says = "m1 1440938160000"},
    {.name = "later than the last message known, whatever the clock says",
     .run = one,
     .known_last_ms = 1440938170000,
     .script = {{TRANSACT, OK, {FIRST(LATER_NEXT)}}},
     .says = "m1 1440938170001"},
    {.name = "what was appended is known",
     .run = twice,
     .script = {{GET, FOUND(OWNER), {N("timestamp", "0"), "\"ConsistentRead\":true"}},
                {TRANSACT, OK, {FIRST(NOW_MS)}},
                {TRANSACT, OK, {FIRST("1440938160001")}}},
     .says = "m1 1440938160000; m1 1440938160001"},
};

static const struct store_case owners[] = {
    {.name = "another user's",
     .run = by_owner,
     .script = {{GET, FOUND(S("user_id", "v"))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "being deleted",
     .run = one,
     .script = {{GET, FOUND(OWNER "," DELETED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "no owner item, and the owner is not named",
     .run = one,
     .script = {{GET, OK}},
     .code = ERR_SESSION_NOT_FOUND,
     .words = "give its user_id"},
    {.name = "no owner item: it is put",
     .run = by_owner,
     .script = {{GET, OK}, {TRANSACT, OK, {OWNER}}},
     .says = "m1 1440938160000"},
    {.name = "another request has just put the owner item",
     .run = by_owner,
     .script = {{GET, OK},
                {TRANSACT, CANCELED(NONE "," NONE "," STOPPED_BY(OWNER)), {OWNER}},
                {TRANSACT, OK, {N(":count", "1")}, .lacks = OWNER}},
     .says = "m1 1440938160000"},
    {.name = "another request has just put another owner",
     .run = by_owner,
     .script = {{GET, OK}, {TRANSACT, CANCELED(NONE "," NONE "," STOPPED_BY(S("user_id", "v")))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "the marker comes after the owner",
     .run = by_owner_with_key,
     .script = {{GET, OK}, {TRANSACT, CANCELED(NONE "," NONE "," NONE "," MARKER(NO_FINGERPRINT))}},
     .says = "a1 1440938100000 replayed"},
    {.name = "an owner item without an owner",
     .run = one,
     .script = {{GET, FOUND(N("user_id", "7"))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "an eventually consistent read that finds nothing is made again",
     .run = one,
     .setting = "DYNAMODB_CONSISTENT_READ=0",
     .script = {{GET, OK, .lacks = "ConsistentRead"},
                {GET, FOUND(OWNER), {"\"ConsistentRead\":true"}},
                {TRANSACT, OK}},
     .says = "m1 1440938160000"},
};

static const struct store_case conditions[] = {
    {.name = "the session is gone",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "the session is being deleted",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(N("last_timestamp", "1") "," DELETED))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "the session is being deleted: its marker no longer answers",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(DELETED) "," MARKER(NO_FINGERPRINT))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "a later message than was known",
     .run = three,
     KNOWN,
     .script = {{TRANSACT,
                 CANCELED(NONE "," NONE "," NONE "," STOPPED_BY(N("last_timestamp", LATER)))},
                {TRANSACT, OK, {FIRST(LATER_NEXT), N(":last", "1440938170003")}}},
     .says = "m1 1440938170001, m2 1440938170002, m3 1440938170003"},
    {.name = "later messages again and again",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(N("last_timestamp", LATER)))},
                {TRANSACT, CANCELED(NONE "," STOPPED_BY(N("last_timestamp", LATER_NEXT)))},
                {TRANSACT, OK, {FIRST("1440938170002")}}},
     .says = "m1 1440938170002"},
    {.name = "an earlier backend's session: its last message tells",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(S("title", "t")))},
                {QUERY,
                 PAGE(MESSAGE_AT(LATER)),
                 {"\"ScanIndexForward\":false", "\"Limit\":1", "\"ConsistentRead\":true"}},
                {TRANSACT,
                 OK,
                 {N("timestamp", LATER_NEXT), "attribute_not_exists(last_timestamp)"},
                 .lacks = ":first"}},
     .says = "m1 1440938170001"},
    {.name = "its last message comes after empty pages",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(S("title", "t")))},
                {QUERY, PAGE_BEFORE(N("timestamp", "1440938190000"), "")},
                {QUERY,
                 PAGE_BEFORE(N("timestamp", "1440938180000"), ""),
                 {N(":high", "1440938189999")}},
                {QUERY, PAGE(MESSAGE_AT(LATER)), {N(":high", "1440938179999")}},
                {TRANSACT, OK, {N("timestamp", LATER_NEXT)}}},
     .says = "m1 1440938170001"},
    {.name = "it has been given an order meanwhile",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(S("title", "t")))},
                {QUERY, PAGE("")},
                {TRANSACT, CANCELED(NONE "," STOPPED_BY(N("last_timestamp", LATER)))},
                {TRANSACT, OK, {FIRST(LATER_NEXT)}}},
     .says = "m1 1440938170001"},
    {.name = "the timestamp is taken",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(STOPPED "," NONE)},
                {QUERY, PAGE(MESSAGE_AT(LATER))},
                {TRANSACT, OK, {FIRST(LATER_NEXT)}}},
     .says = "m1 1440938170001"},
    {.name = "the key was used for the same",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," MARKER(NO_FINGERPRINT))}},
     .says = "a1 1440938100000 replayed"},
    {.name = "the key was used for the same array",
     .run = three_with_key,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," NONE "," NONE "," MARKER(NO_FINGERPRINT))}},
     .says = "a1 1440938100000, a2 1440938100001, a3 1440938100002 replayed"},
    {.name = "the key was used, and there are later messages",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT, CANCELED(STOPPED "," STOPPED_BY(N("last_timestamp", LATER)) "," MARKER(
                               NO_FINGERPRINT))}},
     .says = "a1 1440938100000 replayed"},
    {.name = "the key was used for something else",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," MARKER(S("fingerprint", "11")))}},
     .code = ERR_IDEMPOTENCY_KEY_REUSED},
    {.name = "an empty marker belongs to another request",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," STOPPED)}},
     .code = ERR_IDEMPOTENCY_KEY_REUSED},
    {.name = "a marker that names fewer messages, and of other types",
     .run = three_with_key,
     KNOWN,
     .script = {{TRANSACT,
                 CANCELED(NONE "," NONE "," NONE "," NONE "," STOPPED_BY(
                     NO_FINGERPRINT "," S("first_us", "x") ",\"message_ids\":{\"L\":[{\"N\":\"1\"},"
                                                           "7]}"))}},
     .says = "m1 0, m2 1, m3 2 replayed"},
};

static const struct store_case faults[] = {
    {.name = "a conflict, then good",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," CONFLICTING)}, {TRANSACT, OK, .again = true}},
     .says = "m1 1440938160000",
     .slept_us = 12500},
    {.name = "conflicts until the deadline",
     .run = one,
     KNOWN,
     .deadline_ms = 100,
     .script = {{TRANSACT, CANCELED(NONE "," CONFLICTING)},
                {TRANSACT, CANCELED(NONE "," CONFLICTING), .again = true},
                {TRANSACT, CANCELED(NONE "," CONFLICTING), .again = true},
                {TRANSACT, CANCELED(CONFLICTING "," CONFLICTING), .again = true}},
     .code = ERR_DYNAMODB_CONFLICT,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "a conflict beside a condition: the condition tells",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(CONFLICTING "," STOPPED_BY(N("last_timestamp", LATER)))},
                {TRANSACT, OK, {FIRST(LATER_NEXT)}}},
     .says = "m1 1440938170001"},
    {.name = "throttled, then good",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," THROTTLING)}, {TRANSACT, OK, .again = true}},
     .says = "m1 1440938160000",
     .slept_us = 500000},
    {.name = "throttled to the end",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(THROTTLING "," CONFLICTING)},
                {TRANSACT, THROTTLED, .again = true},
                {TRANSACT, CANCELED(NONE "," THROTTLING), .again = true},
                {TRANSACT, CANCELED(NONE "," THROTTLING), .again = true}},
     .code = ERR_DYNAMODB_THROTTLED,
     .slept_us = 500000 + 1000000 + 2000000},
    {.name = "throttled beside a condition: the condition tells",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(THROTTLING "," STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "a lost answer is asked for again",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, MAYBE_SENT}, {TRANSACT, OK, .again = true}},
     .says = "m1 1440938160000",
     .slept_us = 12500},
    {.name = "a lost answer, still in progress, then done",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT, MAYBE_SENT},
                {TRANSACT, IN_PROGRESS, .again = true},
                {TRANSACT, OK, .again = true}},
     .says = "m1 1440938160000",
     .slept_us = 12500 + 1000000},
    {.name = "a lost answer that was a failed condition",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, MAYBE_SENT},
                {TRANSACT, CANCELED(NONE "," STOPPED_BY(N("last_timestamp", LATER))),
                 .again = true},
                {TRANSACT, OK, {FIRST(LATER_NEXT)}}},
     .says = "m1 1440938170001",
     .slept_us = 12500},
    {.name = "lost to the end: it may be there",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, MAYBE_SENT},
                {TRANSACT, STATUS(500), .again = true},
                {TRANSACT, MAYBE_SENT, .again = true},
                {TRANSACT, NOT_SENT, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "lost, then the token belongs to another transaction: it may be there",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, MAYBE_SENT}, {TRANSACT, MISMATCH, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500},
    {.name = "a server fault, then the token belongs to another transaction",
     .run = three_with_key,
     KNOWN,
     .script = {{TRANSACT, STATUS(500)}, {TRANSACT, MISMATCH, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500},
    {.name = "the token belongs to another transaction at once: a bug",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, MISMATCH}},
     .code = ERR_INTERNAL},
    {.name = "lost, then refused: it may be there",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, MAYBE_SENT}, {TRANSACT, DENIED, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500},
    {.name = "never sent: it is not there",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, NOT_SENT},
                {TRANSACT, NOT_SENT, .again = true},
                {TRANSACT, NOT_SENT, .again = true},
                {TRANSACT, NOT_SENT, .again = true}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "the owner cannot be read: nothing is there",
     .run = one,
     .script = {{GET, MAYBE_SENT},
                {GET, MAYBE_SENT, .again = true},
                {GET, STATUS(500), .again = true},
                {GET, STATUS(500), .again = true}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "the owner was read too late",
     .run = one,
     .script = {{GET, {.body = "{\"Item\":{" OWNER "}}", .took_us = 5000000}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "the time for this request is over"},
    {.name = "later messages until the deadline",
     .run = one,
     KNOWN,
     .script = {{TRANSACT,
                 {.status = 400,
                  .took_us = 5000000,
                  .body = "{\"__type\":\"a#TransactionCanceledException\",\"CancellationReasons\":"
                          "[" NONE "," STOPPED_BY(N("last_timestamp", LATER)) "]}"}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "the time for this request is over"},
    {.name = "not permitted",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, DENIED}},
     .code = ERR_DYNAMODB_DENIED,
     .words = "do not permit TransactWriteItems"},
    {.name = "no table",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, NAMED("ResourceNotFoundException")}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "create-tables"},
    {.name = "an unknown refusal counts as trouble of DynamoDB",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, NAMED("KMSDisabledException")}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "KMSDisabledException"},
    {.name = "a refused request is a bug",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, NAMED("IdempotentParameterMismatchException")}},
     .code = ERR_INTERNAL},
    {.name = "a refused action is a bug",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," INVALID("The provided key element is wrong"))}},
     .code = ERR_INTERNAL},
    {.name = "the session's item has become too large",
     .run = one,
     KNOWN,
     .script = {{TRANSACT,
                 CANCELED(NONE "," INVALID("Item size to update has exceeded the maximum"))}},
     .code = ERR_ITEM_TOO_LARGE},
    {.name = "no reasons",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED("")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "reasons that are not objects",
     .run = one,
     KNOWN,
     .script = {{TRANSACT,
                 {.status = 400,
                  .body = "{\"__type\":\"a#TransactionCanceledException\","
                          "\"CancellationReasons\":\"none\"}"}}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "reasons of other types",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED("7,null,{\"Code\":7},[]")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "fewer reasons than actions",
     .run = with_key,
     KNOWN,
     .script = {{TRANSACT, CANCELED(STOPPED)}, {QUERY, PAGE("")}, {TRANSACT, OK}},
     .says = "m1 1440938160000"},
    {.name = "a last timestamp that is no number",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(S("last_timestamp", LATER)))},
                {QUERY, PAGE("{" S("timestamp", "x") "}")},
                {TRANSACT, OK, {"attribute_not_exists(last_timestamp)"}}},
     .says = "m1 1440938160000"},
    {.name = "a last timestamp that nothing can follow",
     .run = one,
     KNOWN,
     .script = {{TRANSACT,
                 CANCELED(NONE "," STOPPED_BY(N("last_timestamp", "9223372036854775807")))}},
     .code = ERR_INVALID_PARAMETER,
     .words = "use another session"},
    {.name = "a message that nothing can follow",
     .run = one,
     KNOWN,
     .script = {{TRANSACT, CANCELED(STOPPED "," NONE)},
                {QUERY, PAGE(MESSAGE_AT("9007199254740991"))}},
     .code = ERR_INVALID_PARAMETER},
};

STORE_TEST(test_good, good)
STORE_TEST(test_owners, owners)
STORE_TEST(test_conditions, conditions)
STORE_TEST(test_faults, faults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests_name("store_append", tests, NULL, NULL);
}
