#!/usr/bin/env bats
# One strict order a session, whatever clocks say. That a clock stepped back or another machine's is ahead is
# seen here as a last message in the future.

load helpers

setup() {
    user=$(unique)
    new_session
    future=$(($(now_ms) + 3600000))
}

@test "after a last message in the future the next one follows at the next millisecond" {
    set_session_attribute "$user" "$sid" last_timestamp "{\"N\":\"$future\"}"
    say one
    is "$(get .message.timestamp)" $((future + 1))
    say two
    is "$(get .message.timestamp)" $((future + 2))
}

@test "another machine's message ahead of this clock is learnt of" {
    # This worker has just written and may believe to know the last message.
    say one
    set_session_attribute "$user" "$sid" last_timestamp "{\"N\":\"$future\"}"
    say two
    is "$(get .message.timestamp)" $((future + 1))
}

@test "a reader with after= sees messages in the order of acknowledgement" {
    say one
    set_session_attribute "$user" "$sid" last_timestamp "{\"N\":\"$future\"}"
    say two
    say three
    api GET "/sessions/$sid/messages"
    is "$(get '[.messages[].content] | join(" ")')" 'one two three'
}

@test "a message that stands where the next would go is not overwritten" {
    local i
    set_session_attribute "$user" "$sid" last_timestamp "{\"N\":\"$future\"}"
    for i in 1 2 3; do
        store_message "{\"session_id\":\"$sid\",\"timestamp\":$((future + i)),\"message_id\":\"old-$i\",
            \"role\":\"user\",\"content\":\"old $i\",\"created_at\":\"2026-01-02T03:04:05.000000Z\"}"
    done
    say new
    ((($(get .message.timestamp)) > future + 3)) || fail 'not after the last one'
    api GET "/sessions/$sid/messages"
    is "$(get '[.messages[].content] | join(", ")')" 'old 1, old 2, old 3, new'
}

@test "messages in the same millisecond stay apart" {
    # Through one connection, as fast as it goes.
    node "$API_TESTS/writers.js" append 8 10 "$sid" >"$BATS_TEST_TMPDIR/result"
    is "$(jq '[.acknowledged[].timestamp] | unique | length' "$BATS_TEST_TMPDIR/result")" 80
    is "$(stored_message_count "$sid")" 80
}
