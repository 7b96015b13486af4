/*
 * Carries out what the master has decided: each decision in its few lines, in the order of the
 * list.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/master.h"
#include "pool/no_auth.h"
#include "pool/notify.h"
#include "pool/upgrade.h"

static void announce_ready(const struct master *m)
{
    notify_send("READY=1\nSTATUS=%u processes with %lld threads each", m->state.current.processes,
                (long long)m->current.config->pool_threads);
}

/* ---- generations ---- */

static unsigned processes_for(const struct master *m, const struct config *config)
{
    long n = (long)config->pool_processes;

    if (n <= 0)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->pool_processes <= 0 && n < 2)
        n = 2; /* so that a crash leaves one that answers */
    if (n > STEP_POSITIONS)
        n = STEP_POSITIONS;
    if (m->state.places && n > (long)m->state.places / 2) {
        n = (long)m->state.places / 2;
        log_warning(
            "POOL_PROCESSES: only %ld processes are possible until the pool is started again", n);
    }
    return (unsigned)n;
}

struct generation decisions_generation(struct master *m, const struct config *config)
{
    return (struct generation){.number = ++m->state.last_number,
                               .processes = processes_for(m, config),
                               .stop_timeout_us = config->pool_stop_timeout_s * 1000000,
                               .stuck_us = config->stuck_request_s * 1000000};
}

void configuration_free(struct configuration *c)
{
    if (c->owned)
        config_free(c->owned);
    free(c->owned);
    *c = (struct configuration){.number = 0};
}

static void begin_reload(struct master *m)
{
    struct err e = {.code = ERR_NONE};
    struct config *config = NULL;

    notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)pool_now_us());
    if (m->options->reload && !(config = m->options->reload(&e))) {
        log_error("reload: the configuration is not used, the pool goes on with the old one: %s",
                  e.detail);
        announce_ready(m);
        return;
    }
    m->next =
        (struct configuration){.config = config ? config : m->current.config, .owned = config};
    struct generation next = decisions_generation(m, m->next.config);
    m->next.number = next.number;
    m->state.replaced = upgrade_is_due();
    if (m->state.replaced)
        log_info("reload: the program was replaced: executing the new one");
    else
        log_info("reload: starting %u new processes", next.processes);
    if (step_free_places(&m->state) < next.processes)
        log_warning("reload: it waits for %u processes of earlier reloads that still end their "
                    "requests (POOL_STOP_TIMEOUT_S)",
                    step_count(&m->state, CHILD_DRAINING));
    master_step_reload(&m->state, next, pool_now_us());
}

void decisions_ask_for_reload(struct master *m)
{
    if (m->state.stop_signals > 0)
        return;
    if (m->state.next.number != 0)
        m->reload_again = true;
    else
        begin_reload(m);
}

static void end_reload(struct master *m)
{
    announce_ready(m);
    if (m->reload_again) {
        m->reload_again = false;
        begin_reload(m);
    }
}

static void generation_commit(struct master *m)
{
    /* Without a reload function the new generation has the old configuration. */
    if (m->next.owned) {
        if (m->current.config->auth_mode != m->next.config->auth_mode)
            no_auth_warn(m->next.config, m->listener.fd);
        configuration_free(&m->current);
        m->current = m->next;
    }
    m->current.number = m->next.number;
    m->next = (struct configuration){.number = 0};
    m->reloads++;
    log_info("reload: %u new processes are ready, the old ones end when their requests have",
             m->state.current.processes);
}

static void generation_abandon(struct master *m, enum decision_reason why)
{
    static const char *const reasons[] = {[REASON_STARTS_FAIL] = "its processes do not start",
                                          [REASON_TOO_SLOW] = "its processes are not ready in time",
                                          [REASON_NO_PLACE] =
                                              "processes of earlier reloads take every place"};

    log_error("reload: given up because %s; the pool goes on with the old configuration",
              reasons[why]);
    configuration_free(&m->next);
}

/* Returns only if that fails: then the reload starts processes of this program. Clients that
 * connect meanwhile wait in the socket. */
static void execute_new_program(struct master *m)
{
    struct err e = {.code = ERR_NONE};
    const struct upgrade_sockets sockets = {.listener = m->listener.fd,
                                            .status_listener = m->status_listener.fd,
                                            .own = m->listener.path != NULL};

    upgrade_run(&sockets, &m->mask_before, &e);
    log_error("reload: the pool goes on with the old program: %s", e.detail);
}

/* ---- decisions ---- */

static void child_fork(struct master *m, const struct decision *d)
{
    bool is_current = d->generation == m->current.number;
    const struct child_start start = {.place = d->place,
                                      .config = is_current ? m->current.config : m->next.config,
                                      .handler = m->options->handler,
                                      .listener = m->listener.fd};

    children_start(&m->children, &start);
}

