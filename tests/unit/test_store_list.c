/*
 * Listing messages and sessions against scripted answers: where the pages of DynamoDB end, which
 * says nothing about where the list does, and what stands in the items.
 */
#include "store_fixture.h"

/* ---- messages -------------------------------------------------------------------------------- */

static enum visit visit(void *context, const struct message *m)
{
    struct world *w = context;
    say(w, "%lld", (long long)m->timestamp);
    say_str(w, ":", m->content);
    say(w, " ");
    return VISIT_TAKEN;
}

static int list_messages(struct world *w, const struct message_query *query, struct err *e)
{
    struct message_page page;
    const struct message_visitor visitor = {visit, w};
    int r = store_messages_list(w->store, query, &visitor, &page, e);

    if (r == 0)
        say(w, "%s %lld", page.more ? "more" : "end", (long long)page.last);
    return r;
}

static const struct message_query first_two = {.before = INT64_MAX, .limit = 2};

static int list_first(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.session_id = STR("s");
    return list_messages(w, &query, e);
}

static int list_by_owner(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.session_id = STR("s");
    query.hint = STR("u");
    return list_messages(w, &query, e);
}

static int list_after_4(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.session_id = STR("s");
    query.after = 4;
    return list_messages(w, &query, e);
}

static int list_last(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.session_id = STR("s");
    query.descending = true;
    return list_messages(w, &query, e);
}

static int list_between(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.session_id = STR("s");
    query.after = 4;
    query.before = 5;
    return list_messages(w, &query, e);
}

static int list_before_everything(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.session_id = STR("s");
    query.before = 0;
    return list_messages(w, &query, e);
}

static int search(struct world *w, struct message_query query, struct err *e)
{
    query.session_id = STR("s");
    query.text = STR("AB");
    return list_messages(w, &query, e);
}

static int search_first(struct world *w, struct err *e)
{
    return search(w, first_two, e);
}

static int search_last(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.descending = true;
    return search(w, query, e);
}

static int search_after_4(struct world *w, struct err *e)
{
    struct message_query query = first_two;
    query.after = 4;
    return search(w, query, e);
}

#define OWNER_ITEM "{" OWNER "}"
#define MESSAGE(timestamp, content) "{" N("timestamp", timestamp) "," S("content", content) "}"
#define AT(timestamp) N("timestamp", timestamp)
#define OWNED                                                                                      \
    {                                                                                              \
        GET, FOUND(OWNER),                                                                         \
        {                                                                                          \
            AT("0")                                                                                \
        }                                                                                          \
    }
#define RANGE(low, high) N(":low", low) "," N(":high", high)
#define END "9007199254740991"

