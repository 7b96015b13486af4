#!/usr/bin/env bats
# Bodies of the wrong type or size, or unfinished: refused, nothing half stored.

load bad_input

@test "a compressed body is told to be one" {
    local coding
    printf '{"user_id":"%s"}' "$user" | gzip >"$BATS_TEST_TMPDIR/body.gz"
    for coding in gzip zstd; do
        api POST /sessions -H 'Content-Type: application/json' -H "Content-Encoding: $coding" \
            --data-binary "@$BATS_TEST_TMPDIR/body.gz"
        expect 415 unsupported_media_type
        [[ $(get .detail) == *compressed* ]] || fail 'the detail does not say why'
    done
    api POST /sessions -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/body.gz"
    expect 415 unsupported_media_type
    api PUT "/sessions/$user/$sid" -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/body.gz"
    expect 415 unsupported_media_type
    api POST /sessions -H 'Content-Type: application/json' -H 'Content-Encoding: identity' \
        --data-binary "{\"user_id\":\"$(unique)\"}"
    expect 201
}

@test "an object with more than 1,000 members is refused" {
    jq -n -c --arg u "$(unique)" '{user_id: $u} + ([range(999) | {key: "k\(.)", value: .}] | from_entries)' >"$BATS_TEST_TMPDIR/most"
    post /sessions "@$BATS_TEST_TMPDIR/most"
    expect 201
    jq -c '. + {one: "more"}' "$BATS_TEST_TMPDIR/most" >"$BATS_TEST_TMPDIR/more"
    post /sessions "@$BATS_TEST_TMPDIR/more"
    expect 422 invalid_parameter
    jq -c '[{role: "user", content: "c"} + .]' "$BATS_TEST_TMPDIR/more" >"$BATS_TEST_TMPDIR/element"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/element"
    expect 422 invalid_parameter
    # What is in metadata is the caller's own.
    jq -c --arg u "$(unique)" '{user_id: $u, metadata: .}' "$BATS_TEST_TMPDIR/more" >"$BATS_TEST_TMPDIR/metadata"
    post /sessions "@$BATS_TEST_TMPDIR/metadata"
    expect 201
}

@test "a body of 5 MB is too large, and one of 17 MB for a new session" {
    head -c 5242880 /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/large"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/large"
    expect 413 body_too_large
    is "$(get .detail)" 'the body must be at most 4 MB, this one has 5.2 MB'
    put "/sessions/$user/$sid" "@$BATS_TEST_TMPDIR/large"
    expect 413 body_too_large
    post /sessions "@$BATS_TEST_TMPDIR/large"
    expect 400 invalid_json
    head -c 17825792 /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/larger"
    post /sessions "@$BATS_TEST_TMPDIR/larger"
    expect 413 body_too_large
    is "$(get .detail)" 'the body must be at most 16 MB, this one has 17.8 MB'
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/large" -H 'Transfer-Encoding: chunked'
    expect 413 body_too_large
}

@test "a message over DynamoDB's 400 KB is too large, and the answer tells both numbers" {
    local actual
    head -c 410000 /dev/zero | tr '\0' x | jq -R -c '{role: "user", content: .}' >"$BATS_TEST_TMPDIR/big"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/big"
    expect 413 item_too_large
    [[ $(get .detail | tr -d ,) =~ 409600.*[^0-9](41[0-9]{4}) || $(get .detail | tr -d ,) =~ (41[0-9]{4}).*409600 ]] ||
        fail 'the detail does not tell limit and size'
    actual=${BASH_REMATCH[1]}
    ((actual > 410000 && actual < 411000)) || fail "the size is told as $actual"
}

@test "a message too large by its metadata" {
    head -c 409000 /dev/zero | tr '\0' x | jq -R -c '{role: "user", content: "c", metadata: {a: .}}' \
        >"$BATS_TEST_TMPDIR/big"
    printf '%s' "$(sed 's/"c"/"cccc'"$(printf 'c%.0s' {1..800})"'"/' "$BATS_TEST_TMPDIR/big")" \
        >"$BATS_TEST_TMPDIR/bigger"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/bigger"
    expect 413 item_too_large
}

