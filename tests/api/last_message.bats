#!/usr/bin/env bats
# What a session shows of its last message.

load helpers

setup() {
    user=$(unique)
    new_session
}

# shows ROLE PREVIEW TIMESTAMP, or null: as last_message, wherever sessions are shown.
shows() {
    local wanted order
    wanted=null
    [[ $1 == null ]] ||
        wanted=$(jq -n -c --arg r "$1" --arg p "$2" --argjson t "$3" '{role: $r, preview: $p, timestamp: $t}')
    api GET "/sessions/$user/$sid"
    check '.session.last_message == $w' --argjson w "$wanted"
    for order in activity created; do
        api GET "/sessions/$user?sort=$order"
        check '.sessions[0].last_message == $w' --argjson w "$wanted"
    done
}

# append CONTENT [ROLE]: a message, its timestamp in at.
append() {
    say "$@"
    at=$(get .message.timestamp)
}

@test "there is none at first" {
    check '.session | has("last_message") and .last_message == null'
    shows null
}

@test "each message is the last one in its turn" {
    append one
    shows user one "$at"
    append two assistant
    shows assistant two "$at"
}

@test "of an array it is the last" {
    post "/sessions/$sid/messages" '[{"role":"user","content":"a"},{"role":"tool","content":"b"}]'
    expect 201
    shows tool b "$(get '.messages[1].timestamp')"
}

@test "a repeated append does not bring an older message back" {
    local body='{"role":"user","content":"first"}'
    post "/sessions/$sid/messages" "$body" -H 'Idempotency-Key: k'
    expect 201
    append second
    post "/sessions/$sid/messages" "$body" -H 'Idempotency-Key: k'
    expect 200
    shows user second "$at"
}

@test "the preview is the first 200 characters, and cuts none" {
    local long
    # é is two bytes, 😀 four; an accent of its own is a character of its own.
    long=$(jq -n -r '"é" * 198 + "😀" + "e" + "\u0301 and more"')
    append "$long"
    shows user "$(jq -n -r '"é" * 198 + "😀" + "e"')" "$at"
    long=$(jq -n -r '"x" * 30000')
    append "$long"
    shows user "${long:0:200}" "$at"
}

@test "every character comes back as it was sent" {
    local content
    content=$(jq -n -r '"\"quoted\" \\ / \t\u0001\u007f <b>&amp;</b>\nline\u2028\ufeff"')
    append "$content"
    shows user "$content" "$at"
}

@test "an edit of the last message renews it" {
    append one
    local first=$at
    append two assistant
    put "/sessions/$sid/messages/$at" '{"content":"changed"}'
    expect 200
    shows assistant changed "$at"
    patch "/sessions/$sid/messages/$at" '{"metadata":{"a":1}}'
    expect 200
    shows assistant changed "$at"
    put "/sessions/$sid/messages/$first" '{"content":"not shown"}'
    expect 200
    shows assistant changed "$at"
}

@test "after a delete the message before it is the last" {
    local times=() i
    for i in 1 2 3; do
        append "message $i"
        times+=("$at")
    done
    api DELETE "/sessions/$sid/messages/${times[1]}"
    expect 200
    shows user 'message 3' "${times[2]}"
    api DELETE "/sessions/$sid/messages/${times[2]}"
    expect 200
    shows user 'message 1' "${times[0]}"
    put "/sessions/$sid/messages/${times[0]}" '{"content":"changed"}'
    shows user changed "${times[0]}"
    api DELETE "/sessions/$sid/messages/${times[0]}"
    expect 200
    shows null
    is "$(stored_sessions "$user" | jq -c '[has("last_shown", "last_role", "last_preview")]')" '[false,false,false]'
    append again
    shows user again "$at"
}

@test "a message with metadata of its own limit is shown when it becomes the last" {
    jq -n '{role: "user", content: "large", metadata: {m: ("x" * 390000)}}' >"$BATS_TEST_TMPDIR/large"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/large"
    expect 201
    local large
    large=$(get .message.timestamp)
    append small
    api DELETE "/sessions/$sid/messages/$at"
    expect 200
    shows user large "$large"
}

# An earlier backend's session has neither version nor last_shown.
@test "of an earlier backend's session it is null until the next message" {
    sid=$(cat /proc/sys/kernel/random/uuid)
    user=$(unique)
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$sid\",\"title\":\"old\",\"message_count\":2,
        \"created_at\":\"2025-01-02T03:04:05.678901\"}"
    local content time=1735787045678
    for content in a b; do
        store_message "{\"session_id\":\"$sid\",\"timestamp\":$time,\"message_id\":\"$content\",\"role\":\"user\",
            \"content\":\"$content\",\"created_at\":\"2025-01-02T03:04:05.678901\"}"
        time=$((time + 1))
    done
    shows null
    put "/sessions/$sid/messages/1735787045679?user_id=$user" '{"content":"c"}'
    expect 200
    api DELETE "/sessions/$sid/messages/1735787045678?user_id=$user"
    expect 200
    shows null
    post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"new\",\"user_id\":\"$user\"}"
    expect 201
    at=$(get .message.timestamp)
    shows user new "$at"
    api DELETE "/sessions/$sid/messages/$at"
    expect 200
    shows user c 1735787045679
}

@test "what other programs wrote there breaks nothing" {
    local value
    append one
    for value in '{"N":"-1"}' '{"N":"0"}' '{"S":"x"}' '{"BOOL":true}'; do
        set_session_attribute "$user" "$sid" last_shown "$value"
        shows null
    done
    set_session_attribute "$user" "$sid" last_shown "{\"N\":\"$at\"}"
    set_session_attribute "$user" "$sid" last_role '{"N":"1"}'
    set_session_attribute "$user" "$sid" last_preview '{"L":[]}'
    shows '' '' "$at"
    append two
    shows user two "$at"
}

# However large a session was made, a message has room in it.
@test "a session at its limit takes messages" {
    local n=409600
    while :; do
        jq -n --arg u "$user" --argjson n "$n" '{user_id: $u, title: "large", metadata: {m: ("x" * $n)}}' \
            >"$BATS_TEST_TMPDIR/large"
        post /sessions "@$BATS_TEST_TMPDIR/large"
        [[ $http_status == 413 ]] || break
        n=$((n - 100))
    done
    expect 201
    sid=$(get .session.session_id)
    local content
    content=$(jq -n -r '"😀" * 200')
    append "$content" assistant
    shows assistant "$content" "$at"
}

# at_once MODE NUMBER…: its result in $result.
at_once() { result=$(node "$BATS_TEST_DIRNAME/last_message.js" "$1" "$user" "$sid" "${@:2}"); }
check_result() { jq -e "$1" <<<"$result" >/dev/null || fail "does not hold: $1: ${result:0:1000}"; }

@test "writers, editors and deleters at once: never a message that is gone, and at the end the last" {
    at_once at-random 8 40
    check_result '.unexpected == [] and .gone == []'
    check_result '.reads > 5 and .deleted > 5 and .edited > 5'
    check_result '.shown == .last'
}

@test "while the last message is deleted, the one before it is deleted, edited, or followed by another" {
    at_once in-pairs 90
    check_result '.unexpected == [] and .wrong == []'
}
