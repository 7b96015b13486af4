/*
 * The master's decisions, in the order in which a step makes them: 1. who has ended, 2. who has
 * become ready, 3. who is past its time, 4. stop, 5. reload, 6. what is missing, 7. stuck requests,
 * 8. whether requests are refused. The rules stand in the header.
 */
#include "pool/master_step.h"

#include <signal.h>
#include <stddef.h>

static void decide(struct decisions *out, struct decision d)
{
    if (out->count < STEP_DECISIONS)
        out->list[out->count++] = d;
}

static struct timer *child_timer(struct master_state *s, unsigned place)
{
    return &s->timers[TIMER_CHILDREN + place];
}

static struct timer *position_timer(struct master_state *s, unsigned position)
{
    return &s->timers[TIMER_POSITIONS + position];
}

unsigned step_count(const struct master_state *s, enum child_state state)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->places; i++)
        n += s->children[i].state == state;
    return n;
}

static unsigned count_ready(const struct master_state *s, unsigned generation)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->places; i++)
        n += s->children[i].state == CHILD_READY && s->children[i].generation == generation;
    return n;
}

static bool is_working(const struct child_facts *c)
{
    return c->state == CHILD_STARTING || c->state == CHILD_READY;
}

/* ---- to the end of a process ---- */

static void drain_child(struct master_state *s, unsigned place, enum decision_kind how,
                        int64_t now_us, struct decisions *out)
{
    struct child_facts *c = &s->children[place];

    decide(out, (struct decision){.kind = how, .place = place});
    c->state = CHILD_DRAINING;
    c->severity = SEVERITY_NONE;
    timer_set(child_timer(s, place), now_us + s->current.stop_timeout_us);
}

typedef bool child_choice(const struct child_facts *c, unsigned number);

static bool child_runs(const struct child_facts *c, unsigned number)
{
    return is_working(c) && c->generation == number;
}

static bool child_runs_another(const struct child_facts *c, unsigned number)
{
    return is_working(c) && c->generation != number;
}

/* First all of them are retired: they must not hand connections to each other. */
static void drain_all(struct master_state *s, child_choice *choose, unsigned number,
                      enum decision_kind how, int64_t now_us, struct decisions *out)
{
    for (unsigned i = 0; i < s->places; i++) {
        if (choose(&s->children[i], number))
            decide(out, (struct decision){.kind = DECIDE_RETIRE, .place = i});
    }
    for (unsigned i = 0; i < s->places; i++) {
        if (choose(&s->children[i], number))
            drain_child(s, i, how, now_us, out);
    }
}

/* One that is past its time: TERM after the drain, KILL after TERM or for one that does not start.
 */
static void escalate(struct master_state *s, unsigned place, int64_t now_us, struct decisions *out)
{
    struct child_facts *c = &s->children[place];
    struct decision d = {.kind = DECIDE_SIGNAL, .place = place, .number = SIGKILL};

    if (!timer_fires(child_timer(s, place), now_us))
        return;
    if (c->state == CHILD_STARTING) {
        d.reason = REASON_NOT_READY;
    } else if (c->severity == SEVERITY_NONE) {
        d.reason = REASON_NOT_ENDED;
        d.number = SIGTERM;
        timer_set(child_timer(s, place), now_us + STEP_TERM_TIME_US);
    }
    c->severity = d.number == SIGTERM ? SEVERITY_TERM : SEVERITY_KILL;
    decide(out, d);
}

/* ---- reload ---- */

void master_step_reload(struct master_state *s, struct generation next, int64_t now_us)
{
    s->next = next;
    timer_set(&s->timers[TIMER_RELOAD], now_us + STEP_RELOAD_TIME_US);
}

/* The new program starts its own processes, while these end their requests by themselves. */
static void reload_hand_over(struct master_state *s, int64_t now_us, struct decisions *out)
{
    if (!s->replaced)
        return;
    s->replaced = false;
    drain_all(s, child_runs_another, 0, DECIDE_DRAIN, now_us, out); /* every process */
    decide(out, (struct decision){.kind = DECIDE_EXECUTE});
}

