#!/usr/bin/env bats
# bats file_tags=apart
# A newer program in the place of the one that runs, and restarts on a socket that stays open: no request fails.

load helpers

setup_file() { build_example; }

setup() {
    DIR=$(mktemp -d /tmp/pool-test.XXXXXX)
    install "$POOL_EXAMPLE" "$DIR/program"
}

teardown() {
    stop_all
    rm -rf "$DIR"
}

# As a package manager does it: another file under the same name.
replace_program() {
    install "${1:-$POOL_EXAMPLE}" "$DIR/program.new"
    mv "$DIR/program.new" "$DIR/program"
}

runs_new_program() { [[ $(readlink "/proc/$(pid_of pool)/exe") == "$DIR/program" ]]; }

start_all_from_directory() {
    POOL_EXAMPLE=$DIR/program start_all "$@"
}

# begin_load: 24 clients, until nothing_has_failed ends them and looks what came of it.
begin_load() {
    node "$POOL_TESTS/load.js" "$URL/sleep?5" 24 60 >"$DIR/result" 3>&- &
    loader=$!
}

nothing_has_failed() {
    kill -TERM "$loader"
    wait "$loader"
    local result
    result=$(<"$DIR/result")
    is "$(jq -c '[.failed, (.statuses | keys), .requests > 100]' <<<"$result")" '[0,["200"],true]' "$result"
}

zombies() { pgrep -c -r Z -P "$(pid_of pool)" || true; }

@test "the program is replaced under load: a reload goes over to it, not one request fails" {
    start_all_from_directory POOL_THREADS=16
    before=$(workers)
    begin_load
    for _ in 1 2 3 4 5 6; do
        replace_program
        ! runs_new_program || fail 'it cannot run already'
        kill -HUP "$(pid_of pool)"
        wait_for 10 runs_new_program
        wait_for 10 is_healthy
    done
    nothing_has_failed
    for pid in $before; do wait_for 10 has_ended "$pid"; done
    # The same process id: whoever supervises it notices nothing. Its sockets go when it does.
    is "$(zombies)" 0 'zombies'
    end pool
    is "$ended_with" 0 'exit status'
    [[ ! -e $DIR/s && ! -e $DIR/s.status ]] || fail 'a socket is left'
}

@test "the program is replaced while requests are long: they end, and new ones do not wait for them" {
    start_all_from_directory
    get '/sleep?3000' >"$DIR/long" &
    long=$!
    wait_for 5 metric_is chat_sessions_pool_workers_busy 1
    replace_program
    kill -HUP "$(pid_of pool)"
    wait_for 5 runs_new_program
    is "$(get /echo -d on -w ' %{http_code}' --max-time 2)" 'on 200'
    ! has_ended "$long" || fail 'the long request is not long enough'
    wait "$long"
    [[ -s $DIR/long ]]
}

@test "a file in the program's place that cannot be executed: the old program goes on" {
    start_all_from_directory
    printf 'no program' >"$DIR/nonsense"
    replace_program "$DIR/nonsense"
    kill -HUP "$(pid_of pool)"
    wait_for 10 logged 'reload: the pool goes on with the old program: .*/program cannot be executed'
    wait_for 10 logged 'new processes are ready'
    is "$(get /echo -d on)" on
    is "$(status_socket /api/v1/health -o /dev/null -w '%{http_code}')" 200
}

@test "restarts on a socket of systemd's under load: not one request fails" {
    printf '%s\n' "SOCKET=$DIR/s" POOL_PROCESSES=2 POOL_THREADS=16 >"$DIR/env"
    start_in_background pool "$POOL_TESTS/keep-socket" "$DIR/s" "$POOL_EXAMPLE" pool "$DIR/env"
    wait_for 20 is_healthy
    start_nginx
    begin_load
    for _ in 1 2 3 4 5 6; do
        read -r master <<<"$(workers)"
        kill -HUP "$(pid_of pool)"
        wait_for 10 has_ended "$master"
        wait_for 10 is_healthy
    done
    nothing_has_failed
}

@test "a client that does not close when it is asked to: the stop does not wait for it" {
    start_pool
    wait_for 20 is_healthy
    hold_idle "$DIR/s" 8
    wait_for 5 metric_is chat_sessions_pool_connections 8
    end pool
    is "$ended_with" 0 'exit status'
    ! logged 'have not ended' || fail 'it has waited'
}
