#!/usr/bin/env bats
# What all answers have in common. Much of it is checked on every answer that any test receives, by answer.jq.

load helpers

setup() { user=$(unique); }

TIME='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$'

@test "success is JSON with status and time" {
    new_session
    is "$(get .status)" success
    [[ $(get .timestamp) =~ $TIME ]]
    [[ $(header Content-Type) == application/json* ]]
}

@test "the time is now" {
    local before after
    before=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
    api GET "/sessions/$user"
    after=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
    [[ ! $(get .timestamp) < $before && ! $(get .timestamp) > $after ]] ||
        fail "$(get .timestamp) is not within $before to $after"
}

@test "times of a session are UTC with microseconds" {
    new_session
    [[ $(get .session.created_at) =~ $TIME && $(get .session.updated_at) =~ $TIME ]]
}

@test "a message's timestamp is an integer, not text and without a point" {
    new_session
    say hello
    grep -qE '"timestamp":[0-9]{13}[,}]' "$body_file"
}

@test "slashes are not escaped, other characters not more than JSON wants" {
    user="a/b/$user/é😀"
    new_session 'title / with é 😀'
    has_text "\"user_id\":\"$user\""
    has_text '"title":"title / with é 😀"'
    api GET "/sessions/$(encode "$user")"
    has_text "\"user_id\":\"$user\""
    say 'content / é 😀'
    has_text '"content":"content / é 😀"'
    api GET "/sessions/$sid/messages"
    has_text '"content":"content / é 😀"'
}

@test "errors are problem documents" {
    api GET "/sessions/$user/none"
    expect 404 session_not_found
    [[ $(header Content-Type) == application/problem+json* ]]
    is "$(get -c keys_unsorted)" '["type","title","status","code","detail","request_id"]'
    is "$(get .type)" about:blank
    is "$(get .title)" 'Not Found'
    is "$(get .status)" 404
}

@test "titles of errors are the statuses' own" {
    post /sessions '{'
    is "$(get .title)" 'Bad Request'
    post /sessions '{}'
    is "$(get .title)" 'Unprocessable Content'
    api BREW /sessions
    is "$(get .title)" 'Method Not Allowed'
    api POST /sessions -d x
    is "$(get .title)" 'Unsupported Media Type'
}

@test "what nginx answers itself has the same body" {
    api GET "$BASE/nothing/here"
    expect 404 not_found
    [[ $(header Content-Type) == application/problem+json* ]]
}

@test "X-Request-Id is made if none is sent, another each time" {
    local first
    api GET "/sessions/$user"
    first=$(header X-Request-Id)
    [[ $first =~ ^[!-~]{16,128}$ ]]
    api GET "/sessions/$user"
    [[ $(header X-Request-Id) != "$first" ]]
}

@test "X-Request-Id is the caller's if it can be" {
    local id
    for id in x abc-123 '!#$%&()*+,-./:;<=>?@[]^_`{|}~' "a\"b'c\\d" "$(printf 'x%.0s' {1..128})"; do
        api GET "/sessions/$user" -H "X-Request-Id: $id"
        is "$(header X-Request-Id)" "$id"
        api GET "/sessions/$user/none" -H "X-Request-Id: $id"
        is "$(header X-Request-Id)" "$id"
        is "$(get .request_id)" "$id"
    done
}

@test "X-Request-Id is made if the caller's cannot be" {
    local id
    for id in 'with blank' "$(printf 'x%.0s' {1..129})" 'é'; do
        api GET "/sessions/$user" -H "X-Request-Id: $id"
        [[ $(header X-Request-Id) =~ ^[!-~]{1,128}$ && $(header X-Request-Id) != "$id" ]]
        api GET "/sessions/$user/none" -H "X-Request-Id: $id"
        [[ $(get .request_id) =~ ^[!-~]{1,128}$ && $(get .request_id) != "$id" ]]
    done
}

@test "X-Request-Id comes on nginx's own answers, too" {
    api GET "$BASE/nothing" -H 'X-Request-Id: mine'
    is "$(header X-Request-Id)" mine
    is "$(get .request_id)" mine
    api GET "$BASE/nothing"
    [[ $(get .request_id) =~ ^[!-~]{16,128}$ ]]
}

@test "there is one X-Request-Id, not two" {
    api GET "/sessions/$user"
    is "$(header X-Request-Id | wc -l)" 1
    api GET "$BASE/nothing"
    is "$(header X-Request-Id | wc -l)" 1
}

@test "HEAD answers as GET does, without the body" {
    local path
    new_session
    say hello
    for path in "/sessions/$user" "/sessions/$user/$sid" "/sessions/$sid/messages"; do
        raw GET "/api/v1$path"
        local type length
        type=$(header Content-Type)
        length=$(wc -c <"$body_file")
        raw HEAD "/api/v1$path"
        expect 200
        is "$(header Content-Type)" "$type"
        is "$(wc -c <"$body_file")" 0
        [[ -z $(header Content-Length) || $(header Content-Length) == "$length" ]]
    done
    raw HEAD "/api/v1/sessions/$user/none"
    is "$http_status" 404
    is "$(wc -c <"$body_file")" 0
}

@test "GET changes nothing, asked for again and again" {
    local before
    new_session
    before=$(stored_sessions "$user"; stored_messages "$sid")
    api GET "/sessions/$user"
    api GET "/sessions/$user/$sid"
    api GET "/sessions/$sid/messages"
    is "$(stored_sessions "$user"; stored_messages "$sid")" "$before"
}

@test "answers of the API are not to be kept by caches" {
    new_session
    api GET "/sessions/$user/$sid"
    [[ $(header Cache-Control) == *no-store* || $(header Cache-Control) == *no-cache* ]]
}

@test "many requests go over one connection" {
    local seen
    new_session
    seen=$(curl -sS --noproxy '*' -w '%{num_connects}\n' -o /dev/null "$API/sessions/$user" -o /dev/null \
        "$API/sessions/$user/$sid" -o /dev/null "$API/sessions/$user/none" -o /dev/null \
        "$API/sessions/$sid/messages" | paste -sd' ')
    is "$seen" '1 0 0 0'
}

@test "the service says that it is well" {
    api GET /health
    expect 200
    api GET /health/ready
    expect 200
}
