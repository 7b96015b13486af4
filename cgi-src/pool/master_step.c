/*
 * The master's decisions, in the order in which a step makes them: 1. who has ended, 2. who has
 * become ready, 3. who is past its time, 4. stop, 5. reload, 6. what is missing, 7. stuck requests,
 * 8. whether requests are refused. The rules stand in the header, the parts in step.c.
 */
#include "pool/master_step.h"

#include <signal.h>

#include "pool/step.h"

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

/* ---- reload ---- */

void master_step_reload(struct master_state *s, struct generation next, int64_t now_us)
{
    s->next = next;
    timer_set(&s->timers[TIMER_RELOAD], now_us + STEP_RELOAD_TIME_US);
}

/* The new program starts its own processes, while these end their requests by themselves. */
static void reload_hand_over(const struct step *step)
{
    struct master_state *s = step->state;

    if (!s->replaced)
        return;
    s->replaced = false;
    step_drain_all(step, child_runs_another, 0, DECIDE_DRAIN); /* every process */
    step_decide(step, (struct decision){.kind = DECIDE_EXECUTE});
}

static void reload_abandon(const struct step *step, enum decision_reason why)
{
    struct master_state *s = step->state;

    step_decide(step, (struct decision){.kind = DECIDE_ABANDON, .reason = why});
    step_drain_all(step, child_runs, s->next.number, DECIDE_DRAIN);
    s->next = (struct generation){.number = 0};
    timer_off(&s->timers[TIMER_RELOAD]);
}

static void reload_commit(const struct step *step)
{
    struct master_state *s = step->state;

    s->current = s->next;
    s->next = (struct generation){.number = 0};
    timer_off(&s->timers[TIMER_RELOAD]);
    step_release_brakes(s);
    for (unsigned i = 0; i < STEP_POSITIONS; i++)
        s->positions[i].deaths = 0;
    step_decide(step, (struct decision){.kind = DECIDE_COMMIT});
    step_drain_all(step, child_runs_another, s->current.number, DECIDE_DRAIN);
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
        if (child_is_working(&s->children[i]) && s->children[i].generation == s->current.number)
            return true;
    }
    return false;
}

static void note_failed_start(const struct step *step, unsigned position)
{
    struct master_state *s = step->state;
    struct position *p = &s->positions[position];

    p->failures++;
    int64_t wait_us = step_brake_us(p->failures);
    if (wait_us > STEP_BRAKE_ALONE_US && !others_work(s))
        wait_us = STEP_BRAKE_ALONE_US;
    if (wait_us)
        timer_set(step_position_timer(s, position), step->now_us + wait_us);
    if (p->failures >= STEP_CRASH_LOOP)
        step_decide(step, (struct decision){.kind = DECIDE_CRASH_LOOP,
                                            .position = position,
                                            .number = (int)p->failures,
                                            .wait_us = wait_us});
}

/* A death is only reported and never braked: the next process starts at once. */
static void note_death(const struct step *step, unsigned position)
{
    struct master_state *s = step->state;
    struct position *p = &s->positions[position];
    int recent = 0;

    p->deaths_us[p->deaths++ % STEP_CRASH_LOOP] = step->now_us;
    for (unsigned i = 0; i < STEP_CRASH_LOOP && i < p->deaths; i++)
        recent += step->now_us - p->deaths_us[i] < STEP_RECENT_US;
    if (recent >= STEP_CRASH_LOOP)
        step_decide(
            step, (struct decision){.kind = DECIDE_DEATHS, .position = position, .number = recent});
}

static void note_end(const struct step *step, unsigned place)
{
    struct master_state *s = step->state;
    struct child_facts gone = s->children[place];

    s->children[place] = (struct child_facts){.state = CHILD_NONE};
    timer_off(step_child_timer(s, place));
    if (gone.state == CHILD_DRAINING || s->obeyed_signals > 0)
        return;
    s->troubled = true;
    /* A sister's end may have made it an earlier reload's, or a process of the current one. */
    if (s->next.number != 0 && gone.generation == s->next.number)
        reload_abandon(step, REASON_STARTS_FAIL);
    else if (gone.state == CHILD_READY || gone.said_ready)
        note_death(step, gone.position);
    else
        note_failed_start(step, gone.position);
}

