# What the tests of the ways to run the program share: private configurations of nginx and Apache on free
# ports in a directory of the test's own, everything ended afterwards by its id. The requests and the rules
# for every answer are those of the API's tests.
# shellcheck shell=bash

# In this order: both have a function `say`.
# shellcheck source=scripts/lib.bash
source "$TOP/scripts/lib.bash"
# shellcheck source=tests/api/helpers.bash
source "$TOP/tests/api/helpers.bash"

# The web servers' own user, who is not root, must reach what it starts; sockets need a short path.
open_directory() {
    DIR=$(mktemp -d /tmp/chat-sessions-deploy.XXXXXX)
    chmod 755 "$DIR"
    mkdir -p "$DIR/pids" "$DIR/app" "$DIR/tmp"
    WEB_USER=$(id -un)
    ((EUID != 0)) || WEB_USER=nobody
    install -m 755 "$CHAT_SESSIONS_BIN" "$DIR/app/chat-sessions"
    cat >"$DIR/app/.env" <<END
AWS_ENDPOINT_URL_DYNAMODB=$FRONT
AWS_ACCESS_KEY_ID=AKIDSIGNATUREFRONT
AWS_SECRET_ACCESS_KEY=front/secret+key
AWS_REGION=us-east-1
POOL_THREADS=4
SOCKET=$DIR/s
END
    mkdir -m 755 "$DIR/www"
    sed "s|^DIRECTORY=.*|DIRECTORY=$DIR/app|" "$TOP/nginx/apache/chat-sessions.fcgi" >"$DIR/www/chat-sessions.fcgi"
    chmod 755 "$DIR/www/chat-sessions.fcgi"
}

close_directory() {
    local name
    for name in "$DIR"/pids/*; do
        [[ ! -e $name ]] || STATE=$DIR stop_process "${name##*/}" TERM 15
    done
    rm -rf "$DIR"
}

# start NAME COMMAND…: its output in $DIR/NAME.log.
start() { STATE=$DIR start_process "$1" "$DIR/$1.log" "${@:2}"; }
alive() { STATE=$DIR process_alive "$1"; }

