#!/usr/bin/env bats
# bats file_tags=apart
# The ways to start the pool other than by hand: systemd's protocols, another user, one process on a
# socket of somebody else's, plain CGI.

# shellcheck source=tests/pool/helpers.bash
load helpers

setup_file() { build_example; }

setup() {
    DIR=$BATS_TEST_TMPDIR
}

teardown() { stop_all; }

# Writes every datagram that comes as a line to $DIR/notify.log.
start_notify_socket() {
    # shellcheck disable=SC2016
    start_in_background notify perl -MSocket -e '
        $| = 1;
        socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die;
        while (defined recv($s, my $text, 4096, 0)) { $text =~ s/\n/ /g; print "$text\n" }' "$DIR/notify"
    wait_for 5 test -S "$DIR/notify"
}

notified_twice() { [[ $(grep -c "$1" "$DIR/notify.log") == 2 ]]; }

notified() { grep -q "$1" "$DIR/notify.log"; }

@test "systemd hears of start, reload and stop, and that the master is alive" {
    start_notify_socket
    printf 'SOCKET=%s\n' "$DIR/s" >"$DIR/env"
    start_in_background pool env NOTIFY_SOCKET="$DIR/notify" WATCHDOG_USEC=400000 "$POOL_EXAMPLE" pool "$DIR/env"
    wait_for 10 notified '^READY=1'
    wait_for 5 notified '^WATCHDOG=1'
    kill -HUP "$(pid_of pool)"
    wait_for 10 notified '^RELOADING=1 MONOTONIC_USEC=[0-9]'
    wait_for 10 notified_twice '^READY=1'
    end pool
    # For POOL_STOP_TIMEOUT_S and a little more.
    wait_for 5 notified '^STOPPING=1 .*EXTEND_TIMEOUT_USEC=34000000'
    is "$(grep -c '^READY=1' "$DIR/notify.log")" 2
}

@test "a socket from systemd is used and left alone" {
    printf 'SOCKET=%s\nSTATUS_SOCKET=%s\n' "$DIR/elsewhere" "$DIR/s.status" >"$DIR/env"
    start_in_background pool "$POOL_TESTS/listen-and-run" "$DIR/s" "$POOL_EXAMPLE" pool "$DIR/env"
    wait_for 10 is_healthy
    start_nginx
    is "$(get /echo -d here)" here
    [[ ! -e $DIR/elsewhere ]]
    end pool
    # shellcheck disable=SC2154
    is "$ended_with" 0
    [[ -S $DIR/s ]]
}

# as_nobody: $DIR/log, which belongs to nobody, as /var/log/chat-sessions does.
as_nobody() {
    ((EUID == 0)) || skip 'only root can become somebody else'
    chmod 755 "$DIR" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" || true
    mkdir "$DIR/log"
    chown nobody "$DIR/log"
}

@test "both sockets from systemd, told apart by their names" {
    printf 'SOCKET=%s\nPOOL_THREADS=4\n' "$DIR/elsewhere" >"$DIR/env"
    start_in_background pool "$POOL_TESTS/listen-and-run" "status=$DIR/s.status" "fastcgi=$DIR/s" \
        "$POOL_EXAMPLE" pool "$DIR/env"
    wait_for 10 is_healthy
    is "$("$POOL_TESTS/ask" "$DIR/s" /pid | wc -l)" 1 'answers'
    [[ ! -e $DIR/elsewhere && ! -e $DIR/elsewhere.status ]]
    end pool
    # shellcheck disable=SC2154
    is "$ended_with" 0
    [[ -S $DIR/s && -S $DIR/s.status ]]
}

@test "root becomes POOL_USER after opening the sockets and the log" {
    as_nobody
    umask 077
    start_pool POOL_USER=nobody LOG_FILE="$DIR/log/app.log"
    chmod 644 "$DIR/env"
    wait_for 10 is_healthy
    for pid in $(pid_of pool) $(workers); do
        is "$(awk '/^Uid/ { print $2, $3, $4 }' "/proc/$pid/status")" "$(printf '%s %s %s' "$(id -u nobody)"{,,})"
    done
    is "$(stat -c '%U %a' "$DIR/s")" 'nobody 660'
    is "$(stat -c '%U %a' "$DIR/log/app.log")" 'nobody 640'
    kill -HUP "$(pid_of pool)"
    wait_for 10 metric_is chat_sessions_pool_reloads_total 1
    mv "$DIR/log/app.log" "$DIR/log/app.log.1"
    kill -USR1 "$(pid_of pool)"
    wait_for 5 test -e "$DIR/log/app.log"
    is "$(stat -c '%U %a' "$DIR/log/app.log")" 'nobody 640'
    end pool
    grep -q stopped "$DIR/log/app.log"
    is "$(grep -rhi 'cannot' "$DIR/log" "$DIR/pool.log")" ''
}

