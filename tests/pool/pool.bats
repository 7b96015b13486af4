#!/usr/bin/env bats
# bats file_tags=apart,long
# The pool behind a real nginx: requests, reload, recycling, death, stop, status.

# shellcheck source=tests/pool/helpers.bash
load helpers

setup_file() { build_example; }

setup() {
    DIR=$BATS_TEST_TMPDIR
}

teardown() { stop_all; }

@test "requests and bodies pass, also a body that nobody reads" {
    start_all
    head -c 3000000 /dev/urandom >"$DIR/body"
    get /echo --data-binary @"$DIR/body" -o "$DIR/answer"
    cmp "$DIR/body" "$DIR/answer"
    is "$(get '/big?2000000' | wc -c)" 2000000
    for _ in {1..20}; do
        is "$(get /ignore --data-binary @"$DIR/body" -o /dev/null -w '%{http_code}')" 200
        is "$(get /echo -d after)" after
    done
    # One for each process of nginx.
    (($(metric chat_sessions_pool_connections) <= 2)) || fail 'connections are not kept'
}

@test "reloads under load: not one request fails, all processes are new" {
    start_all POOL_THREADS=16
    before=$(workers)
    load '/sleep?5' 24 "${RELOAD_SECONDS:-3}" >"$DIR/result" 3>&- &
    loader=$!
    while ! has_ended $loader; do
        kill -HUP "$(pid_of pool)"
        sleep 0.5
    done
    wait $loader
    result=$(cat "$DIR/result")
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["200"]]' "$result"
    (($(metric chat_sessions_pool_reloads_total) >= ${RELOAD_SECONDS:-3})) || fail 'too few reloads'
    for pid in $before; do wait_for 10 has_ended "$pid"; done
}

ask() { "$POOL_TESTS/ask" "$DIR/s" "$@"; }

@test "a connection that wakes a process as it begins to drain is served by another" {
    command -v strace >/dev/null || skip 'strace is not installed'
    start_pool POOL_PROCESSES=1
    wait_for 20 is_healthy
    read -r old <<<"$(workers)"
    # Slowed down, the old process is woken while the listener is still in its epoll set, and looks only
    # when it is draining already. The kernel has woken nobody else.
    start_in_background strace strace -f -q -o "$DIR/trace" -p "$old" -e trace=epoll_ctl,epoll_wait \
        -e inject=epoll_ctl:delay_enter=1000000 -e inject=epoll_wait:delay_exit=2000000
    wait_for 5 test -s "$DIR/trace"
    kill -HUP "$(pid_of pool)"
    wait_for 10 logged 'new processes are ready'
    is "$(timeout 5 "$POOL_TESTS/ask" "$DIR/s" /pid | wc -l)" 1 'answers'
    end strace
    wait_for 10 has_ended "$old"
}

@test "reloads under load of bodies: not one request fails" {
    start_all POOL_THREADS=16
    load /echo 16 2 200000 >"$DIR/result" 3>&- &
    loader=$!
    while ! has_ended $loader; do
        kill -HUP "$(pid_of pool)"
        sleep 0.2
    done
    wait $loader
    result=$(cat "$DIR/result")
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["200"]]' "$result"
}

@test "processes are replaced after POOL_MAX_REQUESTS, not one request fails" {
    start_all POOL_MAX_REQUESTS=300
    before=$(workers)
    result=$(load /pid 16 2)
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["200"]]' "$result"
    for pid in $before; do wait_for 10 has_ended "$pid"; done
    is "$(metric chat_sessions_worker_restarts_total)" 0 'deaths'
}

@test "processes killed under load: others go on, the dead are replaced" {
    start_all
    load /pid 16 4 >"$DIR/result" 3>&- &
    loader=$!
    for _ in 1 2 3; do
        sleep 1
        kill -KILL "$(workers | awk '{ print $1 }')"
    done
    wait $loader
    result=$(cat "$DIR/result")
    is "$(jq '.failed == 0 and ((.statuses | del(."200", ."502") | length) == 0)' <<<"$result")" true "$result"
    # Each death cuts off what was in one process: at most its connections.
    is "$(jq '(.statuses."502" // 0) <= 3 * 16' <<<"$result")" true "$result"
    wait_for 10 metric_is chat_sessions_worker_restarts_total 3
    wait_for 10 metric_is 'chat_sessions_pool_processes{state="ready"}' 2
}

