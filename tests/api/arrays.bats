#!/usr/bin/env bats
# An array of messages is appended all or none, in order.

load helpers

setup() {
    user=$(unique)
    new_session
}

many() { jq -n -c --argjson n "$1" '[range($n) | {role: "user", content: "\(.)"}]'; }

@test "1 to 50 messages are appended in order" {
    local n
    for n in 1 2 50; do
        new_session
        post "/sessions/$sid/messages" "$(many "$n")"
        expect 201
        is "$(get -c '[.messages[].content | tonumber]')" "$(jq -n -c --argjson n "$n" '[range($n)]')"
        check '[.messages[].timestamp] | . == (unique | sort)'
        local answered
        answered=$(get -S .messages)
        api GET "/sessions/$sid/messages"
        is "$(get -S .messages)" "$answered"
        api GET "/sessions/$user/$sid"
        check '.session.message_count == ($n | tonumber)' --arg n "$n"
    done
}

@test "two messages with one id are refused, also where one is" {
    post "/sessions/$sid/messages" '[{"role":"user","content":"a","message_id":"x"},{"role":"user","content":"b"},
        {"role":"user","content":"c","message_id":"\u0078"}]'
    expect 422 invalid_parameter
    [[ $(get .detail) == *'[2].message_id'*'[0].message_id'* ]] || fail 'the detail does not name the two'
    is "$(stored_message_count "$sid")" 0
    post "/sessions/$sid/messages?message_id=x" '[{"role":"user","content":"a"},{"role":"user","content":"b"}]'
    expect 422 invalid_parameter
    post "/sessions/$sid/messages" '[{"role":"user","content":"a","message_id":"x"},{"role":"user","content":"b","message_id":"X"}]'
    expect 201
}

@test "none and 51 are refused" {
    post "/sessions/$sid/messages" '[]'
    expect 422 invalid_parameter
    post "/sessions/$sid/messages" "$(many 51)"
    expect 422 invalid_parameter
    is "$(stored_message_count "$sid")" 0
}

@test "one bad element refuses all, and is named" {
    local bad
    for bad in '{"role":"user"}' '{"role":"x","content":"c"}' '7' 'null' '[]' '{"role":"user","content":""}' \
        '{"role":"user","content":"c","metadata":1}' '{"role":"user","role":"tool","content":"c"}'; do
        post "/sessions/$sid/messages" "[{\"role\":\"user\",\"content\":\"good\"},$bad]"
        expect 422
        [[ $(get .detail) == *'[1]'* ]] || fail 'the detail does not name the element'
    done
    is "$(stored_message_count "$sid")" 0
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 0'
}

@test "a parameter of the query is one of every element" {
    post "/sessions/$sid/messages?role=user" '[{"content":"a"},{"content":"b","role":"user"}]'
    expect 201
    check '[.messages[].role] == ["user", "user"]'
    post "/sessions/$sid/messages?role=user" '[{"content":"c"},{"content":"d","role":"tool"}]'
    expect 422 invalid_parameter
    [[ $(get .detail) == *'[1].role'* ]] || fail 'the detail does not name the element'
    post "/sessions/$sid/messages?content=other" '[{"role":"user","content":"e"}]'
    expect 422 invalid_parameter
    is "$(stored_message_count "$sid")" 2
}

@test "one element that is too large refuses all" {
    head -c 410000 /dev/zero | tr '\0' x | jq -R -c '[{role: "user", content: "good"}, {role: "user", content: .}]' \
        >"$BATS_TEST_TMPDIR/big"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/big"
    expect 413 item_too_large
    is "$(stored_message_count "$sid")" 0
}

@test "an array beyond a transaction's 4 MB is too large, and the answer tells both numbers" {
    # The body is within the limit for bodies; the items with their names are not within DynamoDB's.
    head -c 399330 /dev/zero | tr '\0' x | jq -R -c '[range(10) as $i | {role: "user", content: .}]
        + [{role: "user", content: .[:199999]}]' >"$BATS_TEST_TMPDIR/large"
    (($(wc -c <"$BATS_TEST_TMPDIR/large") <= 4194304))
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/large"
    expect 413 item_too_large
    [[ $(get .detail) =~ 3768320.*[^0-9]419[0-9]{4}[^0-9]* ]] || fail 'the detail does not tell limit and size'
    is "$(stored_message_count "$sid")" 0
}

@test "3.5 MB in one array is taken" {
    head -c 390000 /dev/zero | tr '\0' x | jq -R -c '[range(9) as $i | {role: "user", content: .}]' \
        >"$BATS_TEST_TMPDIR/large"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/large"
    expect 201
    api GET "/sessions/$user/$sid"
    check '.session.message_count == 9'
}

@test "arrays do not interleave" {
    local i
    for i in {1..6}; do
        curl -sS --noproxy '*' -o /dev/null "$API/sessions/$sid/messages" --json \
            "$(jq -n -c --arg i "$i" '[range(10) | {role: "user", content: "\($i) \(.)"}]')" 3>&- &
    done
    wait
    api GET "/sessions/$sid/messages?limit=1000"
    check '.count == 60 and ([.messages[].content | split(" ")[0]] as $w
        | all(range(0; 60; 10); $w[.:. + 10] | unique | length == 1))'
}