@test "a session too large by its metadata" {
    head -c 410000 /dev/zero | tr '\0' x | jq -R -c --arg u "$user" '{user_id: $u, metadata: {a: .}}' \
        >"$BATS_TEST_TMPDIR/big"
    post /sessions "@$BATS_TEST_TMPDIR/big"
    expect 413 item_too_large
    put "/sessions/$user/$sid" "@$BATS_TEST_TMPDIR/big"
    expect 413 item_too_large
}

@test "a title that makes a large session too large, and the answer tells both numbers" {
    local body
    head -c 408000 /dev/zero | tr '\0' x | jq -R -c --arg u "$user-large" \
        '{user_id: $u, title: "small", metadata: {a: .}}' >"$BATS_TEST_TMPDIR/large"
    post /sessions "@$BATS_TEST_TMPDIR/large"
    expect 201
    body=$(get .session.session_id)
    put "/sessions/$user-large/$body" "{\"title\":\"$(printf '\U1F600%.0s' {1..1000})\"}"
    expect 413 item_too_large
    [[ $(get .detail) =~ 409600.*[^0-9]413[0-9]{3} ]] || fail 'the detail does not tell limit and size'
    put "/sessions/$user-large/$body" '{"title":"still small"}'
    expect 200
}

@test "items around DynamoDB's limit are stored whole or refused, never a server's error" {
    local size stored=0 other=$sid
    user=$user-edge
    new_session
    for size in 409300 409350 409400 409450 409500 409550 409590 409599 409600 409601; do
        head -c "$size" /dev/zero | tr '\0' x | jq -R -c '{role: "user", content: .}' \
            >"$BATS_TEST_TMPDIR/edge"
        post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/edge"
        if [[ $http_status == 201 ]]; then
            stored=$((stored + 1))
        else
            expect 413 item_too_large
        fi
    done
    # The attributes' names and the other values take some 250 bytes.
    ((stored >= 1 && stored <= 7)) || fail "$stored of them were stored"
    is "$(stored_message_count "$sid")" "$stored"
    user=${user%-edge} sid=$other
}

# Sends the first part of a request and ends the connection's sending side.
truncated() {
    printf '%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
        "$1" "/api/v1$2" "$3" "$4" >"$BATS_TEST_TMPDIR/request"
    exchange "$1" "$2" <"$BATS_TEST_TMPDIR/request"
    # There may be nobody left to answer; but what was not asked for in full is not done.
    [[ -z $http_status || $http_status == 400 ]] || fail "answered $http_status"
}

@test "a body that ends before its Content-Length" {
    truncated POST /sessions 500 "{\"user_id\":\"$user\"}"
    truncated POST "/sessions/$sid/messages" 500 '{"role":"user","content":"c"}'
    truncated PUT "/sessions/$user/$sid" 500 '{"title":"t"}'
    truncated POST "/sessions/$sid/messages" 500 '{"role":"user","conte'
    truncated POST "/sessions/$sid/messages?role=user&content=c" 500 ''
}

@test "a chunked body that breaks off" {
    printf 'POST /api/v1/sessions/%s/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n{"role":"user","content":"c"}\r\n' \
        "$sid" >"$BATS_TEST_TMPDIR/request"
    exchange POST "/sessions/$sid/messages" <"$BATS_TEST_TMPDIR/request"
    [[ -z $http_status || $http_status == 400 ]] || fail "answered $http_status"
}

@test "a chunked body that is whole is taken" {
    local other=$sid
    user=$user-chunked
    new_session
    printf '{"role":"user","content":"in chunks"}' >"$BATS_TEST_TMPDIR/body"
    api POST "/sessions/$sid/messages" -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' \
        --data-binary "@$BATS_TEST_TMPDIR/body"
    expect 201
    check '.message.content == "in chunks"'
    user=${user%-chunked} sid=$other
}

@test "a bad or doubled Content-Length" {
    local length
    for length in -1 abc 1e3 '5\r\nContent-Length: 6'; do
        printf 'POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %b\r\n\r\n{}' "$length" \
            >"$BATS_TEST_TMPDIR/request"
        exchange POST "/sessions with Content-Length $length" <"$BATS_TEST_TMPDIR/request"
        is "$http_status" 400
    done
}
