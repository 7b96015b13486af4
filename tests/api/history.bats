#!/usr/bin/env bats
# Sessions that are created with their history: whole, with the times that the messages had, once.

load helpers

setup() {
    user=$(unique)
    key=$(unique key)
}

# The time of the first message, and of the others one second later each.
first=1709280000000

# history COUNT [MEMBERS]: the body of a session with so many messages, in a file.
history() {
    history_file=$BATS_TEST_TMPDIR/history-$1
    jq -n -c --arg user "$user" --argjson count "$1" --argjson first "$first" "{user_id: \$user, title: \"t\", messages:
        [range(\$count) | {role: (if . % 2 == 0 then \"user\" else \"assistant\" end), content: \"message \\(.)\",
                          timestamp: (\$first + 1000 * .)}]} + ${2:-{\}}" >"$history_file"
}

# create MEMBERS: a session of the user with these members besides.
create() { post /sessions "$(jq -n -c --arg user "$user" "{user_id: \$user} + $1")" "${@:2}"; }

with_key() { post /sessions "$1" -H "Idempotency-Key: $key"; }

created() {
    expect 201
    sid=$(get .session.session_id)
}

messages() { api GET "/sessions/$sid/messages?limit=1000"; }

@test "a short history: the session as if it had been led here" {
    create '{title: "Lisbon", created_at: "2024-03-01T09:00:00+01:00", messages: [
        {role: "user", content: "Hello", timestamp: 1709280000000},
        {role: "assistant", content: "Hi", timestamp: 1709280004120, message_id: "m-2"}]}'
    created
    check '.session | .created_at == "2024-03-01T08:00:00.000000Z" and .updated_at == "2024-03-01T08:00:04.120000Z"
        and .message_count == 2 and .last_message == {role: "assistant", preview: "Hi", timestamp: 1709280004120}'
    is "$(header Location)" "/api/v1/sessions/$user/$sid"
    local shown
    shown=$(get -S .session)
    api GET "/sessions/$user/$sid"
    is "$(get -S .session)" "$shown"
    api GET "/sessions/$user"
    is "$(get -S '.sessions[0]')" "$shown"
    messages
    check '[.messages[] | [.role, .content, .timestamp, .created_at]] == [
        ["user", "Hello", 1709280000000, "2024-03-01T08:00:00.000000Z"],
        ["assistant", "Hi", 1709280004120, "2024-03-01T08:00:04.120000Z"]]'
    check '.messages[1].message_id == "m-2" and (.messages[0].message_id | length == 36)'
}

@test "a thousand messages: all of them, in order, and an exact count" {
    history 1000
    post /sessions "@$history_file"
    created
    check '.session.message_count == 1000 and .session.updated_at == "2024-03-01T08:16:39.000000Z"'
    check '.session.last_message.preview == "message 999"'
    messages
    check '.count == 1000 and .has_more == false'
    check '[.messages[].content] == [range(1000) | "message \(.)"]'
    check '[.messages[].timestamp] == [range(1000) | $first + 1000 * .]' --argjson first "$first"
    check '[.messages[].message_id] | unique | length == 1000'
    is "$(stored_message_count "$sid")" 1000
    is "$(stored_sessions "$user" | wc -l)" 1 'items of the build left'
    is "$(stored_messages "$sid" | jq -c 'select(.timestamp.N == "0") | keys')" '["session_id","timestamp","user_id"]'
}

@test "what is stored by size: a few large messages take several steps, too" {
    jq -n -c --arg user "$user" '("x" * 380000) as $large | {user_id: $user, messages:
        [range(6) | {role: "user", content: "\(.)\($large)"}]}' >"$BATS_TEST_TMPDIR/large"
    post /sessions "@$BATS_TEST_TMPDIR/large"
    created
    messages
    check '[.messages[].content[:1]] == ["0", "1", "2", "3", "4", "5"]'
}

@test "it goes on like any other session, and is deleted like one" {
    history 150
    with_key "@$history_file"
    created
    say 'and on it goes'
    check '.message.timestamp > 1709280149000'
    api DELETE "/sessions/$sid/messages/1709280001000"
    expect 200
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 150'
    api DELETE "/sessions/$user/$sid"
    expect 200
    check '.deleted_messages == 150'
    nothing_left "$user" "$sid"
    is "$(stored_sessions "$user")" ''
}

# ---- times ------------------------------------------------------------------------------------

@test "a message without a timestamp has the next one" {
    create '{messages: [{role: "user", content: "a", timestamp: 1000}, {role: "user", content: "b"},
        {role: "user", content: "c", timestamp: null}, {role: "user", content: "d", timestamp: 1003}]}'
    created
    check '.session.created_at == "1970-01-01T00:00:01.000000Z"'
    messages
    check '[.messages[].timestamp] == [1000, 1001, 1002, 1003]'
}

@test "the first message without one has created_at" {
    create '{created_at: "2024-03-01T08:00:00.250Z", messages: [{role: "user", content: "a"}, {role: "user", content: "b"}]}'
    created
    messages
    check '[.messages[].timestamp] == [1709280000250, 1709280000251]'
}

