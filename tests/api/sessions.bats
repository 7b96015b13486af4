#!/usr/bin/env bats
# One session: creating and reading it.

load helpers

setup() { user=$(unique); }

@test "a session is created with what was given" {
    post /sessions "{\"user_id\":\"$user\",\"title\":\"My chat\",\"metadata\":{\"model\":\"m-1\"}}"
    expect 201
    check '.session | .user_id == $u and .title == "My chat" and .metadata == {"model": "m-1"}
        and .message_count == 0 and .created_at == .updated_at' --arg u "$user"
}

@test "its id is a UUIDv7 of now" {
    local before after made
    before=$(now_ms)
    new_session
    after=$(now_ms)
    [[ $sid =~ ^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]]
    made=${sid:0:8}${sid:9:4}
    ((16#$made >= before - 1 && 16#$made <= after + 1)) || fail "made at $((16#$made)), not $before to $after"
}

@test "a title is made from the time if none is given" {
    post /sessions "{\"user_id\":\"$user\"}"
    expect 201
    check '.session | .title == "Chat Session " + .created_at[0:10] + " " + .created_at[11:16]'
}

@test "null counts as left out" {
    post /sessions "{\"user_id\":\"$user\",\"title\":null,\"metadata\":null}"
    expect 201
    check '.session | (.title | startswith("Chat Session ")) and (has("metadata") | not)'
}

@test "parameters may come in the query, without a body" {
    api POST "/sessions?user_id=$user&title=from+the%20query"
    expect 201
    check '.session | .user_id == $u and .title == "from the query"' --arg u "$user"
}

@test "unknown parameters are ignored" {
    post "/sessions?colour=red" "{\"user_id\":\"$user\",\"shape\":[1,{}]}"
    expect 201
}

@test "Location is where the session can be read" {
    user="$user/ é?#%2F"
    new_session
    local location
    location=$(header Location)
    [[ $location != /* ]] || location=$BASE$location
    api GET "$location"
    expect 200
    check '.session.session_id == $s' --arg s "$sid"
}

@test "a session reads back as it was created" {
    post /sessions "{\"user_id\":\"$user\",\"title\":\"t\",\"metadata\":{\"a\":[1,null,true]}}"
    local created
    created=$(get -S .session)
    api GET "/sessions/$user/$(get .session.session_id)"
    expect 200
    is "$(get -S .session)" "$created"
}

@test "a session that is not there is 404" {
    new_session
    api GET "/sessions/$user/00000000-0000-7000-8000-000000000000"
    expect 404 session_not_found
}

@test "a session under another user is 404" {
    new_session
    api GET "/sessions/$user-x/$sid"
    expect 404 session_not_found
    api GET "/sessions/$user-x/$sid/"
    expect 404
}

@test "two sessions of the same user have different ids" {
    local first
    new_session
    first=$sid
    new_session
    [[ $sid != "$first" ]]
    api GET "/sessions/$user/$first"
    expect 200
    api GET "/sessions/$user/$sid"
    expect 200
}

@test "session and owner item are stored under the keys of earlier backends" {
    new_session 'kept'
    is "$(stored_sessions "$user" | jq -c '[.user_id.S, .session_id.S, .title.S, .message_count.N]')" \
        "[\"$user\",\"$sid\",\"kept\",\"0\"]"
    is "$(stored_messages "$sid" | jq -c '[.session_id.S, .timestamp.N, .user_id.S]')" \
        "[\"$sid\",\"0\",\"$user\"]"
}

@test "nothing expires: no stored item has a time to live" {
    new_session
    say hello
    is "$( (stored_sessions "$user"; stored_messages "$sid") |
        jq -s 'map(keys[] | select(test("ttl|expire"; "i"))) | length')" 0
}

@test "metadata is kept as text and absent when there is none" {
    new_session
    check '.session | has("metadata") | not'
    is "$(stored_sessions "$user" | jq 'has("metadata")')" false
}

@test "a title has up to 1,000 characters of any kind" {
    local title
    title=$(printf '€%.0s' {1..999})😀
    post /sessions "$(jq -n -c --arg u "$user" --arg t "$title" '{user_id: $u, title: $t}')"
    expect 201
    api GET "/sessions/$user/$(get .session.session_id)"
    is "$(get .session.title)" "$title"
}

@test "a user id has up to 2,048 bytes" {
    # 1,014 characters of two bytes after 20 of one.
    user=$(unique u-1)$(printf 'ü%.0s' {1..1014})
    is "$(printf '%s' "$user" | wc -c)" 2048
    new_session
    api GET "/sessions/$(encode "$user")/$sid"
    expect 200
    is "$(get .session.user_id)" "$user"
}
