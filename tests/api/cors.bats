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
