#!/usr/bin/env bats
# bats file_tags=apart
# One fault of each kind, in the first call of a write and of a read: the request is answered as ever, and
# nothing is lost or done twice. Which of them end a request, and how, is told in dynamodb.bats.

# shellcheck source=tests/faults/helpers.bash
load helpers

setup_file() {
    start_own_front
    export KINDS_URL
    # One worker: the next call is the one that meets the fault, on the connection that was used before.
    KINDS_URL=$(start_auth_stack kinds POOL_PROCESSES=1 POOL_THREADS=1)
}

teardown_file() {
    stop_auth_stack kinds
    stop_own_front
}

setup() {
    use_stack "$KINDS_URL"
    new_session
}

# once KIND [MORE]: the next call to DynamoDB meets it. MORE: further members, as JSON.
once() { tell_front "{\"rate\":1,\"kinds\":[\"$1\"],\"times\":1${2:+,$2}}"; }

injected() { front_stats ".faults[\"$1\"] // 0"; }

# overcome KIND [MORE]
overcome() {
    local before
    before=$(injected "$1")
    once "$@"
    say 'it is written'
    is "$(injected "$1")" $((before + 1)) "injected into a write"
    once "$@"
    api GET "/sessions/$sid/messages"
    expect 200
    is "$(get '[.messages[].content] | join(", ")')" 'it is written'
    is "$(injected "$1")" $((before + 2)) "injected into a read"
    is "$(stored_message_count "$sid")" 1 'messages in the table'
    is "$(front_stats .bad)" '[]' 'bad signatures'
}

@test "a connection that is reset as it is accepted" {
    # It takes two calls: the answer to the first is the last one on its connection.
    once refuse
    api GET "/sessions/$user/$sid"
    say 'it is written'
    is "$(injected refuse)" 1 'injected into a write'
    once refuse
    api GET "/sessions/$user/$sid"
    api GET "/sessions/$sid/messages"
    is "$(get '[.messages[].content] | join(", ")')" 'it is written'
    is "$(injected refuse)" 2 'injected into a read'
    is "$(stored_message_count "$sid")" 1 'messages in the table'
}

@test "a connection that dies before the call is carried out" { overcome reset-before; }
@test "a connection that dies after the call was carried out" { overcome reset-after; }

@test "an idle connection that is closed without a word" {
    overcome idle-close
    # The one that has just been closed is the one that this call would use.
    api GET "/sessions/$user/$sid"
    expect 200
}

@test "an answer that is late" { overcome stall; }
@test "an answer that comes byte by byte" { overcome trickle; }
@test "an answer that is cut off" { overcome truncate; }

@test "an answer with a wrong bit" {
    overcome flip-bit
    # Almost anywhere in a text this would still be JSON.
    local content i
    content=$(printf 'text %.0s' {1..1000})
    say "$content"
    for i in 1 2 3 4 5 6; do
        once flip-bit
        api GET "/sessions/$sid/messages"
        is "$(get '.messages[1].content')" "$content"
    done
}

@test "a malformed status line" { overcome bad-status-line; }
@test "a header line without a colon" { overcome bad-header; }
@test "a folded header line" { overcome folded-header; }
@test "lines that end with a bare LF" { overcome bare-lf; }
@test "two Content-Lengths" { overcome two-lengths; }
@test "a Content-Length and chunks" { overcome both-lengths; }
@test "a chunk without a size" { overcome bad-chunk; }
@test "chunks without an end" { overcome no-last-chunk; }
@test "header lines without an end" { overcome endless-headers; }
@test "interim answers without an end" { overcome endless-interim; }
@test "an answer that is cut off in its head" { overcome cut-in-head; }

@test "an answer that nobody has asked for, behind a good one" {
    overcome surplus
    # The connection is not used again, so nobody takes it for theirs.
    api GET "/sessions/$user/$sid"
    expect 200
}

@test "header names in capitals" { overcome other-form; }

@test "an error whose type has no namespace and whose message is spelt otherwise" {
    say one
    dynamo DeleteItem "$(jq -n -c --arg t "$SESSIONS_TABLE" --arg u "$user" --arg s "$sid" \
        '{TableName: $t, Key: {user_id: {S: $u}, session_id: {S: $s}}}')" >/dev/null
    once other-form
    post "/sessions/$sid/messages" '{"role":"user","content":"two"}'
    expect 404
}

@test "an internal error" { overcome error-500; }
@test "an error 500 without a body" { overcome empty-500; }
@test "an error 503 in HTML" { overcome html-503; }
@test "a throttle" { overcome throttle; }

@test "a throttle that says when to come back" {
    # The pause before a first repetition is never longer than 1 s of its own accord.
    overcome throttle-wait '"wait_ms":1100'
    is "$(front_stats .early)" '[]' 'ms that calls came too early'
}

@test "a conflict of transactions" {
    once conflict
    say 'it is written'
    is "$(injected conflict)" 1
    is "$(stored_message_count "$sid")" 1
}

@test "a clock that steps ahead by an hour, and back" {
    overcome clock '"clock_rests_ms":0'
    api GET "/sessions/$user/$sid"
    check '.session.created_at < (now + 60 | todate)'
}

@test "a call behind one that was answered with too many bytes leaves the front up" {
    run node "$BATS_TEST_DIRNAME/pipelined.js" "$FRONT"
    echo "$output"
    [ "$status" -eq 0 ]
}
