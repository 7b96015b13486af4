#!/usr/bin/env bats
# Items as an earlier backend wrote them: random v4 ids, times without a zone, metadata as a JSON string,
# no owner item, no last_timestamp, no version.

load helpers

setup() {
    user=$(unique)
    sid=$(cat /proc/sys/kernel/random/uuid)
    first=1735787045678
}

# legacy_session [MEMBERS]: as that backend wrote it; MEMBERS replace or add attributes.
legacy_session() {
    store_session "$(jq -n -c --arg u "$user" --arg s "$sid" --argjson more "${1:-"{}"}" '{
        user_id: $u, session_id: $s, title: "an old chat", created_at: "2025-01-02T03:04:05.678901",
        updated_at: "2025-01-02T03:05:00.123456", message_count: 2, metadata: "{\"model\": \"old-1\"}"
    } + $more')"
}

# legacy_message N [MEMBERS]
legacy_message() {
    store_message "$(jq -n -c --arg s "$sid" --argjson n "$1" --argjson t "$((first + $1 * 1000))" \
        --arg id "$(cat /proc/sys/kernel/random/uuid)" --argjson more "${2:-"{}"}" '{
        session_id: $s, timestamp: $t, message_id: $id, role: (if $n % 2 == 1 then "user" else "assistant" end),
        content: "old \($n)", created_at: "2025-01-02T03:04:0\($n).678901", metadata: "{}"
    } + $more')"
}

legacy() {
    legacy_session
    legacy_message 1
    legacy_message 2
}

append_as_owner() {
    post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"$1\",\"user_id\":\"$user\"}"
}

contents() { get '[.messages[].content] | join(", ")'; }

@test "the session is read, its times as UTC" {
    legacy
    api GET "/sessions/$user/$sid"
    expect 200
    check '.session == {session_id: $s, user_id: $u, title: "an old chat",
        created_at: "2025-01-02T03:04:05.678901Z", updated_at: "2025-01-02T03:05:00.123456Z",
        message_count: 2, archived: false, pinned: false, tags: [], last_message: null,
        metadata: {model: "old-1"}}' --arg s "$sid" --arg u "$user"
}

@test "the session is listed, in both orders" {
    legacy
    api GET "/sessions/$user"
    check '.count == 1 and .sessions[0].title == "an old chat"'
    api GET "/sessions/$user?sort=created"
    check '.count == 1 and .sessions[0].title == "an old chat"'
}

@test "old and new sessions stand in one order of activity" {
    local old=$sid
    new_session newest
    sid=$old
    legacy
    api GET "/sessions/$user"
    is "$(get '[.sessions[].title] | join(", ")')" 'newest, an old chat'
}

@test "times without a fraction and with an offset are read" {
    legacy_session '{"created_at": "2025-01-02T03:04:05", "updated_at": "2025-01-02T05:04:05.5+02:00"}'
    api GET "/sessions/$user/$sid"
    expect 200
    check '.session | .created_at == "2025-01-02T03:04:05.000000Z" and .updated_at == "2025-01-02T03:04:05.500000Z"'
}

@test "messages are readable without naming the user" {
    legacy
    api GET "/sessions/$sid/messages"
    expect 200
    is "$(contents)" 'old 1, old 2'
    check '.messages[0] | .created_at == "2025-01-02T03:04:01.678901Z" and .metadata == {} and .role == "user"
        and .timestamp == 1735787046678'
}

@test "messages are readable in every way" {
    legacy
    api GET "/sessions/$sid/messages?order=desc"
    is "$(contents)" 'old 2, old 1'
    api GET "/sessions/$sid/messages?after=$((first + 1000))"
    is "$(contents)" 'old 2'
    api GET "/sessions/$sid/messages?before=$((first + 2000))"
    is "$(contents)" 'old 1'
    api GET "/sessions/$sid/messages?limit=1"
    is "$(contents)" 'old 1'
    api GET "/sessions/$sid/messages?limit=1&cursor=$(encode "$(get .next_cursor)")"
    is "$(contents)" 'old 2'
    check '.has_more == false'
    api GET "/sessions/$sid/messages?limit=1&after=$((first + 5000))"
    expect 200
    is "$(contents)" ''
}

@test "an empty session's messages are readable for who names the user" {
    legacy_session '{"message_count": 0}'
    api GET "/sessions/$sid/messages?user_id=$user"
    expect 200
    check '.messages == []'
    api GET "/sessions/$sid/messages?user_id=$user-x"
    expect 404 session_not_found
}

@test "reading writes nothing" {
    local before
    legacy
    before=$(stored_sessions "$user"; stored_messages "$sid")
    api GET "/sessions/$sid/messages"
    api GET "/sessions/$user/$sid"
    is "$(stored_sessions "$user"; stored_messages "$sid")" "$before"
}