@test "a bad configuration leaves the old pool running and says why" {
    start_all
    before=$(workers)
    set_config POOL_THREADS=many
    kill -HUP "$(pid_of pool)"
    wait_for 5 logged 'reload: the configuration is not used.*POOL_THREADS'
    is "$(workers)" "$before"
    is "$(get /echo -d on)" on
}

@test "a reload whose processes do not start is given up" {
    EXAMPLE_REFUSE_FILE=$DIR/refuse start_all
    before=$(workers)
    touch "$DIR/refuse"
    kill -HUP "$(pid_of pool)"
    wait_for 10 logged 'reload: given up'
    is "$(get /echo -d on)" on
    wait_for 10 metric_is 'chat_sessions_pool_processes{state="starting"}' 0
    is "$(workers)" "$before"
    rm "$DIR/refuse"
    kill -HUP "$(pid_of pool)"
    wait_for 10 metric_is chat_sessions_pool_reloads_total 1
}

@test "a reload that finds every place taken by draining processes says so, and waits" {
    start_pool POOL_PROCESSES=1
    wait_for 20 is_healthy
    for i in {1..15}; do
        ask '/sleep?60000' >"$DIR/answer-$i" 3>&- &
        wait_for 5 metric_is chat_sessions_pool_workers_busy "$i"
        kill -HUP "$(pid_of pool)"
        wait_for 5 metric_is chat_sessions_pool_reloads_total "$i"
    done
    kill -HUP "$(pid_of pool)"
    wait_for 5 logged 'reload: it waits for 15 processes of earlier reloads'
    is "$(ask /echo | wc -c)" 0
    kill -KILL "$(workers | awk '{ print $1 }')"
    wait_for 5 metric_is chat_sessions_pool_reloads_total 16
    kill -TERM "$(pid_of pool)"
    wait_for 5 logged 'stopping'
    end pool TERM
}

@test "a reload changes the number of processes and threads" {
    start_all
    set_config POOL_PROCESSES=3 POOL_THREADS=2
    kill -HUP "$(pid_of pool)"
    wait_for 10 metric_is chat_sessions_pool_workers_max 6
    wait_for 10 metric_is chat_sessions_pool_workers_idle 6
    wait_for 10 metric_is 'chat_sessions_pool_processes{state="ready"}' 3
}

@test "a crash loop is slowed down and named in the log; a reload cures it" {
    touch "$DIR/refuse"
    begun=$SECONDS
    EXAMPLE_REFUSE_FILE=$DIR/refuse start_pool
    wait_for 20 logged 'crash loop: worker . has died 5 times'
    is "$(status_socket /api/v1/health -o "$DIR/out" -w '%{http_code}')" 503
    is "$(jq -r .status "$DIR/out")" 503
    # Both at once again, then the two of them together once or twice a second.
    (($(metric chat_sessions_worker_starts_total) <= 4 + 2 * (SECONDS - begun + 1))) || fail 'too many starts'
    rm "$DIR/refuse"
    kill -HUP "$(pid_of pool)"
    wait_for 5 is_healthy
}

@test "a process that dies of its work again and again is named in the log, and not slowed down" {
    start_pool POOL_PROCESSES=1
    for i in {1..5}; do
        wait_for 20 is_healthy
        sleep 1.1 # older than what counts as a death soon after the start
        kill -KILL "$(workers | xargs)"
        wait_for 5 metric_is chat_sessions_worker_restarts_total "$i"
    done
    wait_for 5 logged 'crash loop: worker 0 has died 5 times or more within a minute'
    wait_for 1 is_healthy
}

