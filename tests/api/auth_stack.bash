# A pool and nginx of a test's own, with a configuration of its own, over the run's tables. What is told to
# them is in the arguments; everything else is as in the run's stack. Needs FRONT and TOP.
# shellcheck shell=bash

# start_auth_stack NAME KEY=VALUE…: prints the URL. Ended by stop_auth_stack NAME.
start_auth_stack() {
    local name=$1 directory=$BATS_FILE_TMPDIR/$1
    shift
    mkdir -p "$directory"
    {
        printf '%s\n' "AWS_ENDPOINT_URL_DYNAMODB=$FRONT" AWS_ACCESS_KEY_ID=AKIDSIGNATUREFRONT \
            AWS_SECRET_ACCESS_KEY=front/secret+key AWS_REGION=us-east-1 POOL_PROCESSES=2 POOL_THREADS=8
        printf '%s\n' "$@"
    } >"$directory/env"
    if ! "$TOP/scripts/run" --detach --port 0 --state "$directory/state" --env-file "$directory/env" \
        --program "$CHAT_SESSIONS_BIN" >"$directory/out" 2>&1; then
        cat "$directory/out" >&2
        return 1
    fi
    cat "$directory/state/url"
}

# trust_header NAME HEADER: its nginx lets the user's header through, as if a proxy before it set that.
trust_header() {
    local state=$BATS_FILE_TMPDIR/$1/state lower=${2,,}
    sed -i "s/^fastcgi_param CHAT_SESSIONS_USER .*/fastcgi_param CHAT_SESSIONS_USER \$http_${lower//-/_};/" \
        "$state/nginx/snippets/chat-sessions/user.conf"
    "$TOP/tests/lib/reload-nginx" "$(cut -d' ' -f1 "$state/pids/nginx")"
}

stop_auth_stack() {
    [[ ! -d $BATS_FILE_TMPDIR/$1/state ]] || "$TOP/scripts/stop" --state "$BATS_FILE_TMPDIR/$1/state" >/dev/null
}

# start_own_front: a signature-checking front that no other test's calls pass. Sets FRONT, for
# start_auth_stack and the test. Ended by stop_own_front.
start_own_front() {
    coproc front {
        AWS_ACCESS_KEY_ID=AKIDSIGNATUREFRONT AWS_SECRET_ACCESS_KEY=front/secret+key AWS_REGION=us-east-1 \
            FAULT_RATE=0 exec node "$TOP/tests/lib/signature-front.js" --upstream "$DYNAMODB" 3>&-
    }
    own_front_pid=$front_PID
    local line
    read -r -t 20 line <&"${front[0]}" && [[ $line == listening* ]] || return 1
    FRONT=http://127.0.0.1:${line#listening }
    export FRONT own_front_pid
}

stop_own_front() {
    [[ -z ${own_front_pid-} ]] || kill "$own_front_pid"
}

# front_stats FILTER; front_faults JSON.
front_stats() { curl -sS --noproxy '*' "$FRONT/-/stats" | jq -c "$1"; }
front_faults() { curl -sS --noproxy '*' --json "$1" "$FRONT/-/faults" >/dev/null; }
