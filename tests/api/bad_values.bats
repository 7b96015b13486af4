#!/usr/bin/env bats
# Values that are missing, of the wrong type or out of range: refused, nothing half stored. What each parameter
# takes is told in tests/unit/test_api_*.c; here is what the tables and nginx have to do with it.

load bad_input

@test "a path's user id over DynamoDB's limit" {
    local long
    long=$(printf 'x%.0s' {1..2049})
    api GET "/sessions/$long"
    [[ $http_status == 4* ]] || fail "status $http_status"
    api GET "/sessions/$long/$sid"
    [[ $http_status == 4* ]] || fail "status $http_status"
    api DELETE "/sessions/$long/$sid"
    [[ $http_status == 4* ]] || fail "status $http_status"
}

@test "a session id over DynamoDB's limit is a session that is not there" {
    local long
    long=$(printf 'x%.0s' {1..1025})
    api GET "/sessions/$user/$long"
    expect 404 session_not_found
    api GET "/sessions/$long/messages"
    expect 404 session_not_found
    refused 404 session_not_found POST "/sessions/$long/messages" '{"role":"user","content":"c"}'
    refused 404 session_not_found POST "/sessions/$long/messages" \
        "{\"role\":\"user\",\"content\":\"c\",\"user_id\":\"$user\"}"
    refused 404 session_not_found PUT "/sessions/$user/$long" '{"title":"t"}'
    api DELETE "/sessions/$user/$long"
    expect 404 session_not_found
}

@test "a message id of just 128 bytes is fine" {
    local id other=$sid
    id=$(printf 'ü%.0s' {1..64})
    user=$(unique)
    new_session
    post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"c\",\"message_id\":\"$id\"}"
    expect 201
    check '.message.message_id == $id' --arg id "$id"
    sessions_before=$(stored_sessions "$user")
    messages_before=$(stored_messages "$sid")
    [[ $sid != "$other" ]]
}

@test "limits at both ends are fine" {
    local limit
    for limit in 1 1000; do
        api GET "/sessions/$user?limit=$limit"
        expect 200
        api GET "/sessions/$sid/messages?limit=$limit"
        expect 200
    done
}

@test "times at the edge of numbers give an answer" {
    local time
    for time in 0 1 9007199254740991 9007199254740993 9223372036854775806; do
        api GET "/sessions/$sid/messages?after=$time"
        expect 200
        api GET "/sessions/$sid/messages?before=$time"
        expect 200
        api GET "/sessions/$sid/messages?before=$time&order=desc"
        expect 200
    done
}

@test "a cursor that is none" {
    local cursor path
    for cursor in x '%20' AAAA '%FF%FF' 'eyJ0IjoxfQ==' "$(printf 'A%.0s' {1..3000})"; do
        for path in "/sessions/$user?" "/sessions/$user?sort=created&" "/sessions/$sid/messages?" \
            "/sessions/$sid/messages?order=desc&"; do
            api GET "${path}cursor=$cursor"
            expect 400
            [[ $(get .code) == invalid_cursor || $cursor == %FF%FF ]] || fail "cursor=$cursor at $path"
        done
    done
}

@test "a cursor of another list, or one that was changed" {
    local cursor other=$sid changed
    node "$API_TESTS/fixtures.js" messages "$sid" 3 5
    messages_before=$(stored_messages "$sid")
    api GET "/sessions/$sid/messages?limit=1"
    cursor=$(get .next_cursor)
    changed=$(encode "${cursor%?}")
    api GET "/sessions/$sid/messages?cursor=$changed"
    [[ $http_status == 200 || $http_status == 400 ]] || fail "status $http_status"
    cursor=$(encode "$cursor")
    api GET "/sessions/$sid/messages?order=desc&cursor=$cursor"
    expect 400 invalid_cursor
    api GET "/sessions/$user?cursor=$cursor"
    expect 400 invalid_cursor
    user=$user-2
    new_session
    api GET "/sessions/$sid/messages?cursor=$cursor"
    expect 400 invalid_cursor
    api DELETE "/sessions/$user/$sid"
    user=${user%-2} sid=$other
}

# forged SCOPE POSITION: a cursor with the check sum of the version before, which anybody can make.
forged() {
    node -e '
        const fnv = (text) => [...Buffer.from(text)].reduce(
            (h, byte) => BigInt.asUintN(64, (h ^ BigInt(byte)) * 0x100000001b3n), 0xcbf29ce484222325n);
        const [scope, position] = process.argv.slice(1);
        const sum = Buffer.alloc(8);
        sum.writeBigUInt64LE(BigInt.asUintN(64, fnv(scope) * 31n + fnv(position)));
        console.log(Buffer.concat([sum, Buffer.from(position)]).toString("base64url"));
    ' "$1" "$2"
}

@test "a cursor that somebody made himself" {
    local position
    for position in '"' $'\x01' 1700000000000 "$sid"; do
        api GET "/sessions/$user?sort=created&cursor=$(forged "sessions created $user" "$position")"
        expect 400 invalid_cursor
        api GET "/sessions/$user?cursor=$(forged "sessions activity $user" "$position")"
        expect 400 invalid_cursor
        api GET "/sessions/$sid/messages?cursor=$(forged "messages asc $sid" "$position")"
        expect 400 invalid_cursor
    done
}