/* ---- 2. who has become ready ---- */

static void replace_sisters(const struct step *step, unsigned place)
{
    struct master_state *s = step->state;
    const struct child_facts *ready = &s->children[place];

    for (unsigned i = 0; i < s->places; i++) {
        const struct child_facts *c = &s->children[i];
        if (i == place || c->state != CHILD_READY || c->generation != ready->generation ||
            c->position != ready->position)
            continue;
        step_decide(step,
                    (struct decision){.kind = DECIDE_RETIRE, .place = i, .reason = REASON_SERVED});
        step_drain_child(step, i, DECIDE_DRAIN);
    }
}

static void note_ready(const struct step *step, unsigned place)
{
    struct master_state *s = step->state;
    struct child_facts *c = &s->children[place];

    if (c->state != CHILD_STARTING)
        return; /* it was told to end in the meantime */
    c->state = CHILD_READY;
    timer_off(step_child_timer(s, place));
    /* What made starts fail is over, so no position waits any longer. */
    step_release_brakes(s);
    step_decide(step, (struct decision){.kind = DECIDE_FORWARD});
    replace_sisters(step, place);
    if (!s->announced && step_count(s, CHILD_READY) >= s->current.processes) {
        s->announced = true;
        step_decide(step, (struct decision){.kind = DECIDE_ANNOUNCE});
    }
}

/* ---- 4. stop ---- */

/* A second signal: TERM for all, so that they leave their requests; a third: KILL. */
static void hasten_stop(const struct step *step)
{
    struct master_state *s = step->state;

    step_decide(step, (struct decision){.kind = DECIDE_HASTEN});
    for (unsigned i = 0; i < s->places; i++) {
        struct child_facts *c = &s->children[i];
        if (c->state == CHILD_NONE)
            continue;
        c->state = CHILD_DRAINING;
        c->severity = s->stop_signals > 2 ? SEVERITY_TERM : SEVERITY_NONE;
        timer_set(step_child_timer(s, i), step->now_us);
        step_escalate(step, i);
    }
}

static void begin_stop(const struct step *step)
{
    struct master_state *s = step->state;

    step_decide(step, (struct decision){.kind = DECIDE_STOPPING});
    for (unsigned i = 0; i < STEP_POSITIONS; i++)
        timer_off(step_position_timer(s, i));
    timer_off(&s->timers[TIMER_RELOAD]);
    timer_off(&s->timers[TIMER_WATCHDOG]);
    timer_off(&s->timers[TIMER_UNAVAILABLE]);
    if (s->unavailable)
        step_decide(step, (struct decision){.kind = DECIDE_ADMIT});
    s->unavailable = false;
    /* Numbers begin at 1: this is every process. */
    step_drain_all(step, child_runs_another, 0,
                   s->keep_listener ? DECIDE_DRAIN : DECIDE_DRAIN_LAST);
}

