# A pool and nginx of a test's own, with an AUTH_MODE of its own, over the run's tables. What is told to
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
    local state=$BATS_FILE_TMPDIR/$1/state upper=${2^^}
    sed -i "/^fastcgi_param HTTP_${upper//-/_} /d" "$state/nginx/snippets/chat-sessions/fastcgi.conf"
    kill -HUP "$(cut -d' ' -f1 "$state/pids/nginx")"
    local i
    for ((i = 0; i < 200; i++)); do
        [[ $(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' -H "$2: somebody" \
            "$(<"$state/url")/api/v1/sessions/somebody") == 200 ]] && return
        sleep 0.05
    done
    return 1
}

stop_auth_stack() {
    [[ ! -d $BATS_FILE_TMPDIR/$1/state ]] || "$TOP/scripts/stop" --state "$BATS_FILE_TMPDIR/$1/state" >/dev/null
}