@test "without any time it is now" {
    local before after
    before=$(now_ms)
    create '{messages: [{role: "user", content: "a"}, {role: "user", content: "b"}]}'
    after=$(now_ms)
    created
    messages
    check '.messages[0].timestamp as $t | $t >= ($before | tonumber) and $t <= ($after | tonumber)
        and .messages[1].timestamp == $t + 1' --arg before "$before" --arg after "$after"
}

@test "created_at alone is the time of the session, in the query, too" {
    create '{created_at: "2001-02-03T04:05:06Z"}'
    created
    check '.session | .created_at == "2001-02-03T04:05:06.000000Z" and .updated_at == .created_at
        and .message_count == 0 and .title == "Chat Session 2001-02-03 04:05"'
    api POST "/sessions?user_id=$user&created_at=2001-02-03T04:05:06Z"
    expect 201
    check '.session.created_at == "2001-02-03T04:05:06.000000Z"'
}

@test "imported sessions stand where they belong in both orders" {
    create '{title: "new"}'
    create '{title: "old, active late", messages: [{role: "user", content: "a", timestamp: 1000000000000},
        {role: "user", content: "b", timestamp: 1600000000000}]}'
    create '{title: "less old", messages: [{role: "user", content: "a", timestamp: 1500000000000}]}'
    api GET "/sessions/$user?sort=created"
    check '[.sessions[].title] == ["new", "less old", "old, active late"]
        or [.sessions[].title] == ["old, active late", "less old", "new"]'
    api GET "/sessions/$user"
    check '[.sessions[].title] == ["new", "old, active late", "less old"]'
}

# ---- what is not taken --------------------------------------------------------------------------

# refused MEMBERS WORDS
refused() {
    create "$1"
    [[ $http_status == 422 ]] || fail "$1: $http_status"
    [[ $(get .detail) == *"$2"* ]] || fail "$1: the detail does not say: $2"
}

@test "which message is wrong, and in what, is told" {
    local good='{role: "user", content: "a", timestamp: 1000}'
    refused "{messages: [$good, {role: \"nobody\", content: \"b\"}]}" 'messages[1].role must be'
    refused "{messages: [$good, {role: \"user\"}]}" 'messages[1].content is required'
    refused "{messages: [$good, {role: \"user\", content: \"b\", metadata: 7}]}" 'messages[1].metadata must be'
    refused "{messages: [$good, $good, 7]}" 'messages[2] must be an object'
    refused "{messages: [$good, $good]}" 'messages[1].timestamp must be greater than that of the message before it'
    refused "{messages: [{role: \"user\", content: \"b\"}, $good]}" 'messages[1].timestamp must be greater'
    refused "{created_at: \"2024-03-01T08:00:00Z\", messages: [{role: \"user\", content: \"b\"}, $good]}" 'created_at'
    refused "{messages: [$good, ($good | .timestamp = now * 1000 + 60000 | .timestamp |= floor)]}" 'messages[1].timestamp must not be in the future'
    local bad
    for bad in 0 -1 1.5 '"1000"' true 99999999999999999999; do
        refused "{messages: [($good | .timestamp = $bad)]}" 'messages[0].timestamp must'
    done
    refused "{messages: [($good | .message_id = \"x\"), {role: \"user\", content: \"b\", message_id: \"x\"}]}" 'message_id "x" is used for more than one'
    refused "{messages: [($good | .message_id = \"\")]}" 'messages[0].message_id must not be empty'
    refused "{messages: [($good | .user_id = \"somebody\")]}" "messages[0].user_id must be the session's"
    is "$(stored_sessions "$user")" ''
}

@test "from 1 to 10,000 messages, in the body" {
    refused '{messages: []}' 'messages must be an array of 1 to 10000'
    refused '{messages: {}}' 'messages must be an array'
    refused '{messages: "[]"}' 'messages must be an array'
    api POST "/sessions?user_id=$user&messages=%5B%5D"
    expect 422 invalid_parameter
    jq -n -c --arg user "$user" '{user_id: $user, messages: [range(10001) | 0]}' >"$BATS_TEST_TMPDIR/many"
    post /sessions "@$BATS_TEST_TMPDIR/many"
    expect 422 invalid_parameter
    has_text '1 to 10000'
    create '{messages: null}'
    expect 201
    check '.session.message_count == 0'
}

@test "a created_at that is none" {
    local bad
    for bad in '"yesterday"' '""' 7 '"2024-03-01"' '"2024-03-01T08:00:00"' '"1969-12-31T23:59:59Z"' \
        '"1970-01-01T00:00:00Z"' '"2024-02-30T08:00:00Z"' '"2999-01-01T00:00:00Z"'; do
        refused "{created_at: $bad}" 'created_at must'
    done
}

