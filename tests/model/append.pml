/*
 * Append and delete on one session: two writers, one deleter, one retry each; every answer may be lost, every
 * request may never arrive or arrive late, after those that were sent after it. What is promised stands in
 * check_state, acknowledge and at the end of each process. README.md tells what each switch takes away.
 *
 * A transaction of DynamoDB is one step: it sees committed items and is serialized with others. A worker knows
 * nothing but what it was answered, and its clock may show any time.
 */

#ifndef TIMES
#define TIMES 3 /* timestamps 1..TIMES: a worker that would need a later one gives up */
#endif
#define CLOCKS 2 /* what a clock may show: 1..CLOCKS */

#ifdef SAME_KEY
#define KEY(w) 1 /* both are one caller that asked twice, through two nodes */
#else
#define KEY(w) (w)
#endif
/* One retry each: with a key the caller asks again, without one the worker sends the same bytes again. */
#ifdef WITHOUT_KEYS
#define KEYED 0
#ifndef SENDS
#define SENDS 2
#endif
#else
#define KEYED 1
#ifndef SENDS
#define SENDS 1
#endif
#endif
#define OTHERS 3 /* whose message the earlier backend's is */

mtype = { OK, GONE, REPLAYED, ORDER, LOST };

/* ---- the tables ---- */
bool session = true, marked = false, owner = true, owner_marked = false;
bool has_order = true; /* the session item has last_timestamp: not an earlier backend's */
byte last = 0, count = 0;
byte message[TIMES + 1]; /* who wrote it; 0: none */
byte marker[3];          /* by key: the message's timestamp; 0: none */
byte committed = 0;      /* the latest timestamp that a transaction ever wrote */
bool others_acknowledged = false;

/* ---- what callers know ---- */
byte acknowledged[3];        /* by writer */
byte latest_acknowledged = 0;
bool delete_acknowledged = false;
byte writers_left = 2;

/* ---- on the way: one request a writer that may arrive late ---- */
byte late[3];
bool late_without_order[3];
byte late_request[3];

/* Tokens of transactions that were carried out: one bit for each request of a writer and timestamp. */
short tokens[3];
#define TOKEN(r, t) (1 << ((r) * (TIMES + 1) + (t)))

/* Of the loops below, which are within one step each. */
byte i_;
byte n_;
byte stored[4]; /* messages by writer, counted at the end */

inline count_messages() {
    n_ = 0;
    i_ = 1;
    do
    :: i_ <= TIMES -> n_ = n_ + (message[i_] != 0 -> 1 : 0); i_++
    :: else -> break
    od;
}

/* Holds at all times. */
inline check_state() {
    count_messages();
    /* An acknowledged delete leaves nothing, whatever comes later. */
    assert(!delete_acknowledged || (!session && !owner && n_ == 0 && marker[1] == 0 && marker[2] == 0));
#ifndef EARLIER_BACKEND
    /* Counts are exact. */
    assert(!session || marked || count == n_);
#endif
    /* Both paths stop showing the session at once. */
    assert(!marked || !owner || owner_marked);
    n_ = 0;
    i_ = 0
}

/* Conditions of the transaction, each with the switch that takes it away. */
#ifdef NO_MARK_CONDITION
#define IS_BEING_DELETED false
#else
#define IS_BEING_DELETED marked
#endif
#ifdef NO_EXISTS_CONDITION
#define IS_GONE false
#else
#define IS_GONE (!session)
#endif
#ifdef NO_MARKER_CONDITION
#define IS_REPLAY(w) false
#else
#define IS_REPLAY(w) (KEYED && marker[KEY(w)] != 0)
#endif
#ifdef NO_ORDER_CONDITION
#define IS_OUT_OF_ORDER(t, without) false
#else
/* A comparison with an attribute that is not there does not hold. */
#define IS_OUT_OF_ORDER(t, without) ((without) -> (session && has_order) : (!session || !has_order || last >= (t)))
#endif
#ifdef NO_FREE_KEY_CONDITION
#define IS_TAKEN(t) false
#else
#define IS_TAKEN(t) (message[t] != 0)
#endif
#ifdef NO_TOKEN
#define WAS_DONE(w, r, t) false
#else
#define WAS_DONE(w, r, t) ((tokens[w] & TOKEN(r, t)) != 0)
#endif

