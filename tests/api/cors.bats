#!/usr/bin/env bats
# CORS: what a browser on another origin may do.

load helpers
load auth_stack

teardown_file() { stop_auth_stack origins; }

setup() {
    user=$(unique)
    origin=http://localhost:3000
}

@test "a preflight from the front end's origin is answered" {
    local path
    for path in /sessions "/sessions/$user" "/sessions/$user/s" /sessions/s/messages; do
        api OPTIONS "$path" -H "Origin: $origin" -H 'Access-Control-Request-Method: PUT' \
            -H 'Access-Control-Request-Headers: content-type,idempotency-key,if-match,authorization'
        [[ $http_status == 204 || $http_status == 200 ]] || fail "status $http_status"
        is "$(header Access-Control-Allow-Origin)" "$origin"
        [[ $(header Vary) == *Origin* ]]
        local wanted
        for wanted in content-type idempotency-key if-match authorization; do
            [[ $(header Access-Control-Allow-Headers | tr '[:upper:]' '[:lower:]') == *"$wanted"* ]] || fail "$wanted is not allowed"
        done
    done
    api OPTIONS "/sessions/$user/s" -H "Origin: $origin" -H 'Access-Control-Request-Method: PUT'
    [[ $(header Access-Control-Allow-Methods) == *PUT* ]]
}

@test "answers to the origin may be read, with the headers that matter" {
    local wanted
    api GET "/sessions/$user" -H "Origin: $origin"
    is "$(header Access-Control-Allow-Origin)" "$origin"
    for wanted in etag link location retry-after idempotent-replayed x-request-id; do
        [[ $(header Access-Control-Expose-Headers | tr '[:upper:]' '[:lower:]') == *"$wanted"* ]] || fail "$wanted is not exposed"
    done
}

@test "errors to the origin may be read, nginx's own too" {
    api GET "/sessions/$user/none" -H "Origin: $origin"
    expect 404
    is "$(header Access-Control-Allow-Origin)" "$origin"
    api GET "$BASE/none" -H "Origin: $origin"
    is "$(header Access-Control-Allow-Origin)" "$origin"
}

@test "another origin gets no permission" {
    api GET "/sessions/$user" -H 'Origin: http://evil.example'
    is "$(header Access-Control-Allow-Origin)" ''
    api GET "/sessions/$user" -H 'Origin: http://localhost:3000.evil.example'
    is "$(header Access-Control-Allow-Origin)" ''
}

# from ORIGIN PERMISSION: what a browser there is told, by the application, by the master, and by nginx.
from() {
    local target
    for target in "$API/sessions/$user" "${API%/api/v1}/none" "$API/health" "$API/sessions/s/messages/1"; do
        api GET "$target" -H "Origin: $1"
        is "$(header Access-Control-Allow-Origin)" "$2"
    done
    api OPTIONS "$API/sessions/s/messages/1" -H "Origin: $1" -H 'Access-Control-Request-Method: PATCH'
    expect 204
    is "$(header Access-Control-Allow-Origin)" "$2"
    [[ $(header Access-Control-Allow-Methods) == *PATCH* ]]
}

@test "CORS_ORIGINS may name several" {
    API=$(start_auth_stack origins 'CORS_ORIGINS=https://a.example, http://b.example:8080')/api/v1
    from https://a.example https://a.example
    from http://b.example:8080 http://b.example:8080
    from http://localhost:3000 ''
    from https://a.example.evil.example ''
}

@test "CORS_ORIGINS may be everybody" {
    local origins
    for origins in '*' 'https://a.example,*'; do
        stop_auth_stack origins
        API=$(start_auth_stack origins "CORS_ORIGINS=$origins")/api/v1
        from http://anywhere.example '*'
    done
}

