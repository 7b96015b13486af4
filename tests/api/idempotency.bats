#!/usr/bin/env bats
# Idempotency-Key: the first answer again, and the write only once.

load helpers
load auth_stack

teardown() {
    stop_auth_stack second
    judge
}

setup() {
    user=$(unique)
    new_session
    key=$(unique key)
}

with_key() { post "$1" "$2" -H "Idempotency-Key: ${3-$key}"; }

hello='{"role":"user","content":"hello","metadata":{"n":1.0}}'

@test "the first append is 201, the same again 200 with the first answer" {
    local first
    with_key "/sessions/$sid/messages" "$hello"
    expect 201
    is "$(header Idempotent-Replayed)" ''
    first=$(get -S .message)
    with_key "/sessions/$sid/messages" "$hello"
    expect 200
    is "$(header Idempotent-Replayed)" true
    is "$(get -S .message)" "$first"
    has_text '"metadata":{"n":1.0}'
    is "$(stored_message_count "$sid")" 1
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 1'
}

@test "another payload under the key is 422" {
    local body
    with_key "/sessions/$sid/messages" "$hello"
    for body in '{"role":"user","content":"other","metadata":{"n":1.0}}' \
        '{"role":"assistant","content":"hello","metadata":{"n":1.0}}' '{"role":"user","content":"hello"}' \
        '{"role":"user","content":"hello","metadata":{"n":1}}' \
        '{"role":"user","content":"hello","metadata":{"n":1.0},"message_id":"x"}' \
        '[{"role":"user","content":"hello","metadata":{"n":1.0}}]'; do
        with_key "/sessions/$sid/messages" "$body"
        expect 422 idempotency_key_reused
    done
    is "$(stored_message_count "$sid")" 1
}

@test "another key, another session: another message" {
    with_key "/sessions/$sid/messages" "$hello"
    with_key "/sessions/$sid/messages" "$hello" "$key-2"
    expect 201
    new_session
    with_key "/sessions/$sid/messages" "$hello"
    expect 201
}

@test "the first answer comes again after other messages and after an update" {
    local first
    with_key "/sessions/$sid/messages" "$hello"
    first=$(get -S .message)
    say between
    put "/sessions/$user/$sid" '{"title":"new"}'
    with_key "/sessions/$sid/messages" "$hello"
    expect 200
    is "$(get -S .message)" "$first"
}

@test "an array is replayed as a whole" {
    local first body='[{"role":"user","content":"a"},{"role":"assistant","content":"b","metadata":{}}]'
    with_key "/sessions/$sid/messages" "$body"
    expect 201
    first=$(get -S .messages)
    with_key "/sessions/$sid/messages" "$body"
    expect 200
    is "$(get -S .messages)" "$first"
    is "$(stored_message_count "$sid")" 2
}

@test "a session is created once" {
    local first body
    user=$(unique)
    body="{\"user_id\":\"$user\",\"title\":\"once\",\"metadata\":{\"n\":1.0}}"
    with_key /sessions "$body"
    expect 201
    first=$(get -S .session)
    with_key /sessions "$body"
    expect 200
    is "$(header Idempotent-Replayed)" true
    is "$(get -S .session)" "$first"
    api GET "/sessions/$user"
    check '.count == 1'
    api GET "/sessions/$user?sort=created"
    check '.count == 1'
}

@test "another session under the key is 422; the same key of another user is not in the way" {
    user=$(unique)
    with_key /sessions "{\"user_id\":\"$user\",\"title\":\"once\"}"
    with_key /sessions "{\"user_id\":\"$user\",\"title\":\"other\"}"
    expect 422 idempotency_key_reused
    with_key /sessions "{\"user_id\":\"$user-2\",\"title\":\"once\"}"
    expect 201
}

@test "a replayed creation with the default title has the title of the first time" {
    local first
    user=$(unique)
    with_key /sessions "{\"user_id\":\"$user\"}"
    first=$(get .session.title)
    with_key /sessions "{\"user_id\":\"$user\"}"
    expect 200
    is "$(get .session.title)" "$first"
}