inline write_message(w, t) {
    message[t] = w;
    if
    :: t > committed -> committed = t
    :: else
#ifndef EARLIER_BACKEND
        -> assert(false) /* a reader that has gone beyond this time would never see it */
#endif
    fi
}

inline write_session(w, t) {
    session = true;
    has_order = true;
    last = t;
    count++;
    if
    :: KEYED -> marker[KEY(w)] = t
    :: else
    fi
}

/* DynamoDB carries out an append: one step. */
inline carry_out(w, r, t, without, result, seen) {
    if
    :: WAS_DONE(w, r, t) -> result = OK
    :: else ->
        if
        :: IS_GONE || IS_BEING_DELETED -> result = GONE
        :: else ->
            /* seen is what comes back with the refusal (ALL_OLD). */
            if
            :: IS_REPLAY(w) -> result = REPLAYED; seen = marker[KEY(w)]
            :: !IS_REPLAY(w) && (IS_OUT_OF_ORDER(t, without) || IS_TAKEN(t)) ->
                result = ORDER;
                seen = (session && has_order -> last : 0)
            :: else ->
                write_message(w, t);
                write_session(w, t);
                tokens[w] = tokens[w] | TOKEN(r, t);
                result = OK
            fi
        fi
    fi;
    check_state()
}

#ifdef NOT_ONE_TRANSACTION
/* The message is written by itself, and the session's item is not reached. */
inline carry_out_half(w, r, t, without, result) {
    if
    :: session && !marked && !IS_REPLAY(w) && !IS_OUT_OF_ORDER(t, without) && !IS_TAKEN(t) -> message[t] = w
    :: else
    fi;
    result = LOST;
    check_state()
}
#endif

/* ---- late requests ---- */
inline arrive(w) {
    carry_out(w, late_request[w], late[w], late_without_order[w], ignored, nothing);
    late[w] = 0;
    late_request[w] = 0;
    late_without_order[w] = false;
    ignored = 0;
    nothing = 0
}

active proctype Network() {
    mtype ignored;
    byte nothing;
end:
    do
    :: d_step { late[1] != 0 -> arrive(1) }
    :: d_step { late[2] != 0 -> arrive(2) }
    od
}

/* ---- a writer and the workers that serve it ---- */
inline latest_message() {
    known = 0;
    i_ = 1;
    do
    :: i_ <= TIMES -> known = (message[i_] != 0 -> i_ : known); i_++
    :: else -> break
    od;
    i_ = 0
}

inline acknowledge(t) {
    /* The same key is answered as the first time. */
    assert(acknowledged[w] == 0 || acknowledged[w] == t);
    assert(!KEYED || KEY(w) == w || acknowledged[1] == 0 || acknowledged[1] == t);
    /* What was acknowledged before this was asked for comes before it. */
    assert(t > asked_after);
    acknowledged[w] = t;
    latest_acknowledged = (t > latest_acknowledged -> t : latest_acknowledged)
}

proctype Writer(byte w) {
    byte request = 0, known, time, sends, asked_after, seen;
    bool without_order;
    mtype result;

#ifndef SAME_KEY
    asked_after = latest_acknowledged;
#endif
    do
    :: request < (KEYED -> 2 : 1) ->
        /* A worker of any node, which knows nothing of the session yet. */
        do
        :: true ->
            if
            :: time = 1
            :: time = CLOCKS
            fi;
            time = (time > known -> time : known + 1);
            if
            :: time > TIMES -> break
            :: else
            fi;
            sends = 0;
            do
            :: sends < SENDS ->
                sends++;
                if
                :: d_step { carry_out(w, request, time, without_order, result, seen) }
                :: d_step { carry_out(w, request, time, without_order, result, seen); result = LOST; seen = 0 }
                :: d_step { late[w] == 0 -> late[w] = time; late_request[w] = request; late_without_order[w] = without_order; result = LOST }
                :: result = LOST
#ifdef NOT_ONE_TRANSACTION
                :: d_step { carry_out_half(w, request, time, without_order, result) }
#endif
                fi;
                if
                :: result != LOST -> break
                :: else
                fi
            :: else -> break
            od;
            if
            :: result == OK -> d_step { acknowledge(time) }; break
            :: result == REPLAYED ->
                d_step { acknowledge(seen) };
                break
            :: result == ORDER ->
                d_step {
                    if
                    :: seen >= time -> known = seen; without_order = false
                    :: else -> without_order = (seen == 0); latest_message()
                    fi
                }
            :: else -> break /* not found, or not known what became of it */
            fi
        od;
        request++;
        d_step { known = 0; time = 0; sends = 0; seen = 0; result = 0; without_order = false }
    :: else -> break
    od;
    writers_left--
}

