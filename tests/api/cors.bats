#!/usr/bin/env bats
# CORS: what a browser on another origin may do.

load helpers

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
