/*
 * The parts of which master_step.c makes its decisions: what is done to one process, or to all of
 * them. No clock and no system call in here. For master_step.c alone.
 */
#ifndef POOL_STEP_H
#define POOL_STEP_H

#include "pool/master_step.h"

/* What one step works on, handed from function to function. */
struct step {
    struct master_state *state;
    int64_t now_us;
    struct decisions *out;
};

/* Appends a decision; those of one step always find room (STEP_DECISIONS). */
void step_decide(const struct step *step, struct decision d);

/* When the process at this place is past its time; when this position may start its next one. */
struct timer *step_child_timer(struct master_state *s, unsigned place);
struct timer *step_position_timer(struct master_state *s, unsigned position);

/* True if it serves requests or is about to. */
bool child_is_working(const struct child_facts *c);

/* Which processes are meant: a working one of the generation with this number, or of any other.
 * Numbers begin at 1, so "other than 0" is every working process. */
typedef bool child_choice(const struct child_facts *c, unsigned number);
bool child_runs(const struct child_facts *c, unsigned number);
bool child_runs_another(const struct child_facts *c, unsigned number);

/* It is to end its requests and exit, within the time that the configuration gives it. how:
 * DECIDE_DRAIN or DECIDE_DRAIN_LAST. */
void step_drain_child(const struct step *step, unsigned place, enum decision_kind how);
void step_drain_all(const struct step *step, child_choice *choose, unsigned number,
                    enum decision_kind how);

/* If the process at this place is past its time: TERM after the drain, KILL after TERM or for one
 * that does not become ready. */
void step_escalate(const struct step *step, unsigned place);

/* Failed starts are forgotten: every position may start its next process at once. */
void step_release_brakes(struct master_state *s);

#endif
