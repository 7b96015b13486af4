#!/usr/bin/env bats
# Erasing a user: every session and every message.

load helpers
load auth_stack

teardown() {
    stop_auth_stack own
    stop_own_front
    judge
}

setup() { user=$(unique); }

@test "everything of the user goes, and the answer counts it" {
    local sids=() s
    for s in 1 2 3; do
        new_session
        say one
        say two
        sids+=("$sid")
    done
    api DELETE "/sessions/$user"
    expect 200
    check '.deleted_sessions == 3 and .deleted_messages == 6'
    is "$(stored_sessions "$user")" ''
    for sid in "${sids[@]}"; do
        nothing_left "$user" "$sid"
        api GET "/sessions/$sid/messages"
        expect 404
    done
    api GET "/sessions/$user"
    check '.sessions == []'
}

@test "a user without sessions has nothing to erase" {
    api DELETE "/sessions/$user"
    expect 200
    check '.deleted_sessions == 0 and .deleted_messages == 0'
}

@test "other users keep what is theirs" {
    local other
    new_session
    say stays
    other=$user
    user=$(unique)
    new_session
    api DELETE "/sessions/$user"
    api GET "/sessions/$other"
    check '.count == 1 and .sessions[0].message_count == 1'
}

@test "sessions of an earlier backend go, too, and markers" {
    sid=$(cat /proc/sys/kernel/random/uuid)
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$sid\",\"title\":\"old\",\"message_count\":1,
        \"created_at\":\"2025-01-02T03:04:05\",\"updated_at\":\"2025-01-02T03:04:05\"}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":1735787045678,\"message_id\":\"m\",\"role\":\"user\",
        \"content\":\"old\",\"created_at\":\"2025-01-02T03:04:05\"}"
    post /sessions "{\"user_id\":\"$user\"}" -H "Idempotency-Key: $(unique)"
    api DELETE "/sessions/$user"
    expect 200
    check '.deleted_sessions == 2 and .deleted_messages == 1'
    is "$(stored_sessions "$user")" ''
    is "$(stored_messages "$sid")" ''
}

@test "sessions whose delete was cut off go, too" {
    new_session
    say hello
    set_session_attribute "$user" "$sid" deleted_at '{"S":"2026-01-02T03:04:05.000000Z"}'
    api DELETE "/sessions/$user"
    expect 200
    nothing_left "$user" "$sid"
}

@test "thousands of messages go completely" {
    local i sids=()
    for i in 1 2 3 4; do
        new_session
        node "$API_TESTS/fixtures.js" messages "$sid" $((${ERASE_MESSAGES:-4000} / 4)) 20
        sids+=("$sid")
    done
    # Cut off by its deadline, it goes on with the next.
    for i in {1..20}; do
        http_status=$(curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' -X DELETE "$API/sessions/$user")
        [[ $http_status == 504 ]] || break
    done
    is "$http_status" 200
    is "$(stored_sessions "$user")" ''
    for sid in "${sids[@]}"; do
        nothing_left "$user" "$sid"
    done
}

@test "an erasure that was cut off in the middle is finished by the next" {
    local i left sids=() here=$API
    for i in 1 2 3 4; do
        new_session
        say one
        say two
        sids+=("$sid")
    done
    start_own_front
    API=$(start_auth_stack own)/api/v1
    # Slow enough to be caught with one session gone and the next one marked.
    front_faults '{"rate":1,"kinds":["stall"]}'
    curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' -X DELETE "$API/sessions/$user" \
        >"$BATS_TEST_TMPDIR/status" 3>&- &
    until stored_sessions "$user" | jq -e -s 'length == 3 and any(.deleted_at)' >/dev/null; do :; done
    front_faults '{"rate":1,"kinds":["error-500"]}'
    wait "$!"
    is "$(<"$BATS_TEST_TMPDIR/status")" 504
    left=$(stored_session_count "$user")
    # On a busy machine it gets further before the faults change.
    ((left >= 1 && left <= 3)) || fail "$left sessions are left"
    front_faults '{"rate":0,"kinds":[]}'
    API=$here
    api DELETE "/sessions/$user"
    expect 200
    check '.deleted_sessions == ($n | tonumber)' --arg n "$left"
    is "$(stored_sessions "$user")" ''
    for sid in "${sids[@]}"; do
        nothing_left "$user" "$sid"
    done
}
