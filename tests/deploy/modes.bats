#!/usr/bin/env bats
# The same program in every way that a web server can run it: the core of the API, and the same bodies of
# errors. The pool itself is looked at in tests/pool.

# shellcheck source=tests/deploy/helpers.bash
load helpers

setup() { open_directory; }

teardown() {
    local result=0
    judge || result=1
    close_directory
    return "$result"
}

# A body without a length: taken, or refused for that; never taken for empty.
send_chunked() {
    curl -s --noproxy '*' -o "$DIR/out" -w '%{http_code}' -H 'Transfer-Encoding: chunked' \
        --json '{"user_id":"chunked","title":"a title"}' "$API/sessions"
}

@test "nginx and the pool" {
    start pool "$DIR/app/chat-sessions" serve --env-file "$DIR/app/.env"
    start_nginx_for_socket
    the_core_works
    it_compresses
}

@test "nginx and the pool on a socket of systemd's" {
    start pool "$TOP/tests/pool/listen-and-run" "$DIR/s" \
        "$DIR/app/chat-sessions" serve --env-file "$DIR/app/.env"
    start_nginx_for_socket
    the_core_works
}

@test "nginx and one process under spawn-fcgi, configured by the .env where it stands" {
    cd "$DIR/app"
    start single spawn-fcgi -n -s "$DIR/s" -M 0660 -- "$DIR/app/chat-sessions"
    start_nginx_for_socket
    the_core_works
}

@test "nginx and fcgiwrap" {
    start fcgiwrap fcgiwrap -f -s "unix:$DIR/wrap"
    sed "s|/run/fcgiwrap.socket|$DIR/wrap|; s|/srv/chat-sessions/|$DIR/www/|" \
        "$TOP/nginx/fcgiwrap.conf.example" >"$DIR/server"
    start_nginx "$DIR/server"
    the_core_works
    it_compresses
    is "$(send_chunked)" 201
}

@test "Apache and mod_cgid" {
    start_apache cgid
    the_core_works
    is "$(send_chunked)" 411
}

@test "Apache and mod_cgid: a bad configuration is a problem document, too" {
    start_apache cgid
    echo 'REQUEST_DEADLINE_MS=soon' >>"$DIR/app/.env"
    # Not by api: its rules let no 500 pass.
    curl -s --noproxy '*' -D "$DIR/head" -o "$DIR/out" "$API/sessions/alice"
    grep -q '^HTTP/1.1 500 ' "$DIR/head"
    grep -qi '^Content-Type: application/problem+json' "$DIR/head"
    jq -e '.status == 500 and .code == "internal" and (.request_id | length) > 0' "$DIR/out"
    # The caller is not told more; the log is.
    is "$(grep -c REQUEST_DEADLINE_MS "$DIR/out")" 0
    grep -q REQUEST_DEADLINE_MS "$DIR/apache-error.log"
}

@test "Apache and mod_fcgid" {
    start_apache fcgid
    the_core_works
    is "$(send_chunked)" 201
}
