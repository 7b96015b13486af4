#!/usr/bin/env bats
# bats file_tags=long
# Everything that a user has, as lines of JSON.

load helpers
load auth_stack

LINES='application/x-ndjson'

setup() { user=$(unique); }

teardown() {
    stop_auth_stack own
    stop_own_front
    judge
}

# export_user [CURL OPTION…]
export_user() { api GET "/sessions/$user" -H "Accept: $LINES" "$@"; }

# conversations COUNT MESSAGES BYTES: sessions of the user.
conversations() { node "$API_TESTS/fixtures.js" conversations "$user" "$@"; }

# is_whole SESSIONS MESSAGES: the last answer has that many, in order, and says so.
is_whole() {
    expect 200
    check --slurp '
        .[-1] == {type: "end", sessions: $sessions, messages: $messages}
        and (.[:-1] | map(select(.type == "session")) | length == $sessions
            and map(.session_id) == (map(.session_id) | unique))
        and (reduce .[:-1][] as $line ({of: null, last: 0, good: true, n: 0};
            if $line.type == "session" then .of = $line.session_id | .last = 0
            else .good = (.good and $line.session_id == .of and $line.timestamp > .last)
                | .last = $line.timestamp | .n += 1 end)
            | .good and .n == $messages)' --argjson sessions "$1" --argjson messages "$2"
}

@test "each session in the order of creation, each before its messages, and then the counts" {
    local first
    new_session first
    first=$sid
    say one
    new_session second
    say two
    say three assistant
    new_session third
    sid=$first
    say four
    export_user
    expect 200
    local exported=$body_file
    is "$(header content-type)" "$LINES"
    is "$(jq -c '[.type, .title // .content // [.sessions, .messages]]' "$body_file")" \
        '["session","first"]
["message","one"]
["message","four"]
["session","second"]
["message","two"]
["message","three"]
["session","third"]
["end",[3,4]]'
    api GET "/sessions/$user/$first"
    is "$(get -c '.session + {type: "session"} | to_entries | sort')" \
        "$(jq -c 'select(.title == "first") | to_entries | sort' "$exported")"
}

@test "a user whom nobody knows has the end alone" {
    export_user
    expect 200
    is "$(<"$body_file")" '{"type":"end","sessions":0,"messages":0}'
}

@test "any id, named in the query" {
    user="$(unique)/../ä"
    new_session
    api GET "/sessions?user_id=$(encode "$user")" -H "Accept: $LINES"
    is_whole 1 0
    api GET /sessions -H "Accept: $LINES"
    expect 422 missing_parameter
}

@test "what is stored is shown as it is, a line each" {
    post /sessions "{\"user_id\":\"$user\",\"metadata\":{\"a\":
        12345678901234567890123,$(printf '\r\n')\"b\":1.0}}"
    expect 201
    sid=$(get .session.session_id)
    post "/sessions/$sid/messages" '{"role":"user","content":"two\nlines\u2028","metadata":{"n":
1E400}}'
    expect 201
    export_user
    is_whole 1 1
    is "$(wc -l <"$body_file")" 3
    has_text '12345678901234567890123'
    has_text '"b":1.0}'
    has_text '"content":"two\nlines'
    has_text '{"n": 1E400}'
}

@test "who asks for JSON or for nothing gets the list, and Accept is told to caches" {
    local accept
    new_session
    for accept in '*/*' application/json 'application/json, text/plain, */*' "$LINES;q=0.5, application/json" "$LINES;q=0"; do
        api GET "/sessions/$user" -H "Accept: $accept"
        expect 200
        is "$(header content-type)" application/json "$accept"
        check '.count == 1'
        [[ $(header vary) == *Accept* ]] || fail 'no Vary: Accept'
    done
    for accept in "$LINES, application/json" "$LINES, */*;q=0.1" "application/json;q=0.1,$LINES;q=0.2"; do
        api GET "/sessions/$user" -H "Accept: $accept"
        is_whole 1 0
        [[ $(header vary) == *Accept* ]] || fail 'no Vary: Accept'
    done
}

@test "HEAD tells the type" {
    api HEAD "/sessions/$user" -H "Accept: $LINES"
    expect 200
    is "$(header content-type)" "$LINES"
    is "$(header content-length)" ''
}

@test "a session that is being deleted is left out" {
    new_session
    say hello
    set_session_attribute "$user" "$sid" deleted_at '{"S":"2026-01-02T03:04:05.000000Z"}'
    new_session
    export_user
    is_whole 1 0
}

