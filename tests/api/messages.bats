#!/usr/bin/env bats
# Appending messages and reading them back.

load helpers

setup() {
    user=$(unique)
    new_session
}

# The contents of the last list, in one line.
contents() { get '[.messages[].content] | join(" ")'; }

# Five messages, their timestamps in ts.
five() {
    local i
    ts=()
    for i in 1 2 3 4 5; do
        say "$i"
        ts+=("$(get .message.timestamp)")
    done
}

@test "a message is appended with what was given" {
    post "/sessions/$sid/messages" \
        '{"role":"assistant","content":"Hello, \"world\"","metadata":{"tokens":3},"message_id":"my own/id"}'
    expect 201
    check '.message | .role == "assistant" and .content == "Hello, \"world\"" and .metadata == {"tokens": 3}
        and .message_id == "my own/id" and .session_id == $s' --arg s "$sid"
}

@test "a message without an id gets a UUIDv7" {
    say hello
    [[ $(get .message.message_id) =~ ^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]]
}

@test "its timestamp is now in milliseconds, created_at the same moment" {
    local before after written
    before=$(now_ms)
    say hello
    after=$(now_ms)
    written=$(get .message.timestamp)
    ((written >= before - 1 && written <= after + 1)) || fail "$written is not within $before to $after"
    is "$(date -d "$(get .message.created_at)" +%s%3N)" "$written"
}

@test "every role is taken" {
    local role
    for role in user assistant system tool; do
        say hello "$role"
        check '.message.role == $r' --arg r "$role"
    done
}

@test "an appended message is in the next list, just as it was answered" {
    local answered
    post "/sessions/$sid/messages" '{"role":"user","content":"hello","metadata":{"b":1,"a":[2]}}'
    answered=$(get -S .message)
    api GET "/sessions/$sid/messages"
    expect 200
    is "$(get -S '.messages[0]')" "$answered"
    check '.session_id == $s and .count == 1 and .has_more == false and .next_cursor == null' --arg s "$sid"
    check 'has("next_cursor")'
}

@test "a session without messages has an empty list" {
    api GET "/sessions/$sid/messages"
    expect 200
    check '.messages == [] and .count == 0 and .has_more == false and .next_cursor == null
        and .session_id == $s' --arg s "$sid"
    api GET "/sessions/$sid/messages?order=desc&after=5&before=7"
    expect 200
    check '.messages == []'
}

@test "helper items never show" {
    five
    api GET "/sessions/$sid/messages?limit=1000"
    check '.count == 5 and all(.messages[]; .timestamp > 0)'
    api GET "/sessions/$sid/messages?limit=1000&order=desc"
    check '.count == 5 and all(.messages[]; .timestamp > 0)'
}

@test "messages come oldest first, or newest first if asked" {
    five
    api GET "/sessions/$sid/messages"
    is "$(contents)" '1 2 3 4 5'
    api GET "/sessions/$sid/messages?order=asc"
    is "$(contents)" '1 2 3 4 5'
    api GET "/sessions/$sid/messages?order=desc"
    is "$(contents)" '5 4 3 2 1'
}

@test "timestamps strictly increase in the order of answers" {
    five
    is "$(printf '%s\n' "${ts[@]}" | sort -n -u | paste -sd' ')" "${ts[*]}"
}

@test "after and before are exclusive, in both orders" {
    five
    api GET "/sessions/$sid/messages?after=${ts[1]}"
    is "$(contents)" '3 4 5'
    api GET "/sessions/$sid/messages?before=${ts[3]}"
    is "$(contents)" '1 2 3'
    api GET "/sessions/$sid/messages?after=${ts[0]}&before=${ts[3]}"
    is "$(contents)" '2 3'
    api GET "/sessions/$sid/messages?after=${ts[0]}&before=${ts[3]}&order=desc"
    is "$(contents)" '3 2'
    api GET "/sessions/$sid/messages?before=${ts[0]}"
    is "$(contents)" ''
    api GET "/sessions/$sid/messages?after=${ts[4]}"
    is "$(contents)" ''
    api GET "/sessions/$sid/messages?after=${ts[3]}&before=${ts[2]}"
    expect 200
    is "$(contents)" ''
}

@test "after=0 is from the beginning" {
    five
    api GET "/sessions/$sid/messages?after=0"
    is "$(contents)" '1 2 3 4 5'
}

@test "limit cuts, and the cursor goes on, in both orders" {
    five
    local cursor
    api GET "/sessions/$sid/messages?limit=2"
    is "$(contents)" '1 2'
    check '.count == 2 and .has_more == true'
    cursor=$(encode "$(get .next_cursor)")
    api GET "/sessions/$sid/messages?limit=2&cursor=$cursor"
    is "$(contents)" '3 4'
    api GET "/sessions/$sid/messages?limit=2&cursor=$(encode "$(get .next_cursor)")"
    is "$(contents)" '5'
    check '.has_more == false and .next_cursor == null'
    api GET "/sessions/$sid/messages?limit=3&order=desc"
    is "$(contents)" '5 4 3'
    api GET "/sessions/$sid/messages?limit=3&order=desc&cursor=$(encode "$(get .next_cursor)")"
    is "$(contents)" '2 1'
}

@test "a limit that is just met leaves no further page" {
    five
    api GET "/sessions/$sid/messages?limit=5"
    check '.count == 5 and .has_more == false and .next_cursor == null'
    api GET "/sessions/$sid/messages?limit=5&order=desc"
    check '.count == 5 and .has_more == false and .next_cursor == null'
}

