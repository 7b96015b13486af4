/*
 * pool/master_step: the master's decisions as tables of facts, times and what is decided. No
 * process is started and no clock is asked.
 *
 * A case is a list of events and expectations, in order:
 *   "at 1500"       it is 1500 ms now (times only grow)
 *   "ready 0"       the process at place 0 says that it is ready
 *   "end 0"         it has ended
 *   "served 0"      it has served enough requests
 *   "busy 0 1000"   its oldest request began at 1000 ms
 *   "reload 2"      a reload to so many processes
 *   "replaced"      the program's file was replaced when the reload began
 *   "stop"          a signal to stop
 *   "> start 0 …"   what the step now decides, all of it, in words; ">" alone: nothing
 *   "next 800"      when the earliest timer is due, in ms; 0: none is set
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pool/master_step.h"

#define EVENTS_MAX 48
/* No time is 0: that is a timer which is off. */
#define BEGIN_US ((int64_t)1000000000)

struct step_case {
    const char *name;
    unsigned processes;
    unsigned stuck_s;
    const char *events[EVENTS_MAX];
};

static const char *const words[] = {
    [DECIDE_START] = "start",          [DECIDE_RETIRE] = "retire",
    [DECIDE_DRAIN] = "drain",          [DECIDE_DRAIN_LAST] = "drain-last",
    [DECIDE_SIGNAL] = "signal",        [DECIDE_CRASH_LOOP] = "crash-loop",
    [DECIDE_DEATHS] = "deaths",        [DECIDE_ANNOUNCE] = "announce",
    [DECIDE_COMMIT] = "commit",        [DECIDE_ABANDON] = "abandon",
    [DECIDE_STOPPING] = "stopping",    [DECIDE_HASTEN] = "hasten",
    [DECIDE_FORWARD] = "forward",      [DECIDE_REFUSE] = "refuse",
    [DECIDE_ADMIT] = "admit",          [DECIDE_NOTIFY] = "notify",
    [DECIDE_DROP_CLIENTS] = "clients", [DECIDE_EXECUTE] = "execute"};

static const char *signal_word(int number)
{
    return number == SIGTERM ? "TERM" : "KILL";
}

static void describe(const struct decisions *d, char *out, size_t size)
{
    size_t n = 0;

    *out = '\0';
    for (unsigned i = 0; i < d->count && n < size; i++) {
        const struct decision *one = &d->list[i];
        n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " " : "", words[one->kind]);
        switch (one->kind) {
        case DECIDE_START:
        case DECIDE_RETIRE:
        case DECIDE_DRAIN:
        case DECIDE_DRAIN_LAST:
            n += (size_t)snprintf(out + n, size - n, " %u", one->place);
            break;
        case DECIDE_SIGNAL:
            n +=
                (size_t)snprintf(out + n, size - n, " %u %s", one->place, signal_word(one->number));
            break;
        case DECIDE_CRASH_LOOP:
            n += (size_t)snprintf(out + n, size - n, " %d %d", one->number,
                                  (int)(one->wait_us / 1000));
            break;
        case DECIDE_DEATHS:
            n += (size_t)snprintf(out + n, size - n, " %d", one->number);
            break;
        default:
            break;
        }
    }
}

static struct master_state state;
static struct decisions decisions;

static void expect(const char *name, const char *event, int64_t now_us)
{
    char got[512];

    master_step(&state, now_us, &decisions);
    describe(&decisions, got, sizeof(got));
    const char *wanted = event + 1 + (event[1] == ' ');
    if (strcmp(got, wanted) != 0)
        fail_msg("%s: at %d ms: wanted '%s', got '%s'", name, (int)((now_us - BEGIN_US) / 1000),
                 wanted, got);
}

static void expect_next(const char *name, int wanted_ms)
{
    int64_t next = timers_next(state.timers, TIMER_COUNT);
    int got_ms = next ? (int)((next - BEGIN_US) / 1000) : 0;

    if (got_ms != wanted_ms)
        fail_msg("%s: the next timer is due at %d ms, not at %d", name, got_ms, wanted_ms);
}

static struct generation generation_of(unsigned processes, unsigned stuck_s)
{
    return (struct generation){.number = ++state.last_number,
                               .processes = processes,
                               .stop_timeout_us = (int64_t)30 * 1000000,
                               .stuck_us = (int64_t)stuck_s * 1000000};
}

/* One event; the time goes to *now_us. */
static void play(const struct step_case *c, const char *event, int64_t *now_us)
{
    int a = 0;
    int b = 0;

    if (*event == '>')
        expect(c->name, event, *now_us);
    else if (sscanf(event, "at %d", &a) == 1)
        *now_us = BEGIN_US + (int64_t)a * 1000;
    else if (sscanf(event, "ready %d", &a) == 1)
        state.children[a].said_ready = true;
    else if (sscanf(event, "end %d", &a) == 1)
        state.children[a].has_ended = true;
    else if (sscanf(event, "served %d", &a) == 1)
        state.children[a].wants_successor = true;
    else if (sscanf(event, "busy %d %d", &a, &b) == 2)
        state.children[a].busy_since_us = BEGIN_US + (int64_t)b * 1000;
    else if (sscanf(event, "reload %d", &a) == 1)
        master_step_reload(&state, generation_of((unsigned)a, c->stuck_s), *now_us);
    else if (strcmp(event, "replaced") == 0)
        state.replaced = true;
    else if (strcmp(event, "stop") == 0)
        state.stop_signals++;
    else if (sscanf(event, "next %d", &a) == 1)
        expect_next(c->name, a);
    else
        fail_msg("%s: what is '%s'?", c->name, event);
}