# storm SECONDS: kills one worker after the other, every 0.4 s, whichever is there.
storm() {
    local end=$((SECONDS + $1)) n=0 pids
    while ((SECONDS < end)); do
        read -ra pids <<<"$(workers)"
        ((${#pids[@]} == 0)) || kill -KILL "${pids[n % ${#pids[@]}]}" 2>/dev/null || true
        n=$((n + 1))
        sleep 0.4
    done
    echo "$n"
}

@test "a worker killed every 0.4 s: the pool is never away" {
    start_all
    load /pid 16 "${STORM_SECONDS:-5}" >"$DIR/result" 3>&- &
    loader=$!
    kills=$(storm "${STORM_SECONDS:-5}")
    wait $loader
    result=$(cat "$DIR/result")
    is "$(jq '.failed == 0 and ((.statuses | del(."200", ."502") | length) == 0)' <<<"$result")" true "$result"
    is "$(jq --argjson kills "$kills" '(.statuses."502" // 0) <= $kills * 16' <<<"$result")" true "$result"
    is "$(metric chat_sessions_pool_refused_total)" 0 'refused by the master'
    wait_for 2 metric_is 'chat_sessions_pool_processes{state="ready"}' 2
    ! logged 'no worker process is ready' || fail 'there was none'
}

answers_503() { [[ $(get /pid -o "$DIR/out" -D "$DIR/head" -w '%{http_code}' "$@") == 503 ]]; }

@test "no process becomes ready: 503 with Retry-After within a second, and soon after the mending all is well" {
    EXAMPLE_REFUSE_FILE=$DIR/refuse start_all
    touch "$DIR/refuse"
    workers | xargs kill -KILL
    # The request that comes in the moment of the death waits for 0.8 s; those after it, not at all.
    wait_for 3 answers_503
    is "$(get /pid -o "$DIR/out" -w '%{http_code}' --max-time 1)" 503
    is "$(get /echo --data-binary @"$POOL_EXAMPLE" -o "$DIR/out" -w '%{http_code}' --max-time 2)" 503 'with a body'
    answers_503 -H 'X-Request-Id: mine' -H 'Origin: http://localhost:3000'
    is "$(jq -c '[.status, .code, .request_id]' "$DIR/out")" '[503,"overloaded","mine"]'
    is "$(tr -d '\r' <"$DIR/head" | awk -F': ' 'tolower($1) ~ /^(retry-after|x-request-id|access-control-allow-origin)$/ { print $2 }' | xargs)" \
        'mine http://localhost:3000 1'
    is "$(get /pid --head -o "$DIR/out" -w '%{http_code} %header{content-length}' | awk '{ print $1, ($2 > 100) }')" '503 1'
    result=$(load /pid 64 1)
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["503"]]' "$result"
    (($(metric chat_sessions_pool_refused_total) > 64)) || fail 'the master did not say so'
    logged 'no worker process is ready: requests are answered 503'
    rm "$DIR/refuse"
    wait_for 3 is_healthy
    is "$(get /echo -d on)" on
    wait_for 3 metric_is 'chat_sessions_pool_processes{state="ready"}' 2
}

@test "what is not FastCGI, or half of it, harms no master that refuses" {
    touch "$DIR/refuse"
    EXAMPLE_REFUSE_FILE=$DIR/refuse start_pool POOL_PROCESSES=1
    wait_for 10 logged 'no worker process is ready'
    head -c 100000 /dev/urandom | timeout 5 perl -MSocket -e '
        socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, sockaddr_un($ARGV[0])) or die; $SIG{PIPE} = "IGNORE";
        local $/; print { $s } <STDIN>; close $s' "$DIR/s"
    ask /pid half >"$DIR/half" 3>&- &
    asked=$!
    is "$(ask /pid | jq -r .code)" overloaded
    wait $asked
    is "$(cat "$DIR/half")" closed
    is "$(metric chat_sessions_pool_refused_total)" 1
}

@test "a request that crashes its process is not sent to another: one error, one process lost" {
    start_all POOL_PROCESSES=3
    # nginx would repeat it for each connection that it keeps.
    is "$(load /pid 16 1 | jq .failed)" 0
    is "$(get /crash -o /dev/null -w '%{http_code}')" 502
    wait_for 5 metric_is chat_sessions_worker_restarts_total 1
    wait_for 5 metric_is 'chat_sessions_pool_processes{state="ready"}' 3
    is "$(get /echo -d on)" on
    is "$(metric chat_sessions_worker_restarts_total)" 1
}

# Threads that accept at the same moment may each take one more: the default of the tests is four.
holds_what_it_can() {
    local held
    held=$(metric chat_sessions_pool_connections)
    ((${held:-0} >= 1024 && held <= 1028))
}

@test "more connections than a process can hold: the longest idle ones make room" {
    start_pool POOL_PROCESSES=1
    wait_for 20 is_healthy
    hold_idle "$DIR/s" 1070
    wait_for 10 holds_what_it_can
    is "$(ask /pid | wc -l)" 1 'answers'
    kill -USR1 "$(pid_of idle)"
    wait_for 5 grep -qxE '(102[3-8]) open' "$DIR/idle.log"
}

@test "half a request gives its thread back" {
    start_pool POOL_PROCESSES=1 POOL_THREADS=1
    wait_for 20 is_healthy
    ask /pid half >"$DIR/half" 3>&- &
    asked=$!
    wait_for 5 metric_is chat_sessions_pool_workers_busy 1
    is "$(timeout 10 "$POOL_TESTS/ask" "$DIR/s" /pid | wc -l)" 1 'answers'
    wait $asked
    is "$(cat "$DIR/half")" closed
}

@test "a process that does not even hear TERM is killed" {
    start_pool POOL_STOP_TIMEOUT_S=1
    wait_for 20 is_healthy
    read -r deaf _ <<<"$(workers)"
    kill -STOP "$deaf"
    begun=$SECONDS
    end pool
    # shellcheck disable=SC2154
    is "$ended_with" 0
    ((SECONDS - begun < 8)) || fail 'it took too long'
    logged "worker process $deaf was killed by signal 9"
    has_ended "$deaf"
}

# blocks PID SIGNAL…: in every thread.
blocks() {
    local status mask signal
    for status in "/proc/$1"/task/*/status; do
        mask=$((16#$(awk '/^SigBlk/ { print $2 }' "$status")))
        for signal in "${@:2}"; do
            ((mask >> ($(kill -l "$signal") - 1) & 1)) || fail "$status: $signal is not blocked"
        done
    done
}

@test "signals reach no thread in the midst of libfcgi: they are read from a descriptor" {
    start_pool
    wait_for 20 is_healthy
    for pid in $(workers); do
        is "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" 6 'the first, 4 workers, the log'
        blocks "$pid" TERM USR1 USR2 INT QUIT HUP
    done
    blocks "$(pid_of pool)" TERM USR1 USR2 INT QUIT HUP CHLD
}

@test "SIGTERM: requests end, then the pool; its sockets are gone" {
    start_all
    get '/sleep?800' >"$DIR/answer" 3>&- &
    asked=$!
    wait_for 5 metric_is chat_sessions_pool_workers_busy 1
    end pool TERM
    # shellcheck disable=SC2154
    is "$ended_with" 0
    wait $asked
    is "$(cat "$DIR/answer")" slept
    [[ ! -e $DIR/s && ! -e $DIR/s.status ]]
}

@test "SIGQUIT is as good, and a request outlasting the stop timeout is cut off" {
    start_all POOL_STOP_TIMEOUT_S=1
    get '/sleep?20000' >"$DIR/answer" 3>&- &
    wait_for 5 metric_is chat_sessions_pool_workers_busy 1
    begun=$SECONDS
    end pool QUIT
    # shellcheck disable=SC2154
    is "$ended_with" 0
    ((SECONDS - begun < 8)) || fail 'it took too long'
    logged 'cut off'
}

@test "a second SIGTERM hastens the stop" {
    start_all
    get '/sleep?20000' >"$DIR/answer" 3>&- &
    wait_for 5 metric_is chat_sessions_pool_workers_busy 1
    kill -TERM "$(pid_of pool)"
    wait_for 5 logged 'stopping'
    begun=$SECONDS
    end pool TERM
    ((SECONDS - begun < 5)) || fail 'it took too long'
}

@test "a stuck request's process is killed and replaced" {
    start_all STUCK_REQUEST_S=1 POOL_PROCESSES=2
    is "$(get '/sleep?30000' -o /dev/null -w '%{http_code}')" 502
    logged 'has worked on one request for'
    wait_for 5 metric_is 'chat_sessions_pool_processes{state="ready"}' 2
    is "$(get /echo -d on)" on
}

@test "no metrics line comes twice, each family has its HELP and TYPE" {
    start_all
    get /pid
    status_socket /metrics >"$DIR/metrics"
    is "$(grep -v '^#' "$DIR/metrics" | awk '{ print $1 }' | sort | uniq -d)" ''
    is "$(grep '^# TYPE' "$DIR/metrics" | awk '{ print $3 }' | sort | uniq -d)" ''
    awk '/^# TYPE/ { type[$3] = $4 }
        !/^#/ { name = $1; sub(/\{.*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
            if (!(name in type) && type[base] != "histogram") { print "no TYPE: " name; exit 1 } }' "$DIR/metrics"
}

@test "a backlog that the kernel cuts short is named in the log" {
    unshare -n true 2>/dev/null || skip 'no network namespaces here'
    printf 'SOCKET=%s\n' "$DIR/s" >"$DIR/env"
    start_in_background pool unshare -n sh -c 'echo 128 >/proc/sys/net/core/somaxconn; exec "$0" "$@"' \
        "$POOL_EXAMPLE" pool "$DIR/env"
    wait_for 10 logged 'net.core.somaxconn is 128: only so many requests can wait'
}

@test "a socket file left behind is replaced, one that answers is not" {
    start_pool
    wait_for 20 is_healthy
    run "$POOL_EXAMPLE" pool "$DIR/env"
    [[ $status -ne 0 && $output == *'already running'* ]] || fail "$output"
    is_healthy
    children=$(workers)
    end pool KILL
    for pid in $children; do wait_for 10 has_ended "$pid"; done
    [[ -S $DIR/s ]]
    start_in_background pool "$POOL_EXAMPLE" pool "$DIR/env"
    wait_for 20 is_healthy
    logged 'replacing'
    is "$(stat -c %a "$DIR/s")" 660
}

@test "workers end by themselves when the master is gone, after their requests" {
    start_all
    children=$(workers)
    get '/sleep?500' >"$DIR/answer" 3>&- &
    asked=$!
    wait_for 5 metric_is chat_sessions_pool_workers_busy 1
    end pool KILL
    wait $asked
    is "$(cat "$DIR/answer")" slept
    for pid in $children; do wait_for 10 has_ended "$pid"; done
}

@test "the master goes while a process drains: a stuck request does not keep that for ever" {
    start_pool POOL_STOP_TIMEOUT_S=2
    wait_for 20 is_healthy
    children=$(workers)
    ask '/sleep?30000' >"$DIR/answer" 3>&- &
    wait_for 5 metric_is chat_sessions_pool_workers_busy 1
    kill -HUP "$(pid_of pool)"
    wait_for 10 metric_is chat_sessions_pool_reloads_total 1
    end pool KILL
    for pid in $children; do wait_for 8 has_ended "$pid"; done
}

@test "SIGUSR1 opens the log again in master and workers" {
    start_all LOG_FILE="$DIR/app.log"
    mv "$DIR/app.log" "$DIR/app.log.1"
    kill -USR1 "$(pid_of pool)"
    wait_for 5 test -e "$DIR/app.log"
    get '/gone?1' >/dev/null
    wait_for 5 grep -q 'the client has' "$DIR/app.log"
}

@test "a handler sees that its client has gone" {
    start_all
    get '/gone?5000' --max-time 0.3 || true
    wait_for 5 logged 'the client has gone'
}

@test "a core file is never written, processes have titles" {
    # As generous as the machine allows: an inherited 0 would prove nothing.
    ulimit -Sc "$(ulimit -Hc)"
    [[ $(ulimit -Sc) != 0 ]] || skip 'this machine writes no core files at all'
    start_all
    for pid in $(pid_of pool) $(workers); do
        is "$(awk '/Max core file size/ { print $5 }' "/proc/$pid/limits")" 0
    done
    for pid in $(workers); do
        tr -d '\0' <"/proc/$pid/cmdline" | grep -q 'chat-sessions: worker'
    done
    tr -d '\0' <"/proc/$(pid_of pool)/cmdline" | grep -q 'chat-sessions: master'
}

# pss_of_worker THREADS: in KB, of a pool's only worker process after load.
pss_of_worker() {
    start_pool POOL_PROCESSES=1 POOL_THREADS="$1"
    wait_for 20 is_healthy
    start_nginx
    load '/sleep?20' 256 1 >"$DIR/result"
    "$POOL_TESTS/memory" "$(pid_of pool)" | sed -nE '2s/.* pss=([0-9]+) .*/\1/p'
    end nginx QUIT
    end pool
}

@test "a slot costs the pool at most 24 KB, also after load" {
    ! ldd "$POOL_EXAMPLE" | grep -qE 'lib[at]san' || skip 'a sanitizer has memory of its own'
    few=$(pss_of_worker 16)
    many=$(pss_of_worker 256)
    (((many - few) / 240 <= 24)) || fail "$few KB with 16 threads, $many KB with 256"
}

# The master has no timer left: its epoll_wait (argument 4, see proc(5)) has no time limit.
master_has_no_timer() { [[ $(cut -d' ' -f5 "/proc/$(pid_of pool)/syscall") == *ffffffff ]]; }

@test "an idle pool does nothing at all" {
    command -v strace >/dev/null || skip 'strace is not installed'
    ! ldd "$POOL_EXAMPLE" | grep -qE 'lib[at]san' || skip 'a sanitizer has a thread of its own'
    start_all STUCK_REQUEST_S=0
    get /pid
    end nginx QUIT
    wait_for 10 master_has_no_timer
    options=(-f)
    for pid in $(pid_of pool) $(workers); do options+=(-p "$pid"); done
    timeout -s INT 3 strace "${options[@]}" -o "$DIR/trace" 3>&- || true
    [[ -s $DIR/trace ]] || fail 'strace saw nothing, not even what they wait in'
    # The lines that strace begins with are the calls that were under way.
    is "$(grep -vE 'epoll_wait\(|poll\(|restart_syscall|futex\(|strace|detached' "$DIR/trace")" '' 'other calls'
    is "$(grep -c 'resumed' "$DIR/trace")" 0 "$(grep resumed "$DIR/trace" | head -5)"
}

@test "the program itself at rest: only its master wakes, for the watchdog" {
    command -v strace >/dev/null || skip 'strace is not installed'
    ! ldd "${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}" | grep -qE 'lib[at]san' || skip 'a sanitizer has a thread of its own'
    start_silent_dynamodb
    end dynamodb
    set_config STUCK_REQUEST_S=16 REQUEST_DEADLINE_MS=10000
    start_program
    wait_for 30 is_healthy
    master=$(pid_of pool)
    options=(-f)
    for pid in $master $(workers); do options+=(-p "$pid"); done
    # The watchdog looks every 4 s, a quarter of STUCK_REQUEST_S.
    timeout -s INT 6 strace "${options[@]}" -o "$DIR/trace" 3>&- || true
    is "$(grep -c 'resumed' <(grep -v "^$master " "$DIR/trace"))" 0 'wake-ups of workers'
    wakes=$(grep "^$master " "$DIR/trace" | grep -cE 'epoll_wait.*(= 0$|resumed)')
    ((wakes >= 1 && wakes <= 2)) || fail "$wakes wake-ups of the master: $(grep "^$master " "$DIR/trace")"
    is "$(grep "^$master " "$DIR/trace" | grep -vcE 'epoll_wait|restart_syscall|detached')" 0 "$(cat "$DIR/trace")"
}
