/*
 * The tables, as the start of the service and the command create-tables want them. What a table
 * must look like is known to store/.
 */
#include "service/create_tables.h"

#include <string.h>

#include "base/log.h"
#include "service/internal.h"

#define ATTEMPT_DEADLINE_MS 20000
#define FIRST_PAUSE_US INT64_C(1000000)
#define LONGEST_PAUSE_US INT64_C(60000000)

static int ensure_tables(struct service_thread *thread, enum service_tables wanted, struct err *e)
{
    if (store_tables_ensure(thread->store, e) < 0)
        return -1;
    return wanted == SERVICE_TABLES_PROTECTED ? store_tables_protect(thread->store, e) : 0;
}

int service_create_tables(const struct config *config, enum service_tables wanted,
                          int64_t deadline_ms, struct err *e)
{
    struct service_process *process = service_process_new(config, e);
    struct service_thread *thread = process ? service_thread_new(process, e) : NULL;
    int r = -1;

    if (thread) {
        char endpoint[512];
        config_hide_password(dynamo_endpoint(process->dynamo), endpoint, sizeof(endpoint));
        log_info("DynamoDB in region %s at %s", dynamo_region(process->dynamo), endpoint);
        dynamo_begin(thread->dynamo, service_now_us(process) + deadline_ms * 1000);
        r = ensure_tables(thread, wanted, e);
    }
    service_thread_free(thread);
    service_process_free(process);
    return r;
}

enum tables_attempt { TABLES_DONE, TABLES_LATER, TABLES_NEVER };
enum tables_log { TABLES_LOG_ALL, TABLES_LOG_ERRORS };

static enum tables_attempt try_tables(service_load *load, enum service_tables wanted,
                                      enum tables_log how, struct err *e)
{
    struct config config;

    if (load(&config, e) < 0)
        return TABLES_LATER;
    if (how == TABLES_LOG_ERRORS)
        (void)log_open(LOG_ERROR, config.log_format, config.log_file, NULL);
    int r = service_create_tables(&config, wanted, ATTEMPT_DEADLINE_MS, e);
    if (r == 0) {
        (void)log_open(config.log_level, config.log_format, config.log_file, NULL);
        log_info("both tables are there");
    }
    config_free(&config);
    if (r == 0)
        return TABLES_DONE;
    return e->code == ERR_CONFIGURATION ? TABLES_NEVER : TABLES_LATER;
}

int service_create_tables_at_last(service_load *load, enum service_tables wanted)
{
    struct err before = {0};
    enum tables_log how = TABLES_LOG_ALL;
    int64_t pause_us = FIRST_PAUSE_US;

    for (;;) {
        struct err e = {0};
        enum tables_attempt attempt = try_tables(load, wanted, how, &e);
        if (attempt == TABLES_DONE)
            return 0;
        if (strcmp(before.detail, e.detail) != 0)
            log_error("%s", e.detail);
        if (attempt == TABLES_NEVER)
            return -1;
        before = e;
        how = TABLES_LOG_ERRORS; /* an attempt's other lines are the same each time */
        clock_system.sleep_us(clock_system.context, pause_us);
        pause_us = pause_us * 2 < LONGEST_PAUSE_US ? pause_us * 2 : LONGEST_PAUSE_US;
    }
}
