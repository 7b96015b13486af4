#!/usr/bin/env bats
# Deleting a session: complete and final.

load helpers
load auth_stack

teardown() {
    stop_auth_stack own
    stop_own_front
    judge
}

setup() { user=$(unique); }

# A session with one message, at; it and its message were made under the same key.
keyed='{"role":"user","content":"keyed"}'
new_keyed_session() {
    key=$(unique key)
    post /sessions "{\"user_id\":\"$user\",\"title\":\"keyed\"}" -H "Idempotency-Key: $key"
    expect 201
    sid=$(get .session.session_id)
    post "/sessions/$sid/messages" "$keyed" -H "Idempotency-Key: $key"
    expect 201
    at=$(get .message.timestamp)
}

# What everybody sees of a session that is gone.
seems_gone() {
    local i
    # First of all: whichever process is asked, it still remembers the session's owner.
    for i in {1..8}; do
        post "/sessions/$sid/messages" "$keyed" -H "Idempotency-Key: ${key:-none}"
        expect 404 session_not_found
    done
    api GET "/sessions/$user/$sid"
    expect 404 session_not_found
    api GET "/sessions/$sid/messages"
    expect 404 session_not_found
    post "/sessions/$sid/messages" '{"role":"user","content":"too late"}'
    expect 404 session_not_found
    post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"too late\",\"user_id\":\"$user\"}"
    expect 404 session_not_found
    put "/sessions/$user/$sid" '{"title":"too late"}'
    expect 404 session_not_found
    api GET "/sessions/$sid/messages/${at:-1}"
    expect 404 session_not_found
    put "/sessions/$sid/messages/${at:-1}" '{"content":"too late"}'
    expect 404 session_not_found
    api DELETE "/sessions/$sid/messages/${at:-1}"
    expect 404 session_not_found
    api GET "/sessions/$user"
    check '.sessions | all(.session_id != $s)' --arg s "$sid"
    api GET "/sessions/$user?sort=created"
    check '.sessions | all(.session_id != $s)' --arg s "$sid"
}

@test "the answer is JSON and says how many messages went" {
    new_session
    say one
    say two
    say three
    api DELETE "/sessions/$user/$sid"
    expect 200
    check '.message == "Session deleted successfully" and .deleted_messages == 3'
}

@test "an empty session has no messages to delete" {
    new_session
    api DELETE "/sessions/$user/$sid"
    expect 200
    check '.deleted_messages == 0'
    nothing_left "$user" "$sid"
}

@test "no item is left in either table" {
    new_session
    say one
    say two
    api DELETE "/sessions/$user/$sid"
    nothing_left "$user" "$sid"
}

@test "nobody sees it afterwards, and nothing slips in" {
    new_keyed_session
    api DELETE "/sessions/$user/$sid"
    expect 200
    seems_gone
    nothing_left "$user" "$sid"
}

@test "a second delete is 404" {
    new_session
    api DELETE "/sessions/$user/$sid"
    expect 200
    api DELETE "/sessions/$user/$sid"
    expect 404 session_not_found
}

@test "a session is not deleted by another user's path" {
    new_session
    say stays
    api DELETE "/sessions/$user-x/$sid"
    expect 404 session_not_found
    api GET "/sessions/$sid/messages"
    expect 200
    check '.messages[0].content == "stays"'
    is "$(stored_session_count "$user-x")" 0
}

@test "the user's other sessions stay" {
    local first
    new_session first
    first=$sid
    say stays
    new_session second
    say goes
    api DELETE "/sessions/$user/$sid"
    sid=$first
    api GET "/sessions/$user"
    check '.count == 1 and .sessions[0].title == "first"'
    api GET "/sessions/$sid/messages"
    check '.count == 1'
}

# delete_all COUNT: until it is done; on a slow machine the deadline may cut it off, and the next goes on.
delete_all() {
    local cut=0
    api DELETE "/sessions/$user/$sid"
    while [[ $http_status == 504 ]]; do
        ((++cut < 20)) || fail 'the delete never comes to an end'
        api DELETE "/sessions/$user/$sid"
    done
    expect 200
    ((cut)) || check '.deleted_messages == ($n | tonumber)' --arg n "$1"
}

@test "a session of 2,000 messages goes completely" {
    new_session
    node "$API_TESTS/fixtures.js" messages "$sid" 2000 20
    set_session_attribute "$user" "$sid" message_count '{"N":"2000"}'
    delete_all 2000
    nothing_left "$user" "$sid"
    seems_gone
}

@test "a session of 5 MB goes completely" {
    new_session
    node "$API_TESTS/fixtures.js" messages "$sid" 52 100000
    set_session_attribute "$user" "$sid" message_count '{"N":"52"}'
    delete_all 52
    nothing_left "$user" "$sid"
}

