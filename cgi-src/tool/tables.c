/*
 * Access to the tables for one command: what the service has for each process and each thread.
 */
#include "tool/internal.h"

int tables_open(struct tables *t, const struct config *config, struct err *e)
{
    *t = (struct tables){0};
    arena_init(&t->arena);
    t->dynamo_shared = dynamo_shared_new(config, &clock_system, e);
    t->dynamo = t->dynamo_shared ? dynamo_new(t->dynamo_shared, e) : NULL;
    if (!t->dynamo)
        return -1;
    t->store_shared = store_shared_new(config, &clock_system);
    t->store = store_new(t->store_shared, t->dynamo, &t->arena);
    return 0;
}

void tables_close(struct tables *t)
{
    store_free(t->store);
    store_shared_free(t->store_shared);
    if (t->dynamo)
        dynamo_free(t->dynamo);
    if (t->dynamo_shared)
        dynamo_shared_free(t->dynamo_shared);
    arena_free(&t->arena);
}

void tables_begin(struct tables *t, int64_t time_ms)
{
    dynamo_begin(t->dynamo, clock_system.mono_us(clock_system.context) + time_ms * 1000);
}

bool tables_are_out_of_reach(const struct err *e)
{
    switch (e->code) {
    case ERR_CREDENTIALS_NOT_CONFIGURED:
    case ERR_DYNAMODB_THROTTLED:
    case ERR_DYNAMODB_UNAVAILABLE:
    case ERR_DYNAMODB_DENIED:
    case ERR_DEADLINE_EXCEEDED:
    case ERR_CONFIGURATION:
        return true;
    default:
        return false;
    }
}
