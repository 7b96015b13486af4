#!/usr/bin/env bats
# bats file_tags=quiet
# The pool in a rush: who gets a turn, and how soon the status socket answers meanwhile. What is judged here depends on
# how many processors there are for it.

# shellcheck source=tests/pool/helpers.bash
load helpers

setup_file() { build_example; }

setup() { DIR=$BATS_TEST_TMPDIR; }

teardown() { stop_all; }

sockets_of() { find "/proc/$1/fd" -lname 'socket:*' | wc -l; }

@test "connections are shared out evenly among the processes" {
    start_pool
    wait_for 20 is_healthy
    read -r first second <<<"$(workers)"
    first_before=$(sockets_of "$first") second_before=$(sockets_of "$second")
    start_nginx
    is "$(load '/sleep?20' 24 1 | jq .failed)" 0
    first=$(($(sockets_of "$first") - first_before)) second=$(($(sockets_of "$second") - second_before))
    ((first + second >= 24)) || fail "connections are not kept: $first and $second"
    ((first - second <= 2 && second - first <= 2)) || fail "$first and $second connections"
}

@test "health and metrics answer at once while every worker is busy" {
    start_all POOL_PROCESSES=1 POOL_THREADS=2
    for _ in 1 2; do get '/sleep?1500' >>"$DIR/answers" 3>&- & done
    wait_for 5 metric_is chat_sessions_pool_workers_busy 2
    seconds=$(status_socket /api/v1/health -o "$DIR/out" -w '%{time_total}')
    is "$(jq -c '[.status, .healthy, .workers]' "$DIR/out")" \
        '["success",true,{"busy":2,"idle":0,"max":2}]'
    awk -v s="$seconds" 'BEGIN { exit !(s < 0.05) }' || fail "health took $seconds s"
    is "$(status_socket /metrics -o /dev/null -w '%{http_code}')" 200
}

@test "the status socket: HEAD, 404, 405, clients that say nothing" {
    start_all
    is "$(status_socket /metrics --head | tr -d '\r' | awk '/^HTTP/ { print $2 } /^Content-Type/ { print $2 }' | xargs)" \
        '200 text/plain;'
    is "$(status_socket /nothing | jq -r .code)" not_found
    is "$(status_socket /metrics -X POST -o "$DIR/out" -w '%{http_code} %header{allow}')" '405 GET, HEAD'
    # Headers as long as nginx lets them through are dropped; beyond the bound it is 431.
    long=$(head -c 30000 /dev/zero | tr '\0' x)
    is "$(status_socket /api/v1/health -H "A: $long" -H "B: $long" -H "C: $long" | jq -c .healthy)" true
    head -c 300000 /dev/zero | tr '\0' x | sed 's/^/D: /' >"$DIR/header"
    is "$(status_socket /api/v1/health -H "@$DIR/header" -o "$DIR/out" -w '%{http_code}')" 431
    is "$(jq -c '[.status, .code]' "$DIR/out")" '[431,"headers_too_large"]'
    # An id that cannot stand in JSON is replaced, one that can is kept.
    is "$(status_socket /nothing -H "X-Request-Id: $(printf 'a\377b')" | jq -r '.request_id | length')" 36
    is "$(status_socket /nothing -H 'X-Request-Id: mine' | jq -r .request_id)" mine
    # More than the server holds at once: none of them may keep it from answering others.
    node -e 'const net = require("net"); const all = [];
        for (let i = 0; i < 2000; i++) all.push(net.connect(process.argv[1]).on("error", () => {}));
        setTimeout(() => process.exit(), 20000);' "$DIR/s.status" 3>&- &
    silent=$!
    sleep 0.3
    seconds=$(status_socket /api/v1/health -o /dev/null -w '%{time_total}')
    kill $silent
    awk -v s="$seconds" 'BEGIN { exit !(s < 0.1) }' || fail "health took $seconds s"
}

@test "the status socket answers when the master has no descriptor left for more clients" {
    command -v prlimit >/dev/null || skip 'prlimit is not installed'
    start_pool
    wait_for 20 is_healthy
    free=0
    while [[ -L /proc/$(pid_of pool)/fd/$free ]]; do free=$((free + 1)); done
    prlimit --pid "$(pid_of pool)" --nofile=$((free + 3))
    hold_idle "$DIR/s.status" 20
    seconds=$(status_socket /api/v1/health -o /dev/null -w '%{time_total}')
    awk -v s="$seconds" 'BEGIN { exit !(s < 0.5) }' || fail "health took $seconds s"
    end idle
    wait_for 5 is_healthy
}

@test "256 clients on 8 threads: nobody starves" {
    start_pool
    wait_for 20 is_healthy
    start_nginx
    result=$(load '/sleep?2' 256 2)
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["200"]]' "$result"
    is "$(jq '.client_fewest * 4 >= .client_most' <<<"$result")" true "$result"
}

# at_once PATH N [PATH N…]: so many requests at the same time, each on a connection of its own; a path that begins
# with @ goes to the status socket. Prints the statuses of each path and how often they came.
at_once() { node "$POOL_TESTS/at-once.js" "$URL" "$DIR/s.status" "$@"; }

@test "600 requests at once on 8 threads, more than their processes hold: none fails, health and metrics neither" {
    start_all
    result=$(at_once '/sleep?5' 600 @/api/v1/health 600 @/metrics 200)
    is "$result" '{"/sleep?5":{"200":600},"@/api/v1/health":{"200":600},"@/metrics":{"200":200}}'
    # Once more, on connections that are there already.
    result=$(load '/sleep?2' 256 2)
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["200"]]' "$result"
}

@test "only what the backlog cannot hold is refused" {
    start_all
    workers | xargs kill -STOP
    at_once /pid 1200 >"$DIR/result" 3>&- &
    asked=$!
    # Those above 1,024 (and the few on connections that were there) are refused at once; the others wait.
    refused() { grep -c 'Resource temporarily unavailable' "$DIR/nginx-error.log"; }
    some_refused() { (($(refused) >= 1200 - 1025 - 8)); }
    wait_for 10 some_refused
    workers | xargs kill -CONT
    wait $asked
    result=$(cat "$DIR/result")
    is "$(jq '.["/pid"] | .["200"] + .["502"]' <<<"$result")" 1200 "$result"
    is "$(jq '.["/pid"]["200"] >= 1024' <<<"$result")" true "$result"
}
