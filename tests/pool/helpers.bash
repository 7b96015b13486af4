# What the tests of the pool share: the example program behind an nginx of its own, on a free port, in
# the test's own directory.
# shellcheck shell=bash

PATH=$PATH:/usr/sbin:/sbin
POOL_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$POOL_TESTS/../.." && pwd)

fail() {
    printf '%s\n' "$*" >&2
    [[ ! -e $DIR/pool.log ]] || tail -n 30 "$DIR/pool.log" >&2
    [[ ! -e $DIR/nginx-error.log ]] || tail -n 5 "$DIR/nginx-error.log" >&2
    return 1
}

# is ACTUAL WANTED [WHAT]
is() { [[ $1 == "$2" ]] || fail "${3:-value}: wanted '$2', got '$1'"; }

# build_example: the program, once a file. POOL_EXAMPLE names one that is there already.
build_example() {
    local build flags=()
    [[ -z ${POOL_EXAMPLE-} ]] || return 0
    build=$(dirname "${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}")
    case $build in
    */asan) flags=('-fsanitize=address,undefined' -fno-sanitize-recover=all) ;;
    */tsan) flags=(-fsanitize=thread) ;;
    esac
    [[ -e $build/libchat-sessions.a ]] || make -s -C "$TOP"
    export POOL_EXAMPLE=$BATS_FILE_TMPDIR/example
    # shellcheck disable=SC2046
    gcc -std=c17 -D_GNU_SOURCE -I"$TOP/cgi-src" -O1 -g -pthread "${flags[@]}" -o "$POOL_EXAMPLE" \
        "$POOL_TESTS/example.c" "$build/libchat-sessions.a" -lfcgi \
        $(pkg-config --libs libcurl json-c libcrypto zlib) -lm
}

# ---- processes --------------------------------------------------------------------------------

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        # Returns by itself: in a condition a failing command does not end the test.
        ((SECONDS < deadline)) || {
            fail "waited in vain for: $*"
            return 1
        }
        sleep 0.02
    done
}

