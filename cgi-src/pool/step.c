/*
 * What one step does to a process or to all of them, whatever the reason: the parts that
 * master_step.c decides with.
 */
#include "pool/step.h"

#include <signal.h>

void step_decide(const struct step *step, struct decision d)
{
    struct decisions *out = step->out;

    if (out->count < STEP_DECISIONS)
        out->list[out->count++] = d;
}

struct timer *step_child_timer(struct master_state *s, unsigned place)
{
    return &s->timers[TIMER_CHILDREN + place];
}

struct timer *step_position_timer(struct master_state *s, unsigned position)
{
    return &s->timers[TIMER_POSITIONS + position];
}

bool child_is_working(const struct child_facts *c)
{
    return c->state == CHILD_STARTING || c->state == CHILD_READY;
}

void step_drain_child(const struct step *step, unsigned place, enum decision_kind how)
{
    struct master_state *s = step->state;
    struct child_facts *c = &s->children[place];

    step_decide(step, (struct decision){.kind = how, .place = place});
    c->state = CHILD_DRAINING;
    c->severity = SEVERITY_NONE;
    timer_set(step_child_timer(s, place), step->now_us + s->current.stop_timeout_us);
}

bool child_runs(const struct child_facts *c, unsigned number)
{
    return child_is_working(c) && c->generation == number;
}

bool child_runs_another(const struct child_facts *c, unsigned number)
{
    return child_is_working(c) && c->generation != number;
}

void step_drain_all(const struct step *step, child_choice *choose, unsigned number,
                    enum decision_kind how)
{
    struct master_state *s = step->state;

    /* First all of them are retired: they must not hand connections to each other. */
    for (unsigned i = 0; i < s->places; i++) {
        if (choose(&s->children[i], number))
            step_decide(step, (struct decision){.kind = DECIDE_RETIRE, .place = i});
    }
    for (unsigned i = 0; i < s->places; i++) {
        if (choose(&s->children[i], number))
            step_drain_child(step, i, how);
    }
}

void step_escalate(const struct step *step, unsigned place)
{
    struct master_state *s = step->state;
    struct child_facts *c = &s->children[place];
    struct decision d = {.kind = DECIDE_SIGNAL, .place = place, .number = SIGKILL};

    if (!timer_fires(step_child_timer(s, place), step->now_us))
        return;
    if (c->state == CHILD_STARTING) {
        d.reason = REASON_NOT_READY;
    } else if (c->severity == SEVERITY_NONE) {
        d.reason = REASON_NOT_ENDED;
        d.number = SIGTERM;
        timer_set(step_child_timer(s, place), step->now_us + STEP_TERM_TIME_US);
    }
    c->severity = d.number == SIGTERM ? SEVERITY_TERM : SEVERITY_KILL;
    step_decide(step, d);
}

void step_release_brakes(struct master_state *s)
{
    for (unsigned i = 0; i < STEP_POSITIONS; i++) {
        s->positions[i].failures = 0;
        timer_off(step_position_timer(s, i));
    }
}
