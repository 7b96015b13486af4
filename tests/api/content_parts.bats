#!/usr/bin/env bats
# Messages as today's models make them: content of parts, or none beside metadata, and every role.

load helpers

setup() {
    user=$(unique)
    new_session
}

# Texts of parts that a parser in between would change.
texts() {
    cat <<'END'
[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"https://example.com/a\/b.png","detail":1.0}}]
[{"type":"text","text":"","text":"twice","n":12345678901234567890123}]
[ { "type" : "text" , "z":1e400, "a":-0.0 } , {"typ\u0065":"\u0074ext"} ]
[{"type":""}]
[{"type":"tool_use","input":{"deep":[[[[{"e":"\u00e9\ud83d\ude00 é😀"}]]]]}}]
END
    printf '[{"type":"text"}%s]\n' "$(printf ',{"type":"x"}%.0s' {1..3000})"
    printf '[{"type":"deep","deep":%s1%s}]\n' "$(printf '[%.0s' {1..80})" "$(printf ']%.0s' {1..80})"
}

# message CONTENT [METADATA]
message() {
    printf '{"role":"assistant","content":%s,"metadata":%s}' "$1" "${2:-null}"
}

@test "parts come back as the same text, wherever a message is read" {
    local text
    while IFS= read -r text; do
        post "/sessions/$sid/messages" "$(message "$text")"
        expect 201
        has_text "\"content\":$text,"
        api GET "/sessions/$sid/messages/$(get .message.timestamp)"
        has_text "\"content\":$text,"
    done < <(texts)
    api GET "/sessions/$sid/messages"
    while IFS= read -r text; do has_text "\"content\":$text,"; done < <(texts)
    api GET "/sessions/$sid/messages?order=desc"
    while IFS= read -r text; do has_text "\"content\":$text,"; done < <(texts)
}

@test "an array of messages may have every kind of content" {
    post "/sessions/$sid/messages" "[$(message '[{"type":"text","n":1.0}]'),$(message null '{}'),$(message '""' '{}'),
        $(message '"[]"')]"
    expect 201
    check '[.messages[].content] == [[{"type": "text", "n": 1.0}], null, "", "[]"]'
    has_text '"content":[{"type":"text","n":1.0}],'
    api GET "/sessions/$sid/messages"
    check '[.messages[].content] == [[{"type": "text", "n": 1.0}], null, "", "[]"]'
}

@test "content may be empty or null where there is metadata" {
    local content
    for content in '""' null; do
        post "/sessions/$sid/messages" "$(message "$content" '{"tool_calls":[]}')"
        expect 201
        check ".message.content == $content"
        api GET "/sessions/$sid/messages?order=desc&limit=1"
        check ".messages[0] | .content == $content and .metadata == {tool_calls: []}"
    done
    api POST "/sessions/$sid/messages?role=user&content=&metadata=%7B%7D"
    expect 201
    check '.message.content == ""'
}

@test "every role is kept" {
    local role
    for role in user assistant system tool developer function; do
        say hello "$role"
        check '.message.role == $role' --arg role "$role"
    done
    api GET "/sessions/$sid/messages"
    is "$(get -c '[.messages[].role]')" '["user","assistant","system","tool","developer","function"]'
}

@test "an edit may turn content of one kind into another" {
    local content
    post "/sessions/$sid/messages" "$(message '"text"' '{"a":1}')"
    path=/sessions/$sid/messages/$(get .message.timestamp)
    for content in '[{"type":"text","text":"a","n":1.0}]' '"text"' null '[{"type":"b"}]' '""' null '"[{}]"'; do
        put "$path" "{\"content\":$content}"
        expect 200
        has_text "\"content\":$content,"
        has_text '"metadata":{"a":1}'
        api GET "$path"
        has_text "\"content\":$content,"
        # An edit of something else leaves it.
        patch "$path" '{"metadata":{"a":1}}'
        has_text "\"content\":$content,"
    done
}

@test "a message keeps content or metadata, whatever is taken from it" {
    post "/sessions/$sid/messages" "$(message null '{"a":1}')"
    path=/sessions/$sid/messages/$(get .message.timestamp)
    patch "$path" '{"metadata":null}'
    expect 422 invalid_parameter
    patch "$path" '{"metadata":null,"content":[{"type":"text"}]}'
    expect 200
    check '.message | .metadata == null and .content == [{type: "text"}]'
    patch "$path" '{"content":null}'
    expect 422 invalid_parameter
    patch "$path" '{"content":""}'
    expect 422 invalid_parameter
    patch "$path" '{"content":null,"metadata":{}}'
    expect 200
    check '.message | .metadata == {} and .content == null'
}

@test "parts and their text are two payloads of a key" {
    local text='[{"type":"text"}]' key
    key=$(unique)
    post "/sessions/$sid/messages" "$(message "$text")" -H "Idempotency-Key: $key"
    expect 201
    answered=$(get -S .message)
    post "/sessions/$sid/messages" "$(message "$(quote "$text")")" -H "Idempotency-Key: $key"
    expect 422 idempotency_key_reused
    post "/sessions/$sid/messages" "$(message "$text")" -H "Idempotency-Key: $key"
    expect 200
    is "$(get -S .message)" "$answered"
    key=$(unique)
    post "/sessions/$sid/messages" "$(message null '{}')" -H "Idempotency-Key: $key"
    expect 201
    post "/sessions/$sid/messages" "$(message '""' '{}')" -H "Idempotency-Key: $key"
    expect 422 idempotency_key_reused
    is "$(stored_message_count "$sid")" 2
}

@test "content of the query is a string, also one that looks like parts" {
    local text='[{"type":"text"}]'
    api POST "/sessions/$sid/messages?role=user&content=$(encode "$text")"
    expect 201
    check '.message.content == $text' --arg text "$text"
    # With the same text in the body, whose type tells.
    post "/sessions/$sid/messages?content=$(encode "$text")" "$(message "$text")"
    expect 201
    check '.message.content == [{type: "text"}]'
}

@test "parts are stored as their text, for backends that know no parts" {
    post "/sessions/$sid/messages" "$(message '[{"type":"text","n":1.0}]')"
    post "/sessions/$sid/messages" "$(message null '{}')"
    say text
    is "$(stored_messages "$sid" | jq -s -c 'map(select(.content)) | map([.content.S, .content_type.S])')" \
        '[["[{\"type\":\"text\",\"n\":1.0}]","parts"],["","null"],["text",null]]'
}

@test "parts count in the size of a message" {
    head -c 409000 /dev/zero | tr '\0' x |
        jq -R -c '{role: "user", content: [{type: "text", text: .}, {type: "more", text: .[:1000]}]}' \
            >"$BATS_TEST_TMPDIR/big"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/big"
    expect 413 item_too_large
    is "$(stored_message_count "$sid")" 0
}