static void play_case(const struct step_case *c)
{
    int64_t now_us = BEGIN_US;

    state = (struct master_state){.places = 6};
    state.current = generation_of(c->processes, c->stuck_s);
    for (size_t i = 0; i < EVENTS_MAX && c->events[i]; i++)
        play(c, c->events[i], &now_us);
}

#define BOTH_READY                                                                                 \
    "> start 0 start 1", "ready 0", "> forward", "ready 1", "> forward announce", ">", "next 0"

static const struct step_case cases[] = {
    {"start: both are ready, then nothing is due", 2, 0, {BOTH_READY}},
    {"one that was ready is replaced at once, however often it ends",
     2,
     0,
     {BOTH_READY,
      "at 400",
      "end 0",
      "> start 0",
      "at 430",
      "ready 0",
      "> forward",
      "at 800",
      "end 0",
      "> start 0",
      "at 830",
      "ready 0",
      "> forward",
      "at 1200",
      "end 1",
      "> start 1",
      "at 1230",
      "ready 1",
      "> forward",
      "at 1600",
      "end 0",
      "> start 0",
      "at 1630",
      "ready 0",
      "> forward",
      "at 2000",
      "end 0",
      "> start 0",
      "ready 0",
      "> forward",
      "at 2400",
      "end 0",
      "> deaths 5 start 0",
      "ready 0",
      "> forward",
      "at 2800",
      "end 0",
      "> deaths 5 start 0"}},
    {"one that said it was ready and ended at once was ready",
     1,
     0,
     {"> start 0", "ready 0", "end 0", "> start 0", "ready 0", "end 0", "> start 0", "ready 0",
      "end 0", "> start 0"}},
    {"failed starts: at once, then with pauses, while another process works",
     2,
     0,
     {BOTH_READY,
      "end 1",
      "> start 1",
      "end 1",
      "> start 1",
      "end 1",
      ">",
      "next 1000",
      "at 999",
      ">",
      "at 1000",
      "> start 1",
      "end 1",
      ">",
      "next 3000",
      "at 3000",
      "> start 1",
      "end 1",
      ">",
      "at 7000",
      "> start 1",
      "end 1",
      "> crash-loop 5 8000",
      "next 15000",
      "at 15000",
      "> start 1",
      "end 1",
      "> crash-loop 6 16000",
      "at 31000",
      "> start 1",
      "end 1",
      "> crash-loop 7 30000",
      "at 61000",
      "> start 1"}},
    {"while no process works, one starts each second at most",
     2,
     0,
     {"> start 0 start 1",
      "end 0",
      "end 1",
      "> start 0 start 1",
      "end 0",
      "end 1",
      ">",
      "next 800",
      "at 1000",
      "> start 0 start 1 refuse",
      "end 0",
      "end 1",
      ">",
      "next 2000",
      "at 2000",
      "> start 0",
      "end 0",
      ">",
      "next 3000",
      "at 3000",
      "> start 0 start 1",
      "end 0",
      "end 1",
      "> crash-loop 5 1000",
      "next 4000",
      "at 4000",
      "> start 0",
      "end 0",
      "> crash-loop 6 1000",
      "next 5000"}},
    {"one that becomes ready ends the pauses of all",
     2,
     0,
     {"> start 0 start 1", "end 1", "> start 1", "end 1", ">", "next 800", "ready 0",
      "> forward start 1"}},
    {"at the first start requests wait as long as nothing fails",
     1,
     0,
     {"> start 0", "at 4999", ">", "next 5000", "at 5000", "> refuse", "at 6000", "ready 0",
      "> forward announce admit", "next 0"}},
    {"requests are refused 0.8 s after the last ready one has gone, until one is ready",
     1,
     0,
     {"> start 0", "ready 0",  "> forward announce",
      "at 100",    "end 0",    "> start 0",
      "next 900",  "at 899",   ">",
      "at 900",    "> refuse", ">",
      "at 1500",   "ready 0",  "> forward admit",
      "at 1600",   "end 0",    "> start 0",
      "at 1700",   "ready 0",  "> forward",
      "next 0"}},
    {"a start that takes too long is killed, and counts as failed",
     2,
     0,
     {"> start 0 start 1", "ready 0", "> forward", "at 60000", "> signal 1 KILL", "end 1",
      "> start 1"}},
    {"one that has served enough goes when its successor is ready",
     2,
     0,
     {BOTH_READY, "served 0", "> start 2", ">", "ready 2", "> forward retire 0 drain 0",
      "next 30000", "end 0", ">", "next 0"}},
    {"reload: the new are ready before the old drain",
     2,
     0,
     {BOTH_READY, "reload 2", "> start 2 start 3", "ready 2", "> forward", "ready 3",
      "> forward commit retire 0 retire 1 drain 0 drain 1", "end 0", "end 1", ">", "next 0"}},
    {"reload: given up when one of its processes ends before all are ready",
     2,
     0,
     {BOTH_READY, "reload 2", "> start 2 start 3", "ready 2", "> forward", "end 3",
      "> abandon retire 2 drain 2", "end 2", ">", "next 0"}},
    {"reload: given up when it takes too long, its processes are killed in the end",
     1,
     0,
     {"> start 0", "ready 0", "> forward announce", "reload 2", "> start 1 start 2", "ready 1",
      "> forward", "at 60000", "> signal 2 KILL", "at 90000",
      "> abandon retire 1 retire 2 drain 1 drain 2", "at 120000", "> signal 1 TERM signal 2 TERM",
      "at 122000", "> signal 1 KILL signal 2 KILL", "end 1", "end 2", ">", "next 0"}},
    {"reload: it cures a pool whose starts fail, without a pause",
     1,
     0,
     {"> start 0", "end 0", "> start 0", "end 0", ">", "reload 1", "> start 0", "ready 0",
      "> forward announce commit", "next 0"}},
    {"reload: it waits for a place",
     3,
     0,
     {"> start 0 start 1 start 2", "ready 0", "ready 1", "ready 2",
      "> forward forward forward announce", "reload 3", "> start 3 start 4 start 5", "ready 3",
      "ready 4", "ready 5",
      "> forward forward forward commit retire 0 retire 1 retire 2 drain 0 drain 1 drain 2",
      "reload 3", ">", "end 1", "> start 1", "at 90000",
      "> signal 0 TERM signal 1 KILL signal 2 TERM abandon retire 1 drain 1"}},
    {"reload: a replaced program is executed; where that fails it goes on as any other",
     2,
     0,
     {BOTH_READY, "replaced", "reload 1",
      "> retire 0 retire 1 drain 0 drain 1 execute start 2 start 3 start 4", ">", "ready 2",
      "> forward commit retire 3 retire 4 drain 3 drain 4", "end 0", "end 1", "end 3", "end 4", ">",
      "next 0"}},
    {"reload: at a stop nothing is executed",
     1,
     0,
     {"> start 0", "ready 0", "> forward announce", "replaced", "reload 1", "stop",
      "> stopping retire 0 drain-last 0"}},
    {"stop: drain, TERM, KILL, each with its time",
     2,
     0,
     {BOTH_READY, "stop", "> stopping retire 0 retire 1 drain-last 0 drain-last 1", "next 30000",
      "end 0", ">", "at 30000", "> signal 1 TERM", "next 32000", "at 32000", "> signal 1 KILL",
      "next 0", "end 1", ">"}},
    {"stop: a second signal is TERM at once, a third KILL",
     1,
     0,
     {"> start 0", "ready 0", "> forward announce", "stop", "> stopping retire 0 drain-last 0",
      "at 10", "stop", "> hasten signal 0 TERM", "next 2010", "at 20", "stop",
      "> hasten signal 0 KILL", "next 0"}},
    {"stop: nothing is started any more, nothing refused",
     2,
     0,
     {"> start 0 start 1", "end 0", "end 1", "> start 0 start 1", "end 0", "end 1", ">", "at 900",
      "> refuse", "stop", "> stopping admit", "next 0", "at 5000", ">"}},
    {"a process with a stuck request is killed and replaced at once",
     1,
     4,
     {"> start 0", "ready 0", "> forward announce", "next 1000", "at 1000", "busy 0 900", ">",
      "next 2000", "at 4800", ">", "next 5800", "at 5800", "> signal 0 KILL", ">", "end 0",
      "> start 0"}},
};

