/*
 * Create under an Idempotency-Key, small (one transaction) or with a long history (-DHISTORY: owner, messages,
 * reveal), beside a delete and an erase (or purge) that finds the build: two callers with the same key, one deleter, one
 * retry each. Every answer may be lost, every request may never arrive or arrive late. What is promised stands in
 * check_state and acknowledge. README.md tells what each switch takes away.
 *
 * A transaction of DynamoDB is one step: it sees committed items and is serialized with others.
 */

#ifndef IDS
#define IDS 3 /* ids that may be made: a caller that would need another one gives up */
#endif
#define MESSAGES 2
#define ALL ((1 << MESSAGES) - 1)

mtype = { DONE, REFUSED, LOST };
mtype = { CREATE, BEGIN, PUT, REVEAL };

/* ---- the tables, by id ---- */
bool session[IDS + 1], marked[IDS + 1];
bool owner[IDS + 1], building[IDS + 1], owner_marked[IDS + 1];
byte built[IDS + 1]; /* built_until of the owner item, as a number of messages */
bool build[IDS + 1]; /* the build's item, in the place of the session's */
byte messages[IDS + 1]; /* one bit each */
byte marker = 0;        /* the key's: which id it names */

/* ---- what callers know ---- */
byte acknowledged = 0; /* the id that was answered last */
bool gone_for_good[IDS + 1];
byte made = 0;
byte creators_left = 2;

/* ---- on the way: one request a caller that may arrive late ---- */
mtype late[3];
byte late_id[3], late_gone[3], late_which[3];

byte i_, n_; /* of the loops below, which are within one step each */

#define LIVES(id) (session[id] && !marked[id])
#define SHOWN(id) (LIVES(id) || (owner[id] && !building[id] && !owner_marked[id]))

/* Holds at all times. */
inline check_state() {
    n_ = 0;
    i_ = 1;
    do
    :: i_ <= IDS ->
        n_ = n_ + (LIVES(i_) -> 1 : 0);
        /* Nobody sees part of a history. */
        assert(!SHOWN(i_) || messages[i_] == ALL);
        /* An acknowledged delete leaves nothing, and neither does a purge. */
        assert(!gone_for_good[i_] ||
               (!session[i_] && !owner[i_] && !build[i_] && messages[i_] == 0 && marker != i_));
        /* Whatever is there can be found by its user, and so deleted. */
        assert(messages[i_] == 0 || session[i_] || build[i_]);
        i_++
    :: else -> break
    od;
    /* One key makes one session. */
    assert(n_ <= 1);
    /* A marker never names what is not there. */
    assert(marker == 0 || session[marker] || build[marker]);
    n_ = 0;
    i_ = 0
}

/* ---- transactions ---- */
#ifdef NO_MARKER_CONDITION
#define MARKER_IS_FREE(gone) true
#else
#ifdef TAKE_OVER_BLINDLY
#define MARKER_IS_FREE(gone) (marker == 0 || (gone) != 0)
#else
#define MARKER_IS_FREE(gone) (marker == 0 || ((gone) != 0 && marker == (gone)))
#endif
#endif
#define IS_BUILDING(id) (owner[id] && building[id] && !owner_marked[id])
#ifdef PUTS_WITHOUT_CONDITION
#define MAY_PUT(id, which) true
#else
#define MAY_PUT(id, which) (IS_BUILDING(id) && built[id] <= (which))
#endif
#ifdef REVEAL_WITHOUT_CONDITION
#define MAY_REVEAL(id) (built[id] == MESSAGES)
#else
#ifdef REVEAL_WITHOUT_COUNT
#define MAY_REVEAL(id) IS_BUILDING(id)
#else
#define MAY_REVEAL(id) (IS_BUILDING(id) && built[id] == MESSAGES)
#endif
#endif