@test "a message over DynamoDB's 400 KB is too large" {
    jq -n -c --arg user "$user" '{user_id: $user, messages: [{role: "user", content: "a"},
        {role: "user", content: ("x" * 410000)}]}' >"$BATS_TEST_TMPDIR/large"
    post /sessions "@$BATS_TEST_TMPDIR/large"
    expect 413 item_too_large
    has_text 'messages[1] has 401 KB'
    is "$(stored_sessions "$user")" ''
}

@test "what the query says of the session is not said of its messages" {
    api POST "/sessions?user_id=$user&metadata=%7B%22a%22:1%7D" --json '{"messages":[{"role":"user","content":"a"}]}'
    created
    check '.session.metadata == {"a": 1}'
    messages
    check '.messages[0].metadata == null'
}

@test "everything that a message may be" {
    create '{messages: [{role: "developer", content: "a"}, {role: "function", content: [{type: "text", text: "b"}]},
        {role: "assistant", content: null, metadata: {tool_calls: [1.0]}}]}'
    created
    check '.session.last_message == {role: "assistant", preview: "", timestamp: .session.last_message.timestamp}'
    messages
    check '[.messages[].role] == ["developer", "function", "assistant"]'
    check '[.messages[].content] == ["a", [{type: "text", text: "b"}], null]'
    create '{messages: [{role: "user", content: "quotes \" and \\ and \u0001 and é 😀 \n", message_id: "\"é\"",
        metadata: {a: "\u0000"}}]}'
    created
    messages
    check '.messages[0] | .content == "quotes \" and \\ and \u0001 and é 😀 \n" and .message_id == "\"é\"" and .metadata == {a: "\u0000"}'
}

@test "a history of control characters, which take six times their room" {
    jq -n -c --arg user "$user" '("\u0001" * 390000) as $large | {user_id: $user, messages:
        [range(5) | {role: "user", content: $large}]}' >"$BATS_TEST_TMPDIR/large"
    post /sessions "@$BATS_TEST_TMPDIR/large"
    created
    api GET "/sessions/$sid/messages?limit=1"
    check '.messages[0].content == "\u0001" * 390000'
}

# ---- once under a key -------------------------------------------------------------------------

@test "the same request under the same key: the same session again" {
    local count first_answer
    for count in 3 250; do
        history "$count"
        key=$(unique key)
        with_key "@$history_file"
        created
        first_answer=$(get -S .session)
        with_key "@$history_file"
        expect 200
        is "$(header Idempotent-Replayed)" true
        is "$(get -S .session)" "$first_answer"
        is "$(stored_message_count "$sid")" "$count"
    done
    api GET "/sessions/$user"
    check '.count == 2'
}

@test "without any time, too" {
    create '{messages: [{role: "user", content: "a"}, {role: "user", content: "b"}]}' -H "Idempotency-Key: $key"
    created
    local first_answer
    first_answer=$(get -S .session)
    create '{messages: [{role: "user", content: "a"}, {role: "user", content: "b"}]}' -H "Idempotency-Key: $key"
    expect 200
    is "$(get -S .session)" "$first_answer"
}

@test "another history under the key is 422" {
    local change
    create '{messages: [{role: "user", content: "a", timestamp: 1000}, {role: "user", content: "b"}]}' \
        -H "Idempotency-Key: $key"
    created
    for change in '{}' '{created_at: "2001-02-03T04:05:06Z"}' '{messages: [{role: "user", content: "a", timestamp: 1000}]}' \
        '{messages: [{role: "user", content: "a", timestamp: 1001}, {role: "user", content: "b"}]}' \
        '{messages: [{role: "user", content: "a", timestamp: 1000}, {role: "user", content: "b", timestamp: 1001}]}' \
        '{messages: [{role: "user", content: "a", timestamp: 1000}, {role: "tool", content: "b"}]}' \
        '{messages: [{role: "user", content: "a", timestamp: 1000}, {role: "user", content: [{type: "b"}]}]}'; do
        create "$change" -H "Idempotency-Key: $key"
        expect 422 idempotency_key_reused
    done
    api GET "/sessions/$user"
    check '.count == 1'
}

@test "eight at once under one key: one session, all answers equal" {
    local i
    history 400
    for i in {1..8}; do
        curl -sS --noproxy '*' -w '\n%{http_code}\n' -H "Idempotency-Key: $key" --json "@$history_file" \
            "$API/sessions" >"$BATS_TEST_TMPDIR/$i" 3>&- &
    done
    wait
    is "$(tail -qn 1 "$BATS_TEST_TMPDIR"/[0-9] | sort | uniq -c | xargs)" '7 200 1 201'
    is "$(head -qn 1 "$BATS_TEST_TMPDIR"/[0-9] | jq -c .session | sort -u | wc -l)" 1
    sid=$(head -n 1 "$BATS_TEST_TMPDIR/1" | jq -r .session.session_id)
    messages
    check '[.messages[].content] == [range(400) | "message \(.)"]'
    is "$(stored_sessions "$user" | wc -l)" 2 'the session and its marker'
}
