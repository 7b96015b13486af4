#!/usr/bin/env bats
# bats file_tags=long
# A long history that is cut off: nobody sees a part of it, the same request under the same key finishes it, and
# what nobody finishes goes with its user. On a stack of its own, whose workers are killed and whose calls fail;
# what others see is asked of the run's stack.

load helpers
load auth_stack

setup_file() {
    start_own_front
    local url
    url=$(start_auth_stack own REQUEST_DEADLINE_MS=15000)
    export OWN=$url/api/v1
}

teardown_file() {
    stop_auth_stack own
    stop_own_front
}

setup() {
    user=$(unique)
    key=$(unique key)
    jq -n -c --arg user "$user" '{user_id: $user, messages: [range(600) | {role: "user", content: "message \(.)",
        timestamp: (1709280000000 + .)}]}' >"$BATS_TEST_TMPDIR/history"
}

teardown() {
    no_faults
    judge
}

# ask [CURL OPTION…]: the own stack for the session. Its answer may be nginx's own, or none.
ask() {
    curl -sS --noproxy '*' --max-time 60 -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}' \
        --json "@$BATS_TEST_TMPDIR/history" "$@" "$OWN/sessions" 2>"$BATS_TEST_TMPDIR/curl" || true
}
ask_with_key() { ask -H "Idempotency-Key: $key"; }

# fails_after N KIND: the own stack's calls from the N + 1st on.
fails_after() { front_faults "{\"rate\":1,\"kinds\":[\"$2\"],\"after\":$1}"; }
no_faults() { front_faults '{"rate":0,"kinds":[]}'; }

# hold_after N COMMAND…: runs it beside the test, until a call is held after so many. Its output is in "status".
hold_after() {
    local before deadline=$((SECONDS + 20))
    before=$(front_stats '.faults.hold // 0')
    fails_after "$1" hold
    "${@:2}" >"$BATS_TEST_TMPDIR/status" 3>&- &
    until (($(front_stats '.faults.hold // 0') > before)); do
        ((SECONDS < deadline)) || fail 'no call was held'
        sleep 0.02
    done
}

kill_workers() {
    local master
    master=$(cut -d' ' -f1 "$BATS_FILE_TMPDIR/own/state/pids/pool")
    # shellcheck disable=SC2046
    kill -KILL $(<"/proc/$master/task/$master/children")
}

# The id of the build that there is, from the tables; nothing if there is none.
build_id() { stored_sessions "$user" | jq -r '.session_id.S | select(startswith("!build#"))[7:]'; }

# nobody_sees [ID]: neither list shows anything of the build, nor the session's own path. no_path_shows ID: no other does.
nobody_sees() {
    api GET "/sessions/$user"
    check '.count == 0'
    api GET "/sessions/$user?sort=created"
    check '.count == 0'
    [[ -n $1 ]] || return 0
    api GET "/sessions/$user/$1"
    expect 404 session_not_found
}

no_path_shows() {
    nobody_sees "$1"
    local path
    for path in "/sessions/$1/messages" "/sessions/$1/messages?after=1" \
        "/sessions/$1/messages?order=desc" "/sessions/$1/messages/1709280000000" "/sessions/$1/messages?user_id=$user"; do
        api GET "$path"
        expect 404 session_not_found
    done
    api DELETE "/sessions/$user/$1"
    expect 404 session_not_found
    api DELETE "/sessions/$1/messages/1709280000000"
    expect 404 session_not_found
    put "/sessions/$user/$1" '{"title":"x"}'
    expect 404 session_not_found
    post "/sessions/$1/messages" '{"role":"user","content":"x"}'
    expect 404 session_not_found
    post "/sessions/$1/messages" "{\"role\":\"user\",\"content\":\"x\",\"user_id\":\"$user\"}"
    expect 404 session_not_found
    put "/sessions/$1/messages/1709280000000" '{"content":"x"}'
    expect 404 session_not_found
}

# The session is there once and whole, and nothing of the build is left.
is_whole() {
    sid=$(jq -r .session.session_id "$BATS_TEST_TMPDIR/answer")
    api GET "/sessions/$user"
    check '.count == 1 and .sessions[0].session_id == $sid and .sessions[0].message_count == 600' --arg sid "$sid"
    api GET "/sessions/$sid/messages?limit=1000"
    check '[.messages[].content] == [range(600) | "message \(.)"]'
    is "$(stored_message_count "$sid")" 600
    is "$(build_id)" ''
    api DELETE "/sessions/$user/$sid"
    expect 200
    nothing_left "$user" "$sid"
    is "$(stored_sessions "$user")" ''
}