/* ---- the deleter ---- */
#ifdef MARK_SESSION_ALONE
#define MARK_OWNER skip
#else
#define MARK_OWNER owner_marked = true
#endif

proctype Deleter() {
    byte attempt = 0, time;

    do
    :: attempt < 2 ->
        attempt++;
        /* 1. The mark. */
        if
        :: d_step { !session ->
                /* It answers 404, which tells the caller that nothing is there. */
                delete_acknowledged = true; check_state() };
            break
        :: d_step { session ->
#ifndef DELETE_WITHOUT_MARK
                marked = true; MARK_OWNER;
#endif
                check_state() }
        :: goto again /* cut off */
        fi;
#ifdef SESSION_ITEM_FIRST
        d_step { session = false; marked = false };
#endif
        /* 2. Everything in the messages partition, the owner item last. */
        d_step {
            time = 1;
            do
            :: time <= TIMES -> message[time] = 0; time++
            :: else -> break
            od;
            time = 0
        };
        if
        :: d_step { marker[1] = 0; marker[2] = 0 }
        :: goto again
        fi;
        if
        :: owner = false
        :: goto again
        fi;
        /* 3. The session item. */
        if
        :: d_step { session = false; marked = false; has_order = false; last = 0; count = 0; delete_acknowledged = true; check_state() };
            break
        :: goto again
        fi;
again:
        time = 0
    :: else -> break
    od
}

#ifdef EARLIER_BACKEND
/* Another program on the same tables, which knows no last_timestamp: it has written one message and writes another
 * at any time, where its clock finds room. */
proctype EarlierBackend() {
    if
    :: d_step { session && !marked && message[TIMES - 1] == 0 -> message[TIMES - 1] = OTHERS; others_acknowledged = true }
    :: skip
    fi
}
#endif

/* ---- the end ---- */
init {
    atomic {
#ifdef EARLIER_BACKEND
        has_order = false;
        message[1] = OTHERS;
        count = 1;
        run EarlierBackend();
#endif
        run Writer(1);
        run Writer(2);
#ifndef NO_DELETER
        run Deleter()
#endif
    };
    writers_left == 0 && _nr_pr == 2 && late[1] == 0 && late[2] == 0;
    d_step {
        check_state();
        i_ = 1;
        do
        :: i_ <= TIMES ->
            if
            :: message[i_] == 1 -> stored[1]++
            :: message[i_] == 2 -> stored[2]++
            :: else
            fi;
            i_++
        :: else -> break
        od;
        /* Nothing is stored twice. */
        assert(stored[1] <= 1 && stored[2] <= 1);
#ifdef SAME_KEY
        assert(stored[1] + stored[2] <= 1);
#endif
        /* Nothing acknowledged is lost. */
        if
        :: session && !marked ->
#ifdef SAME_KEY
            assert(acknowledged[1] == 0 || message[acknowledged[1]] != 0);
            assert(acknowledged[2] == 0 || message[acknowledged[2]] != 0);
#else
            assert(acknowledged[1] == 0 || message[acknowledged[1]] == 1);
            assert(acknowledged[2] == 0 || message[acknowledged[2]] == 2);
#endif
            assert(!others_acknowledged || message[TIMES - 1] == OTHERS)
        :: else
        fi
    }
}