static void reload_abandon(struct master_state *s, enum decision_reason why, int64_t now_us,
                           struct decisions *out)
{
    decide(out, (struct decision){.kind = DECIDE_ABANDON, .reason = why});
    drain_all(s, child_runs, s->next.number, DECIDE_DRAIN, now_us, out);
    s->next = (struct generation){.number = 0};
    timer_off(&s->timers[TIMER_RELOAD]);
}

static void release_brakes(struct master_state *s)
{
    for (unsigned i = 0; i < STEP_POSITIONS; i++) {
        s->positions[i].failures = 0;
        timer_off(position_timer(s, i));
    }
}

static void reload_commit(struct master_state *s, int64_t now_us, struct decisions *out)
{
    s->current = s->next;
    s->next = (struct generation){.number = 0};
    timer_off(&s->timers[TIMER_RELOAD]);
    release_brakes(s);
    for (unsigned i = 0; i < STEP_POSITIONS; i++)
        s->positions[i].deaths = 0;
    decide(out, (struct decision){.kind = DECIDE_COMMIT});
    drain_all(s, child_runs_another, s->current.number, DECIDE_DRAIN, now_us, out);
}

/* ---- 1. who has ended ---- */

int64_t step_brake_us(unsigned failures)
{
    if (failures <= 1)
        return 0;
    int64_t wait_us = failures - 2 < 5 ? (int64_t)1000000 << (failures - 2) : STEP_BRAKE_MAX_US;
    return wait_us < STEP_BRAKE_MAX_US ? wait_us : STEP_BRAKE_MAX_US;
}

static bool others_work(const struct master_state *s)
{
    for (unsigned i = 0; i < s->places; i++) {
        if (is_working(&s->children[i]) && s->children[i].generation == s->current.number)
            return true;
    }
    return false;
}

static void note_failed_start(struct master_state *s, unsigned position, int64_t now_us,
                              struct decisions *out)
{
    struct position *p = &s->positions[position];

    p->failures++;
    int64_t wait_us = step_brake_us(p->failures);
    if (wait_us > STEP_BRAKE_ALONE_US && !others_work(s))
        wait_us = STEP_BRAKE_ALONE_US;
    if (wait_us)
        timer_set(position_timer(s, position), now_us + wait_us);
    if (p->failures >= STEP_CRASH_LOOP)
        decide(out, (struct decision){.kind = DECIDE_CRASH_LOOP,
                                      .position = position,
                                      .number = (int)p->failures,
                                      .wait_us = wait_us});
}

/* Only said, never braked: the next one starts at once. */
static void note_death(struct master_state *s, unsigned position, int64_t now_us,
                       struct decisions *out)
{
    struct position *p = &s->positions[position];
    int recent = 0;

    p->deaths_us[p->deaths++ % STEP_CRASH_LOOP] = now_us;
    for (unsigned i = 0; i < STEP_CRASH_LOOP && i < p->deaths; i++)
        recent += now_us - p->deaths_us[i] < STEP_RECENT_US;
    if (recent >= STEP_CRASH_LOOP)
        decide(out,
               (struct decision){.kind = DECIDE_DEATHS, .position = position, .number = recent});
}

static void note_end(struct master_state *s, unsigned place, int64_t now_us, struct decisions *out)
{
    struct child_facts gone = s->children[place];

    s->children[place] = (struct child_facts){.state = CHILD_NONE};
    timer_off(child_timer(s, place));
    if (gone.state == CHILD_DRAINING || s->obeyed_signals > 0)
        return;
    s->troubled = true;
    /* A sister's end may have made it an earlier reload's, or a process of the current one. */
    if (s->next.number != 0 && gone.generation == s->next.number)
        reload_abandon(s, REASON_STARTS_FAIL, now_us, out);
    else if (gone.state == CHILD_READY || gone.said_ready)
        note_death(s, gone.position, now_us, out);
    else
        note_failed_start(s, gone.position, now_us, out);
}

/* ---- 2. who has become ready ---- */

static void replace_sisters(struct master_state *s, unsigned place, int64_t now_us,
                            struct decisions *out)
{
    const struct child_facts *ready = &s->children[place];

    for (unsigned i = 0; i < s->places; i++) {
        const struct child_facts *c = &s->children[i];
        if (i == place || c->state != CHILD_READY || c->generation != ready->generation ||
            c->position != ready->position)
            continue;
        decide(out, (struct decision){.kind = DECIDE_RETIRE, .place = i, .reason = REASON_SERVED});
        drain_child(s, i, DECIDE_DRAIN, now_us, out);
    }
}