@test "the key goes with the session" {
    with_key "/sessions/$sid/messages" "$hello"
    api DELETE "/sessions/$user/$sid"
    expect 200
    check '.deleted_messages == 1'
    nothing_left "$user" "$sid"
    is "$(stored_sessions "$user")" ''
    with_key "/sessions/$sid/messages" "$hello"
    expect 404 session_not_found
}

@test "the marker of a session's creation goes with it" {
    user=$(unique)
    with_key /sessions "{\"user_id\":\"$user\"}"
    api DELETE "/sessions/$user/$(get .session.session_id)"
    expect 200
    is "$(stored_sessions "$user")" ''
    with_key /sessions "{\"user_id\":\"$user\"}"
    expect 201
}

@test "markers never show" {
    with_key "/sessions/$sid/messages" "$hello"
    api GET "/sessions/$sid/messages?limit=1000&order=desc"
    check '.count == 1'
    api GET "/sessions/$sid/messages?limit=1000"
    check '.count == 1'
}

@test "a request that was refused leaves no marker" {
    with_key "/sessions/$sid/messages" '{"role":"nobody","content":"hello"}'
    expect 422 invalid_parameter
    with_key "/sessions/$sid/messages" "$hello"
    expect 201
}

@test "a key that is none is 422" {
    local bad
    for bad in "$(printf 'x%.0s' {1..256})" 'with blank' 'é'; do
        with_key "/sessions/$sid/messages" "$hello" "$bad"
        expect 422 invalid_parameter
    done
    with_key "/sessions/$sid/messages" "$hello" "$(printf 'x%.0s' {1..255})"
    expect 201
    # curl sends a header without a value if its name ends in a semicolon.
    post "/sessions/$sid/messages" "$hello" -H 'Idempotency-Key;'
    expect 422 invalid_parameter
    is "$(stored_message_count "$sid")" 1
}

@test "32 at once with the same key: one message, all answers equal" {
    local i
    for i in {1..32}; do
        curl -sS --noproxy '*' -w '\n%{http_code}\n' -H "Idempotency-Key: $key" --json "$hello" \
            "$API/sessions/$sid/messages" >"$BATS_TEST_TMPDIR/$i" 3>&- &
    done
    wait
    is "$(tail -qn 1 "$BATS_TEST_TMPDIR"/[0-9]* | sort | uniq -c | xargs)" '31 200 1 201'
    is "$(head -qn 1 "$BATS_TEST_TMPDIR"/[0-9]* | jq -c .message | sort -u | wc -l)" 1
    is "$(stored_message_count "$sid")" 1
}

@test "32 creations at once with the same key: one session" {
    local i
    user=$(unique)
    for i in {1..32}; do
        curl -sS --noproxy '*' -H "Idempotency-Key: $key" --json "{\"user_id\":\"$user\",\"title\":\"t\"}" \
            "$API/sessions" >"$BATS_TEST_TMPDIR/$i" 3>&- &
    done
    wait
    is "$(cat "$BATS_TEST_TMPDIR"/[0-9]* | jq -r .session.session_id | sort -u | wc -l)" 1
    api GET "/sessions/$user"
    check '.count == 1'
}

@test "a key holds on every machine, and over a restart" {
    local first session start here=$API body
    with_key "/sessions/$sid/messages" "$hello"
    expect 201
    first=$(get -S .message)
    user=$(unique)
    body="{\"user_id\":\"$user\"}"
    with_key /sessions "$body"
    expect 201
    session=$(get -S .session)
    for start in 1 2; do
        # Another pool and nginx over the same tables; started twice.
        API=$(start_auth_stack second)/api/v1
        with_key "/sessions/$sid/messages" "$hello"
        expect 200
        is "$(get -S .message)" "$first"
        with_key /sessions "$body"
        expect 200
        is "$(get -S .session)" "$session"
        with_key "/sessions/$sid/messages" '{"role":"user","content":"other"}'
        expect 422 idempotency_key_reused
        stop_auth_stack second
    done
    API=$here
    is "$(stored_message_count "$sid")" 1
    api GET "/sessions/$user"
    check '.count == 1'
}