static void signal_child(struct master *m, const struct decision *d)
{
    int pid = (int)children_pid(&m->children, d->place);

    if (d->reason == REASON_NOT_READY)
        log_error("worker process %d has not become ready within %d s: killing it", pid,
                  (int)(STEP_START_TIME_US / 1000000));
    else if (d->reason == REASON_NOT_ENDED)
        log_warning("worker process %d has not ended in time: its requests are cut off", pid);
    else if (d->reason == REASON_STUCK)
        log_error("worker process %d has worked on one request for %lld s: killing it", pid,
                  (long long)d->wait_us / 1000000);
    children_signal(&m->children, d->place, d->number);
}

static void retire_child(struct master *m, const struct decision *d)
{
    if (d->reason == REASON_SERVED)
        log_info("worker process %d has served enough and is replaced",
                 (int)children_pid(&m->children, d->place));
    children_retire(&m->children, d->place);
}

static void say_crash_loop(const struct decision *d)
{
    if (d->kind == DECIDE_CRASH_LOOP)
        log_error("crash loop: worker %u has died %d times in a row before it was ready; the next "
                  "one starts in %lld ms; the lines above say why",
                  d->position, d->number, (long long)d->wait_us / 1000);
    else
        log_error("crash loop: worker %u has died %d times or more within a minute; the next one "
                  "starts at once; the lines above say why",
                  d->position, d->number);
}

static void pool_begin_stop(struct master *m)
{
    long long timeout_s = m->current.config->pool_stop_timeout_s;

    log_info("stopping: requests have %lld s to end", timeout_s);
    /* systemd's own limit (TimeoutStopSec) may be shorter than what is configured here. */
    notify_send("STOPPING=1\nSTATUS=waiting for requests to end\nEXTEND_TIMEOUT_USEC=%lld",
                timeout_s * 1000000 + 2 * (long long)STEP_TERM_TIME_US);
    listener_unlink(&m->listener);
}

static void drop_clients(struct master *m)
{
    int64_t now = pool_now_us();

    status_expire(m->status, now);
    refusal_expire(m->refusal, now);
}

static void become_ready(struct master *m)
{
    log_info("the pool is ready: %u processes with %lld threads each", m->state.current.processes,
             (long long)m->current.config->pool_threads);
    announce_ready(m);
}

/* Carries out a decision that concerns one process. False if it is another kind of decision. */
static bool carry_out_for_child(struct master *m, const struct decision *d)
{
    switch (d->kind) {
    case DECIDE_START:
        child_fork(m, d);
        return true;
    case DECIDE_RETIRE:
        retire_child(m, d);
        return true;
    case DECIDE_DRAIN:
        children_order(&m->children, d->place, CONTROL_DRAIN);
        return true;
    case DECIDE_DRAIN_LAST:
        children_order(&m->children, d->place, CONTROL_STOP);
        return true;
    case DECIDE_SIGNAL:
        signal_child(m, d);
        return true;
    case DECIDE_CRASH_LOOP:
    case DECIDE_DEATHS:
        say_crash_loop(d);
        return true;
    default:
        return false;
    }
}

static void carry_out(struct master *m, const struct decision *d)
{
    switch (d->kind) {
    case DECIDE_ANNOUNCE:
        become_ready(m);
        break;
    case DECIDE_COMMIT:
        generation_commit(m);
        break;
    case DECIDE_ABANDON:
        generation_abandon(m, d->reason);
        break;
    case DECIDE_EXECUTE:
        execute_new_program(m);
        break;
    case DECIDE_STOPPING:
        pool_begin_stop(m);
        break;
    case DECIDE_HASTEN:
        log_warning("told to stop again: not waiting for requests any longer");
        break;
    case DECIDE_FORWARD:
        scoreboard_forward_free(m->scoreboard);
        break;
    case DECIDE_REFUSE:
        refusal_begin(m->refusal, &(struct cors_policy){m->current.config->cors_origins,
                                                        m->current.config->cors_credentials});
        break;
    case DECIDE_ADMIT:
        refusal_end(m->refusal);
        break;
    case DECIDE_NOTIFY:
        notify_send("WATCHDOG=1");
        break;
    case DECIDE_DROP_CLIENTS:
        drop_clients(m);
        break;
    default:
        carry_out_for_child(m, d);
    }
}

bool decisions_carry_out(struct master *m)
{
    bool reload_ended = false;

    for (unsigned i = 0; i < m->decisions.count; i++) {
        const struct decision *d = &m->decisions.list[i];
        carry_out(m, d);
        reload_ended = reload_ended || d->kind == DECIDE_COMMIT || d->kind == DECIDE_ABANDON;
    }
    if (reload_ended)
        end_reload(m);
    for (unsigned i = 0; i < m->state.places; i++) {
        if (m->state.children[i].has_ended) /* it could not be started */
            return true;
    }
    return reload_ended;
}