/* What comes back with a refusal (ALL_OLD): what the marker names; of a build, what the owner item says. */
#define IS_LOST 1
#define IS_REVEALED 2
#define IS_FURTHER 3
inline carry_out(kind, id, gone, which, result, seen) {
    result = REFUSED;
    if
    :: kind == CREATE && MARKER_IS_FREE(gone) ->
        session[id] = true; owner[id] = true; messages[id] = ALL; marker = id; result = DONE
    :: kind == BEGIN && MARKER_IS_FREE(gone) ->
        owner[id] = true; build[id] = true; marker = id; result = DONE;
#ifndef NO_BUILDING_MARK
        building[id] = true
#endif
    :: kind == PUT && MAY_PUT(id, which) ->
        messages[id] = messages[id] | (1 << which); built[id] = which + 1; result = DONE
    :: kind == REVEAL && MAY_REVEAL(id) ->
        session[id] = true; owner[id] = true; building[id] = false; build[id] = false; built[id] = 0; result = DONE
    :: else ->
        seen = ((kind == PUT || kind == REVEAL) ->
                ((owner[id] && !owner_marked[id]) -> (building[id] -> IS_FURTHER : IS_REVEALED) : IS_LOST) : marker)
    fi;
    check_state()
}

inline arrive(w) {
    carry_out(late[w], late_id[w], late_gone[w], late_which[w], ignored, nothing);
    late[w] = 0; late_id[w] = 0; late_gone[w] = 0; late_which[w] = 0;
    ignored = 0; nothing = 0
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

/* One call: answered, carried out but not answered, late, or never there. */
inline call(kind, which) {
    if
    :: d_step { carry_out(kind, id, gone, which, result, seen) }
    :: d_step { carry_out(kind, id, gone, which, result, seen); result = LOST; seen = 0 }
    :: d_step { late[w] == 0 -> late[w] = kind; late_id[w] = id; late_gone[w] = gone; late_which[w] = which; result = LOST }
    :: result = LOST
    fi
}

/* ---- a caller and the workers that serve it ---- */
inline acknowledge(which) {
    /* The key is answered as before this was asked for, for as long as that session lives. */
    assert(before == 0 || before == which || !LIVES(before));
    acknowledged = which
}

proctype Creator(byte w) {
    byte request = 0, id, next, gone, seen, before;
    mtype result;

    do
    :: request < 2 ->
        before = acknowledged;
find:
        skip;
        if
        :: id == 0 && made == IDS -> goto answered
        :: d_step { id == 0 && made < IDS -> made++; id = made }
        :: id != 0
        fi;
#ifdef HISTORY
        call(BEGIN, 0);
#else
        call(CREATE, 0);
#endif
        if
        :: result == LOST -> goto answered
        :: result == REFUSED ->
            /* The marker's session: its item, then the owner item, and if that says that it was revealed in between
             * its item again. */
            if
            :: d_step { LIVES(seen) -> acknowledge(seen); result = DONE }
            :: d_step { session[seen] && marked[seen] -> gone = seen }
            :: !session[seen] ->
                if
                :: d_step { IS_BUILDING(seen) -> id = seen; result = LOST }
                :: d_step { !owner[seen] || owner_marked[seen] -> gone = seen }
                :: owner[seen] && !owner_marked[seen] && !building[seen] ->
#ifdef NO_THIRD_LOOK
                    gone = seen
#else
                    if
                    :: d_step { LIVES(seen) -> acknowledge(seen); result = DONE }
                    :: d_step { !LIVES(seen) -> gone = seen }
                    fi
#endif
                fi
            fi;
            if
            :: result == DONE -> goto answered
            :: result == REFUSED -> goto find
            :: result == LOST /* a build to go on with */
            fi
        :: result == DONE
        fi;
#ifdef HISTORY
        gone = 0;
        next = 0;
go_on:
        skip;
        do
        :: next < MESSAGES ->
            call(PUT, next);
            if
#ifdef REVEAL_TOO_EARLY
            :: result == LOST -> next++
#else
            :: result == LOST -> goto answered
#endif
            :: result == REFUSED -> goto refused
            :: result == DONE -> next++
            fi
        :: else -> break
        od;
        call(REVEAL, 0);
        if
        :: result == LOST -> goto answered
        :: result == REFUSED -> goto refused
        :: result == DONE
        fi;
#endif
        d_step { acknowledge(id) };
#ifdef HISTORY
        goto answered;
refused:
        if
        :: seen == IS_LOST -> goto answered /* it was deleted: 404 */
        :: d_step { seen == IS_REVEALED -> acknowledge(id) }; goto answered
        /* Somebody has built on. ALL_OLD says how far; that this has changed by now only makes the next step fail. */
        :: d_step { seen == IS_FURTHER -> next = built[id] }; goto go_on
        fi;
#endif
answered:
        skip;
        d_step { id = 0; next = 0; gone = 0; seen = 0; before = 0; result = 0 };
        request++
    :: else -> break
    od;
    creators_left--
}

/* ---- the deleter: what was acknowledged ---- */
inline remove_marker() {
#ifdef MARKER_REMOVED_BLINDLY
    marker = 0
#else
    marker = (marker == id -> 0 : marker)
#endif
}

proctype Deleter() {
    byte attempt = 0, id;

    if
    :: d_step { acknowledged != 0 -> id = acknowledged }
    :: goto ended
    fi;
    do
    :: attempt < 2 ->
        attempt++;
        if
        :: d_step { session[id] -> marked[id] = true; owner_marked[id] = true; check_state() }
        :: d_step { !session[id] -> gone_for_good[id] = true; check_state() }; break
        :: goto again
        fi;
        messages[id] = 0;
        if
        :: d_step { owner[id] = false; owner_marked[id] = false }
        :: goto again
        fi;
        if
        :: d_step { remove_marker(); check_state() }
        :: goto again
        fi;
        if
        :: d_step { session[id] = false; marked[id] = false; gone_for_good[id] = true; check_state() }; break
        :: goto again
        fi;
again:
        skip
    :: else -> break
    od;
ended:
    id = 0
}

#ifdef HISTORY
/* ---- an erase of the user, or a purge: a build that its item tells of, while somebody may still be at it. ---- */
inline mark_build() {
    if
#ifdef ERASE_MARKS_BLINDLY
    :: owner[id] -> owner_marked[id] = true; building[id] = true
#else
    :: owner[id] && building[id] -> owner_marked[id] = true
    :: owner[id] && !building[id] -> id = 0 /* it is a session by now */
#endif
    :: !owner[id] && build[id] /* a delete was cut off */
#ifdef ERASE_FORGETS_ITEM
    :: !owner[id] && !build[id]
#else
    :: !owner[id] && !build[id] -> id = 0 /* it was a session, and is being deleted as one */
#endif
    fi
}

proctype Erase() {
    byte id;

    if
    :: d_step { build[1] -> id = 1 }
    :: d_step { build[2] -> id = 2 }
    :: goto ended
    fi;
    d_step { mark_build(); check_state() };
    if
    :: id == 0 -> goto ended
    :: else
    fi;
    messages[id] = 0;
    d_step { owner[id] = false; building[id] = false; owner_marked[id] = false; built[id] = 0; check_state() };
    d_step { remove_marker(); check_state() };
    d_step { build[id] = false; gone_for_good[id] = true; check_state() };
ended:
    id = 0
}
#endif

init {
    atomic {
        run Creator(1);
        run Creator(2);
#ifdef HISTORY
        run Erase();
#endif
        run Deleter()
    };
    creators_left == 0 && _nr_pr == 2 && late[1] == 0 && late[2] == 0;
    /* Nothing acknowledged is lost. */
    assert(acknowledged == 0 || gone_for_good[acknowledged] || session[acknowledged])
}