has_ended() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    [[ ${stat##*) } == Z* ]]
}

# start_in_background NAME COMMAND…: its id in $DIR/NAME.pid, ended by stop_all. Its output in $DIR/NAME.log.
start_in_background() {
    local name=$1
    shift
    "$@" >>"$DIR/$name.log" 2>&1 3>&- &
    echo $! >"$DIR/$name.pid"
}

pid_of() { cat "$DIR/$1.pid"; }

# end NAME [SIGNAL]: ends it and waits; the exit status in `ended_with`.
end() {
    local pid
    pid=$(pid_of "$1")
    kill -"${2:-TERM}" "$pid" 2>/dev/null || true
    wait_for 40 has_ended "$pid"
    export ended_with=0
    wait "$pid" || ended_with=$?
    rm -f "$DIR/$1.pid"
}

# Not the process that looks at the tables beside them.
workers() {
    local pid
    for pid in $(<"/proc/$(pid_of pool)/task/$(pid_of pool)/children"); do
        ! grep -qz -- --wait "/proc/$pid/cmdline" 2>/dev/null || continue
        printf '%s ' "$pid"
    done
}

count_workers() { workers | wc -w; }

has_workers() { (($(count_workers) == $1)); }

# ---- pool and nginx ---------------------------------------------------------------------------

# start_pool [KEY=VALUE…]: the example as pool with this configuration.
start_pool() {
    printf '%s\n' "SOCKET=$DIR/s" POOL_PROCESSES=2 POOL_THREADS=4 "$@" |
        awk -F= '!($1 in key) { order[++n] = $1 } { key[$1] = $0 } END { for (i = 1; i <= n; i++) print key[order[i]] }' >"$DIR/env"
    start_in_background pool "$POOL_EXAMPLE" pool "$DIR/env"
}

# ---- the program itself -----------------------------------------------------------------------

# A DynamoDB that takes connections and never answers.
start_silent_dynamodb() {
    rm -f "$DIR/dynamodb.log"
    # shellcheck disable=SC2016
    start_in_background dynamodb perl -MIO::Socket::INET -e '
        $| = 1;
        my $s = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1") or die;
        print $s->sockport, "\n";
        sleep' # until it is ended
    wait_for 5 test -s "$DIR/dynamodb.log"
    cat >"$DIR/env" <<EOF
SOCKET=$DIR/s
POOL_PROCESSES=1
POOL_THREADS=2
AWS_ACCESS_KEY_ID=id
AWS_SECRET_ACCESS_KEY=secret
AWS_REGION=us-east-1
AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(cat "$DIR/dynamodb.log")
EOF
}

# The program itself, which looks at the tables first.
start_program() {
    start_in_background pool "${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}" serve --env-file "$DIR/env"
}

# ---- requests ---------------------------------------------------------------------------------

# set_config KEY=VALUE…: for a reload.
set_config() { printf '%s\n' "$@" >>"$DIR/env"; }

free_port() {
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => {
        console.log(s.address().port); s.close(); })'
}

start_nginx() {
    local port user=
    port=$(free_port)
    ((EUID != 0)) || user='user root;'
    mkdir -p "$DIR/tmp"
    cat >"$DIR/nginx.conf" <<EOF
$user
daemon off;
worker_processes 2;
pid $DIR/nginx-own.pid;
error_log $DIR/nginx-error.log warn;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $DIR/tmp/body;
    fastcgi_temp_path $DIR/tmp/fastcgi;
    proxy_temp_path $DIR/tmp/proxy;
    scgi_temp_path $DIR/tmp/scgi;
    uwsgi_temp_path $DIR/tmp/uwsgi;
    client_max_body_size 16m;
    client_body_buffer_size 4m;
    keepalive_requests 1000000;
    upstream pool {
        zone pool 64k;
        server unix:$DIR/s max_fails=0;
        keepalive 32;
        keepalive_requests 100000;
        keepalive_timeout 30s;
    }
    server {
        listen 127.0.0.1:$port backlog=2048;
        location / {
            fastcgi_pass pool;
$(grep -E '^fastcgi_(keep_conn|next_upstream) ' "$TOP/nginx/snippets/fastcgi.conf")
            fastcgi_param REQUEST_URI \$request_uri;
            fastcgi_param REQUEST_METHOD \$request_method;
            fastcgi_param CONTENT_LENGTH \$content_length;
        }
    }
}
EOF
    URL=http://127.0.0.1:$port
    start_in_background nginx nginx -c "$DIR/nginx.conf"
    wait_for 10 curl -s --noproxy '*' -o "$DIR/out" "$URL/pid"
}

# start_all [KEY=VALUE…]: both, ready.
start_all() {
    start_pool "$@"
    wait_for 20 is_healthy
    start_nginx
}

# get PATH [CURL OPTION…]: the body; `status` is put behind it by -w where wanted.
get() {
    local path=$1
    shift
    curl -sS --noproxy '*' --max-time 60 "$@" "$URL$path"
}

status_socket() {
    curl -sS --max-time 5 --unix-socket "$DIR/s.status" "${@:2}" "http://pool$1"
}

is_healthy() { [[ $(status_socket /api/v1/health -o /dev/null -w '%{http_code}') == 200 ]]; }

# metric NAME: its value.
metric() { status_socket /metrics | awk -v name="$1" '$1 == name { print $2 }'; }

metric_is() { [[ $(metric "$1") == "$2" ]]; }

load() { node "$POOL_TESTS/load.js" "$URL$1" "${@:2}"; }

logged() { grep -q -- "$1" "$DIR/pool.log"; }

# hold_idle SOCKET N: that many connections on which nothing is sent, until `end idle`.
hold_idle() {
    start_in_background idle "$POOL_TESTS/ask" "$1" / idle "$2"
    wait_for 5 grep -q connected "$DIR/idle.log"
}

stop_all() {
    local file pid
    for file in "$DIR"/*.pid; do
        [[ -e $file && $file != */nginx-own.pid ]] || continue
        pid=$(cat "$file")
        kill -TERM "$pid" 2>/dev/null || true
        for _ in {1..100}; do
            ! has_ended "$pid" || break
            sleep 0.02
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
}