static void step_stop(const struct step *step)
{
    struct master_state *s = step->state;

    if (s->stop_signals == s->obeyed_signals)
        return;
    if (s->obeyed_signals == 0)
        begin_stop(step);
    if (s->stop_signals > 1)
        hasten_stop(step);
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

static void start_child(const struct step *step, const struct generation *g, unsigned position)
{
    struct master_state *s = step->state;

    for (unsigned i = 0; i < s->places; i++) {
        if (s->children[i].state != CHILD_NONE)
            continue;
        s->children[i] = (struct child_facts){
            .state = CHILD_STARTING, .generation = g->number, .position = position};
        timer_set(step_child_timer(s, i), step->now_us + STEP_START_TIME_US);
        step_decide(step, (struct decision){.kind = DECIDE_START,
                                            .place = i,
                                            .position = position,
                                            .generation = g->number});
        return;
    }
}

static void positions_fill(const struct step *step, const struct generation *g)
{
    struct master_state *s = step->state;

    for (unsigned i = 0; i < g->processes; i++) {
        if (is_present(s, g, i))
            continue;
        /* A new configuration may repair what makes the starts with the old one fail. */
        if (g == &s->current && timer_is_set(step_position_timer(s, i)) &&
            !timer_fires(step_position_timer(s, i), step->now_us))
            continue;
        start_child(step, g, i);
    }
}

static void step_reload(const struct step *step)
{
    struct master_state *s = step->state;

    if (s->next.number == 0)
        return;
    positions_fill(step, &s->next);
    if (count_ready(s, s->next.number) >= s->next.processes)
        reload_commit(step);
    else if (timer_fires(&s->timers[TIMER_RELOAD], step->now_us))
        reload_abandon(step, step_free_places(s) == 0 ? REASON_NO_PLACE : REASON_TOO_SLOW);
}

/* ---- 7. stuck requests ---- */

bool step_watchdog_is_due(const struct master_state *s, int64_t now_us)
{
    return timer_is_due(&s->timers[TIMER_WATCHDOG], now_us);
}

static void kill_stuck(const struct step *step)
{
    struct master_state *s = step->state;

    for (unsigned i = 0; i < s->places; i++) {
        struct child_facts *c = &s->children[i];
        if (c->state != CHILD_READY || c->severity == SEVERITY_KILL || c->busy_since_us == 0 ||
            step->now_us - c->busy_since_us < s->current.stuck_us)
            continue;
        c->severity = SEVERITY_KILL;
        step_decide(step, (struct decision){.kind = DECIDE_SIGNAL,
                                            .place = i,
                                            .number = SIGKILL,
                                            .reason = REASON_STUCK,
                                            .wait_us = step->now_us - c->busy_since_us});
    }
}

static void step_watchdog(const struct step *step)
{
    struct master_state *s = step->state;
    struct timer *t = &s->timers[TIMER_WATCHDOG];

    if (s->current.stuck_us == 0) {
        timer_off(t);
        return;
    }
    if (timer_fires(t, step->now_us))
        kill_stuck(step);
    int64_t every_us = s->current.stuck_us / 4;
    if (!timer_is_set(t))
        timer_set(t, step->now_us + (every_us < 1000000 ? 1000000 : every_us));
}

/* ---- 8. whether requests are refused ---- */

static void step_availability(const struct step *step)
{
    struct master_state *s = step->state;
    struct timer *t = &s->timers[TIMER_UNAVAILABLE];

    if (step_count(s, CHILD_READY) > 0) {
        timer_off(t);
        if (s->unavailable)
            step_decide(step, (struct decision){.kind = DECIDE_ADMIT});
        s->unavailable = false;
    } else if (!s->unavailable && timer_fires(t, step->now_us)) {
        s->unavailable = true;
        step_decide(step, (struct decision){.kind = DECIDE_REFUSE});
    } else if (!s->unavailable) {
        timer_set_at_most(t, step->now_us + (s->troubled ? STEP_GRACE_US : STEP_FIRST_GRACE_US));
    }
}

/* ---- the step ---- */

static void take_facts(const struct step *step)
{
    struct master_state *s = step->state;

    for (unsigned i = 0; i < s->places; i++) {
        if (s->children[i].has_ended)
            note_end(step, i);
    }
    for (unsigned i = 0; i < s->places; i++) {
        if (s->children[i].said_ready)
            note_ready(step, i);
        s->children[i].said_ready = false;
    }
    for (unsigned i = 0; i < s->places; i++)
        step_escalate(step, i);
}

/* Decides what has nothing to do with processes. */
static void step_errands(const struct step *step)
{
    struct master_state *s = step->state;

    if (timer_fires(&s->timers[TIMER_NOTIFY], step->now_us)) {
        step_decide(step, (struct decision){.kind = DECIDE_NOTIFY});
        timer_set(&s->timers[TIMER_NOTIFY], step->now_us + s->notify_every_us);
    }
    if (timer_fires(&s->timers[TIMER_CLIENTS], step->now_us))
        step_decide(step, (struct decision){.kind = DECIDE_DROP_CLIENTS});
}

void master_step(struct master_state *s, int64_t now_us, struct decisions *out)
{
    const struct step step = {s, now_us, out};

    out->count = 0;
    step_errands(&step);
    take_facts(&step);
    step_stop(&step);
    if (s->obeyed_signals == 0) {
        reload_hand_over(&step);
        /* The reload comes first: the positions of a generation that it replaces need not be
         * filled. */
        step_reload(&step);
        positions_fill(&step, &s->current);
        step_watchdog(&step);
        step_availability(&step);
    }
}
