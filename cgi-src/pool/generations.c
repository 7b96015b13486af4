/*
 * The pool as a whole: keeps the wished number of processes, replaces those that have served enough
 * or are stuck, and goes over to a new configuration. The new are ready before the old drain.
 */
#include "pool/master.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "pool/notify.h"
#include "pool/upgrade.h"

#define RELOAD_TIME_US ((int64_t)90 * 1000000)

unsigned generation_processes(const struct master *m, const struct config *config)
{
    long n = (long)config->pool_processes;

    if (n <= 0)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->pool_processes <= 0 && n < 2)
        n = 2; /* so that a crash leaves one that answers */
    if (n > MASTER_PROCESSES)
        n = MASTER_PROCESSES;
    if (m->board && n > (long)board_places(m->board) / 2) {
        n = (long)board_places(m->board) / 2;
        log_warning("POOL_PROCESSES: only %ld until the pool is started again", n);
    }
    return (unsigned)n;
}

/* ---- reload ---- */

static void announce(const struct master *m)
{
    notify_send("READY=1\nSTATUS=%u processes with %lld threads each", m->current.processes,
                (long long)m->current.config->pool_threads);
}

static void free_config(struct config *c)
{
    if (c)
        config_free(c);
    free(c);
}

static unsigned free_places(const struct master *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < board_places(m->board); i++)
        n += m->children[i].state == CHILD_NONE;
    return n;
}

void generation_reload(struct master *m)
{
    struct err e = {.code = ERR_NONE};
    struct config *config = NULL;

    if (m->next.config) {
        m->reload_again = true;
        return;
    }
    notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)pool_now_us());
    if (m->options->reload && !(config = m->options->reload(&e))) {
        log_error("reload: the configuration is not used, the pool goes on with the old one: %s",
                  e.detail);
        announce(m);
        return;
    }
    generation_upgrade(m);
    m->next = (struct generation){.number = ++m->last_generation,
                                  .config = config ? config : m->current.config,
                                  .owned = config};
    m->next.processes = generation_processes(m, m->next.config);
    m->next_deadline_us = pool_now_us() + RELOAD_TIME_US;
    log_info("reload: starting %u new processes", m->next.processes);
    if (free_places(m) < m->next.processes)
        log_warning("reload: it waits for %u processes of earlier reloads that still end their "
                    "requests (POOL_STOP_TIMEOUT_S)",
                    children_count(m, CHILD_DRAINING, 0));
}

/* Those that the pool has no use for: of a generation, or of all but that one. */
static void drain_generation(struct master *m, unsigned number, bool others)
{
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < BOARD_PLACES; i++) {
            struct child *c = &m->children[i];
            if ((c->state != CHILD_STARTING && c->state != CHILD_READY) ||
                (c->generation == number) == others)
                continue;
            /* First all of them are marked: they must not hand connections to each other. */
            if (pass == 0)
                child_retire(c);
            else
                child_drain(c, CONTROL_DRAIN);
        }
    }
}

static void end_reload(struct master *m)
{
    m->next = (struct generation){.config = NULL};
    announce(m);
}

/* The processes end their requests by themselves, while the new program starts its own. What
 * connects meanwhile waits in the socket. */
void generation_upgrade(struct master *m)
{
    struct err e = {.code = ERR_NONE};
    const struct upgrade_sockets sockets = {.listener = m->listener.fd,
                                            .status_listener = m->status_listener.fd,
                                            .own = m->listener.path != NULL};

    if (!upgrade_is_due())
        return;
    log_info("reload: the program was replaced: executing the new one");
    drain_generation(m, 0, true);
    upgrade_run(&sockets, &m->mask_before, &e);
    log_error("reload: the pool goes on with the old program: %s", e.detail);
}

void generation_abort(struct master *m, const char *reason)
{
    log_error("reload: given up because %s; the pool goes on with the old configuration", reason);
    drain_generation(m, m->next.number, false);
    free_config(m->next.owned);
    end_reload(m);
}

