/*
 * The pool: how requests reach threads. The handler knows what to do with a request.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "base/config.h"
#include "base/err.h"
#include "http/gateway.h"

/*
 * What the pool runs. process_new is called once in each worker process, after fork; thread_new
 * once in each of its threads, in that thread; handle for each request. The *_free are called in
 * reverse on a clean stop. process_new and thread_new return NULL and fill e when they fail: the
 * worker exits and the master tries again with back-off.
 */
struct pool_handler {
    void *(*process_new)(const struct config *config, struct err *e);
    void (*process_free)(void *process);
    void *(*thread_new)(void *process, struct err *e);
    void (*thread_free)(void *thread);
    void (*handle)(void *thread, struct gateway *gateway);
};

/*
 * How many slots metrics_init needs for any pool: each place of a process has room for the most
 * threads. Slots that are not used take no memory.
 */
unsigned pool_slots(void);

/*
 * Call first thing in main, in every mode: undoes what a careless parent left behind (if SIGCHLD is
 * ignored, no child can be waited for), forbids core files, and lets the pool write into argv what
 * its processes are doing, for ps. The strings of argv and of the environment are lost: take a copy
 * of what is needed before.
 */
void pool_begin(int argc, char **argv);

/* Memory holds credentials and what people wrote: none of it goes into a core file. Inherited by
 * fork; the second half of it is undone by a change of the user. */
void pool_forbid_core_dumps(void);

/*
 * Does some work before pool_run in a process of its own, as POOL_USER: no connection, no random
 * state and no thread of it crosses the pool's fork. result: what work returns, 0 to 255; -1 if it
 * has crashed. From here on SIGHUP and SIGUSR1 wait for pool_run. SIGTERM, SIGINT and SIGQUIT end
 * the work: POOL_ASIDE_STOPPED, and the pool should not start. POOL_ASIDE_FAILED: with e, nothing
 * was done.
 */
enum pool_aside { POOL_ASIDE_DONE, POOL_ASIDE_STOPPED, POOL_ASIDE_FAILED };
enum pool_aside pool_run_aside(const struct config *config,
                               int (*work)(const struct config *config), int *result,
                               struct err *e);

/*
 * Starts this program once more beside the pool, as POOL_USER, with these arguments (arguments[0]
 * is its name; NULL ends them). It is not waited for; it ends with this process, or when the next
 * one is started.
 */
void pool_start_beside(const struct config *config, char *const *arguments);

/*
 * The master: opens the socket (or takes it from LISTEN_FDS), forks the processes, keeps them
 * alive, answers metrics and health on its own socket, and returns when it has been stopped: 0, or
 * -1 with e when it could not start. reload reads the configuration anew (NULL on failure with e;
 * the pool goes on with the old one); what it returns is allocated with malloc and becomes the
 * pool's, which frees it with config_free and free. If the program's file was replaced, a reload
 * that finds the configuration good executes the new program instead. Without the function, a
 * reload only replaces the processes. SOCKET, STATUS_SOCKET, SOCKET_GROUP and POOL_USER stay as
 * they were until the pool is started again.
 */
struct pool_options {
    const struct config *config;
    const struct pool_handler *handler;
    struct config *(*reload)(struct err *e);
};
int pool_run(const struct pool_options *options, struct err *e);

/* True if this process ran an older program until now: a reload (SIGHUP) of a pool whose program's
 * file was replaced executes the new one, which keeps process id and sockets. */
bool pool_is_upgrade(void);

/* The listening socket that the program was started with: as standard input (spawn-fcgi,
 * mod_fcgid), or as systemd passes it (LISTEN_FDS). -1: there is none. */
int pool_given_listener(void);

/* One process without a master on that socket. */
int pool_run_single(const struct config *config, const struct pool_handler *handler, int listener,
                    struct err *e);

/* One request as plain CGI: standard input, output, environment. */
int pool_run_cgi(const struct config *config, const struct pool_handler *handler, struct err *e);

#endif