@test "sessions of an earlier backend come along" {
    sid=$(cat /proc/sys/kernel/random/uuid)
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$sid\",\"title\":\"old\",\"message_count\":1,
        \"created_at\":\"2025-01-02T03:04:05\",\"updated_at\":\"2025-01-02T03:04:05\"}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":1735787045678,\"message_id\":\"m\",\"role\":\"user\",
        \"content\":\"old\",\"created_at\":\"2025-01-02T03:04:05\"}"
    export_user
    is_whole 1 1
}

@test "more sessions and messages than a page has" {
    conversations 120 3 20
    new_session
    node "$API_TESTS/fixtures.js" messages "$sid" 2500 20
    export_user
    is_whole 121 2860
}

@test "a large one comes whole, compressed by a client's wish or not" {
    conversations 10 200 2000
    export_user
    is_whole 10 2000
    export_user --compressed
    is_whole 10 2000
    # HTTP/1.0 knows no chunks: the connection's end is the body's.
    export_user --http1.0
    is_whole 10 2000
}

@test "it is its user's alone" {
    API=$(start_auth_stack own AUTH_MODE=header AUTH_USER_HEADER=X-Test-User)/api/v1
    trust_header own X-Test-User
    post /sessions '{}' -H "X-Test-User: $user"
    expect 201
    export_user
    expect 401
    export_user -H "X-Test-User: $(unique)"
    expect 403
    export_user -H "X-Test-User: $user"
    is_whole 1 0
}

@test "what fails before the first byte is a problem" {
    start_own_front
    API=$(start_auth_stack own)/api/v1
    front_faults '{"rate":1,"kinds":["denied"]}'
    export_user
    expect 503
}

# A whole export is known by its end; HTTP tells as well that this one is not.
@test "what fails after the first byte cuts the answer off" {
    conversations 12 200 2000
    start_own_front
    API=$(start_auth_stack own)/api/v1
    front_faults '{"rate":1,"kinds":["stall"]}'
    curl -sSN --noproxy '*' -H "Accept: $LINES" -o "$BATS_TEST_TMPDIR/lines" -w '%{http_code} %{exitcode}' \
        "$API/sessions/$user" >"$BATS_TEST_TMPDIR/end" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
    until [[ -s $BATS_TEST_TMPDIR/lines ]]; do sleep 0.02; done
    front_faults '{"rate":1,"kinds":["denied"]}'
    wait "$!" || true
    is "$(<"$BATS_TEST_TMPDIR/end")" '200 18' 'status, exit code of curl (a partial file)'
    is "$(grep -c '"type":"end"' "$BATS_TEST_TMPDIR/lines")" 0 'ends'
    grep -q '"type":"session"' "$BATS_TEST_TMPDIR/lines"
    front_faults '{"rate":0,"kinds":[]}'
    export_user
    is_whole 12 2400
}

@test "it may take longer than a request may, and than one that is stuck" {
    conversations 12 50 2000
    start_own_front
    API=$(start_auth_stack own POOL_PROCESSES=1 REQUEST_DEADLINE_MS=1000 STUCK_REQUEST_S=1)/api/v1
    front_faults '{"rate":1,"kinds":["stall"]}'
    export_user
    is_whole 12 600
}

@test "only so many at once: the others are told when to come again" {
    new_session
    start_own_front
    API=$(start_auth_stack own POOL_PROCESSES=1)/api/v1
    front_faults '{"rate":1,"kinds":["hold"]}'
    curl -sS --noproxy '*' -H "Accept: $LINES" -o "$BATS_TEST_TMPDIR/lines" "$API/sessions/$user" 3>&- &
    until [[ $(front_stats .held) == 1 ]]; do sleep 0.02; done
    export_user
    expect 503 overloaded
    is "$(header retry-after)" 10
    front_faults '{"rate":0,"kinds":[]}'
    wait "$!"
    tail -n 1 "$BATS_TEST_TMPDIR/lines" | jq -e '.type == "end"'
    export_user
    is_whole 1 0
    # What could not begin has given its place back, too.
    export_user
    is_whole 1 0
}

@test "a client that goes gives its place back" {
    conversations 15 200 2000
    start_own_front
    API=$(start_auth_stack own POOL_PROCESSES=1)/api/v1
    front_faults '{"rate":1,"kinds":["stall"]}'
    curl -sSN --noproxy '*' -H "Accept: $LINES" -o "$BATS_TEST_TMPDIR/lines" "$API/sessions/$user" 3>&- &
    until [[ -s $BATS_TEST_TMPDIR/lines ]]; do sleep 0.02; done
    kill "$!"
    front_faults '{"rate":0,"kinds":[]}'
    for _ in {1..200}; do
        export_user
        [[ $http_status == 503 ]] || break
    done
    is_whole 15 3000
}
