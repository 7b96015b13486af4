/*
 * What DynamoDB answers, whatever it is: operations of the store against answers cut from the
 * input, and what clients would get. It must be JSON wherever the input is UTF-8, no loop may
 * outlast the deadline, and no answer may be taken for a bug of the service unless it says that
 * there is one.
 *
 * The input: one byte that chooses the operation, one of flags, then answers with a 0xFF between.
 * When they are used up the last one comes again and again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "api/api.h"
#include "aws/credentials.h"
#include "aws/http_exchange.h"
#include "aws/transport.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/item_table.h"

#define CALL_US 20000 /* of the clock below, for each call: the deadline is 250 calls away */
#define DEADLINE_US INT64_C(5000000)
#define START_US INT64_C(1440938160000000) /* 2015-08-30T12:36:00Z */
#define CALLS_MAX 300

enum { WITHOUT_CRC = 1, WITH_ERRORS = 2, WITH_KEY = 4 };

/* The world of one input. */
static struct {
    const char *answers;
    size_t size;
    unsigned flags;
    int64_t now_us;
    unsigned calls;
} world;

/* ---- clock, credentials and transport -------------------------------------------------------- */

static int64_t now(void *context)
{
    (void)context;
    return __atomic_load_n(&world.now_us, __ATOMIC_SEQ_CST);
}

static void pass(void *context, int64_t us)
{
    (void)context;
    __atomic_add_fetch(&world.now_us, us, __ATOMIC_SEQ_CST);
}

static double chance(void *context)
{
    (void)context;
    return 0.5;
}

static const struct clock the_clock = {now, now, pass, chance, NULL};

static enum credentials_result fetch(const struct credentials_context *context,
                                     struct credentials *out, struct err *e)
{
    (void)context;
    (void)e;
    *out = (struct credentials){.access_key_id = strdup("AKIDEXAMPLE"),
                                .secret_access_key = strdup("secret"),
                                .source = "test",
                                .expires_us = CREDENTIALS_NEVER_EXPIRE};
    return CREDENTIALS_FOUND;
}

static const struct credentials_provider chain[] = {{"test", fetch}, {NULL, NULL}};

static struct str next_answer(void)
{
    const char *end = memchr(world.answers, '\xff', world.size);
    size_t n = end ? (size_t)(end - world.answers) : world.size;
    struct str answer = {world.answers, n};

    if (end) {
        world.answers += n + 1;
        world.size -= n + 1;
    }
    return answer;
}

/* The buffer is as large as the answer, so that a byte too much is seen. */
static void perform(struct http_exchange *x, const struct http_exchange_request *request,
                    struct transport_response *response)
{
    struct str answer = next_answer();
    struct buf *body = &response->body;
    (void)x;
    (void)request;

    if (++world.calls > CALLS_MAX)
        abort();
    pass(NULL, CALL_US);
    buf_free(body);
    body->data = malloc(answer.n + 1);
    body->size = answer.n + 1;
    memcpy(body->data, answer.p, answer.n);
    body->data[answer.n] = '\0';
    body->len = answer.n;
    response->outcome = TRANSPORT_ANSWERED;
    response->status =
        world.flags & WITH_ERRORS && memmem(answer.p, answer.n, "__type", 6) ? 400 : 200;
    response->crc32 = world.flags & WITHOUT_CRC
                          ? -1
                          : (int64_t)crc32_z(0, (const unsigned char *)answer.p, answer.n);
    response->retry_after_ms = -1;
    response->date_s = -1;
}

static void keep(struct http_exchange *x)
{
    (void)x;
}

static struct http_exchange *exchange_of(void *context, struct err *e)
{
    static struct http_exchange x = {perform, keep};
    (void)context;
    (void)e;
    return &x;
}

/* For the credentials, which nobody asks for here. */
static void refuse(struct transport *t, const struct transport_request *request,
                   struct transport_response *response)
{
    (void)t;
    (void)request;
    (void)response;
    abort();
}

static void keep_transport(struct transport *t)
{
    (void)t;
}

static struct transport *transport_of(void *context, struct err *e)
{
    static struct transport t = {refuse, keep_transport};
    (void)context;
    (void)e;
    return &t;
}

/* ---- the operations -------------------------------------------------------------------------- */

/* What a client would get. */
struct answer {
    struct store *store;
    struct arena *arena;
    struct buf body;
    struct shape_list list;
};

