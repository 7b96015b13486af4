/*
 * Listing by activity over a partition of many pages: what is kept is the page that was asked for,
 * however many sessions stream by. The transport makes the pages up and looks at the heap.
 */
#include <malloc.h>

#include "dynamo_fixture.h"
#include "store/store.h"

#define PER_PAGE 100
#define LIMIT 10
#define SETTLED 20 /* pages: buffers have their size */

struct partition {
    struct http_exchange base;
    int pages;
    int asked;
    size_t settled; /* bytes in use at that page, and most of them afterwards */
    size_t most;
};

/* Times as an earlier backend wrote them: they are written anew as they are read. */
static void put_session(struct buf *out, int number)
{
    /* The last active ones are neither first nor last. */
    int minute = number * 7919 % 1440;
    buf_printf(out,
               "%s{\"user_id\":{\"S\":\"u\"},\"session_id\":{\"S\":\"s-%08d\"},\"title\":{\"S\":"
               "\"some title\"},\"message_count\":{\"N\":\"1\"},\"created_at\":{\"S\":"
               "\"2026-01-01T00:00:00.000001\"},\"updated_at\":{\"S\":"
               "\"2026-01-02T%02d:%02d:00.000001\"}}",
               number % PER_PAGE ? "," : "", number, minute / 60, minute % 60);
}

static void perform(struct http_exchange *x, const struct http_exchange_request *request,
                    struct transport_response *response)
{
    struct partition *p = (struct partition *)x;
    size_t in_use = mallinfo2().uordblks;
    int page = p->asked++;
    (void)request;
    if (page == SETTLED)
        p->settled = in_use;
    if (page >= SETTLED && in_use > p->most)
        p->most = in_use;
    buf_reset(&response->body);
    buf_puts(&response->body, "{\"Items\":[");
    for (int i = 0; i < PER_PAGE; i++)
        put_session(&response->body, page * PER_PAGE + i);
    buf_puts(&response->body, "]");
    if (p->asked < p->pages)
        buf_printf(&response->body,
                   ",\"LastEvaluatedKey\":{\"user_id\":{\"S\":\"u\"},"
                   "\"session_id\":{\"S\":\"s-%08d\"}}",
                   p->asked * PER_PAGE - 1);
    buf_puts(&response->body, "}");
    response->outcome = TRANSPORT_ANSWERED;
    response->status = 200;
    response->crc32 = -1;
    response->retry_after_ms = -1;
    response->date_s = -1;
}

static void keep_partition(struct http_exchange *x)
{
    (void)x; /* it is the test's */
}

static struct http_exchange *the_partition(void *context, struct err *e)
{
    struct partition *p = context;
    (void)e;
    p->base = (struct http_exchange){perform, keep_partition};
    return &p->base;
}

/* When the sessions of a page were active. */
struct shown {
    char updated_at[LIMIT][32];
    size_t count;
};

static enum visit note(void *context, const struct session *session)
{
    struct shown *shown = context;
    assert_true(shown->count < LIMIT);
    (void)snprintf(shown->updated_at[shown->count++], sizeof shown->updated_at[0], "%.*s",
                   (int)session->updated_at.n, session->updated_at.p);
    return VISIT_TAKEN;
}

/* Lists the first page of a partition of so many pages. */
static void list(struct partition *p, struct arena *arena, struct shown *shown,
                 struct session_page *out)
{
    static const char *const no_settings[] = {NULL};
    const struct dynamo_parts parts = {fake_chain, no_transport_new, the_partition, p};
    const struct session_query query = {
        .user_id = STR("u"), .order = SESSIONS_BY_ACTIVITY, .limit = LIMIT};
    struct config config;
    struct err e = {0};

    load_settings(&config, no_settings);
    struct dynamo_shared *process = dynamo_shared_new_with(&config, &clock_system, &parts, &e);
    assert_non_null(process);
    struct dynamo *dynamo = dynamo_new(process, &e);
    assert_non_null(dynamo);
    struct store_shared *shared = store_shared_new(&config, &clock_system);
    struct store *store = store_new(shared, dynamo, arena);
    const struct session_visitor visitor = {note, shown};
    if (store_sessions_list(store, &query, &visitor, out, &e) != 0)
        fail_msg("%s", e.detail);
    store_free(store);
    store_shared_free(shared);
    dynamo_free(dynamo);
    dynamo_shared_free(process);
    config_free(&config);
}

static void test_memory_does_not_grow_with_the_partition(void **state)
{
    struct partition p = {.pages = 320};
    struct shown shown = {.count = 0};
    struct session_page page;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    list(&p, &arena, &shown, &page);
    assert_int_equal(p.asked, p.pages);
    /* A sanitizer's allocator tells nothing. 30,000 sessions have passed since; kept, their names
     * alone would be more. An arena's block is 64 KiB. */
    if (p.most > p.settled + (size_t)128 * 1024)
        fail_msg("%zu bytes more after %d sessions", p.most - p.settled, p.pages * PER_PAGE);
    arena_free(&arena);
}

static void test_the_best_are_kept(void **state)
{
    struct partition p = {.pages = 40};
    struct shown shown = {.count = 0};
    struct session_page page;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    list(&p, &arena, &shown, &page);
    assert_int_equal(shown.count, LIMIT);
    assert_true(str_is_present(page.next_cursor));
    /* 4,000 sessions over the 1,440 minutes of a day: at least two in each. */
    for (size_t i = 0; i < LIMIT; i++) {
        const char *at = shown.updated_at[i];
        assert_true(strcmp(at, "2026-01-02T23:55") > 0);
        assert_true(i == 0 || strcmp(at, shown.updated_at[i - 1]) <= 0);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_does_not_grow_with_the_partition),
        cmocka_unit_test(test_the_best_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
