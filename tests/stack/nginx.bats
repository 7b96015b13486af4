#!/usr/bin/env bats
# bats file_tags=apart
# nginx: both configurations are valid, and what it answers itself has the API's form.

load helpers

setup_file() {
    make_checkout
    NGINX_READ_TIMEOUT=1s NGINX_MAX_CONNECTIONS=2 start_near "$BATS_FILE_TMPDIR/state" >&2
    RATE_LIMIT=1 RATE_BURST=1 start_near "$BATS_FILE_TMPDIR/limited" >&2
}

teardown_file() {
    stop_run "$BATS_FILE_TMPDIR/state"
    stop_run "$BATS_FILE_TMPDIR/limited"
}

setup() {
    state=$BATS_FILE_TMPDIR/state
    url=$(url_of "$state")
    status='' body=''
}

teardown() {
    # Whatever a test has frozen or ended.
    kill -CONT -- "-$(pid_of "$BATS_FILE_TMPDIR/state" pool)" 2>/dev/null || true
    stop_site
}

# Runs the site file as Debian's nginx would see it, below a directory of its own.
site_below() {
    local prefix=$1 socket
    socket=$(sed -nE 's/.*server "unix:(.*\.sock)" .*/\1/p' "$state/nginx/nginx.conf")
    mkdir -p "$prefix/snippets" "$prefix/sites-enabled" "$prefix/log"
    cp -r "$TOP/nginx/snippets" "$prefix/snippets/chat-sessions"
    sed -e "s#/run/chat-sessions/chat-sessions\.sock#$socket#" \
        -e "s#/var/log/nginx#$prefix/log#" -e "s#listen 80;#listen 127.0.0.1:$2;#" -e '/listen \[::\]:80/d' \
        "$TOP/nginx/site.conf" >"$prefix/sites-enabled/chat-sessions.conf"
    cat >"$prefix/nginx.conf" <<EOF
$( ((EUID)) || echo 'user root;')
daemon off;
pid $prefix/nginx.pid;
error_log $prefix/log/error.log;
worker_rlimit_nofile 4096;
events { worker_connections 4000; }
http {
    client_body_temp_path $prefix/body;
    fastcgi_temp_path $prefix/fastcgi;
    proxy_temp_path $prefix/proxy;
    uwsgi_temp_path $prefix/uwsgi;
    scgi_temp_path $prefix/scgi;
    include sites-enabled/*.conf;
}
EOF
}

# start_site: the site file as it is shipped, on a free port. Sets site; ended by teardown.
start_site() {
    local prefix=/tmp/chat-sessions-site.$$ port
    port=$(free_port)
    site_below "$prefix" "$port"
    nginx -p "$prefix" -c "$prefix/nginx.conf" 3>&- &
    site_pid=$! site=http://127.0.0.1:$port
    until_true 10 curl -s -o /dev/null --noproxy '*' "$site/"
}

stop_site() {
    [[ -n ${site_pid-} ]] || return 0
    kill "$site_pid"
    until_true 20 gone "$site_pid"
    rm -r "/tmp/chat-sessions-site.$$"
}

free_port() { bash -c 'TOP=$1; source "$TOP/scripts/lib.bash"; free_port' _ "$TOP"; }

PATH=$PATH:/usr/sbin

@test "the local configuration is valid" {
    nginx -t -p "$state/nginx" -c "$state/nginx/nginx.conf"
}

@test "the site file is valid, with TLS and real-ip examples too" {
    local prefix=/tmp/chat-sessions-site.$$
    site_below "$prefix" 8080
    nginx -t -p "$prefix" -c "$prefix/nginx.conf"
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -keyout "$prefix/key" -out "$prefix/crt" 2>/dev/null
    sed -e "s#/etc/letsencrypt.*fullchain.pem#$prefix/crt#" -e "s#/etc/letsencrypt.*privkey.pem#$prefix/key#" \
        "$TOP/nginx/snippets/tls.conf.example" >"$prefix/snippets/tls.conf"
    sed -i "s#server_name _;#server_name _; include snippets/tls.conf; include $TOP/nginx/snippets/real-ip.conf.example;#" \
        "$prefix/sites-enabled/chat-sessions.conf"
    nginx -t -p "$prefix" -c "$prefix/nginx.conf"
    rm -r "$prefix"
}

@test "the TLS example names the lines of the site that would leave port 80 open" {
    local port
    for port in 80 '[::]:80'; do
        grep -qF "    listen $port;" "$TOP/nginx/site.conf"
        head -n 5 "$TOP/nginx/snippets/tls.conf.example" | grep -qF "\"listen $port\""
    done
    # And there are no others.
    (($(grep -c '^ *listen ' "$TOP/nginx/site.conf") == 2))
}

@test "the site file serves the API" {
    start_site
    http GET "$site/api/v1/sessions/somebody"
    [[ $status == 200 ]]
    http GET "$site/nothing"
    problem 404 not_found
}

@test "the site file: the console is one include away, and / is the site's own" {
    local prefix=/tmp/chat-sessions-site.$$
    "$TOP/scripts/build-console"
    start_site
    http GET "$site/console/"
    problem 404 not_found
    sed -i 's/# \(include .*console.conf;\)/\1/' "$prefix/sites-enabled/chat-sessions.conf"
    sed -i "s#/usr/local/share/chat-sessions/console/#$TOP/build/console/#" "$prefix/snippets/chat-sessions/console.conf"
    "$TOP/tests/lib/reload-nginx" "$site_pid"
    curl -sf --noproxy '*' "$site/console/" | cmp - "$TOP/build/console/index.html"
    # The site may be reached under another name and port than nginx knows.
    http GET "$site/console"
    [[ $status == 308 && $(header location) == /console/ ]]
    http GET "$site/"
    problem 404 not_found
}

@test "the site file: 2,000 requests at once from one address pass, and there is a limit" {
    local answers
    start_site
    answers=$(node "$BATS_TEST_DIRNAME/many.js" requests "$site/docs" 2000)
    echo "$answers"
    jq -e '.["404"] == 2000' <<<"$answers"
    # What browsers ask before a call does not count at all.
    answers=$(node "$BATS_TEST_DIRNAME/many.js" requests "$site/docs" 6000 OPTIONS)
    echo "$answers"
    jq -e '.["204"] == 6000' <<<"$answers"
    answers=$(node "$BATS_TEST_DIRNAME/many.js" requests "$site/docs" 6000)
    echo "$answers"
    jq -e '.["404"] > 0 and .["429"] > 0' <<<"$answers"
    http GET "$site/docs"
    [[ $status == 404 ]] || { problem 429 rate_limited && [[ $(header retry-after) == 1 ]]; }
}

@test "the site file: slow bodies of one address do not take the connections of others" {
    local answers holder
    start_site
    coproc holder { LEFT=256 exec node "$BATS_TEST_DIRNAME/many.js" bodies "$site/api/v1/sessions" 400 3>&-; }
    read -r -t 20 answers <&"${holder[0]}"
    echo "$answers"
    jq -e '. == {"429": 144}' <<<"$answers"
    http POST "$site/api/v1/sessions" -H 'Content-Type: application/json' -d '{"user_id":"u"}'
    problem 429 rate_limited
    [[ $(header retry-after) == 1 ]]
    # What has no body is not held up, and neither is another address.
    http GET "$site/api/v1/sessions/u"
    [[ $status == 200 ]]
    http POST "$site/api/v1/sessions" --interface 127.0.0.2 -H 'Content-Type: application/json' -d '{"user_id":"u"}'
    [[ $status == 201 ]]
    kill "$holder_PID"
}

@test "421: a local run is not found under the name of somebody else" {
    local port=${url##*:} host
    for host in localhost 127.0.0.1 '[::1]' LOCALHOST; do
        http GET "$url/api/v1/health" -H "Host: $host:$port"
        [[ $status == 200 ]]
    done
    for host in evil.example localhost.evil.example 127.0.0.1.nip.io 192.168.0.1 0.0.0.0; do
        http GET "$url/api/v1/health" -H "Host: $host:$port"
        problem 421 misdirected_request
        http POST "$url/api/v1/sessions?user_id=rebound" -H "Host: $host" -H "Origin: http://$host"
        problem 421 misdirected_request
    done
    http GET "$url/api/v1/sessions/rebound"
    [[ $body == *'"count":0'* ]]
    raw "$port" 'GET /api/v1/health HTTP/1.0\r\n\r\n'
    [[ $status == 200 ]]
}

@test "a local run is there for those who go to ::1 for localhost" {
    grep -q '^0\{31\}1 ' /proc/net/if_inet6 || skip 'there is no ::1 here'
    http GET "http://[::1]:${url##*:}/api/v1/health"
    [[ $status == 200 ]]
    # As Node does.
    node -e 'require("http").get({host: "::1", port: process.argv[1], path: "/docs", headers: {host: "localhost"}},
        (r) => process.exit(r.statusCode === 421 ? 1 : 0)).on("error", () => process.exit(1))' "${url##*:}"
}

@test "404: a path outside the API" {
    http GET "$url/nothing"
    problem 404 not_found
}

@test "404: the internal locations cannot be reached from outside" {
    local path
    for path in _api _create _health _error _docs _openapi; do
        http GET "$url/$path"
        problem 404 not_found
    done
}

@test "400: what is not HTTP, and a bad escape" {
    raw "${url##*:}" 'NONSENSE\r\n\r\n'
    problem 400 bad_request
    http GET "$url/api/v1/sessions/%zz"
    problem 400 bad_request
}

@test "every answer tells browsers not to guess, frame or refer" {
    local name
    for target in "POST $url/api/v1/sessions" "GET $url/api/v1/sessions/nobody/none" "GET $url/none" \
        "GET $url/api/v1/health" "GET $url/docs"; do
        http "${target% *}" "${target#* }" -H 'Content-Type: application/json' -d '{"user_id":"u"}'
        echo "$target: $status $headers"
        for name in 'x-content-type-options: nosniff' 'x-frame-options: DENY' 'referrer-policy: no-referrer'; do
            [[ $(grep -ic "^$name" <<<"$headers") == 1 ]]
        done
    done
}

@test "OPTIONS where the application is not asked" {
    local path
    for path in /api/v1/health /api/v1/openapi.json /openapi.json /docs; do
        http OPTIONS "$url$path" -H 'Origin: http://localhost:3000' -H 'Access-Control-Request-Method: GET'
        echo "$path: $status $headers"
        [[ $status == 204 && $(header allow) == 'GET, HEAD, OPTIONS' ]]
        [[ $(header access-control-allow-origin) == http://localhost:3000 && -n $(header x-request-id) ]]
    done
}

@test "403: metrics are for this machine" {
    local path
    for path in /metrics /api/v1/metrics; do
        http GET "$url$path"
        [[ $status == 200 && $body == *chat_sessions_requests_total* ]]
        http GET "$url$path" --interface 127.0.0.2
        problem 403 forbidden
    done
}

@test "400: plain HTTP on a port for TLS" {
    local prefix=/tmp/chat-sessions-site.$$ port pid
    port=$(free_port)
    site_below "$prefix" "$port"
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -keyout "$prefix/key" -out "$prefix/crt" 2>/dev/null
    sed -i "s#server_name _;#ssl_certificate $prefix/crt; ssl_certificate_key $prefix/key;#; s#\(listen .*\);#\1 ssl;#" \
        "$prefix/sites-enabled/chat-sessions.conf"
    nginx -p "$prefix" -c "$prefix/nginx.conf" 3>&- &
    pid=$!
    until_true 20 curl -sk --noproxy '*' -o /dev/null "https://127.0.0.1:$port/"
    http GET "http://127.0.0.1:$port/api/v1/health"
    kill "$pid"
    wait "$pid" || true
    rm -r "$prefix"
    problem 400 bad_request
}

# routes: a path of each row of the application's table that nginx leaves to the application.
routes() { sed -nE 's/.*\.path = "([^"]+)".*/\1/p' "$TOP/cgi-src/api/routes.c" | sed -E '/health$/d; s/\{[^}]*\}/x/g'; }

@test "405: TRACE, with what the application allows at the path" {
    local path
    for path in $(routes) "/api/v1/sessions/x/messages?limit=1"; do
        http BREW "$url$path"
        problem 405 method_not_allowed
        allowed=$(header allow)
        http TRACE "$url$path"
        echo "$path: $(header allow), not $allowed"
        problem 405 method_not_allowed
        [[ -n $allowed && $(header allow) == "$allowed" ]]
    done
}

@test "405: TRACE where the application is not asked" {
    local path
    for path in /api/v1/health /docs /openapi.json /api/v1/none; do
        http TRACE "$url$path"
        problem 405 method_not_allowed
        [[ $(header allow) == "GET, HEAD, OPTIONS" ]]
    done
    for path in /nothing /metrics /api/v1/metrics; do
        http TRACE "$url$path"
        problem 405 method_not_allowed
        [[ $(header allow) == "GET, HEAD" ]]
    done
}

@test "413: the detail names the limit and the size" {
    head -c 5000000 /dev/zero >"$BATS_TEST_TMPDIR/large"
    http POST "$url/api/v1/sessions/s/messages" -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/large"
    problem 413 body_too_large
    [[ $body == *'at most 4 MB, this one has 5.0 MB'* ]]
    http POST "$url/api/v1/sessions/s/messages" -H 'Transfer-Encoding: chunked' --data-binary "@$BATS_TEST_TMPDIR/large"
    problem 413 body_too_large
}

@test "414 and 431: a request line or a header that is too long" {
    http GET "$url/api/v1/$(head -c 40000 /dev/zero | tr '\0' a)"
    problem 414 uri_too_long
    http GET "$url/api/v1/sessions" -H "X-Long: $(head -c 40000 /dev/zero | tr '\0' a)"
    problem 431 headers_too_large
}

# a COUNT: that many letters a.
a() { head -c "$1" /dev/zero | tr '\0' a; }

@test "414 and 431: what does not fit into the application's record together, never 500" {
    http GET "$url/api/v1/sessions/u" -H "X-A: $(a 31000)" -H "X-B: $(a 31000)" -H "X-C: $(a 31000)"
    problem 431 headers_too_large
    http GET "$url/api/v1/sessions/u?q=$(a 32600)"
    problem 414 uri_too_long
    http GET "$url/api/v1/sessions/u" -H "X-A: $(a 20000)" -H "X-B: $(a 20000)" -H "X-C: $(a 20000)"
    problem 431 headers_too_large
    # Each header grows by five bytes on its way.
    local many
    for many in 5000 9000 13000; do
        raw "${url##*:}" "POST /api/v1/sessions HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n$(printf 'a:\\r\\n%.0s' $(seq "$many"))\\r\\n"
        echo "$many: $status"
        [[ $status == 431 || $status == 422 ]]
    done
    problem 431 headers_too_large
}

@test "all that fits passes: a long path, a long token, many cookies" {
    http GET "$url/api/v1/sessions/$(printf '%%41%.0s' {1..2048})?x=$(a 20000)" -H "Authorization: Bearer $(a 26000)"
    [[ $status == 200 ]]
    http GET "$url/api/v1/sessions/u" -H "Cookie: $(a 12000)" -H "X-Token: $(a 16000)" -H "X-B: $(a 8000)"
    [[ $status == 200 ]]
}

@test "501 and 505: transfer codings and versions of HTTP that nobody speaks" {
    http POST "$url/api/v1/sessions" -H 'Transfer-Encoding: nonsense' -d x
    problem 501 not_implemented
    raw "${url##*:}" 'GET / HTTP/9.9\r\nHost: a\r\n\r\n'
    problem 505 http_version_not_supported
}

@test "429: the rate limit, with Retry-After" {
    local limited
    limited=$(url_of "$BATS_FILE_TMPDIR/limited")
    for _ in 1 2 3 4 5; do
        http GET "$limited/api/v1/sessions/somebody"
        [[ $status == 429 ]] && break
    done
    problem 429 rate_limited
    [[ $(header retry-after) == 1 ]]
}

@test "503: the pool has stopped, with Retry-After" {
    kill -TERM "$(pid_of "$BATS_FILE_TMPDIR/limited" pool)"
    until_true 40 gone "$(pid_of "$BATS_FILE_TMPDIR/limited" pool)"
    # Past the rate limit of this one.
    refused() {
        http GET "$(url_of "$BATS_FILE_TMPDIR/limited")/api/v1/sessions/somebody"
        [[ $status != 429 ]]
    }
    until_true 10 refused
    problem 503 overloaded
    [[ $(header retry-after) == 1 ]]
}

@test "504: the pool does not answer" {
    kill -STOP -- "-$(pid_of "$state" pool)"
    http GET "$url/api/v1/sessions/somebody"
    problem 504 gateway_timeout
    [[ $body == *'repeat it with its Idempotency-Key'* ]]
}

@test "503: more requests than the pool takes are refused at once" {
    kill -STOP -- "-$(pid_of "$state" pool)"
    local codes
    codes=$(for _ in {1..6}; do
        curl -s --noproxy '*' -o /dev/null -w '%{http_code} %{time_total}\n' "$url/api/v1/sessions/somebody" &
    done; wait)
    echo "$codes"
    # Some wait until nginx has had enough of it; the rest are sent away before that. The limit is 2, which
    # nginx's two processes may pass by one each when they count at the same moment.
    [[ $(grep -c '^504 1\.' <<<"$codes") -le 4 ]]
    [[ $(grep -c '^503 0\.' <<<"$codes") -ge 2 ]]
}

@test "a request's own id is kept in nginx's answers, if it can stand in JSON" {
    http GET "$url/nothing" -H 'X-Request-Id: from-the-caller-1'
    [[ $(header x-request-id) == from-the-caller-1 ]]
    problem 404 not_found
    http GET "$url/nothing" -H 'X-Request-Id: not"json'
    [[ $(header x-request-id) != *'"'* ]]
    problem 404 not_found
}

@test "a browser front end may read nginx's errors" {
    http GET "$url/nothing" -H 'Origin: http://localhost:3000'
    [[ $(header access-control-allow-origin) == http://localhost:3000 ]]
    [[ $(header access-control-expose-headers) == *Retry-After* ]]
    http GET "$url/nothing" -H 'Origin: http://elsewhere.example'
    [[ -z $(header access-control-allow-origin) ]]
    http GET "$url/nothing"
    [[ -z $(header access-control-allow-origin) ]]
}

@test "also those of requests that were given up before their Origin was read" {
    local origin='Origin: http://localhost:3000'
    http GET "$url/api/v1/sessions/u?q=$(a 32600)" -H "$origin"
    problem 414 uri_too_long
    [[ $(header access-control-allow-origin) == http://localhost:3000 ]]
    http GET "$url/api/v1/sessions/u" -H "X-A: $(a 31000)" -H "$origin"
    problem 431 headers_too_large
    [[ $(header access-control-allow-origin) == http://localhost:3000 ]]
    raw "${url##*:}" 'GET /a b HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n'
    problem 400 bad_request
    [[ $(header access-control-allow-origin) == http://localhost:3000 ]]
}

@test "a preflight where the application is not asked allows what it asks for" {
    http OPTIONS "$url/docs" -H 'Origin: http://localhost:3000' -H 'Access-Control-Request-Method: GET' \
        -H 'Access-Control-Request-Headers: baggage,sentry-trace'
    [[ $(header access-control-allow-headers) == baggage,sentry-trace ]]
    http OPTIONS "$url/docs" -H 'Origin: http://localhost:3000' -H 'Access-Control-Request-Method: GET' \
        -H 'Access-Control-Request-Headers: a: b'
    [[ $(header access-control-allow-headers) == 'Authorization, X-Request-Id, traceparent, tracestate' ]]
}

@test "every path below /api/v1 reaches the application as it was sent" {
    local path
    for path in '%2e%2e' '..%2f..%2fmetrics' 'a//b' '%2F' '..'; do
        http GET "$url/api/v1/sessions/$path"
        echo "$path: $status $body"
        # Whatever the application says of it: it is not nginx that answers, nor another location.
        [[ $status =~ ^(200|404|422)$ ]]
        [[ $body == *'"timestamp"'* || $body == *'"request_id"'* ]]
        [[ $body != *'the API begins at'* && $body != *'# HELP'* ]]
    done
}

@test "a user id of 2,048 bytes passes, every byte percent-encoded" {
    http GET "$url/api/v1/sessions/$(printf '%%41%.0s' {1..2048})"
    echo "$status $body"
    [[ $status == 200 ]]
}

@test "health and metrics come from the master, metrics for this machine only" {
    http GET "$url/api/v1/health"
    [[ $status == 200 && $(header content-type) == application/json* ]]
    http GET "$url/metrics"
    [[ $status == 200 && $(header content-type) == text/plain* ]]
}

@test "health and metrics answer while every worker stands still" {
    local worker
    for worker in $(pgrep -P "$(pid_of "$state" pool)"); do kill -STOP "$worker"; done
    http GET "$url/api/v1/health"
    [[ $status == 200 ]]
    http GET "$url/metrics"
    [[ $status == 200 ]]
}

@test "the access log has a JSON object a request, with the id of the answer" {
    http GET "$url/nothing?q=%22" -H 'X-Request-Id: look-for-me'
    logged() { grep -q look-for-me "$state/logs/nginx-access.log"; }
    until_true 5 logged
    grep look-for-me "$state/logs/nginx-access.log" | jq -e '.status == 404 and .method == "GET" and .seconds >= 0'
}