static const struct session_key session_key = {STR_INIT("u"), STR_INIT("s")};
static const struct session_target session_target = {.key = {STR_INIT("u"), STR_INIT("s")}};
static const struct message_key message_key = {STR_INIT("s"), {NULL, 0}, 5};

static int get_session(struct answer *a, struct err *e)
{
    struct session session;
    if (store_session_get(a->store, &session_key, &session, e) < 0)
        return -1;
    shape_session(&a->list.w, &session);
    return 0;
}

static int get_message(struct answer *a, struct err *e)
{
    struct message message;
    if (store_message_get(a->store, &message_key, &message, e) < 0)
        return -1;
    shape_message(&a->list.w, &message);
    return 0;
}

static int query_messages(struct answer *a, struct message_query query, struct err *e)
{
    const struct message_visitor visitor = {shape_list_message, &a->list};
    struct message_page page;
    json_begin_object(&a->list.w);
    shape_list_begin(&a->list, "messages");
    if (store_messages_list(a->store, &query, &visitor, &page, e) < 0)
        return -1;
    shape_list_end(&a->list);
    json_end_object(&a->list.w);
    return a->list.count <= query.limit ? 0 : (abort(), -1);
}

static const struct message_query all_messages = {
    .session_id = STR_INIT("s"), .before = INT64_MAX, .limit = 20};

static int list_forward(struct answer *a, struct err *e)
{
    return query_messages(a, all_messages, e);
}

static int list_backward(struct answer *a, struct err *e)
{
    struct message_query query = all_messages;
    query.descending = true;
    return query_messages(a, query, e);
}

static int search_messages(struct answer *a, struct err *e)
{
    struct message_query query = all_messages;
    query.text = STR("\xc3\xa9");
    return query_messages(a, query, e);
}

static int query_sessions(struct answer *a, struct session_query query, struct err *e)
{
    const struct session_visitor visitor = {shape_list_session, &a->list};
    struct session_page page;
    json_begin_object(&a->list.w);
    shape_list_begin(&a->list, "sessions");
    if (store_sessions_list(a->store, &query, &visitor, &page, e) < 0)
        return -1;
    shape_list_end(&a->list);
    json_end_object(&a->list.w);
    return a->list.count <= query.limit ? 0 : (abort(), -1);
}

static int list_sessions(struct answer *a, enum session_order order, const char *cursor,
                         struct err *e)
{
    const struct session_query query = {
        .user_id = STR("u"), .order = order, .limit = 20, .cursor = str_from(cursor)};
    return query_sessions(a, query, e);
}

static int search_sessions(struct answer *a, struct err *e)
{
    const struct session_query query = {
        .user_id = STR("u"),
        .order = SESSIONS_BY_CREATION,
        .limit = 20,
        .filter = {.archived = FLAG_NOT_SET, .tag = STR("t\xc3\xa9"), .text = STR("\xc3\xa9")}};
    return query_sessions(a, query, e);
}

static int list_created(struct answer *a, struct err *e)
{
    return list_sessions(a, SESSIONS_BY_CREATION, NULL, e);
}

static int list_active(struct answer *a, struct err *e)
{
    return list_sessions(a, SESSIONS_BY_ACTIVITY, NULL, e);
}

static int list_active_further(struct answer *a, struct err *e)
{
    return list_sessions(a, SESSIONS_BY_ACTIVITY, "51e868f2b8c00 51e8461454801 1 c", e);
}

static int append(struct answer *a, struct err *e)
{
    static const struct message_new messages[2] = {
        {.message_id = STR_INIT("m"), .role = STR_INIT("user"), .content = STR_INIT("c")},
        {.message_id = STR_INIT("n"), .role = STR_INIT("user"), .content = STR_INIT("d")},
    };
    struct append_new wanted = {
        .session_id = STR("s"), .hint = STR("u"), .messages = messages, .count = 2};
    struct message out[2];
    if (world.flags & WITH_KEY)
        wanted.idempotency.key = STR("k");
    if (store_messages_append(a->store, &wanted, out, e) < 0)
        return -1;
    shape_message(&a->list.w, &out[1]);
    return 0;
}

static int create(struct answer *a, struct err *e)
{
    struct session_new wanted = {.fields = {.user_id = STR("u"), .title = STR("t")}};
    struct session out;
    if (world.flags & WITH_KEY)
        wanted.idempotency.key = STR("k");
    if (store_session_create(a->store, &wanted, &out, e) < 0)
        return -1;
    shape_session(&a->list.w, &out);
    return 0;
}