static void commit(struct master *m)
{
    struct generation old = m->current;

    m->current = m->next;
    for (unsigned i = 0; i < MASTER_PROCESSES; i++)
        m->positions[i] = (struct position){.failures = 0};
    drain_generation(m, m->current.number, true);
    /* Without a reload function the new generation runs with the old configuration. */
    if (!m->current.owned)
        m->current.owned = old.owned;
    else
        free_config(old.owned);
    m->reloads++;
    end_reload(m);
    log_info("reload: %u new processes are ready, the old ones end when their requests have",
             m->current.processes);
}

/* ---- what there should be ---- */

/* A process that has served enough counts as missing: its successor is started beside it. */
static bool is_present(const struct master *m, const struct generation *g, unsigned position)
{
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        const struct child *c = &m->children[i];
        if ((c->state == CHILD_STARTING || c->state == CHILD_READY) && c->generation == g->number &&
            c->position == position && !c->wants_successor)
            return true;
    }
    return false;
}

static void fill(struct master *m, const struct generation *g, int64_t now_us)
{
    for (unsigned i = 0; i < g->processes; i++) {
        /* A new configuration may be the cure of what makes the old one's processes die. */
        bool waits = g == &m->current && now_us < m->positions[i].next_us;
        if (is_present(m, g, i) || waits)
            continue;
        if (child_start(m, g, i) < 0)
            m->positions[i].next_us = now_us + 1000000;
    }
}

void generation_child_ready(struct master *m, struct child *ready)
{
    if (ready->state != CHILD_STARTING)
        return; /* told to end in the meantime */
    ready->state = CHILD_READY;
    ready->deadline_us = 0;
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        struct child *c = &m->children[i];
        if (c == ready || c->state != CHILD_READY || c->generation != ready->generation ||
            c->position != ready->position)
            continue;
        log_info("worker process %d has served enough and is replaced by %d", (int)c->pid,
                 (int)ready->pid);
        child_retire(c);
        child_drain(c, CONTROL_DRAIN);
    }
    if (!m->announced && children_count(m, CHILD_READY, 0) >= m->current.processes) {
        m->announced = true;
        log_info("the pool is ready: %u processes with %lld threads each", m->current.processes,
                 (long long)m->current.config->pool_threads);
        announce(m);
    }
}

/* ---- the watchdog ---- */

static void kill_stuck(struct master *m, int64_t now_us)
{
    int64_t limit_us = m->current.config->stuck_request_s * 1000000;

    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        struct child *c = &m->children[i];
        long long since_us;
        if (c->state != CHILD_READY || c->killed || board_busy(m->board, i, &since_us) == 0 ||
            now_us - since_us < limit_us)
            continue;
        log_error("worker process %d has worked on one request for %lld s: killing it", (int)c->pid,
                  (long long)(now_us - since_us) / 1000000);
        c->killed = true;
        kill(c->pid, SIGKILL);
    }
}

static void check_stuck(struct master *m, int64_t now_us)
{
    int64_t limit_us = m->current.config->stuck_request_s * 1000000;

    if (limit_us == 0) {
        m->check_us = 0;
        return;
    }
    if (m->check_us && now_us < m->check_us)
        return;
    kill_stuck(m, now_us);
    int64_t every_us = limit_us / 4;
    m->check_us = now_us + (every_us < 1000000 ? 1000000 : every_us);
}

/* ---- the step ---- */

static void step_reload(struct master *m, int64_t now_us)
{
    fill(m, &m->next, now_us);
    if (children_count(m, CHILD_READY, m->next.number) >= m->next.processes)
        commit(m);
    else if (now_us >= m->next_deadline_us)
        generation_abort(m, free_places(m) == 0 ? "those of earlier reloads take every place"
                                                : "its processes are not ready in time");
}

void generation_step(struct master *m, int64_t now_us)
{
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        if (m->children[i].state != CHILD_NONE)
            child_escalate(&m->children[i], now_us);
    }
    if (m->stopping)
        return;
    fill(m, &m->current, now_us);
    if (!m->next.config && m->reload_again) {
        m->reload_again = false;
        generation_reload(m);
    }
    if (m->next.config)
        step_reload(m, now_us);
    check_stuck(m, now_us);
}
