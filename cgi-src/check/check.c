/*
 * The order in which `check` looks at things, and those that concern AWS itself: credentials and
 * whose they are, whether DynamoDB answers, clocks. Configuration and tables have files of their
 * own.
 */
#include "check/check.h"

#include <stdlib.h>
#include <string.h>

#include "check/report.h"
#include "base/log.h"

#define LATENCY_CALLS 5
#define SKEW_NOTED_S 60
#define SKEW_REFUSED_S 300 /* AWS refuses signatures that are further off */

/* ---- the end of the report ------------------------------------------------------------------- */

static enum check_result report_conclude(struct check_report *r, enum check_scope scope)
{
    bool all = scope == CHECK_EVERYTHING;

    if (r->bad == 0) {
        fprintf(r->out, "\nThe %s.\n", all ? "service would work" : "configuration can be used");
        return CHECK_WORKS;
    }
    fprintf(r->out, "\nThe %s. %s\n",
            all ? "service would not work" : "configuration cannot be used", r->cause);
    return all ? CHECK_FAILS : CHECK_NOT_CONFIGURABLE;
}

/* ---- AWS ------------------------------------------------------------------------------------- */

/* Region, endpoint and the certificates to trust. 0, or -1 if nothing can be asked. */
static int check_surroundings(struct check *c)
{
    struct err e = {0};

    c->dynamo_shared = dynamo_shared_new(&c->config, &clock_system, &e);
    if (!c->dynamo_shared) {
        check_line(&c->report, CHECK_BAD, "region, endpoint, CA bundle", "%s", e.detail);
        return -1;
    }
    c->context.region = dynamo_region(c->dynamo_shared);
    check_region(c);
    check_endpoint(c);
    return 0;
}

static void describe_expiry(const struct credentials *found, char *out, size_t size)
{
    int64_t now = clock_system.wall_us(clock_system.context);

    if (found->expires_us == CREDENTIALS_NEVER_EXPIRE)
        (void)snprintf(out, size, "they do not expire");
    else
        (void)snprintf(out, size, "they expire in %lld min and are renewed before",
                       (long long)((found->expires_us - now) / 60000000));
}

/* The source of the keys in words; a file by its name. */
static const char *source_of_keys(const struct check *c, const struct credentials *found)
{
    return strcmp(found->source, CREDENTIALS_FROM_FILE) == 0 ? c->env_file : found->source;
}

/* A key's id is not a secret, but most of it need not be on a screen either. */
static const char *end_of_key(const char *id)
{
    size_t n = strlen(id);
    return n > 8 ? id + n - 4 : "";
}

static void check_identity(struct check *c, const struct credentials *found)
{
    struct err e = {0};
    bool sts_is_named = config_get(&c->config, "AWS_ENDPOINT_URL_STS") ||
                        config_get(&c->config, "AWS_ENDPOINT_URL");

    if (!check_endpoint_is_aws(c) && !sts_is_named)
        check_line(&c->report, CHECK_NOTE, "identity",
                   "not asked for: the endpoint of DynamoDB is not AWS's own, and "
                   "AWS_ENDPOINT_URL_STS is not set");
    else if (sts_get_caller_identity(&c->context, found, &c->identity, &e) == 0)
        check_line(&c->report, CHECK_GOOD, "identity", "%s (account %s)", c->identity.arn,
                   c->identity.account);
    else
        check_line(&c->report, CHECK_NOTE, "identity", "not known: %s", e.detail);
}

static int check_credentials(struct check *c)
{
    struct credentials found;
    struct err e = {0};
    char expiry[80];

    /* The errors of the cache are worded for clients of the API; those of the chain say what was
     * tried. */
    if (credentials_fetch(credentials_chain, &c->context, &found, &e) != 0) {
        check_line(&c->report, CHECK_BAD, "credentials", "%s", e.detail);
        return -1;
    }
    describe_expiry(&found, expiry, sizeof expiry);
    check_line(&c->report, CHECK_GOOD, "credentials", "from %s: access key ...%s%s; %s",
               source_of_keys(c, &found), end_of_key(found.access_key_id),
               found.session_token ? " with a session token" : "", expiry);
    check_identity(c, &found);
    credentials_clear(&found);
    return 0;
}

