/*
 * What a process keeps for its calls of DynamoDB: 1. what connections share, 2. where DynamoDB
 * is, 3. connections to it, 4. the cache of credentials. Made in this order: each needs those
 * before it.
 */
#include "aws/dynamo_shared.h"

#include <stdlib.h>

#include "aws/endpoint.h"
#include "aws/region.h"
#include "aws/user_agent.h"

static struct transport *make_transport(struct dynamo_shared *s, struct err *e)
{
    if (s->parts.transport_new)
        return s->parts.transport_new(s->parts.context, e);
    return transport_curl_new(s->transport_shared, e);
}

/* As many connections as threads can be at a call are kept. */
static struct http_exchange *make_exchange(struct dynamo_shared *s, struct err *e)
{
    if (s->parts.exchange_new)
        return s->parts.exchange_new(s->parts.context, e);
    return http_exchange_new(s->transport_shared, s->endpoint.url,
                             (unsigned)s->config->pool_threads, e);
}

static int dynamo_shared_find_endpoint(struct dynamo_shared *s,
                                       const struct credentials_context *context, struct err *e)
{
    char url[ENDPOINT_SIZE];
    if (region_resolve(context, s->endpoint.region, e) != 0 ||
        endpoint_find(s->config, ENDPOINT_DYNAMODB, s->endpoint.region, url, e) != 0)
        return -1;
    user_agent_make(s->config, s->endpoint.user_agent);
    return dynamo_endpoint_set(&s->endpoint, url, e);
}

static int dynamo_shared_fill(struct dynamo_shared *s, struct err *e)
{
    retry_quota_init(&s->quota);
    atomic_init(&s->measured_skew_s, DYNAMO_SKEW_UNKNOWN);
    if (!s->parts.transport_new || !s->parts.exchange_new) {
        s->transport_shared = transport_shared_new(s->config, e);
        if (!s->transport_shared)
            return -1;
    }
    s->credentials_transport = make_transport(s, e);
    if (!s->credentials_transport)
        return -1;
    struct credentials_context context = {.config = s->config,
                                          .clock = s->clock,
                                          .transport = s->credentials_transport,
                                          .skew = &s->skew};
    if (dynamo_shared_find_endpoint(s, &context, e) != 0)
        return -1;
    s->exchange = make_exchange(s, e);
    if (!s->exchange)
        return -1;
    context.region = s->endpoint.region;
    s->credentials =
        credentials_cache_new(s->parts.chain ? s->parts.chain : credentials_chain, &context);
    return s->credentials ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

struct dynamo_shared *dynamo_shared_new_with(const struct config *config, const struct clock *clock,
                                             const struct dynamo_parts *parts, struct err *e)
{
    struct dynamo_shared *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    s->config = config;
    s->clock = clock;
    if (parts)
        s->parts = *parts;
    if (dynamo_shared_fill(s, e) != 0) {
        dynamo_shared_free(s);
        return NULL;
    }
    return s;
}

struct dynamo_shared *dynamo_shared_new(const struct config *config, const struct clock *clock,
                                        struct err *e)
{
    return dynamo_shared_new_with(config, clock, NULL, e);
}

void dynamo_shared_free(struct dynamo_shared *s)
{
    if (!s)
        return;
    credentials_cache_free(s->credentials); /* its thread uses the transport */
    if (s->credentials_transport)
        s->credentials_transport->free(s->credentials_transport);
    if (s->exchange)
        s->exchange->free(s->exchange);
    transport_shared_free(s->transport_shared);
    free(s);
}

const char *dynamo_endpoint(const struct dynamo_shared *s)
{
    return s->endpoint.url;
}

const char *dynamo_region(const struct dynamo_shared *s)
{
    return s->endpoint.region;
}

bool dynamo_clock_skew_s(const struct dynamo_shared *s, int64_t *out)
{
    *out = atomic_load_explicit(&s->measured_skew_s, memory_order_relaxed);
    return *out != DYNAMO_SKEW_UNKNOWN;
}
