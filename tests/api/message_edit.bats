#!/usr/bin/env bats
# One message: reading, editing, deleting.

load helpers

setup() {
    user=$(unique)
    new_session
    say before
    post "/sessions/$sid/messages" '{"role":"user","content":"old","metadata":{"n":1.0}}'
    expect 201
    at=$(get .message.timestamp)
    path=/sessions/$sid/messages/$at
    answered=$(get -S .message)
    say after
}

contents() { get '[.messages[].content] | join(" ")'; }

@test "a message reads as it was answered" {
    api GET "$path"
    expect 200
    is "$(get -S .message)" "$answered"
}

@test "a message that is not there is 404" {
    local other
    for other in 1 0 -1 abc 1e3 99999999999999999999 $((at - 1)) "$at.0" "%20$at"; do
        api GET "/sessions/$sid/messages/$other"
        expect 404 message_not_found
        put "/sessions/$sid/messages/$other" '{"content":"x"}'
        expect 404 message_not_found
        api DELETE "/sessions/$sid/messages/$other"
        expect 404 message_not_found
    done
    is "$(stored_message_count "$sid")" 3
    is "$(stored_messages "$sid" | wc -l)" 4
}

@test "a session that is not there is 404" {
    api GET "/sessions/none-$sid/messages/$at"
    expect 404
}

@test "an edit changes what is given, and sets updated_at" {
    put "$path" '{"content":"new"}'
    expect 200
    check '.message | .content == "new" and .role == "user" and .updated_at > .created_at'
    has_text '"metadata":{"n":1.0}'
    patch "$path" '{"metadata":{"a":1e400}}'
    expect 200
    check '.message.content == "new"'
    has_text '"metadata":{"a":1e400}'
    patch "$path" '{"metadata":null}'
    check '.message | .metadata == null and .content == "new"'
}

@test "an edited message keeps its place and id, and the count" {
    local id
    id=$(jq -r .message_id <<<"$answered")
    put "$path" '{"content":"new","role":"system","timestamp":5,"message_id":"x"}'
    check '.message | .timestamp == ($t | tonumber) and .message_id == $id and .role == "user"' \
        --arg t "$at" --arg id "$id"
    api GET "/sessions/$sid/messages"
    is "$(contents)" 'before new after'
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 3'
}

@test "a bad edit changes nothing" {
    local before body
    before=$(stored_messages "$sid")
    for body in '{"content":"","metadata":null}' '{"content":null,"metadata":null}' '{"content":[]}' '{"content":7}' '{"metadata":[]}' '[]'; do
        put "$path" "$body"
        expect 422 invalid_parameter
    done
    head -c 410000 /dev/zero | tr '\0' x | jq -R -c '{content: .}' >"$BATS_TEST_TMPDIR/big"
    put "$path" "@$BATS_TEST_TMPDIR/big"
    expect 413 item_too_large
    is "$(stored_messages "$sid")" "$before"
}

@test "a deleted message is gone, and the count is exact" {
    api DELETE "$path"
    expect 200
    api GET "$path"
    expect 404 message_not_found
    api DELETE "$path"
    expect 404 message_not_found
    api GET "/sessions/$sid/messages"
    is "$(contents)" 'before after'
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 2'
}

@test "after the last message was deleted the next one still comes later" {
    local last
    api GET "/sessions/$sid/messages?order=desc&limit=1"
    last=$(get '.messages[0].timestamp')
    api DELETE "/sessions/$sid/messages/$last"
    say next
    (($(get .message.timestamp) > last))
}

@test "many deletes of the same message count once" {
    local i
    for i in {1..8}; do
        curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' -X DELETE "$API$path" 3>&- &
    done >"$BATS_TEST_TMPDIR/statuses"
    wait
    is "$(sort "$BATS_TEST_TMPDIR/statuses" | uniq -c | xargs)" '1 200 7 404'
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 2'
}

@test "helper items are no messages" {
    api GET "/sessions/$sid/messages/0"
    expect 404 message_not_found
    api DELETE "/sessions/$sid/messages/0"
    expect 404 message_not_found
    say 'still works'
}

@test "an edit and a delete are changes of the session: its time and its ETag" {
    local etag time
    api GET "/sessions/$user/$sid"
    etag=$(header ETag) time=$(get .session.updated_at)
    put "$path" '{"content":"new"}'
    expect 200
    local edited
    edited=$(get .message.updated_at)
    api GET "/sessions/$user/$sid"
    check '.session.updated_at == $e and $e > $t' --arg e "$edited" --arg t "$time"
    [[ $(header ETag) != "$etag" ]] || fail 'the ETag is the same after an edit'
    put "/sessions/$user/$sid" '{"title":"x"}' -H "If-Match: $etag"
    expect 412 precondition_failed
    etag=$(header ETag) time=$edited
    api DELETE "$path"
    expect 200
    api GET "/sessions/$user/$sid"
    check '.session.updated_at > $t' --arg t "$time"
    [[ $(header ETag) != "$etag" ]] || fail 'the ETag is the same after a delete'
}
