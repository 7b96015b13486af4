#!/usr/bin/env bats
# What a session is marked with: archived, pinned, tags; and merge patches of a session.

load helpers

setup() {
    user=$(unique)
    post /sessions "{\"user_id\":\"$user\",\"title\":\"old\",\"metadata\":{\"n\":1.0,\"deep\":{\"a\":1,\"b\":2}}}"
    expect 201
    sid=$(get .session.session_id)
    path=/sessions/$user/$sid
}

# merge_patch JSON [CURL OPTION…]
merge_patch() { api PATCH "$path" -H 'Content-Type: application/merge-patch+json' --data-binary "$@"; }

# marks ARCHIVED PINNED TAGS: as the last answer's session has them, and as it reads.
marks() {
    check '.session | [.archived, .pinned, .tags] == $w' --argjson w "[$1,$2,$3]"
    api GET "$path"
    check '.session | [.archived, .pinned, .tags] == $w' --argjson w "[$1,$2,$3]"
}

@test "a session has none at first, and nothing of it is stored" {
    marks false false '[]'
    is "$(stored_sessions "$user" | jq -c '[has("archived", "pinned", "tags")]')" '[false,false,false]'
}

@test "a session is made with marks" {
    post /sessions "{\"user_id\":\"$user\",\"archived\":true,\"pinned\":true,\"tags\":[\"work\",\"déjà vu\"]}"
    expect 201
    path=/sessions/$user/$(get .session.session_id)
    marks true true '["work","déjà vu"]'
    post /sessions "{\"user_id\":\"$user\",\"archived\":false,\"pinned\":null,\"tags\":[]}"
    expect 201
    path=/sessions/$user/$(get .session.session_id)
    marks false false '[]'
}

@test "marks are part of what an Idempotency-Key stands for" {
    local body="{\"user_id\":\"$user\",\"title\":\"t\",\"tags\":[\"a\"],\"pinned\":true}" other
    post /sessions "$body" -H 'Idempotency-Key: k'
    expect 201
    post /sessions "$body" -H 'Idempotency-Key: k'
    expect 200
    check '.session | .tags == ["a"] and .pinned and (.archived | not)'
    for other in '"tags":["b"],"pinned":true' '"tags":["a"]' '"tags":["a"],"archived":true' '"tags":[],"pinned":true'; do
        post /sessions "{\"user_id\":\"$user\",\"title\":\"t\",$other}" -H 'Idempotency-Key: k'
        expect 422 idempotency_key_reused
    done
}

@test "marks that say nothing are the same payload as none" {
    post /sessions "{\"user_id\":\"$user\",\"title\":\"t\"}" -H 'Idempotency-Key: k'
    expect 201
    post /sessions "{\"user_id\":\"$user\",\"title\":\"t\",\"archived\":false,\"pinned\":null,\"tags\":[]}" -H 'Idempotency-Key: k'
    expect 200
}

@test "PUT and PATCH set them, and what is left out stays" {
    put "$path" '{"archived":true}'
    expect 200
    marks true false '[]'
    patch "$path" '{"tags":["b","a"]}'
    expect 200
    marks true false '["b","a"]'
    put "$path" '{"pinned":true,"archived":null,"tags":null}'
    expect 200
    marks true true '["b","a"]'
    put "$path" '{"archived":false,"pinned":false,"tags":[]}'
    expect 200
    marks false false '[]'
    is "$(stored_sessions "$user" | jq -c '[has("archived", "pinned", "tags")]')" '[false,false,false]'
    check '.session | .title == "old"'
    has_text '"metadata":{"n":1.0,'
}

@test "they may come in the query" {
    api PUT "$path?archived=true&pinned=true&tags=$(encode '["a","b"]')"
    expect 200
    marks true true '["a","b"]'
    api PATCH "$path?archived=false&tags=[]"
    expect 200
    marks false true '[]'
}

@test "equal tags are folded into one, and their order is kept" {
    put "$path" '{"tags":["z","a","z","\u0061","A","a "]}'
    expect 200
    marks false false '["z","a","A","a "]'
}