@test "the sockets belong to SOCKET_GROUP, or to the group of a setgid directory" {
    as_nobody
    start_pool POOL_USER=nobody SOCKET_GROUP=www-data
    wait_for 10 is_healthy
    is "$(stat -c '%U:%G' "$DIR/s" "$DIR/s.status" | xargs)" 'nobody:www-data nobody:www-data'
    end pool
    mkdir "$DIR/dir"
    chgrp www-data "$DIR/dir"
    chmod 2755 "$DIR/dir"
    start_pool POOL_USER=nobody SOCKET="$DIR/dir/s" STATUS_SOCKET="$DIR/s.status"
    wait_for 10 is_healthy
    is "$(stat -c '%U:%G' "$DIR/dir/s" "$DIR/s.status" | xargs)" "nobody:www-data nobody:$(id -gn nobody)"
    end pool
    start_pool SOCKET_GROUP=www-data
    wait_for 10 is_healthy
    is "$(stat -c '%U:%G' "$DIR/s")" root:www-data
    end pool
    start_pool SOCKET_GROUP=nobody-has-this
    wait_for 10 logged 'SOCKET_GROUP: there is no group nobody-has-this'
}

@test "a parent that ignores SIGCHLD: the dead are noticed and replaced all the same" {
    printf 'SOCKET=%s\nPOOL_PROCESSES=2\nPOOL_THREADS=2\n' "$DIR/s" >"$DIR/env"
    # shellcheck disable=SC2016
    start_in_background pool perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' "$POOL_EXAMPLE" pool "$DIR/env"
    wait_for 10 metric_is 'chat_sessions_pool_processes{state="ready"}' 2
    kill -KILL "$(workers | awk '{ print $1 }')"
    wait_for 5 metric_is chat_sessions_worker_restarts_total 1
    wait_for 5 metric_is 'chat_sessions_pool_processes{state="ready"}' 2
    logged 'was killed by signal 9'
}

is_owned_by_nobody() { [[ $(awk '/^Uid/ { print $2 }' "/proc/$1/status") == "$(id -u nobody)" ]]; }

@test "signals while the tables are looked at: a reload waits, a stop does not" {
    start_silent_dynamodb
    start_program
    wait_for 10 logged 'starts'
    wait_for 10 has_workers 1
    kill -USR1 "$(pid_of pool)"
    kill -HUP "$(pid_of pool)"
    end dynamodb
    wait_for 30 metric_is chat_sessions_pool_reloads_total 1
    end pool

    start_silent_dynamodb
    start_program
    wait_for 10 has_workers 1
    read -r looking <<<"$(workers)"
    begun=$SECONDS
    end pool TERM
    # shellcheck disable=SC2154
    is "$ended_with" 0
    ((SECONDS - begun < 5)) || fail 'it took too long'
    has_ended "$looking"
}

@test "the process that looks at the tables is POOL_USER's and does not outlive the master" {
    as_nobody
    start_silent_dynamodb
    printf 'POOL_USER=nobody\n' >>"$DIR/env"
    start_program
    wait_for 10 has_workers 1
    read -r looking <<<"$(workers)"
    wait_for 5 is_owned_by_nobody "$looking"
    end pool KILL
    wait_for 5 has_ended "$looking"
}

@test "one process on a socket of spawn-fcgi: serves, and ends on SIGTERM" {
    command -v spawn-fcgi >/dev/null || skip 'spawn-fcgi is not installed'
    printf 'POOL_THREADS=4\nLOG_FILE=%s\n' "$DIR/pool.log" >"$DIR/env"
    start_in_background single spawn-fcgi -n -s "$DIR/s" -M 0660 -- "$POOL_EXAMPLE" single "$DIR/env"
    wait_for 10 test -S "$DIR/s"
    start_nginx
    is "$(get /echo -d one)" one
    result=$(load /pid 8 1)
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["200"]]' "$result"
    get '/sleep?500' >"$DIR/answer" 3>&- &
    asked=$!
    sleep 0.2
    end single
    # shellcheck disable=SC2154
    is "$ended_with" 0
    wait $asked
    is "$(cat "$DIR/answer")" slept
}