static void test_cases(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        play_case(&cases[i]);
}

static void test_brake(void **unused)
{
    static const struct {
        unsigned failures;
        int ms;
    } rows[] = {{0, 0},    {1, 0},     {2, 1000},  {3, 2000},  {4, 4000},
                {5, 8000}, {6, 16000}, {7, 30000}, {8, 30000}, {1000000, 30000}};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(step_brake_us(rows[i].failures), rows[i].ms * 1000);
}

/* systemd hears of the master every so often, and slow clients are looked for when asked. */
static void test_errands(void **unused)
{
    (void)unused;
    state = (struct master_state){.places = 2, .notify_every_us = 500};
    state.current = generation_of(0, 0);
    timer_set(&state.timers[TIMER_NOTIFY], BEGIN_US);
    timer_set(&state.timers[TIMER_CLIENTS], BEGIN_US + 700);
    expect("errands", "> notify", BEGIN_US);
    expect("errands", ">", BEGIN_US + 499);
    expect("errands", "> notify", BEGIN_US + 500);
    expect("errands", "> clients", BEGIN_US + 700);
    expect("errands", ">", BEGIN_US + 800);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_brake),
        cmocka_unit_test(test_errands),
    };
    return cmocka_run_group_tests_name("pool/master_step", tests, NULL, NULL);
}