@test "setting marks leaves updated_at, and moves the ETag" {
    local time etag body
    api GET "$path"
    time=$(get .session.updated_at)
    for body in '{"archived":true}' '{"pinned":true}' '{"tags":["a"]}' '{"archived":false,"pinned":false,"tags":[]}'; do
        etag=$(header ETag)
        put "$path" "$body" -H "If-Match: $etag"
        expect 200
        check '.session.updated_at == $t' --arg t "$time"
        [[ $(header ETag) != "$etag" ]] || fail 'the ETag is the same'
        put "$path" "$body" -H "If-Match: $etag"
        expect 412 precondition_failed
    done
    put "$path" '{"archived":true,"title":"new"}'
    check '.session.updated_at > $t' --arg t "$time"
    time=$(get .session.updated_at)
    put "$path" '{"metadata":{},"pinned":true}'
    check '.session.updated_at > $t' --arg t "$time"
}

@test "a pinned or archived session keeps its place in the order of activity" {
    local first=$sid
    new_session second
    put "/sessions/$user/$first" '{"pinned":true,"tags":["x"]}'
    expect 200
    api GET "/sessions/$user"
    is "$(get '[.sessions[].session_id] | join(" ")')" "$sid $first"
}

@test "an append to a session keeps its marks" {
    put "$path" '{"archived":true,"pinned":true,"tags":["a"]}'
    say hello
    api GET "$path"
    marks true true '["a"]'
    check '.session.message_count == 1'
}

@test "what they may be" {
    local ok bad
    ok=$(jq -n -c '{tags: [range(20) | "tag \(.)"]}')
    put "$path" "$ok"
    expect 200
    ok=$(jq -n -c '{tags: ["😀" * 50]}')
    put "$path" "$ok"
    expect 200
    marks false false "$(jq -c .tags <<<"$ok")"
    local before
    before=$(stored_sessions "$user")
    for bad in '{"archived":"true"}' '{"archived":1}' '{"pinned":[]}' '{"pinned":{}}' '{"tags":"a"}' '{"tags":{}}' \
        '{"tags":[1]}' '{"tags":[null]}' '{"tags":[["a"]]}' '{"tags":[""]}' '{"tags":["a",true]}' \
        "$(jq -n -c '{tags: ["x" * 51]}')" "$(jq -n -c '{tags: [range(21) | "t\(.)"]}')"; do
        put "$path" "$bad"
        expect 422 invalid_parameter
        post /sessions "$(jq -c --arg u "$user" '.user_id = $u' <<<"$bad")"
        expect 422 invalid_parameter
        merge_patch "$bad"
        expect 422 invalid_parameter
    done
    is "$(stored_sessions "$user")" "$before"
    put "$path" '{"tags":["fine","123456789012345678901234567890123456789012345678901"]}'
    check '.detail | startswith("tags[1] must be at most 50 characters")'
}

@test "every character of a tag comes back as it was sent" {
    local tags
    tags=$(jq -n -c '["\"\\/", "\u0000\u0001\n", "<b>&amp;", "\ud83d\ude00 é e\u0301", " ", "null"]')
    put "$path" "{\"tags\":$tags}"
    expect 200
    marks false false "$tags"
}

@test "what other programs wrote there breaks nothing" {
    local value
    for value in '{"S":"x"}' '{"N":"1"}' '{"NULL":true}' '{"M":{}}' '{"L":[{"N":"1"},{"M":{}}]}' '{"SS":["a"]}'; do
        set_session_attribute "$user" "$sid" tags "$value"
        set_session_attribute "$user" "$sid" archived "$value"
        set_session_attribute "$user" "$sid" pinned "$value"
        api GET "$path"
        expect 200
        marks false false '[]'
        api GET "/sessions/$user"
        expect 200
    done
    set_session_attribute "$user" "$sid" tags '{"L":[{"S":"a"},{"N":"1"},{"S":"a"}]}'
    api GET "$path"
    marks false false '["a","a"]'
    put "$path" '{"tags":["b"],"archived":true,"pinned":false}'
    marks true false '["b"]'
}

# ---- merge patches ----------------------------------------------------------------------------

@test "a merge patch changes what it names" {
    merge_patch '{"title":"new","archived":true,"tags":["a"]}'
    expect 200
    check '.session | .title == "new" and .archived and .tags == ["a"]'
    has_text '"metadata":{"n":1.0,"deep":{"a":1,"b":2}}'
    merge_patch '{}'
    expect 200
    check '.session | .title == "new" and .archived and .tags == ["a"]'
}