static void note_ready(struct master_state *s, unsigned place, int64_t now_us,
                       struct decisions *out)
{
    struct child_facts *c = &s->children[place];

    if (c->state != CHILD_STARTING)
        return; /* told to end in the meantime */
    c->state = CHILD_READY;
    timer_off(child_timer(s, place));
    /* What made starts fail is over: nobody waits any longer. */
    release_brakes(s);
    decide(out, (struct decision){.kind = DECIDE_FORWARD});
    replace_sisters(s, place, now_us, out);
    if (!s->announced && step_count(s, CHILD_READY) >= s->current.processes) {
        s->announced = true;
        decide(out, (struct decision){.kind = DECIDE_ANNOUNCE});
    }
}

/* ---- 4. stop ---- */

/* A second signal: TERM for all, so that they leave their requests; a third: KILL. */
static void hasten(struct master_state *s, int64_t now_us, struct decisions *out)
{
    decide(out, (struct decision){.kind = DECIDE_HASTEN});
    for (unsigned i = 0; i < s->places; i++) {
        struct child_facts *c = &s->children[i];
        if (c->state == CHILD_NONE)
            continue;
        c->state = CHILD_DRAINING;
        c->severity = s->stop_signals > 2 ? SEVERITY_TERM : SEVERITY_NONE;
        timer_set(child_timer(s, i), now_us);
        escalate(s, i, now_us, out);
    }
}

static void begin_stop(struct master_state *s, int64_t now_us, struct decisions *out)
{
    decide(out, (struct decision){.kind = DECIDE_STOPPING});
    for (unsigned i = 0; i < STEP_POSITIONS; i++)
        timer_off(position_timer(s, i));
    timer_off(&s->timers[TIMER_RELOAD]);
    timer_off(&s->timers[TIMER_WATCHDOG]);
    timer_off(&s->timers[TIMER_UNAVAILABLE]);
    if (s->unavailable)
        decide(out, (struct decision){.kind = DECIDE_ADMIT});
    s->unavailable = false;
    /* Numbers begin at 1: this is every process. */
    drain_all(s, child_runs_another, 0, s->keep_listener ? DECIDE_DRAIN : DECIDE_DRAIN_LAST, now_us,
              out);
}

static void step_stop(struct master_state *s, int64_t now_us, struct decisions *out)
{
    if (s->stop_signals == s->obeyed_signals)
        return;
    if (s->obeyed_signals == 0)
        begin_stop(s, now_us, out);
    if (s->stop_signals > 1)
        hasten(s, now_us, out);
    s->obeyed_signals = s->stop_signals;
}

/* ---- 5. reload, 6. what is missing ---- */

/* A process that has served enough counts as missing: its successor is started beside it. */
static bool is_present(const struct master_state *s, const struct generation *g, unsigned position)
{
    for (unsigned i = 0; i < s->places; i++) {
        const struct child_facts *c = &s->children[i];
        if (child_runs(c, g->number) && c->position == position && !c->wants_successor)
            return true;
    }
    return false;
}

static void start_child(struct master_state *s, const struct generation *g, unsigned position,
                        int64_t now_us, struct decisions *out)
{
    for (unsigned i = 0; i < s->places; i++) {
        if (s->children[i].state != CHILD_NONE)
            continue;
        s->children[i] = (struct child_facts){
            .state = CHILD_STARTING, .generation = g->number, .position = position};
        timer_set(child_timer(s, i), now_us + STEP_START_TIME_US);
        decide(out, (struct decision){.kind = DECIDE_START,
                                      .place = i,
                                      .position = position,
                                      .generation = g->number});
        return;
    }
}

static void positions_fill(struct master_state *s, const struct generation *g, int64_t now_us,
                           struct decisions *out)
{
    for (unsigned i = 0; i < g->processes; i++) {
        if (is_present(s, g, i))
            continue;
        /* A new configuration may be the cure of what makes the old one's starts fail. */
        if (g == &s->current && timer_is_set(position_timer(s, i)) &&
            !timer_fires(position_timer(s, i), now_us))
            continue;
        start_child(s, g, i, now_us, out);
    }
}