# A delete that got no further than its mark and a part of the messages.
cut_off() {
    new_keyed_session
    say two
    say three
    set_session_attribute "$user" "$sid" deleted_at '{"S":"2026-01-02T03:04:05.000000Z"}'
    dynamo UpdateItem "$(jq -n -c --arg t "$MESSAGES_TABLE" --arg s "$sid" '{TableName: $t,
        Key: {session_id: {S: $s}, timestamp: {N: "0"}}, UpdateExpression: "SET deleted_at = :d",
        ExpressionAttributeValues: {":d": {S: "2026-01-02T03:04:05.000000Z"}}}')" >/dev/null
    dynamo DeleteItem "$(jq -n -c --arg t "$MESSAGES_TABLE" --arg s "$sid" \
        --arg n "$(get .message.timestamp)" \
        '{TableName: $t, Key: {session_id: {S: $s}, timestamp: {N: $n}}}')" >/dev/null
}

@test "a session whose delete was cut off is not seen" {
    cut_off
    seems_gone
    is "$(stored_message_count "$sid")" 2
}

@test "a creation repeated while its session is being deleted makes another one" {
    local body="{\"user_id\":\"$user\",\"title\":\"keyed\"}" next
    cut_off
    post /sessions "$body" -H "Idempotency-Key: $key"
    expect 201
    is "$(header Idempotent-Replayed)" ''
    next=$(get .session.session_id)
    [[ $next != "$sid" ]] || fail 'it is the one that is being deleted'
    api GET "/sessions/$user"
    check '[.sessions[].session_id] == [$s]' --arg s "$next"
    # The key is the new session's now, and stays when the delete is finished.
    api DELETE "/sessions/$user/$sid"
    expect 200
    nothing_left "$user" "$sid"
    post /sessions "$body" -H "Idempotency-Key: $key"
    expect 200
    is "$(get .session.session_id)" "$next"
    api DELETE "/sessions/$user/$next"
    expect 200
    is "$(stored_sessions "$user")" ''
}

@test "the next delete finishes one that was cut off" {
    cut_off
    api DELETE "/sessions/$user/$sid"
    expect 200
    check '.deleted_messages == 2'
    nothing_left "$user" "$sid"
    api DELETE "/sessions/$user/$sid"
    expect 404
}

@test "a delete cut off at the very end is finished, too" {
    new_session
    set_session_attribute "$user" "$sid" deleted_at '{"S":"2026-01-02T03:04:05.000000Z"}'
    dynamo DeleteItem "$(jq -n -c --arg t "$MESSAGES_TABLE" --arg s "$sid" \
        '{TableName: $t, Key: {session_id: {S: $s}, timestamp: {N: "0"}}}')" >/dev/null
    seems_gone
    api DELETE "/sessions/$user/$sid"
    expect 200
    nothing_left "$user" "$sid"
}

@test "a delete that is cut off brings back nothing that another has deleted" {
    local before here=$API
    # So far the other has come: only the session's item is still to go.
    new_session
    set_session_attribute "$user" "$sid" deleted_at '{"S":"2026-01-02T03:04:05.000000Z"}'
    dynamo DeleteItem "$(jq -n -c --arg t "$MESSAGES_TABLE" --arg s "$sid" \
        '{TableName: $t, Key: {session_id: {S: $s}, timestamp: {N: "0"}}}')" >/dev/null
    start_own_front
    API=$(start_auth_stack own)/api/v1
    front_faults '{"rate":1,"kinds":["stall"]}'
    before=$(front_stats .forwarded)
    curl -sS --noproxy '*' -o /dev/null -X DELETE "$API/sessions/$user/$sid" 3>&- &
    until (($(front_stats .forwarded) >= before + 2)); do :; done
    front_faults '{"rate":1,"kinds":["error-500"]}'
    wait "$!"
    API=$here
    is "$(stored_messages "$sid")" '' 'items of a session that was emptied'
}

@test "many deletes at once leave nothing behind" {
    local i round
    for round in {1..5}; do
        new_session
        say one
        for i in {1..8}; do
            curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' -X DELETE "$API/sessions/$user/$sid" 3>&- &
        done >"$BATS_TEST_TMPDIR/$round"
        wait
        is "$(grep -vxE '200|404' "$BATS_TEST_TMPDIR/$round")" ''
        grep -qx 200 "$BATS_TEST_TMPDIR/$round"
        nothing_left "$user" "$sid"
    done
}

@test "appends that race with a delete leave nothing behind" {
    new_session
    say first
    local writer
    node "$API_TESTS/writers.js" until-gone "$sid" 4 >"$BATS_TEST_TMPDIR/race" 3>&- &
    writer=$!
    # The delete comes while appends are going through.
    until (($(stored_message_count "$sid") > 10)); do :; done
    api DELETE "/sessions/$user/$sid"
    expect 200
    wait "$writer"
    nothing_left "$user" "$sid"
    is "$(jq -c .after <"$BATS_TEST_TMPDIR/race")" 404
}