@test "null in a merge patch takes away, but for the title" {
    put "$path" '{"archived":true,"pinned":true,"tags":["a"]}'
    merge_patch '{"archived":null,"pinned":null,"tags":null,"metadata":null}'
    expect 200
    check '.session | has("metadata") | not'
    marks false false '[]'
    merge_patch '{"title":null}'
    expect 422 invalid_parameter
    check '.detail | startswith("title must not be null")'
    check_title() { api GET "$path" && check '.session.title == "old"'; }
    check_title
}

@test "metadata is merged member by member, and numbers keep their spelling" {
    merge_patch '{"metadata":{"deep":{"b":null,"c":12345678901234567890123},"new":{"x":null,"y":1e400}}}'
    expect 200
    has_text '"metadata":{"n":1.0,"deep":{"a":1,"c":12345678901234567890123},"new":{"y":1e400}}'
    merge_patch '{"metadata":{"deep":[null],"n":null}}'
    has_text '"metadata":{"deep":[null],"new":{"y":1e400}}'
    put "$path" '{"metadata":null}'
    merge_patch '{"metadata":{"a":null,"b":2.50}}'
    has_text '"metadata":{"b":2.50}'
}

@test "an ordinary PATCH replaces metadata as a whole" {
    patch "$path" '{"metadata":{"a":1}}'
    has_text '"metadata":{"a":1}'
}

@test "merge patches at the same time lose nothing" {
    local i
    for i in {1..12}; do
        curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' -X PATCH "$API$path" \
            -H 'Content-Type: application/merge-patch+json' -d "{\"metadata\":{\"k$i\":$i}}" 3>&- &
    done >"$BATS_TEST_TMPDIR/statuses"
    wait
    is "$(sort "$BATS_TEST_TMPDIR/statuses" | uniq -c | xargs)" '12 200'
    api GET "$path"
    check '[.session.metadata | keys[] | select(startswith("k"))] | length == 12'
}

@test "a merge patch keeps If-Match" {
    local etag
    api GET "$path"
    etag=$(header ETag)
    merge_patch '{"metadata":{"a":1}}' -H "If-Match: $etag"
    expect 200
    merge_patch '{"metadata":{"b":1}}' -H "If-Match: $etag"
    expect 412 precondition_failed
    merge_patch '{"metadata":{"b":1}}' -H 'If-Match: *'
    expect 200
    check '.session.metadata | .a == 1 and .b == 1'
}

@test "a merge patch that makes the metadata too large is refused" {
    jq -n '{metadata: {a: ("x" * 250000)}}' >"$BATS_TEST_TMPDIR/a"
    jq -n '{metadata: {b: ("x" * 250000)}}' >"$BATS_TEST_TMPDIR/b"
    merge_patch "@$BATS_TEST_TMPDIR/a"
    expect 200
    merge_patch "@$BATS_TEST_TMPDIR/b"
    expect 413 item_too_large
    jq -n '{metadata: {b: ("x" * 1000000)}}' >"$BATS_TEST_TMPDIR/b"
    merge_patch "@$BATS_TEST_TMPDIR/b"
    expect 413 item_too_large
    merge_patch '{"metadata":{"a":null}}'
    expect 200
    check '.session.metadata | has("a") | not'
}

@test "a merge patch of a session that is not there is 404" {
    path=/sessions/$user/$(unique) merge_patch '{"metadata":{"a":1}}'
    expect 404 session_not_found
    api DELETE "$path"
    merge_patch '{"metadata":{"a":1}}'
    expect 404 session_not_found
}

@test "a merge patch that is no object is refused" {
    local body
    for body in '[]' '"x"' 'null' '7'; do
        merge_patch "$body"
        expect 422 invalid_parameter
    done
    merge_patch '{"metadata":[]}'
    expect 422 invalid_parameter
}

@test "the media type is taken where it is promised, and named where it would be" {
    local type='Content-Type: application/merge-patch+json' at
    api PATCH "$path" -H 'Content-Type: text/plain' --data-binary '{}'
    expect 415 unsupported_media_type
    check '.detail == "send the body as JSON, with Content-Type: application/json or application/merge-patch+json"'
    api PUT "$path" -H "$type" --data-binary '{}'
    expect 415 unsupported_media_type
    check '.detail == "send the body as JSON, with Content-Type: application/json"'
    api POST /sessions -H "$type" --data-binary "{\"user_id\":\"$user\"}"
    expect 415 unsupported_media_type
    say hello
    at=$(get .message.timestamp)
    api PATCH "/sessions/$sid/messages/$at" -H "$type" --data-binary '{}'
    expect 415 unsupported_media_type
}