@test "no command and a socket from systemd: one process serves it" {
    printf 'POOL_THREADS=4\n' >"$DIR/env"
    start_in_background pool "$POOL_TESTS/listen-and-run" "$DIR/s" \
        "${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}" --env-file "$DIR/env" </dev/null
    wait_for 10 test -S "$DIR/s"
    is "$("$POOL_TESTS/ask" "$DIR/s" /api/v1/nothing | jq -r .code)" not_found
    is "$(count_workers)" 0
    end pool
    # shellcheck disable=SC2154
    is "$ended_with" 0
    [[ -S $DIR/s ]]
    # For another process: not meant for this one.
    run env LISTEN_FDS=1 LISTEN_PID=1 "${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}" </dev/null
    is "$status" 64
}

@test "a TCP socket is served with a warning" {
    command -v spawn-fcgi >/dev/null || skip 'spawn-fcgi is not installed'
    printf 'POOL_THREADS=1\n' >"$DIR/env"
    start_in_background pool spawn-fcgi -n -a 127.0.0.1 -p "$(free_port)" -- "$POOL_EXAMPLE" single "$DIR/env"
    wait_for 10 logged 'not a unix socket'
    # AUTH_MODE is not set.
    wait_for 10 logged 'AUTH_MODE=none: requests that come by 127\.0\.0\.1:[0-9]* are not authenticated'
}

no_auth_warnings() { grep -c 'AUTH_MODE=none' "$DIR/pool.log" || true; }

@test "AUTH_MODE=none: the master warns of it once, when it starts" {
    start_pool AUTH_MODE=none
    wait_for 10 logged 'the pool is ready'
    is "$(no_auth_warnings)" 1 'warnings before the first request'
    logged "WARNING: AUTH_MODE=none: requests that come by $DIR/s are not authenticated"
    start_nginx
    result=$(load /pid 8 1)
    is "$(jq -c '[.failed, (.statuses | keys)]' <<<"$result")" '[0,["200"]]' "$result"
    kill -HUP "$(pid_of pool)"
    wait_for 10 metric_is chat_sessions_pool_reloads_total 1
    is "$(no_auth_warnings)" 1 'warnings after requests and a reload'
}

@test "a reload that turns authentication off warns of it" {
    start_pool AUTH_MODE=header
    wait_for 10 logged 'the pool is ready'
    is "$(no_auth_warnings)" 0 'warnings with AUTH_MODE=header'
    set_config AUTH_MODE=none
    kill -HUP "$(pid_of pool)"
    wait_for 10 metric_is chat_sessions_pool_reloads_total 1
    is "$(no_auth_warnings)" 1 'warnings after the reload'
}

# cgi_warnings KEY=VALUE…: by which address the requests come that one request by plain CGI warns of.
cgi_warnings() {
    env REQUEST_METHOD=GET REQUEST_URI=/pid "$@" "$POOL_EXAMPLE" cgi "$DIR/env" </dev/null 2>&1 >"$DIR/out" |
        sed -n 's/.*AUTH_MODE=none: requests that come by \([^ ]*\) .*/\1/p'
}

@test "plain CGI warns of AUTH_MODE=none where others than this machine reach it" {
    printf '' >"$DIR/env"
    is "$(cgi_warnings SERVER_ADDR=10.0.0.1)" 10.0.0.1
    is "$(cgi_warnings SERVER_ADDR=10.0.0.1 AUTH_MODE=header)" ''
    is "$(cgi_warnings SERVER_ADDR=127.0.0.1)" ''
    is "$(cgi_warnings SERVER_ADDR=unix:/run/apache.sock)" ''
    is "$(cgi_warnings)" ''
}

@test "plain CGI: one request from the environment and standard input" {
    printf '' >"$DIR/env"
    run env REQUEST_METHOD=POST REQUEST_URI=/echo CONTENT_LENGTH=5 "$POOL_EXAMPLE" cgi "$DIR/env" <<<'helloand more'
    is "$status" 0
    is "${lines[0]}" $'Status: 200 OK\r'
    is "${lines[-1]}" hello
}

@test "plain CGI: a body that ends too early" {
    printf '' >"$DIR/env"
    run env REQUEST_METHOD=POST REQUEST_URI=/echo CONTENT_LENGTH=500 "$POOL_EXAMPLE" cgi "$DIR/env" <<<'short'
    is "$status" 0
    is "${lines[-1]}" short
}