@test "a cursor keeps within after and before" {
    five
    api GET "/sessions/$sid/messages?limit=1&after=${ts[0]}&before=${ts[3]}"
    is "$(contents)" 2
    api GET "/sessions/$sid/messages?limit=9&after=${ts[0]}&before=${ts[3]}&cursor=$(encode "$(get .next_cursor)")"
    is "$(contents)" 3
}

@test "Link repeats what the API knows, and nothing else" {
    say one
    say two
    api GET "/sessions/$sid/messages?limit=1&x=$(printf ',%.0s' {1..12000})&order=desc&limit=1"
    expect 200
    is "$(header Link)" "</api/v1/sessions/$sid/messages?limit=1&order=desc&cursor=$(get .next_cursor)>; rel=\"next\""
    api GET "/sessions/$sid/messages?limit=$(printf '0%.0s' {1..20000})1"
    expect 200
    is "$(header Link)" "</api/v1/sessions/$sid/messages?cursor=$(get .next_cursor)>; rel=\"next\""
}

@test "messages that take six times their size in JSON are read in pages" {
    local i
    jq -n -c '{role: "user", content: ("\u0001" * 400000)}' >"$BATS_TEST_TMPDIR/large"
    for i in {1..7}; do
        post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/large"
        expect 201
    done
    is "$(walk "/sessions/$sid/messages?limit=1000" messages '.content | length' | sort | uniq -c | xargs)" '7 400000'
}

@test "Link names the next page, and there is none at the end" {
    five
    local next
    api GET "/sessions/$sid/messages?limit=3&after=${ts[0]}"
    [[ $(header Link) =~ ^\<([^\>]+)\>\;\ *rel=\"next\"$ ]] || fail "Link is: $(header Link)"
    next=${BASH_REMATCH[1]}
    [[ $next != /* ]] || next=$BASE$next
    api GET "$next"
    is "$(contents)" 5
    is "$(header Link)" ''
}

@test "the default limit is 100" {
    node "$API_TESTS/fixtures.js" messages "$sid" 101 5
    api GET "/sessions/$sid/messages"
    check '.count == 100 and .has_more == true'
    api GET "/sessions/$sid/messages?limit=1000"
    check '.count == 101 and .has_more == false'
}

@test "count and time of the session follow the messages" {
    five
    local last
    last=$(get .message.created_at)
    api GET "/sessions/$user/$sid"
    check '.session | .message_count == 5 and .updated_at == $t' --arg t "$last"
}

@test "content comes back to the byte" {
    local content
    content=$(printf ' \t leading, trailing \n\n "quotes" \\ / é 😀 \u2028 \x7f \xef\xbf\xbd ')
    post "/sessions/$sid/messages" "$(jq -n -c --arg c "$content" '{role: "user", content: $c}')"
    expect 201
    api GET "/sessions/$sid/messages"
    check '.messages[0].content == $c' --arg c "$content"
}

@test "control characters and a NUL in content come back or are refused, never cut" {
    post "/sessions/$sid/messages" '{"role":"user","content":"a\u0001\u001f\b\f\r\n\tz"}'
    expect 201
    post "/sessions/$sid/messages" '{"role":"user","content":"a\u0000z"}'
    api GET "/sessions/$sid/messages"
    check '.messages[0].content == "a\u0001\u001f\b\f\r\n\tz"'
    check '.count == 1 or .messages[1].content == "a\u0000z"'
}

@test "a message of 400,000 bytes is kept" {
    head -c 400000 /dev/zero | tr '\0' x | jq -R -c '{role: "user", content: .}' >"$BATS_TEST_TMPDIR/big"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/big"
    expect 201
    api GET "/sessions/$sid/messages"
    check '.messages[0].content | length == 400000'
}

@test "an unknown session has neither messages nor room for one" {
    local none
    none=$(unique)
    api GET "/sessions/$none/messages"
    expect 404 session_not_found
    post "/sessions/$none/messages" '{"role":"user","content":"x"}'
    expect 404 session_not_found
    post "/sessions/$none/messages" "{\"role\":\"user\",\"content\":\"x\",\"user_id\":\"$user\"}"
    expect 404 session_not_found
    is "$(stored_messages "$none")" ''
    is "$(stored_session_count "$user")" 1
}

@test "user_id may be named, and has to be the owner" {
    post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"mine\",\"user_id\":\"$user\"}"
    expect 201
    post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"theirs\",\"user_id\":\"$user-x\"}"
    expect 404 session_not_found
    api GET "/sessions/$sid/messages"
    is "$(contents)" mine
    is "$(stored_session_count "$user-x")" 0
}

@test "parameters of an append may come in the query" {
    api POST "/sessions/$sid/messages?role=user&content=from%20the+query"
    expect 201
    check '.message | .content == "from the query" and .metadata == null'
}

@test "a message is stored under the keys and attributes of earlier backends" {
    post "/sessions/$sid/messages" '{"role":"user","content":"hello","metadata":{"a":1}}'
    is "$(stored_messages "$sid" | jq -c 'select(.timestamp.N != "0") |
        [(.timestamp.N | tonumber), .session_id.S, .message_id.S, .role.S, .content.S, .created_at.S, .metadata.S]')" \
        "$(get -c '.message | [.timestamp, .session_id, .message_id, .role, .content, .created_at, "{\"a\":1}"]')"
}
