/*
 * The attempts of one call to a service of AWS: what is done before an attempt, after it and
 * between two of them, within a deadline. How a service is asked and what its answers mean are
 * functions that the call brings along, so nothing here knows a service, and tests need no network.
 * What has happened to the call is decided here and nowhere else, also whether it may have been
 * carried out although it failed.
 */
#ifndef AWS_ATTEMPTS_H
#define AWS_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>
#include "aws/credentials.h"
#include "aws/retry.h"
#include "aws/skew.h"
#include "base/clock.h"
#include "base/err.h"

/* What came of an attempt, as far as the next one depends on it. */
enum attempt_outcome {
    ATTEMPT_SUCCEEDED,
    ATTEMPT_REFUSED,   /* an answer too, but no success: it gives no quota back */
    ATTEMPT_HOPELESS,  /* a fault that the next attempt would meet again */
    ATTEMPT_TRANSIENT, /* a fault of network or server: again after a pause */
    ATTEMPT_THROTTLED, /* again after the pause that throttling asks for */
    /* Somebody else was at the same items. That is no fault of the service: it is tried again for
     * as long as there is time and costs no quota, so that one busy item does not use up what the
     * others may need. */
    ATTEMPT_CONFLICT,
    ATTEMPT_EXPIRED, /* the credentials: once, again with others */
    ATTEMPT_CLOCK,   /* the time of the signature was refused: once, again with another */
};

struct attempt_report {
    enum attempt_outcome outcome;
    bool maybe_done;        /* a fault after which the attempt may have been carried out */
    int64_t server_s;       /* ATTEMPT_CLOCK: the server's clock, or SKEW_TIME_UNKNOWN */
    int64_t retry_after_ms; /* as the server asks; RETRY_SERVER_UNSAID if it does not */
};

/* How a service is asked. Those that may be NULL say so. `call` is that of struct attempts. */
struct attempt_service {
    /* Gets what an attempt needs, which may take until the deadline. -1 with e. NULL: nothing. */
    int (*get_credentials)(void *call, struct err *e);
    /* Signs for AWS's time, seconds since the epoch. -1 with e. NULL: not signed. */
    int (*sign)(void *call, int64_t wall_s, struct err *e);
    /* Sends and waits for the answer; left_us: until the deadline. */
    void (*send)(void *call, int64_t left_us);
    /* Fills the zeroed report from what came back. */
    void (*judge)(void *call, struct attempt_report *report);
    /* Gets credentials in place of expired ones. NULL: no report is ATTEMPT_EXPIRED. */
    enum credentials_renewal (*renew)(void *call, struct err *e);
    /* An attempt is about to be repeated, after its pause. May be NULL. */
    void (*note_repeat)(void *call);
};

enum attempt_effect {
    ATTEMPT_READS,  /* nothing is changed */
    ATTEMPT_WRITES, /* doing it twice does no harm: the request is one that recognises itself */
    ATTEMPT_WRITES_ONCE, /* not repeated after an attempt that may have been carried out */
};

struct attempts {
    /* Set by the caller. */
    const struct attempt_service *service;
    void *call;
    const struct clock *clock;
    struct skew *skew;         /* of the signatures; NULL if there is no sign */
    struct retry_quota *quota; /* NULL: retries cost nothing */
    int64_t deadline_us;       /* on the monotonic clock; INT64_MAX: none */
    unsigned most;             /* attempts in all; those that ended in a conflict do not count */
    enum retry_kind transient; /* whose pause and cost ATTEMPT_TRANSIENT has */
    enum retry_kind throttled; /* the same for ATTEMPT_THROTTLED */
    enum attempt_effect effect;

    /* What has happened so far: zeroed by the caller, and his to read at any time. */
    unsigned made;
    unsigned conflicts;    /* of them */
    int paid;              /* to the quota, for the last retry */
    bool maybe_done;       /* an attempt to write may have been carried out */
    bool renewed;          /* the credentials, after AWS called them expired */
    bool clock_corrected;  /* after AWS refused a signature for its time */
    int64_t signed_skew_s; /* of the last attempt: what was added to this machine's clock */
    int64_t clock_s; /* of the last attempt: this machine's clock between sending and answer */
};

enum attempts_end {
    ATTEMPTS_ANSWERED, /* the last report is an answer */
    ATTEMPTS_FAILED,   /* the last report is a fault, and it is not, or may not be, tried again */
    ATTEMPTS_TOO_LATE, /* the deadline had come before an attempt began */
    ATTEMPTS_STOPPED,  /* no credentials or no signature; e says why */
    ATTEMPTS_GO_ON,    /* never returned by attempts_run */
};

/* Makes attempts until the call has an answer or is given up. */
enum attempts_end attempts_run(struct attempts *a, struct err *e);

#endif