static int rename_session(struct answer *a, struct err *e)
{
    size_t position = 0; /* the title is the first field that clients set */
    const struct session_changes changes = {
        .fields = {.title = STR("t")},
        .given = session_field_bit(session_client_field_next(&position))};
    struct session out;
    if (store_session_update(a->store, &session_target, &changes, &out, e) < 0)
        return -1;
    shape_session(&a->list.w, &out);
    return 0;
}

static int edit_message(struct answer *a, struct err *e)
{
    static const struct message_changes changes = {.content = STR_INIT("c")};
    struct message out;
    if (store_message_update(a->store, &message_key, &changes, &out, e) < 0)
        return -1;
    shape_message(&a->list.w, &out);
    return 0;
}

static int delete_session(struct answer *a, struct err *e)
{
    int64_t messages = 0;
    struct session out;
    return store_session_delete(a->store, &session_target, &out, &messages, e);
}

static int erase_user(struct answer *a, struct err *e)
{
    int64_t sessions;
    int64_t messages;
    return store_user_erase(a->store, STR("u"), &sessions, &messages, e);
}

typedef int (*operation)(struct answer *a, struct err *e);

static const operation operations[] = {
    get_session,         get_message,     list_forward,    list_backward,
    list_created,        list_active,     append,          create,
    rename_session,      edit_message,    delete_session,  erase_user,
    list_active_further, search_messages, search_sessions,
};

/* ---- one input ------------------------------------------------------------------------------- */

static void check_json(const struct buf *body)
{
    struct json_value value;
    struct err e = {0};
    if (!buf_ok(body) || json_scan(buf_str(body), &value, &e) == 0)
        return;
    /* Metadata may be as deep as a document: in an answer it is deeper. */
    if (strstr(e.detail, "too deep"))
        return;
    fprintf(stderr, "%s: %s\n", e.detail, body->data);
    abort();
}

static bool says_that_a_call_was_wrong(struct str input)
{
    static const char *const words[] = {"ValidationE", "SerializationException",
                                        "UnknownOperationException", "IdempotentParameterMismatch"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (memmem(input.p, input.n, words[i], strlen(words[i])))
            return true;
    }
    return memchr(input.p, '\\', input.n) != NULL; /* it may say so by escapes */
}

static void run(struct store *store, struct arena *arena, struct str input, unsigned operation)
{
    struct answer a = {.store = store, .arena = arena};
    struct err e = {0};
    buf_init(&a.body, (size_t)64 * 1024 * 1024);
    json_writer_init(&a.list.w, &a.body);
    int r = operations[operation % (sizeof operations / sizeof operations[0])](&a, &e);
    if (r == 0 && a.body.len > 0 && str_is_utf8(input))
        check_json(&a.body);
    if (r < 0 && e.code == ERR_INTERNAL && !says_that_a_call_was_wrong(input)) {
        fprintf(stderr, "%s\n", e.detail);
        abort();
    }
    buf_free(&a.body);
}

static struct config config;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct err e = {0};
    (void)argc;
    (void)argv;
    setenv("AWS_REGION", "us-east-1", 1);
    /* Each odd answer is told in the log. */
    if (log_open(LOG_ERROR, LOG_TEXT, "/dev/null", &e) < 0 ||
        config_load(&config, NULL, false, &e) < 0) {
        fprintf(stderr, "%s\n", e.detail);
        abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dynamo_parts parts = {chain, transport_of, exchange_of, NULL};
    static struct dynamo_shared *shared;
    static struct dynamo *dynamo;
    static struct store *store;
    static struct arena arena;
    struct err e = {0};
    if (size < 2)
        return -1;
    if (!shared) {
        shared = dynamo_shared_new_with(&config, &the_clock, &parts, &e);
        dynamo = dynamo_new(shared, &e);
        store = store_new(store_shared_new(&config, &the_clock), dynamo, &arena);
    }
    world.answers = (const char *)data + 2;
    world.size = size - 2;
    world.flags = data[1];
    world.calls = 0;
    world.now_us = START_US;
    dynamo_begin(dynamo, now(NULL) + DEADLINE_US);
    run(store, &arena, (struct str){(const char *)data + 2, size - 2}, data[0]);
    /* Every operation asks DynamoDB: one that cannot would test nothing. */
    if (world.calls == 0)
        abort();
    /* Each input begins anew. */
    owner_cache_remove(store->shared->owners, STR("s"));
    arena_free(&arena);
    return 0;
}