show_logs() {
    tail -n 15 "$DIR"/*.log >&2
    return 1
}

answers() { [[ $(curl -s --noproxy '*' -o "$DIR/out" -w '%{http_code}' "$API/sessions/nobody") == 200 ]]; }

answers_or_gone() { answers || ! alive "$1"; }

# From now on BASE and API are the server under test.
serve_at() {
    BASE=http://127.0.0.1:$1
    API=$BASE/api/v1
}

# ---- nginx ------------------------------------------------------------------------------------

# start_nginx FILE: the text of a file is the server block's.
start_nginx() {
    local port user=
    port=$(free_port)
    ((EUID != 0)) || user='user root;'
    mkdir -p "$DIR/snippets"
    ln -s "$TOP/nginx/snippets" "$DIR/snippets/chat-sessions"
    cat >"$DIR/nginx.conf" <<END
$user
daemon off;
pid $DIR/nginx.pid;
error_log $DIR/nginx-error.log warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $DIR/tmp/body;
    fastcgi_temp_path $DIR/tmp/fastcgi;
    proxy_temp_path $DIR/tmp/proxy;
    scgi_temp_path $DIR/tmp/scgi;
    uwsgi_temp_path $DIR/tmp/uwsgi;
    include snippets/chat-sessions/http.conf;
    upstream chat_sessions { zone chat_sessions 64k; server unix:$DIR/s max_fails=0; keepalive 8; }
    upstream chat_sessions_status { server unix:$DIR/s.status max_fails=0; }
    server {
        listen 127.0.0.1:$port;
        set \$chat_sessions_docroot $DIR/www;
        $(<"$1")
    }
}
END
    start nginx nginx -p "$DIR" -c "$DIR/nginx.conf" -e "$DIR/nginx-error.log"
    serve_at "$port"
    wait_for 20 answers_or_gone nginx || show_logs
    alive nginx || show_logs
}

start_nginx_for_socket() {
    echo 'include snippets/chat-sessions/server.conf;' >"$DIR/server"
    start_nginx "$DIR/server"
}

# ---- Apache -----------------------------------------------------------------------------------

# start_apache MODULE…: with the .htaccess and the virtual host's settings that are shipped.
start_apache() {
    local port user='' module
    port=$(free_port)
    ((EUID != 0)) || user="User $WEB_USER"$'\n'"Group $(id -gn "$WEB_USER")"
    mkdir -p "$DIR/run"
    ((EUID != 0)) || chown "$WEB_USER" "$DIR/run" "$DIR/app/.env"
    cp "$TOP/nginx/apache/htaccess" "$DIR/www/.htaccess"
    sed "s|/var/www/chat-sessions|$DIR/www|; s|\*:80|127.0.0.1:$port|" "$TOP/nginx/apache/site.conf" >"$DIR/site.conf"
    {
        printf '%s\n' "ServerRoot $DIR" "PidFile $DIR/run/apache.pid" "Listen 127.0.0.1:$port" \
            "ErrorLog $DIR/apache-error.log" "DefaultRuntimeDir $DIR/run" "$user" 'ServerName localhost' 'TypesConfig /dev/null'
        for module in mpm_event authz_core authz_host rewrite headers mime "$@"; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        [[ $* != *cgid* || $* == *fcgid* ]] || echo "ScriptSock $DIR/run/cgid.sock"
        [[ $* != *fcgid* ]] || printf '%s\n' "FcgidIPCDir $DIR/run" "FcgidProcessTableFile $DIR/run/table"
        echo "Include $DIR/site.conf"
    } >"$DIR/apache.conf"
    start apache apache2 -f "$DIR/apache.conf" -DFOREGROUND
    serve_at "$port"
    wait_for 20 answers_or_gone apache || show_logs
    alive apache || show_logs
}

# ---- the core of the end-to-end tests -----------------------------------------------------------

# A problem document without what is the request's own.
problem() { jq -cS 'del(.request_id)' <"$body_file"; }

the_core_works() {
    local user sid
    user="$(unique mode)/ü"
    new_session 'first title'
    say 'hello – “world”'
    say again assistant
    api GET "/sessions/$(encode "$user")"
    expect 200
    # shellcheck disable=SC2016
    check '.count == 1 and .sessions[0].message_count == 2 and .sessions[0].session_id == $sid' --arg sid "$sid"
    api GET "/sessions/$sid/messages?limit=1"
    expect 200
    check '.messages[0].content == "hello – “world”" and .has_more'
    put "/sessions/$(encode "$user")/$sid" '{"title":"second title"}'
    expect 200
    api GET "/sessions/$(encode "$user")/$sid"
    check '.session.title == "second title"'
    api DELETE "/sessions/$(encode "$user")/$sid"
    expect 200
    check '.deleted_messages == 2'
    api GET "/sessions/$(encode "$user")/$sid"
    expect 404 session_not_found
    the_errors_are_the_same
}

it_compresses() {
    local user sid
    user=$(unique compressed)
    new_session
    put "/sessions/$user/$sid" "$(jq -cn '{metadata: {long: ("abc" * 1000)}}')"
    api GET "/sessions/$user/$sid" --compressed
    expect 200
    is "$(header Content-Encoding)" gzip
    check '.session.metadata.long | length == 3000'
}

the_errors_are_the_same() {
    api GET '/nothing/here/at/all'
    expect 404 not_found
    api GET '/sessions/alice?limit=0'
    expect 422 invalid_parameter
    is "$(problem)" '{"code":"invalid_parameter","detail":"limit must be an integer from 1 to 1000","status":422,"title":"Unprocessable Content","type":"about:blank"}'
    # A message that just fits the limits, larger than any server's default; and one byte too many.
    head -c 16777216 /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/largest"
    api POST /sessions -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/largest"
    expect 400
    printf ' ' >>"$BATS_TEST_TMPDIR/largest"
    api POST /sessions -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/largest"
    expect 413 body_too_large
    is "$(problem)" '{"code":"body_too_large","detail":"the body must be at most 16 MB, this one has 16.7 MB","status":413,"title":"Content Too Large","type":"about:blank"}'
    is "$(header Content-Type)" application/problem+json
    api POST "/sessions/alice"
    expect 405 method_not_allowed
    is "$(header Allow)" 'GET, HEAD, DELETE, OPTIONS' Allow
    api POST /sessions -H 'Content-Type: text/plain' -d 'hello'
    expect 415 unsupported_media_type
    api GET /health/ready
    expect 200
    trouble_is_told
}

# DynamoDB's trouble, with the header that says when to try again.
trouble_is_told() {
    curl -sS --noproxy '*' -o "$DIR/out" -d '{"rate":1,"kinds":["denied"]}' "$FRONT/-/faults"
    api GET /sessions/alice
    curl -sS --noproxy '*' -o "$DIR/out" -d '{"rate":0,"kinds":[]}' "$FRONT/-/faults"
    expect 503 dynamodb_denied
    is "$(header Retry-After)" 30 Retry-After
    is "$(header Content-Type)" application/problem+json
}