/* ---- DynamoDB -------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Any answer will do, even that there is no such table. */
static int check_latency(struct check *c)
{
    int64_t us[LATENCY_CALLS];
    struct table_probe probe;
    struct err e = {0};

    for (int i = 0; i < LATENCY_CALLS; i++) {
        check_begin_call(c);
        if (store_table_probe(c->store, STORE_SESSIONS_TABLE, DYNAMO_GET_ITEM, &probe, &e) != 0) {
            check_line(&c->report, CHECK_BAD, "DynamoDB", "%s (region %s, endpoint %s)", e.detail,
                       dynamo_region(c->dynamo_shared),
                       check_url(c, dynamo_endpoint(c->dynamo_shared)));
            return -1;
        }
        us[i] = dynamo_stats(c->dynamo).us;
    }
    qsort(us, LATENCY_CALLS, sizeof us[0], compare_times);
    check_line(&c->report, CHECK_GOOD, "latency", "%lld.%lld ms, the median of %d GetItem",
               (long long)(us[LATENCY_CALLS / 2] / 1000),
               (long long)(us[LATENCY_CALLS / 2] / 100 % 10), LATENCY_CALLS);
    return 0;
}

/* A wrong clock is never bad: where signatures would be refused for it, they are corrected. */
static void check_clock(struct check *c)
{
    int64_t skew;

    if (!dynamo_clock_skew_s(c->dynamo_shared, &skew)) {
        check_line(&c->report, CHECK_NOTE, "clock", "not known: the answers have no date");
        return;
    }
    long long off = llabs(skew);
    const char *direction = skew > 0 ? "behind" : "ahead of";
    if (off < SKEW_NOTED_S)
        check_line(&c->report, CHECK_GOOD, "clock", "right within %lld s", off > 1 ? off : 1);
    else
        check_line(&c->report, CHECK_NOTE, "clock", "%lld s %s DynamoDB's%s: set it (NTP)", off,
                   direction,
                   off < SKEW_REFUSED_S ? "" : "; signatures are corrected, tokens are not");
}

static int open_store(struct check *c)
{
    struct err e = {0};

    c->dynamo = dynamo_new(c->dynamo_shared, &e);
    if (!c->dynamo) {
        check_line(&c->report, CHECK_BAD, "DynamoDB", "%s", e.detail);
        return -1;
    }
    c->store_shared = store_shared_new(&c->config, &clock_system);
    c->store = store_new(c->store_shared, c->dynamo, &c->arena);
    return 0;
}

static void check_aws(struct check *c)
{
    check_heading(&c->report, "AWS");
    if (check_surroundings(c) != 0 || check_credentials(c) != 0 || open_store(c) != 0 ||
        check_latency(c) != 0) {
        check_line(&c->report, CHECK_NOTE, "tables, permissions", "not looked at: see above");
        return;
    }
    check_clock(c);
    check_tables(c);
}

static void check_all(struct check *c)
{
    struct err e = {0};
    struct transport_shared *shared = transport_shared_new(&c->config, &e);

    c->context = (struct credentials_context){.config = &c->config, .clock = &clock_system};
    if (shared)
        c->context.transport = transport_curl_new(shared, &e);
    check_configuration(c);
    if (c->context.transport && c->scope == CHECK_EVERYTHING)
        check_aws(c);
    else if (!c->context.transport)
        check_line(&c->report, CHECK_BAD, "the way to AWS", "%s", e.detail);
    store_free(c->store);
    store_shared_free(c->store_shared);
    dynamo_free(c->dynamo);
    dynamo_shared_free(c->dynamo_shared);
    if (c->context.transport)
        c->context.transport->free(c->context.transport);
    transport_shared_free(shared);
}

enum check_result check_run(const char *env_file, bool env_file_must_exist, enum check_scope scope,
                            FILE *out)
{
    struct check c = {.report = {.out = out}, .scope = scope, .env_file = env_file ? env_file : ""};
    struct err e = {0};

    if (config_load(&c.config, env_file, env_file_must_exist, &e) != 0) {
        check_line(&c.report, CHECK_BAD, "configuration", "%s", e.detail);
        (void)report_conclude(&c.report, scope);
        return CHECK_NOT_CONFIGURABLE;
    }
    /* What is only tried here must not go to the service's own log. */
    (void)log_open(LOG_WARNING, LOG_TEXT, "", NULL);
    arena_init(&c.arena);
    check_all(&c);
    arena_free(&c.arena);
    config_free(&c.config);
    return report_conclude(&c.report, scope);
}