@test "an append names the user; then the owner is known" {
    legacy
    append_as_owner new
    expect 201
    is "$(stored_messages "$sid" | jq -r 'select(.timestamp.N == "0") | .user_id.S')" "$user"
    say 'without a name'
    api GET "/sessions/$sid/messages"
    is "$(contents)" 'old 1, old 2, new, without a name'
    api GET "/sessions/$user/$sid"
    check '.session | .message_count == 4 and .updated_at > "2026"'
}

@test "an append without the user is refused with a sentence that asks for it" {
    legacy
    post "/sessions/$sid/messages" '{"role":"user","content":"new"}'
    expect 404 session_not_found
    [[ $(get .detail) == *user_id* ]] || fail 'the detail does not ask for user_id'
    is "$(stored_message_count "$sid")" 2
}

@test "an append under another user is refused and leaves nothing" {
    local before
    legacy
    before=$(stored_sessions "$user"; stored_messages "$sid")
    post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"new\",\"user_id\":\"$user-x\"}"
    expect 404 session_not_found
    is "$(stored_sessions "$user"; stored_messages "$sid")" "$before"
    is "$(stored_session_count "$user-x")" 0
}

@test "a message is put after the last old one, even if that is in the future" {
    legacy
    first=$(($(now_ms) + 3600000))
    legacy_message 3
    append_as_owner new
    expect 201
    is "$(get .message.timestamp)" $((first + 3001))
    api GET "/sessions/$sid/messages"
    is "$(contents)" 'old 1, old 2, old 3, new'
}

@test "many at once make the first append to an old session" {
    local i
    legacy
    for i in 1 2 3 4 5 6 7 8; do
        curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' "$API/sessions/$sid/messages" \
            --json "{\"role\":\"user\",\"content\":\"new $i\",\"user_id\":\"$user\"}" 3>&- &
    done >"$BATS_TEST_TMPDIR/statuses"
    wait
    is "$(sort "$BATS_TEST_TMPDIR/statuses" | uniq -c | xargs)" '8 201'
    is "$(stored_message_count "$sid")" 10
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 10'
}

@test "the session is updated" {
    legacy
    put "/sessions/$user/$sid" '{"title":"renamed"}'
    expect 200
    check '.session | .title == "renamed" and .metadata == {model: "old-1"} and .message_count == 2
        and .created_at == "2025-01-02T03:04:05.678901Z" and .updated_at > "2026"'
    put "/sessions/$user/$sid" '{"metadata":null}'
    check '.session | has("metadata") | not'
    append_as_owner new
    expect 201
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 3'
}

@test "the session is deleted completely" {
    legacy
    api DELETE "/sessions/$user/$sid"
    expect 200
    check '.deleted_messages == 2'
    nothing_left "$user" "$sid"
    api GET "/sessions/$sid/messages"
    expect 404
    append_as_owner new
    expect 404
    nothing_left "$user" "$sid"
}

@test "metadata that is no JSON reads as {}" {
    local text quoted
    for text in '' "{'model': 'old'}" '{"a":1' 'None' '{"a":NaN}' '[1]' '"x"' '17' '{} x'; do
        sid=$(cat /proc/sys/kernel/random/uuid)
        quoted="{\"metadata\": $(quote "$text")}"
        legacy_session "$quoted"
        legacy_message 1 "$quoted"
        api GET "/sessions/$user/$sid"
        expect 200
        check '.session.metadata == {}'
        api GET "/sessions/$sid/messages"
        expect 200
        check '.messages[0].metadata == {}'
    done
}

@test "metadata of another attribute type reads as {}" {
    legacy_session
    set_session_attribute "$user" "$sid" metadata '{"M":{"a":{"S":"b"}}}'
    api GET "/sessions/$user/$sid"
    expect 200
    check '.session.metadata | type == "object"'
}

@test "attributes that are missing or of another type are no server's error" {
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$sid\",\"message_count\":0}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":$first}"
    set_session_attribute "$user" "$sid" title '{"N":"7"}'
    # Not by api: what is not there cannot be as the contract wants it.
    status_of() { curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' "$API$1"; }
    is "$(status_of "/sessions/$user")" 200
    is "$(status_of "/sessions/$user?sort=created")" 200
    is "$(status_of "/sessions/$user/$sid")" 200
    is "$(status_of "/sessions/$sid/messages")" 200
    api DELETE "/sessions/$user/$sid"
    expect 200
    nothing_left "$user" "$sid"
}

@test "a number that was written as text with a point or an exponent is read" {
    legacy_session
    set_session_attribute "$user" "$sid" message_count '{"N":"2.0"}'
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 2'
}

@test "attributes that this service does not know stay as they are" {
    legacy
    set_session_attribute "$user" "$sid" colour '{"SS":["red","blue"]}'
    put "/sessions/$user/$sid" '{"title":"renamed"}'
    expect 200
    append_as_owner new
    expect 201
    is "$(stored_sessions "$user" | jq -c '.colour.SS | sort')" '["blue","red"]'
}