@test "a preflight allows what it asks for" {
    local path asked=baggage,sentry-trace,traceparent,x-requested-with
    for path in /sessions "/sessions/$user/s" /health; do
        api OPTIONS "$path" -H "Origin: $origin" -H 'Access-Control-Request-Method: GET' \
            -H "Access-Control-Request-Headers: $asked"
        expect 204
        is "$(header Access-Control-Allow-Headers)" "$asked"
    done
    api OPTIONS /sessions -H 'Origin: http://evil.example' -H 'Access-Control-Request-Method: POST' \
        -H "Access-Control-Request-Headers: $asked"
    [[ $(header Access-Control-Allow-Headers) != *baggage* ]]
    is "$(header Access-Control-Allow-Origin)" ''
}

# changes_refused ORIGIN: nothing that changes something is done for a page there, whatever it needs no leave for.
changes_refused() {
    local case
    for case in "POST /sessions?user_id=$user" "POST /sessions/$sid/messages?role=user&content=c" \
        "PUT /sessions/$user/$sid?title=taken" "PATCH /sessions/$user/$sid?title=taken" "DELETE /sessions/$user/$sid" \
        "DELETE /sessions/$user" "DELETE /sessions?user_id=$user" "PUT /sessions/$sid/messages/$at?content=taken" \
        "DELETE /sessions/$sid/messages/$at"; do
        api "${case%% *}" "${case#* }" -H "Origin: $1"
        expect 403 origin_not_allowed
        is "$(header Access-Control-Allow-Origin)" ''
    done
    is "$(stored_sessions "$user"; stored_messages "$sid")" "$before"
}

@test "a page of another origin changes nothing" {
    local at before host=${BASE#http://}
    new_session
    say hello
    at=$(get .message.timestamp)
    before=$(stored_sessions "$user"; stored_messages "$sid")
    changes_refused http://evil.example
    changes_refused null
    changes_refused "http://${host%:*}:1"
    changes_refused "http://$host.evil.example"
    # Reading it may ask for; the browser keeps the answer from it.
    api GET "/sessions/$user" -H 'Origin: http://evil.example'
    expect 200
    # Its own pages (/docs), and those of CORS_ORIGINS.
    api POST "/sessions/$sid/messages?role=user&content=c" -H "Origin: $BASE"
    expect 201
    api POST "/sessions/$sid/messages?role=user&content=c" -H "Origin: $origin"
    expect 201
}

@test "CORS_CREDENTIALS lets pages send cookies, and never those of everybody" {
    stop_auth_stack origins
    API=$(start_auth_stack origins 'CORS_ORIGINS=https://a.example,https://b.example' CORS_CREDENTIALS=1)/api/v1
    local target
    for target in "$API/sessions/$user" "${API%/api/v1}/none" "$API/health"; do
        api GET "$target" -H 'Origin: https://b.example'
        is "$(header Access-Control-Allow-Origin)" https://b.example
        is "$(header Access-Control-Allow-Credentials)" true
        api GET "$target" -H 'Origin: https://c.example'
        is "$(header Access-Control-Allow-Credentials)" ''
    done
    api OPTIONS /sessions -H 'Origin: https://b.example' -H 'Access-Control-Request-Method: POST'
    is "$(header Access-Control-Allow-Credentials)" true
    # Of an endless request line nginx does not see whose page it is: the first one may read that.
    api GET "/sessions/u?q=$(head -c 30000 /dev/zero | tr '\0' a)" -H 'Origin: https://a.example'
    expect 414 uri_too_long
    is "$(header Access-Control-Allow-Origin)" https://a.example
    is "$(header Access-Control-Allow-Credentials)" true
    stop_auth_stack origins
    ! start_auth_stack origins 'CORS_ORIGINS=*' CORS_CREDENTIALS=1 2>/dev/null || fail 'it started'
    grep -q 'CORS_CREDENTIALS=1 and CORS_ORIGINS=\* do not go together' "$BATS_FILE_TMPDIR/origins/out" ||
        fail "$(<"$BATS_FILE_TMPDIR/origins/out")"
}
