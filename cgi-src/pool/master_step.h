/*
 * What the master decides, without processes and without a clock: facts and the time go in,
 * decisions come out. children.c and master.c record the facts and carry the decisions out.
 *
 * The rules:
 *  - A process that got as far as being ready is replaced at once, however it ended.
 *  - A process that ends before it is ready is a failed start. The first in a row is tried again at
 *    once, the next after 1, 2, 4 … 30 s. While no other process is ready or starting, the pause is
 *    1 s at most; and one that becomes ready ends all pauses.
 *  - While no process is ready for longer than STEP_GRACE_US, requests are refused with 503.
 *  - A new configuration's processes are ready before the old ones drain.
 *  - Where the program's file was replaced, a reload drains all processes and executes the new one;
 *    if that fails, it goes on as any other reload.
 *  - A process that is to end is told to drain, then gets TERM, then KILL, each with its time.
 */
#ifndef POOL_MASTER_STEP_H
#define POOL_MASTER_STEP_H

#include "pool/timers.h"

/* The most places for processes, and the most processes of one generation: at a reload the old and
 * the new have a place each. */
#define STEP_PLACES 256
#define STEP_POSITIONS 64

/* A process may take so long to become ready, */
#define STEP_START_TIME_US ((int64_t)60 * 1000000)
/* the processes of a reload so long together, */
#define STEP_RELOAD_TIME_US ((int64_t)90 * 1000000)
/* and one that was sent TERM so long to end, before KILL. */
#define STEP_TERM_TIME_US ((int64_t)2 * 1000000)
/* The longest pause before the next start while there is another process. */
#define STEP_BRAKE_MAX_US ((int64_t)30 * 1000000)
/* The longest one while there is none. */
#define STEP_BRAKE_ALONE_US ((int64_t)1 * 1000000)
/* How long requests wait for a process to become ready before they are refused; and at the first
 * start, as long as no process has failed. */
#define STEP_GRACE_US ((int64_t)800000)
#define STEP_FIRST_GRACE_US ((int64_t)5 * 1000000)
/* So many deaths within a minute, or failed starts in a row, are a crash loop. */
#define STEP_CRASH_LOOP 5
#define STEP_RECENT_US ((int64_t)60 * 1000000)

enum child_state { CHILD_NONE, CHILD_STARTING, CHILD_READY, CHILD_DRAINING };

/* Which signals a process that is past its time has been sent. */
enum severity { SEVERITY_NONE, SEVERITY_TERM, SEVERITY_KILL };

/* A process; its index is its place on the scoreboard. */
struct child_facts {
    /* Facts that others record; master_step takes note and clears them. */
    bool said_ready;
    bool has_ended;
    bool wants_successor;  /* it has served enough requests; stays until it ends */
    int64_t busy_since_us; /* when its oldest request began; 0: none. See step_watchdog_is_due */
    /* What master_step knows. */
    enum child_state state;
    unsigned generation; /* of the configuration that it runs with */
    unsigned position;   /* which of the pool's processes it is: 0 to processes - 1 */
    enum severity severity;
};

/* The configuration that processes run with, as far as it matters here. */
struct generation {
    unsigned number; /* 0: there is none */
    unsigned processes;
    int64_t stop_timeout_us; /* how long requests may take to end */
    int64_t stuck_us;        /* a process with an older request is killed; 0: never */
};

/* How starting processes for a position has gone. */
struct position {
    unsigned failures;                  /* starts in a row that failed */
    int64_t deaths_us[STEP_CRASH_LOOP]; /* the latest deaths of processes that were ready */
    unsigned deaths;                    /* how many ever */
};

/* All timers of the master. */
enum step_timer {
    TIMER_RELOAD,      /* the next generation is given up */
    TIMER_UNAVAILABLE, /* requests are refused from then on */
    TIMER_WATCHDOG,    /* processes with a stuck request are looked for */
    TIMER_NOTIFY,      /* systemd wants to hear from the master */
    TIMER_CLIENTS,     /* slow clients of the master's own servers are dropped */
    TIMER_POSITIONS,   /* one a position: its next start */
    TIMER_CHILDREN =
        TIMER_POSITIONS + STEP_POSITIONS, /* one a place: the process is past its time */
    TIMER_COUNT = TIMER_CHILDREN + STEP_PLACES,
};

