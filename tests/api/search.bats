#!/usr/bin/env bats
# The messages of a session that have a text. A call looks through so much and no more.

load helpers

setup() {
    user=$(unique)
    new_session
}

# found Q [QUERY]: the contents of the whole search.
found() {
    walk "/sessions/$sid/messages?q=$(encode "$1")${2:+&$2}" messages '.content | tojson' | paste -sd ' '
}

# many COUNT BYTES WORDS: so many messages of this size, in arrays of 8, that end with the words and a number.
many() {
    local i
    for ((i = 0; i < $1; i += 8)); do
        head -c "$2" /dev/zero | tr '\0' x | jq -R -c --argjson i "$i" --argjson n "$1" --arg words "$3" \
            '[range($i; [$i + 8, $n] | min) as $k | {role: "user", content: "\(.) \($words) \($k)"}]' \
            >"$BATS_TEST_TMPDIR/many"
        post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/many"
        expect 201
    done
}

@test "what is found, in both orders" {
    say 'Where is Lisbon?'
    say 'In Portugal.' assistant
    say 'LISBON, then.'
    say 'STRASSE'
    is "$(found lisbon)" '"Where is Lisbon?" "LISBON, then."'
    is "$(found lisbon order=desc)" '"LISBON, then." "Where is Lisbon?"'
    is "$(found lisbon limit=1)" '"Where is Lisbon?" "LISBON, then."'
    is "$(found straße)" '"STRASSE"'
    is "$(found nothing)" ''
    api GET "/sessions/$sid/messages?q=lisbon"
    check '.count == 2 and (.has_more | not) and .messages[0].role == "user"'
    # Only in the range that is asked for.
    is "$(found lisbon "after=$(get '.messages[0].timestamp')")" '"LISBON, then."'
}

@test "parts are searched by their texts" {
    post "/sessions/$sid/messages" '[
        {"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"t\u0077o \u00c9"}]},
        {"role":"user","content":[{"type":"two","image":"two"}]},
        {"role":"user","content":null,"metadata":{"a":"two"}},
        {"role":"user","content":"two"}]'
    expect 201
    api GET "/sessions/$sid/messages?q=TWO"
    is "$(get -c '[.messages[].content | type]')" '["array","string"]'
    has_text '{"type":"text","text":"t\u0077o \u00c9"}'
    api GET "/sessions/$sid/messages?q=$(encode 'é')"
    check '.count == 1'
    api GET "/sessions/$sid/messages?q=$(encode 'one t')"
    check '.count == 0'
}

@test "a call looks through 4 MB and goes on where it stopped" {
    local order pages
    # 10 MB, and what is looked for at both ends and in the middle.
    say 'needle first'
    many 16 300000 hay
    say 'needle middle'
    many 16 300000 hay
    say 'needle last'
    for order in asc desc; do
        api GET "/sessions/$sid/messages?q=NEEDLE&order=$order"
        expect 200
        check '.has_more and .count == 1'
        is "$(walk "/sessions/$sid/messages?q=NEEDLE&order=$order" messages .content | sort | paste -sd,)" \
            'needle first,needle last,needle middle'
    done
    # A page may be empty, and is not the last.
    api GET "/sessions/$sid/messages?q=absent"
    expect 200
    check '.has_more and .count == 0 and .messages == []'
    [[ $(header Link) == *'q=absent&cursor='* ]] || fail 'Link does not repeat q'
    pages=$(walk "/sessions/$sid/messages?q=absent" messages .content)
    is "$pages" ''
}

@test "nothing is missed or told twice, whatever the limit" {
    local limit i
    for ((i = 0; i < 40; i += 20)); do
        post "/sessions/$sid/messages" "$(jq -n -c --argjson i "$i" \
            '[range($i; $i + 20) | {role: "user", content: "\(if . % 3 == 0 then "match" else "other" end) \(.)"}]')"
        expect 201
    done
    for limit in 1 2 3 13 14 100; do
        is "$(walk "/sessions/$sid/messages?q=match&limit=$limit" messages '.content[6:]' | paste -sd,)" \
            0,3,6,9,12,15,18,21,24,27,30,33,36,39
        is "$(walk "/sessions/$sid/messages?q=match&order=desc&limit=$limit" messages '.content[6:]' | paste -sd,)" \
            39,36,33,30,27,24,21,18,15,12,9,6,3,0
    done
}

@test "a search's cursor is of that search" {
    local cursor
    say 'one needle'
    say 'two needle'
    api GET "/sessions/$sid/messages?q=needle&limit=1"
    cursor=$(get .next_cursor)
    api GET "/sessions/$sid/messages?q=needle&cursor=$cursor"
    expect 200
    check '.messages[0].content == "two needle"'
    for query in q=Needle q=need '' 'q=needle&order=desc'; do
        api GET "/sessions/$sid/messages?$query&cursor=$cursor"
        expect 400 invalid_cursor
    done
    api GET "/sessions/$sid/messages?limit=1"
    api GET "/sessions/$sid/messages?q=needle&cursor=$(get .next_cursor)"
    expect 400 invalid_cursor
}

@test "a text that is none" {
    local query long
    say hello
    long=$(printf 'é%.0s' {1..201})
    for query in q= "q=$(encode "$long")" q=a%00 'q=a&q=b'; do
        api GET "/sessions/$sid/messages?$query"
        expect 422 invalid_parameter
    done
    for query in q=%ff q=%c3 q=%f4%90%80%80 q=%; do
        api GET "/sessions/$sid/messages?$query"
        expect 400 invalid_encoding
    done
    api GET "/sessions/$sid/messages?q=$(encode "${long:0:200}")"
    expect 200
    check '.count == 0'
}

@test "a search shows no session that a list does not" {
    say hello
    api GET "/sessions/none-$sid/messages?q=hello"
    expect 404 session_not_found
    api GET "/sessions/$sid/messages?q=hello&user_id=other"
    expect 404 session_not_found
    api DELETE "/sessions/$user/$sid"
    api GET "/sessions/$sid/messages?q=hello"
    expect 404 session_not_found
}