# What a dead worker had sent arrives when it is dead: the next one finds it, or finds that it does nothing any more.
@test "workers killed between any two steps, what they sent arriving late: the key goes on where they ended" {
    local after id status
    # Held: the first messages, and after the first transaction and two reads that find the build the next but one.
    for after in 1 4 4 4; do
        hold_after "$after" ask_with_key
        id=$(build_id)
        no_path_shows "$id"
        kill_workers
        wait $!
        [[ $(<"$BATS_TEST_TMPDIR/status") != 20? ]] || fail 'it was answered'
        no_faults
        nobody_sees "$id"
    done
    # All messages are there: what reveals them is held.
    hold_after 3 ask_with_key
    no_path_shows "$id"
    kill_workers
    wait $!
    no_faults
    status=$(ask_with_key)
    [[ $status == 20[01] ]] || fail "at last: $status"
    is "$(jq -r .session.session_id "$BATS_TEST_TMPDIR/answer")" "$id" 'another session than the one that was begun'
    is_whole
}

# The first transaction, seven with messages, and the one that reveals it.
@test "cut off after each of its steps: the key goes on where they ended" {
    local n id
    for n in {0..8}; do
        key=$(unique key)
        fails_after "$n" denied
        is "$(ask_with_key)" 503 "after $n calls"
        no_faults
        id=$(build_id)
        [[ $n == 0 || -n $id ]] || fail "no build after $n calls"
        ((n == 0)) || is "$(stored_message_count "$id")" "$((n < 8 ? (n - 1) * 97 : 600))"
        # The paths cannot tell one batch of messages from another.
        if ((n == 1 || n == 2 || n == 8)); then no_path_shows "$id"; else nobody_sees "$id"; fi
        is "$(ask_with_key)" 201
        [[ -z $id ]] || is "$(jq -r .session.session_id "$BATS_TEST_TMPDIR/answer")" "$id"
        is_whole
    done
}

@test "each of its steps carried out, but not answered: the key goes on all the same" {
    local n
    for n in 0 1 4 7 8; do
        key=$(unique key)
        fails_after "$n" reset-after
        is "$(ask_with_key)" 504 "after $n calls"
        no_faults
        # It is revealed by what was not answered.
        ((n == 8)) || nobody_sees "$(build_id)"
        is "$(ask_with_key)" "$((n == 8 ? 200 : 201))"
        is_whole
    done
}

# begin_build COMMAND…: cuts off a build after some of its messages.
begin_build() {
    fails_after 3 denied
    is "$("$@")" 503
    no_faults
}

@test "another history under the key of a build is 422, and the build goes on" {
    begin_build ask_with_key
    local id
    id=$(build_id)
    post /sessions "{\"user_id\":\"$user\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}" -H "Idempotency-Key: $key"
    expect 422 idempotency_key_reused
    post /sessions "{\"user_id\":\"$user\"}" -H "Idempotency-Key: $key"
    expect 422 idempotency_key_reused
    # A worker of the run's stack goes on, which has never seen this build.
    post /sessions "@$BATS_TEST_TMPDIR/history" -H "Idempotency-Key: $key"
    expect 201
    is "$(get .session.session_id)" "$id"
    cp "$body_file" "$BATS_TEST_TMPDIR/answer"
    is_whole
}

@test "what nobody finishes goes with its user" {
    begin_build ask
    begin_build ask_with_key
    local id ids
    ids=$(build_id)
    is "$(wc -l <<<"$ids")" 2
    api DELETE "/sessions/$user"
    expect 200
    check '.deleted_sessions == 0 and .deleted_messages == 0'
    for id in $ids; do nothing_left "$user" "$id"; done
    is "$(stored_sessions "$user")" ''
    # The key is free again.
    is "$(ask_with_key)" 201
    is_whole
}

@test "a user who is erased while a history is written is not brought back" {
    local id
    hold_after 3 ask_with_key
    id=$(build_id)
    api DELETE "/sessions/$user"
    expect 200
    no_faults
    wait $!
    is "$(<"$BATS_TEST_TMPDIR/status")" 404
    is "$(jq -r .code "$BATS_TEST_TMPDIR/answer")" session_not_found
    nothing_left "$user" "$id"
    is "$(stored_sessions "$user")" ''
}