struct master_state {
    unsigned places; /* at most STEP_PLACES */
    struct child_facts children[STEP_PLACES];
    struct position positions[STEP_POSITIONS];
    struct timer timers[TIMER_COUNT];
    struct generation current;
    struct generation next;  /* a reload under way */
    unsigned last_number;    /* of a generation */
    unsigned stop_signals;   /* fact: how often it was told to stop */
    unsigned obeyed_signals; /* how many of them have been acted upon */
    bool replaced;           /* fact: the reload that begins is to execute another program */
    bool keep_listener;      /* at the stop, requests that wait are left to a later master */
    bool announced;          /* all processes were ready once */
    bool troubled;           /* a process has ended unasked since the start */
    bool unavailable;        /* requests are refused */
    int64_t notify_every_us; /* 0: never */
};

enum decision_kind {
    DECIDE_START,       /* fork a process at this place */
    DECIDE_RETIRE,      /* no process hands connections to it any more */
    DECIDE_DRAIN,       /* it is to end its requests and exit */
    DECIDE_DRAIN_LAST,  /* the same, and take what waits on the listener before */
    DECIDE_SIGNAL,      /* send it the signal `number` */
    DECIDE_CRASH_LOOP,  /* say so: `number` failed starts in a row, the next one after wait_us */
    DECIDE_DEATHS,      /* say so: `number` deaths within a minute */
    DECIDE_ANNOUNCE,    /* the pool is ready */
    DECIDE_COMMIT,      /* the next generation has become the current one */
    DECIDE_ABANDON,     /* the next generation has been given up */
    DECIDE_EXECUTE,     /* the new program, in this process's place */
    DECIDE_STOPPING,    /* the stop has begun */
    DECIDE_HASTEN,      /* say so: requests are cut off, it was told to stop again */
    DECIDE_FORWARD,     /* hand on the connections that were left to processes that have ended */
    DECIDE_REFUSE,      /* answer waiting requests with 503 from now on */
    DECIDE_ADMIT,       /* no longer */
    DECIDE_NOTIFY,      /* tell systemd that the master is alive */
    DECIDE_DROP_CLIENTS /* look for slow clients of the master's own servers */
};

enum decision_reason {
    REASON_NONE,
    REASON_NOT_READY,   /* it has not become ready in time */
    REASON_NOT_ENDED,   /* it has not ended in time */
    REASON_STUCK,       /* it works on one request for too long */
    REASON_SERVED,      /* it has served enough */
    REASON_STARTS_FAIL, /* of the next generation */
    REASON_TOO_SLOW,    /* the next generation is not ready in time */
    REASON_NO_PLACE,    /* the same, since draining processes take every place */
};

struct decision {
    enum decision_kind kind;
    enum decision_reason reason;
    unsigned place;      /* of the child, where there is one */
    unsigned position;   /* for DECIDE_START, _CRASH_LOOP and _DEATHS */
    unsigned generation; /* for DECIDE_START */
    int number;
    int64_t wait_us;
};

/* A place may be retired, drained and sent a signal in one step. */
#define STEP_DECISIONS (4 * STEP_PLACES)

/* When to step again if nothing happens before: timers_next. */
struct decisions {
    unsigned count;
    struct decision list[STEP_DECISIONS];
};

/* Decides what is due now. The caller records the facts before, and carries out the list in order.
 */
void master_step(struct master_state *s, int64_t now_us, struct decisions *out);

/* The reload of a configuration begins. Not while one is under way (s->next.number is not 0). */
void master_step_reload(struct master_state *s, struct generation next, int64_t now_us);

/* True if the next step looks for stuck requests: busy_since_us must be recorded before it. */
bool step_watchdog_is_due(const struct master_state *s, int64_t now_us);

/* How many processes are in a state. */
unsigned step_count(const struct master_state *s, enum child_state state);
/* How many places are free. */
static inline unsigned step_free_places(const struct master_state *s)
{
    return step_count(s, CHILD_NONE);
}

/* How long to wait after so many failed starts in a row. */
int64_t step_brake_us(unsigned failures);

#endif
