#!/usr/bin/env bats
# ETag, If-Match, If-None-Match.

load helpers

setup() {
    user=$(unique)
    new_session
    etag=$(header ETag)
}

if_match() { api "$1" "/sessions/$user/$sid" -H "If-Match: $2" "${@:3}"; }

@test "a session has a strong ETag, from its creation on" {
    [[ $etag =~ ^\"[!\#-~]+\"$ ]] || fail "ETag is $etag"
    api GET "/sessions/$user/$sid"
    is "$(header ETag)" "$etag"
}

@test "the ETag changes with every change, messages included" {
    local before=$etag
    put "/sessions/$user/$sid" '{"title":"new"}'
    [[ $(header ETag) != "$before" ]]
    before=$(header ETag)
    api GET "/sessions/$user/$sid"
    is "$(header ETag)" "$before"
    say hello
    api GET "/sessions/$user/$sid"
    [[ $(header ETag) != "$before" ]]
}

@test "If-None-Match with the current ETag is 304 without a body" {
    api GET "/sessions/$user/$sid" -H "If-None-Match: $etag"
    expect 304
    is "$(header ETag)" "$etag"
    is "$(wc -c <"$body_file")" 0
    api GET "/sessions/$user/$sid" -H "If-None-Match: W/$etag"
    expect 304
    api GET "/sessions/$user/$sid" -H "If-None-Match: \"x\", $etag"
    expect 304
    api GET "/sessions/$user/$sid" -H 'If-None-Match: *'
    expect 304
}

@test "HEAD with the current ETag is 304, too" {
    api HEAD "/sessions/$user/$sid" -H "If-None-Match: $etag"
    expect 304
    is "$(header ETag)" "$etag"
    api HEAD "/sessions/$user/$sid" -H 'If-None-Match: "x"'
    expect 200
}

@test "an ETag is compared as text, not as a number" {
    local n=${etag//\"/} other
    for other in "0$n" "+$n" " $n" "$n " "0x$n" "-$n" ""; do
        api GET "/sessions/$user/$sid" -H "If-None-Match: \"$other\""
        expect 200
        if_match PUT "\"$other\"" --json '{"title":"x"}'
        expect 412 precondition_failed
    done
}

@test "of a long list of ETags the last one counts as well" {
    local list
    list=$(printf '"%d", ' {1001..1100})
    if_match PUT "$list$etag" --json '{"title":"x"}'
    expect 200
    api GET "/sessions/$user/$sid" -H "If-None-Match: $list$(header ETag)"
    expect 304
    if_match PUT "${list%, }" --json '{"title":"x"}'
    expect 412 precondition_failed
}

@test "If-None-Match with another ETag is 200" {
    api GET "/sessions/$user/$sid" -H 'If-None-Match: "x"'
    expect 200
    say hello
    api GET "/sessions/$user/$sid" -H "If-None-Match: $etag"
    expect 200
}

@test "If-Match with the current ETag lets the write through" {
    if_match PUT "$etag" --json '{"title":"a"}'
    expect 200
    if_match PATCH "$(header ETag)" --json '{"title":"b"}'
    expect 200
    if_match PUT "\"x\", $(header ETag)" --json '{"title":"c"}'
    expect 200
    if_match PUT '*' --json '{"title":"d"}'
    expect 200
    if_match DELETE "$(header ETag)"
    expect 200
}

@test "If-Match with another ETag is 412 with the current one, and changes nothing" {
    local before current
    put "/sessions/$user/$sid" '{"title":"new"}'
    current=$(header ETag)
    before=$(stored_sessions "$user"; stored_messages "$sid")
    if_match PUT "$etag" --json '{"title":"lost"}'
    expect 412 precondition_failed
    is "$(header ETag)" "$current"
    if_match DELETE "$etag"
    expect 412 precondition_failed
    is "$(header ETag)" "$current"
    if_match PUT "W/$etag" --json '{"title":"lost"}'
    expect 412
    is "$(stored_sessions "$user"; stored_messages "$sid")" "$before"
}

@test "an ETag that a compressing proxy has weakened holds in If-Match" {
    if_match PUT "W/$etag" --json '{"title":"a"}'
    expect 200
    if_match PATCH "W/\"x\", W/$(header ETag)" --json '{"title":"b"}'
    expect 200
    if_match DELETE "W/$(header ETag)"
    expect 200
}

@test "If-Match on what is not there is 404" {
    sid=none
    if_match PUT '*' --json '{"title":"a"}'
    expect 404 session_not_found
    if_match DELETE '"1"'
    expect 404 session_not_found
}

@test "of many conditional updates at once one wins" {
    local i
    for i in {1..12}; do
        curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' -X PUT -H "If-Match: $etag" \
            --json "{\"title\":\"by $i\"}" "$API/sessions/$user/$sid" 3>&- &
    done >"$BATS_TEST_TMPDIR/statuses"
    wait
    is "$(sort "$BATS_TEST_TMPDIR/statuses" | uniq -c | xargs)" '1 200 11 412'
}

@test "a session of an earlier backend has an ETag, and If-Match holds it" {
    sid=$(cat /proc/sys/kernel/random/uuid)
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$sid\",\"title\":\"old\",\"message_count\":0,
        \"created_at\":\"2025-01-02T03:04:05\",\"updated_at\":\"2025-01-02T03:04:05\"}"
    api GET "/sessions/$user/$sid"
    etag=$(header ETag)
    if_match PUT "$etag" --json '{"title":"new"}'
    expect 200
    if_match PUT "$etag" --json '{"title":"newer"}'
    expect 412
}