static void step_reload(struct master_state *s, int64_t now_us, struct decisions *out)
{
    if (s->next.number == 0)
        return;
    positions_fill(s, &s->next, now_us, out);
    if (count_ready(s, s->next.number) >= s->next.processes)
        reload_commit(s, now_us, out);
    else if (timer_fires(&s->timers[TIMER_RELOAD], now_us))
        reload_abandon(s, step_free_places(s) == 0 ? REASON_NO_PLACE : REASON_TOO_SLOW, now_us,
                       out);
}

/* ---- 7. stuck requests ---- */

bool step_watchdog_is_due(const struct master_state *s, int64_t now_us)
{
    return timer_is_due(&s->timers[TIMER_WATCHDOG], now_us);
}

static void kill_stuck(struct master_state *s, int64_t now_us, struct decisions *out)
{
    for (unsigned i = 0; i < s->places; i++) {
        struct child_facts *c = &s->children[i];
        if (c->state != CHILD_READY || c->severity == SEVERITY_KILL || c->busy_since_us == 0 ||
            now_us - c->busy_since_us < s->current.stuck_us)
            continue;
        c->severity = SEVERITY_KILL;
        decide(out, (struct decision){.kind = DECIDE_SIGNAL,
                                      .place = i,
                                      .number = SIGKILL,
                                      .reason = REASON_STUCK,
                                      .wait_us = now_us - c->busy_since_us});
    }
}

static void step_watchdog(struct master_state *s, int64_t now_us, struct decisions *out)
{
    struct timer *t = &s->timers[TIMER_WATCHDOG];

    if (s->current.stuck_us == 0) {
        timer_off(t);
        return;
    }
    if (timer_fires(t, now_us))
        kill_stuck(s, now_us, out);
    int64_t every_us = s->current.stuck_us / 4;
    if (!timer_is_set(t))
        timer_set(t, now_us + (every_us < 1000000 ? 1000000 : every_us));
}

/* ---- 8. whether requests are refused ---- */

static void step_availability(struct master_state *s, int64_t now_us, struct decisions *out)
{
    struct timer *t = &s->timers[TIMER_UNAVAILABLE];

    if (step_count(s, CHILD_READY) > 0) {
        timer_off(t);
        if (s->unavailable)
            decide(out, (struct decision){.kind = DECIDE_ADMIT});
        s->unavailable = false;
    } else if (!s->unavailable && timer_fires(t, now_us)) {
        s->unavailable = true;
        decide(out, (struct decision){.kind = DECIDE_REFUSE});
    } else if (!s->unavailable) {
        timer_set_at_most(t, now_us + (s->troubled ? STEP_GRACE_US : STEP_FIRST_GRACE_US));
    }
}

/* ---- the step ---- */

static void take_facts(struct master_state *s, int64_t now_us, struct decisions *out)
{
    for (unsigned i = 0; i < s->places; i++) {
        if (s->children[i].has_ended)
            note_end(s, i, now_us, out);
    }
    for (unsigned i = 0; i < s->places; i++) {
        if (s->children[i].said_ready)
            note_ready(s, i, now_us, out);
        s->children[i].said_ready = false;
    }
    for (unsigned i = 0; i < s->places; i++)
        escalate(s, i, now_us, out);
}

/* What has nothing to do with processes. */
static void step_errands(struct master_state *s, int64_t now_us, struct decisions *out)
{
    if (timer_fires(&s->timers[TIMER_NOTIFY], now_us)) {
        decide(out, (struct decision){.kind = DECIDE_NOTIFY});
        timer_set(&s->timers[TIMER_NOTIFY], now_us + s->notify_every_us);
    }
    if (timer_fires(&s->timers[TIMER_CLIENTS], now_us))
        decide(out, (struct decision){.kind = DECIDE_DROP_CLIENTS});
}

void master_step(struct master_state *s, int64_t now_us, struct decisions *out)
{
    out->count = 0;
    step_errands(s, now_us, out);
    take_facts(s, now_us, out);
    step_stop(s, now_us, out);
    if (s->obeyed_signals == 0) {
        reload_hand_over(s, now_us, out);
        /* First the reload: what it completes need not be filled up any more. */
        step_reload(s, now_us, out);
        positions_fill(s, &s->current, now_us, out);
        step_watchdog(s, now_us, out);
        step_availability(s, now_us, out);
    }
}