static const struct store_case messages[] = {
    {.name = "from the beginning: the owner item is in the page",
     .run = list_first,
     .script = {{QUERY,
                 PAGE(OWNER_ITEM "," MESSAGE("5", "a") "," MESSAGE("7", "b")),
                 {RANGE("0", END), "\"Limit\":4", "\"ScanIndexForward\":true",
                  "\"ConsistentRead\":true"}}},
     .says = "5:a 7:b end 7"},
    {.name = "there are more",
     .run = list_first,
     .script = {{QUERY, PAGE_BEFORE(AT("9"), OWNER_ITEM "," MESSAGE("5", "a") "," MESSAGE(
                                                 "7", "b") "," MESSAGE("9", "c"))}},
     .says = "5:a 7:b more 7"},
    {.name = "empty pages and short ones are followed",
     .run = list_first,
     .script = {{QUERY, PAGE_BEFORE(AT("3"), OWNER_ITEM)},
                {QUERY, PAGE_BEFORE(AT("4"), ""), {RANGE("4", END), "\"Limit\":3"}},
                {QUERY, PAGE_BEFORE(AT("5"), MESSAGE("5", "a")), {RANGE("5", END)}},
                {QUERY, PAGE_BEFORE(AT("6"), ""), {RANGE("6", END), "\"Limit\":2"}},
                {QUERY, PAGE(MESSAGE("7", "b")), {RANGE("7", END)}}},
     .says = "5:a 7:b end 7"},
    {.name = "whether there are more is on the next page",
     .run = list_first,
     .script = {{QUERY,
                 PAGE_BEFORE(AT("7"), OWNER_ITEM "," MESSAGE("5", "a") "," MESSAGE("7", "b"))},
                {QUERY, PAGE(""), {RANGE("8", END), "\"Limit\":1"}}},
     .says = "5:a 7:b end 7"},
    {.name = "the last ones, and empty pages",
     .run = list_last,
     .script = {OWNED,
                {QUERY,
                 PAGE_BEFORE(AT("20"), ""),
                 {RANGE("1", END), "\"ScanIndexForward\":false", "\"Limit\":3"}},
                {QUERY, PAGE_BEFORE(AT("9"), MESSAGE("9", "c")), {RANGE("1", "19")}},
                {QUERY,
                 PAGE(MESSAGE("7", "b") "," MESSAGE("5", "a")),
                 {RANGE("1", "8"), "\"Limit\":2"}}},
     .says = "9:c 7:b more 7"},
    {.name = "a later range reads the owner item singly",
     .run = list_after_4,
     .script = {OWNED, {QUERY, PAGE(MESSAGE("5", "a")), {RANGE("5", END), "\"Limit\":3"}}},
     .says = "5:a end 5"},
    {.name = "nothing between two neighbours",
     .run = list_between,
     .script = {OWNED},
     .says = "end 0"},
    {.name = "no message is asked for, but the session must be there",
     .run = list_before_everything,
     .script = {{QUERY, PAGE(""), {RANGE("0", "0")}}, {QUERY, PAGE(""), {RANGE("1", END)}}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "being deleted",
     .run = list_first,
     .script = {{QUERY, PAGE("{" OWNER "," DELETED "}," MESSAGE("5", "a"))}},
     .code = ERR_SESSION_NOT_FOUND,
     .says = ""},
    {.name = "being deleted, a later range",
     .run = list_after_4,
     .script = {{GET, FOUND(OWNER "," DELETED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "an earlier backend's: whoever knows its id may read it",
     .run = list_first,
     .script = {{QUERY, PAGE(MESSAGE("5", "a"))}},
     .says = "5:a end 5"},
    {.name = "an earlier backend's, by its owner",
     .run = list_by_owner,
     .script = {{QUERY, PAGE(MESSAGE("5", "a"))},
                {GET, FOUND(S("title", "t")), {S("user_id", "u") "," S("session_id", "s")}}},
     .says = "5:a end 5"},
    {.name = "an earlier backend's, by another",
     .run = list_by_owner,
     .script = {{QUERY, PAGE("")}, {GET, OK}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "an item with nothing but its key",
     .run = list_first,
     .script = {{QUERY, PAGE(OWNER_ITEM ",{" AT("5") "}")}},
     .says = "5: end 5"},
    {.name = "items of other types",
     .run = list_first,
     .script = {{QUERY, PAGE(OWNER_ITEM
                             ",{" AT("5") ",\"content\":{\"N\":\"1\"},\"metadata\":[]},{" AT(
                                 "6.5") ",\"content\":\"c\",\"created_at\":{\"BOOL\":true}}")}},
     .says = "5: 6: end 6"},
    {.name = "items that are not objects",
     .run = list_first,
     .script = {{QUERY, BODY("{\"Items\":{\"S\":\"x\"}}")}, {QUERY, PAGE("")}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "throttled, then good",
     .run = list_first,
     .script = {{QUERY, THROTTLED}, {QUERY, PAGE(OWNER_ITEM), .again = true}},
     .says = "end 0",
     .slept_us = 500000},
    {.name = "lost to the end: reads change nothing",
     .run = list_first,
     .script = {{QUERY, MAYBE_SENT},
                {QUERY, MAYBE_SENT, .again = true},
                {QUERY, STATUS(500), .again = true},
                {QUERY, MAYBE_SENT, .again = true}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "empty pages until the deadline",
     .run = list_first,
     .script = {{QUERY,
                 {.body = "{\"LastEvaluatedKey\":{" AT("3") "},\"Items\":[]}", .took_us = 2500000}},
                {QUERY,
                 {.body = "{\"LastEvaluatedKey\":{" AT("4") "},\"Items\":[]}",
                  .took_us = 2500000}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "ask for a smaller `limit`"},
    {.name = "the second page does not come before the deadline",
     .run = list_first,
     .script = {{QUERY, PAGE_BEFORE(AT("3"), OWNER_ITEM)},
                {QUERY, {.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 4999000}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "ask for a smaller `limit`"},
    {.name = "not one page comes before the deadline",
     .run = list_first,
     .script = {{QUERY, {.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 4999000}}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "DynamoDB cannot be reached"},
};

#define PARTS(timestamp, text)                                                                     \
    "{" N("timestamp", timestamp) ",\"content_type\":{\"S\":\"parts\"}," S(                        \
        "content", "[{\\\"text\\\":\\\"" text "\\\"},{\\\"type\\\":\\\"ab\\\"}]") "}"

/* What is looked through is bounded, and told by where the page ends. */
static const struct store_case searches[] = {
    {.name = "messages that have the text",
     .run = search_first,
     .script = {{QUERY,
                 PAGE(OWNER_ITEM
                      "," MESSAGE("5", "xaB") "," MESSAGE("6", "a b") "," MESSAGE("7", "Ab")),
                 {RANGE("0", END)},
                 .lacks = "\"Limit\""}},
     .says = "5:xaB 7:Ab end 7"},
    {.name = "in the text of a part, not elsewhere in it",
     .run = search_after_4,
     .script = {OWNED, {QUERY, PAGE(PARTS("5", "x") "," PARTS("6", "\\\\u0041b"))}},
     .says = "6:[{\"text\":\"\\u0041b\"},{\"type\":\"ab\"}] end 6"},
    {.name = "the page is full: the next begins after the last message read",
     .run = search_first,
     .script = {{QUERY, PAGE(OWNER_ITEM
                             "," MESSAGE("5", "ab") "," MESSAGE("6", "ab") "," MESSAGE("7", "x"))}},
     .says = "5:ab 6:ab more 6"},
    {.name = "the page is full where DynamoDB's ends",
     .run = search_first,
     .script = {{QUERY,
                 PAGE_BEFORE(AT("9"), OWNER_ITEM "," MESSAGE("5", "ab") "," MESSAGE("6", "ab"))}},
     .says = "5:ab 6:ab more 9"},
    {.name = "four pages and no more",
     .run = search_first,
     .script = {{QUERY, PAGE_BEFORE(AT("5"), OWNER_ITEM "," MESSAGE("5", "x"))},
                {QUERY,
                 PAGE_BEFORE(AT("7"), MESSAGE("6", "ab") "," MESSAGE("7", "x")),
                 {RANGE("6", END)}},
                {QUERY, PAGE_BEFORE(AT("8"), ""), {RANGE("8", END)}},
                {QUERY, PAGE_BEFORE(AT("20"), MESSAGE("9", "x")), {RANGE("9", END)}}},
     .says = "6:ab more 20"},
    {.name = "four pages backwards, and nothing found",
     .run = search_last,
     .script = {OWNED,
                {QUERY, PAGE_BEFORE(AT("30"), MESSAGE("31", "x")), {RANGE("1", END)}},
                {QUERY, PAGE_BEFORE(AT("20"), MESSAGE("21", "x")), {RANGE("1", "29")}},
                {QUERY, PAGE_BEFORE(AT("10"), MESSAGE("11", "x")), {RANGE("1", "19")}},
                {QUERY, PAGE_BEFORE(AT("5"), ""), {RANGE("1", "9")}}},
     .says = "more 5"},
    {.name = "the fourth page is the last",
     .run = search_first,
     .script = {{QUERY, PAGE_BEFORE(AT("5"), OWNER_ITEM "," MESSAGE("5", "x"))},
                {QUERY, PAGE_BEFORE(AT("7"), "")},
                {QUERY, PAGE_BEFORE(AT("8"), "")},
                {QUERY, PAGE(MESSAGE("9", "x"))}},
     .says = "end 9"},
    {.name = "nothing found in an earlier backend's, which has messages",
     .run = search_first,
     .script = {{QUERY, PAGE(MESSAGE("5", "x"))},
                {QUERY, PAGE("{" AT("5") "}"), {"\"ScanIndexForward\":false"}}},
     .says = "end 5"},
    {.name = "there is no such session",
     .run = search_first,
     .script = {{QUERY, PAGE("")}, {QUERY, PAGE("")}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "the deadline",
     .run = search_first,
     .script = {{QUERY, PAGE_BEFORE(AT("3"), OWNER_ITEM)},
                {QUERY, {.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 4999000}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "ask again"},
};

/* Answers that DynamoDB does not give: nothing is told twice, nothing loops. */
static const struct store_case odd_messages[] = {
    {.name = "an empty key is the end",
     .run = list_first,
     .script = {{QUERY, PAGE_BEFORE("", OWNER_ITEM "," MESSAGE("5", "a"))}},
     .says = "5:a end 5"},
    {.name = "null is the end, and Items may be absent",
     .run = list_first,
     .script = {{QUERY, BODY("{\"LastEvaluatedKey\":null,\"Items\":null,\"Items\":[" OWNER_ITEM
                             ",null,7,[]]}")}},
     .says = "end 0"},
    {.name = "a key that makes no progress",
     .run = list_first,
     .script = {{QUERY, PAGE_BEFORE(AT("3"), OWNER_ITEM)}, {QUERY, PAGE_BEFORE(AT("3"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "cannot be read"},
    {.name = "a key without a timestamp, and nothing before it",
     .run = list_after_4,
     .script = {OWNED, {QUERY, PAGE_BEFORE(S("timestamp", "5"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "a key of another type",
     .run = list_first,
     .script = {{QUERY, BODY("{\"Items\":[" OWNER_ITEM "],\"LastEvaluatedKey\":[\"x\"]}")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "the members and messages come twice",
     .run = list_first,
     .script = {{QUERY,
                 BODY("{\"Items\":[" OWNER_ITEM "," MESSAGE("5", "a") "," MESSAGE(
                     "5", "a") "],\"Items\":[" OWNER_ITEM
                               "," MESSAGE("5", "a") "],\"LastEvaluatedKey\":{" AT("5") "}}")},
                {QUERY, PAGE(MESSAGE("5", "a") "," MESSAGE("4", "z"))}},
     .says = "5:a end 5"},
    {.name = "messages beyond the range, and without a timestamp",
     .run = list_last,
     .script = {OWNED,
                {QUERY, PAGE(MESSAGE("9", "c") "," MESSAGE("12", "y") "," OWNER_ITEM
                                                                      ",{" S("content", "x") "}")}},
     .says = "9:c end 9"},
    {.name = "not JSON, though its checksum is good",
     .run = list_first,
     .script = {{QUERY,
                 {.body = "{\"Items\":[" OWNER_ITEM "," MESSAGE("5", "a") "]", .good_crc = true}}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "cannot be read"},
    {.name = "not JSON, and no checksum: a broken answer like any other",
     .run = list_first,
     .script = {{QUERY, BODY("{\"Items\":[" OWNER_ITEM "," MESSAGE("5", "a") "]")},
                {QUERY, PAGE(OWNER_ITEM "," MESSAGE("5", "a")), .again = true}},
     .says = "5:a end 5",
     .slept_us = 12500},
};

/* ---- sessions -------------------------------------------------------------------------------- */

static enum visit visit_session(void *context, const struct session *session)
{
    struct world *w = context;
    say_str(w, w->said[0] ? " " : "", session->session_id);
    return VISIT_TAKEN;
}

static int query_sessions(struct world *w, const struct session_query *query, struct err *e)
{
    struct session_page page;
    const struct session_visitor visitor = {visit_session, w};
    int r = store_sessions_list(w->store, query, &visitor, &page, e);

    if (r == 0)
        say_str(w, " next ", page.next_cursor);
    return r;
}

static int list_sessions(struct world *w, enum session_order order, const char *cursor,
                         struct err *e)
{
    const struct session_query query = {
        .user_id = STR("u"), .order = order, .limit = 2, .cursor = str_from(cursor)};

    return query_sessions(w, &query, e);
}

static int pinned_by_creation(struct world *w, struct err *e)
{
    const struct session_query query = {.user_id = STR("u"),
                                        .order = SESSIONS_BY_CREATION,
                                        .limit = 2,
                                        .filter = {.pinned = FLAG_SET}};

    return query_sessions(w, &query, e);
}

static int pinned_by_activity(struct world *w, struct err *e)
{
    const struct session_query query = {.user_id = STR("u"),
                                        .order = SESSIONS_BY_ACTIVITY,
                                        .limit = 2,
                                        .filter = {.pinned = FLAG_SET}};

    return query_sessions(w, &query, e);
}

static int pinned_by_activity_after_c(struct world *w, struct err *e)
{
    const struct session_query query = {.user_id = STR("u"),
                                        .order = SESSIONS_BY_ACTIVITY,
                                        .limit = 2,
                                        .cursor = STR("51e868f2b8c00 51e8461454801 1 c"),
                                        .filter = {.pinned = FLAG_SET}};

    return query_sessions(w, &query, e);
}

static int by_creation(struct world *w, struct err *e)
{
    return list_sessions(w, SESSIONS_BY_CREATION, NULL, e);
}

static int by_creation_after_c(struct world *w, struct err *e)
{
    return list_sessions(w, SESSIONS_BY_CREATION, "c", e);
}

static int by_creation_after_helper(struct world *w, struct err *e)
{
    return list_sessions(w, SESSIONS_BY_CREATION, "!c", e);
}

static int by_activity(struct world *w, struct err *e)
{
    return list_sessions(w, SESSIONS_BY_ACTIVITY, NULL, e);
}

/* T is NOW_TEXT, and "c", last active at 10:00 of that day, was the last one shown. */
#define CURSOR "51e868f2b8c00 51e8461454801 1 c"

static int by_activity_after_c(struct world *w, struct err *e)
{
    return list_sessions(w, SESSIONS_BY_ACTIVITY, CURSOR, e);
}

static int by_activity_after_nonsense(struct world *w, struct err *e)
{
    return list_sessions(w, SESSIONS_BY_ACTIVITY, "c", e);
}

#define SESSION(id) "{" S("session_id", id) "}"
#define KEY(id) S("user_id", "u") "," S("session_id", id)
#define GONE(id) "{" S("session_id", id) "," DELETED "}"
#define DAY "2015-08-30T"
#define ACTIVE(id, hour) "{" S("session_id", id) "," S("updated_at", DAY hour ":00:00.000000Z") "}"
#define START(id) "\"ExclusiveStartKey\":{" KEY(id) "}"

static const struct store_case creation[] = {
    {.name = "of a user without sessions",
     .run = by_creation,
     .script = {{QUERY,
                 PAGE(""),
                 {S(":u", "u"), "session_id >= :first", "\"ScanIndexForward\":false",
                  "\"Limit\":3"},
                 .lacks = "ExclusiveStartKey"}},
     .says = " next -"},
    {.name = "all of them",
     .run = by_creation,
     .script = {{QUERY, PAGE(SESSION("b") "," SESSION("a"))}},
     .says = "b a next -"},
    {.name = "there are more",
     .run = by_creation,
     .script = {{QUERY, PAGE_BEFORE(KEY("a"), SESSION("c") "," SESSION("b") "," SESSION("a"))}},
     .says = "c b next b"},
    {.name = "from a cursor on, over empty pages and those that are being deleted",
     .run = by_creation_after_c,
     .script = {{QUERY, PAGE_BEFORE(KEY("b"), GONE("b")), {START("c"), "\"Limit\":3"}},
                {QUERY, PAGE_BEFORE(KEY("a3"), ""), {START("b")}},
                {QUERY, PAGE_BEFORE(KEY("a2"), SESSION("a2")), {START("a3")}},
                {QUERY, PAGE(SESSION("a1")), {START("a2"), "\"Limit\":2"}}},
     .says = "a2 a1 next -"},
    {.name = "a cursor that is a helper's key",
     .run = by_creation_after_helper,
     .code = ERR_INVALID_CURSOR},
    {.name = "items without anything",
     .run = by_creation,
     .script = {{QUERY, PAGE("{},null")}},
     .says = " next -"},
    {.name = "lost to the end: reads change nothing",
     .run = by_creation,
     .script = {{QUERY, MAYBE_SENT},
                {QUERY, MAYBE_SENT, .again = true},
                {QUERY, MAYBE_SENT, .again = true},
                {QUERY, MAYBE_SENT, .again = true}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
};

static const struct store_case activity[] = {
    {.name = "the best of all pages, some empty",
     .run = by_activity,
     .script = {{QUERY,
                 PAGE_BEFORE(KEY("b"), ACTIVE("a", "09") "," ACTIVE("b", "08")),
                 {"\"ScanIndexForward\":true"},
                 .lacks = "\"Limit\""},
                {QUERY, PAGE_BEFORE(KEY("b2"), ""), {START("b")}},
                {QUERY, PAGE(ACTIVE("c", "10") "," GONE("d")), {START("b2")}}},
     .says = "c a next 51e868f2b8c00 51e838ab1a401 1 a"},
    {.name = "no more than a page",
     .run = by_activity,
     .script = {{QUERY, PAGE(ACTIVE("a", "09") "," ACTIVE("b", "08"))}},
     .says = "a b next -"},
    {.name = "the next page: a session that moved is listed by its last message before T",
     .run = by_activity_after_c,
     .script = {{QUERY, PAGE(ACTIVE("a", "09") "," ACTIVE("b", "13") "," ACTIVE("c", "10"))},
                {QUERY,
                 PAGE_BEFORE(N("timestamp", "100"), ""),
                 {S(":s", "b"), N(":high", "1440938159999")}},
                {QUERY,
                 PAGE("{" N("timestamp", "50") "," S("created_at", DAY "08:00:00.000000Z") "}"),
                 {N(":high", "99")}}},
     .says = "a b next -"},
    {.name = "its last message before T cannot be read",
     .run = by_activity_after_c,
     .script = {{QUERY, PAGE(ACTIVE("b", "13"))},
                {QUERY, NOT_SENT},
                {QUERY, NOT_SENT},
                {QUERY, NOT_SENT},
                {QUERY, NOT_SENT}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "a cursor that this API did not give",
     .run = by_activity_after_nonsense,
     .code = ERR_INVALID_CURSOR},
    {.name = "the second page of DynamoDB fails",
     .run = by_activity,
     .script = {{QUERY, PAGE_BEFORE(KEY("b"), ACTIVE("a", "09"))}, {QUERY, DENIED}},
     .code = ERR_DYNAMODB_DENIED},
    {.name = "items of other types, and times that are no times",
     .run = by_activity,
     .script = {{QUERY, PAGE("{" S("session_id", "a") ",\"updated_at\":{\"N\":\"1\"}},{" S(
                            "session_id", "b") "," S("updated_at", "soon") "}")}},
     .says = "b a next -"},
};

static const struct store_case odd_sessions[] = {
    {.name = "an empty key is the end",
     .run = by_creation,
     .script = {{QUERY, PAGE_BEFORE("", SESSION("b") "," SESSION("a"))}},
     .says = "b a next -"},
    {.name = "the same again",
     .run = by_creation,
     .script = {{QUERY, PAGE_BEFORE(KEY("b"), SESSION("c"))}, {QUERY, PAGE_BEFORE(KEY("b"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "back to where it was before",
     .run = by_activity,
     .script = {{QUERY, PAGE_BEFORE(KEY("b"), ACTIVE("a", "09"))},
                {QUERY, PAGE_BEFORE(KEY("c"), "")},
                {QUERY, PAGE_BEFORE(KEY("b"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "a session twice",
     .run = by_activity,
     .script = {{QUERY, PAGE_BEFORE(KEY("a"), ACTIVE("a", "09") "," ACTIVE("a", "10"))},
                {QUERY, PAGE(ACTIVE("a", "11"))}},
     .says = "a next -"},
    {.name = "a key without a session",
     .run = by_activity,
     .script = {{QUERY, PAGE_BEFORE(N("session_id", "1"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "the user has too many for the deadline",
     .run = by_activity,
     .script = {{QUERY, {.body = "{\"LastEvaluatedKey\":{" KEY("b") "}}", .took_us = 4000000}},
                {QUERY, {.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 999000}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "`sort=created`"},
};

#define IS_PINNED "\"pinned\":{\"BOOL\":true}"
#define PINNED(id) "{" S("session_id", id) "," IS_PINNED "}"
#define ACTIVE_PINNED(id, hour)                                                                    \
    "{" S("session_id", id) "," IS_PINNED "," S("updated_at", DAY hour ":00:00.000000Z") "}"

/* Pages are complete, however few match; and how many items are asked for grows with what did not.
 */
static const struct store_case filtered[] = {
    {.name = "those that match, and whether there are more",
     .run = pinned_by_creation,
     .script = {{QUERY,
                 PAGE_BEFORE(KEY("i"), SESSION("k") "," PINNED("j") "," SESSION("i")),
                 {"\"Limit\":3"}},
                {QUERY,
                 PAGE_BEFORE(KEY("f"), SESSION("h") "," PINNED("g") "," SESSION("f")),
                 {START("i"), "\"Limit\":6"}},
                {QUERY,
                 PAGE_BEFORE(KEY("d"), SESSION("e") "," SESSION("d")),
                 {START("f"), "\"Limit\":3"}},
                {QUERY,
                 PAGE(SESSION("c") "," PINNED("b") "," PINNED("a")),
                 {START("d"), "\"Limit\":4"}}},
     .says = "j g next g"},
    {.name = "none matches",
     .run = pinned_by_creation,
     .script = {{QUERY, PAGE_BEFORE(KEY("b"), SESSION("d") "," SESSION("c") "," SESSION("b"))},
                {QUERY, PAGE_BEFORE(KEY("a"), ""), {START("b"), "\"Limit\":9"}},
                {QUERY, PAGE(""), {START("a"), "\"Limit\":9"}}},
     .says = " next -"},
    {.name = "too few for the deadline",
     .run = pinned_by_creation,
     .script = {{QUERY,
                 {.body = "{\"Items\":[" SESSION("d") "],\"LastEvaluatedKey\":{" KEY("d") "}}",
                  .took_us = 4000000}},
                {QUERY, {.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 999000}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "that more sessions match"},
    {.name = "the best that match",
     .run = pinned_by_activity,
     .script = {{QUERY, PAGE_BEFORE(KEY("b"), ACTIVE("a", "11") "," ACTIVE_PINNED("b", "08"))},
                {QUERY, PAGE(ACTIVE_PINNED("c", "10") "," ACTIVE("d", "12") "," ACTIVE_PINNED(
                            "e", "09"))}},
     .says = "c e next 51e868f2b8c00 51e838ab1a401 1 e"},
    {.name = "sessions that do not match are not looked up",
     .run = pinned_by_activity_after_c,
     .script = {{QUERY, PAGE(ACTIVE("a", "13") "," ACTIVE_PINNED("b", "08"))}},
     .says = "b next -"},
};

STORE_TEST(test_filtered, filtered)
STORE_TEST(test_messages, messages)
STORE_TEST(test_searches, searches)
STORE_TEST(test_odd_messages, odd_messages)
STORE_TEST(test_odd_sessions, odd_sessions)
STORE_TEST(test_creation, creation)
STORE_TEST(test_activity, activity)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),     cmocka_unit_test(test_odd_messages),
        cmocka_unit_test(test_odd_sessions), cmocka_unit_test(test_creation),
        cmocka_unit_test(test_activity),     cmocka_unit_test(test_filtered),
        cmocka_unit_test(test_searches),
    };
    return cmocka_run_group_tests_name("store_list", tests, NULL, NULL);
}
