#!/usr/bin/env bats
# Metadata comes back as the text that was sent.

load helpers

setup() { user=$(unique); }

# Texts of objects that a parser in between would change.
texts() {
    cat <<'END'
{}
{"n":12345678901234567890123}
{"n":1.0,"m":1.10,"z":-0,"y":-0.0}
{"n":1e400,"m":1E+2,"k":0.1e-7}
{"n":0.1000000000000000055511151231257827}
{"z":1,"a":2,"m":{"y":1,"b":2}}
{"a":1,"a":2,"a":1}
{"e":"\u00e9\u20AC\ud83d\ude00","f":"é€😀"}
{"s":"\/ \u002f / \b\f\n\r\t\\ \""}
{"u":"\u0000\u001f\u007f\u2028"}
{"":"","a b":[[],{},null,true,false,""]}
{ "white" : [ 1 , 2 ] , "space" : { } }
{"big":[9223372036854775807,9223372036854775808,-9223372036854775809,18446744073709551616]}
END
    printf '{"deep":%s1%s}\n' "$(printf '[%.0s' {1..89})" "$(printf ']%.0s' {1..89})"
    printf '{"deep":%s1%s}\n' "$(printf '{"d":%.0s' {1..80})" "$(printf '}%.0s' {1..80})"
    printf '{"wide":[%s0]}\n' "$(printf '7,%.0s' {1..3000})"
}

@test "a session's metadata comes back as the same text" {
    local text
    while IFS= read -r text; do
        post /sessions "{\"user_id\":\"$user\",\"metadata\":$text}"
        expect 201
        has_text "\"metadata\":$text"
        sid=$(get .session.session_id)
        api GET "/sessions/$user/$sid"
        has_text "\"metadata\":$text"
    done < <(texts)
    # Each of them in the lists, too.
    api GET "/sessions/$user"
    while IFS= read -r text; do has_text "\"metadata\":$text"; done < <(texts)
    api GET "/sessions/$user?sort=created"
    while IFS= read -r text; do has_text "\"metadata\":$text"; done < <(texts)
}

@test "metadata that is changed comes back as the same text" {
    local text
    new_session
    while IFS= read -r text; do
        put "/sessions/$user/$sid" "{\"metadata\":$text}"
        expect 200
        has_text "\"metadata\":$text"
        api GET "/sessions/$user/$sid"
        has_text "\"metadata\":$text"
    done < <(texts)
}

@test "a message's metadata comes back as the same text" {
    local text
    new_session
    while IFS= read -r text; do
        post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"x\",\"metadata\":$text}"
        expect 201
        has_text "\"metadata\":$text"
    done < <(texts)
    api GET "/sessions/$sid/messages"
    while IFS= read -r text; do has_text "\"metadata\":$text"; done < <(texts)
}

@test "metadata over several lines comes back as it was" {
    new_session
    printf '{"role":"user","content":"x","metadata":  {\r\n\t"a":\n1 }\n}' >"$BATS_TEST_TMPDIR/body"
    post "/sessions/$sid/messages" "@$BATS_TEST_TMPDIR/body"
    expect 201
    api GET "/sessions/$sid/messages"
    check '.messages[0].metadata == {"a": 1}'
    [[ $(tr '\r\n\t' 'RNT' <"$body_file") == *'"metadata":{RNT"a":N1 }'* ]]
}

@test "metadata may come in the query as text" {
    api POST "/sessions?user_id=$user&metadata=$(encode '{"n":12345678901234567890123}')"
    expect 201
    has_text '"metadata":{"n":12345678901234567890123}'
}

@test "a message without metadata has null, a session without it has no such member" {
    new_session
    check '.session | has("metadata") | not'
    say hello
    check '.message | has("metadata") and .metadata == null'
    api GET "/sessions/$sid/messages"
    check '.messages[0] | has("metadata") and .metadata == null'
    post "/sessions/$sid/messages" '{"role":"user","content":"x","metadata":null}'
    expect 201
    check '.message | has("metadata") and .metadata == null'
    api GET "/sessions/$user"
    check '.sessions[0] | has("metadata") | not'
}

@test "metadata is stored as its text" {
    post /sessions "{\"user_id\":\"$user\",\"metadata\":{\"n\":1.0}}"
    is "$(stored_sessions "$user" | jq -c .metadata)" '{"S":"{\"n\":1.0}"}'
}

@test "metadata other than an object is refused, and nothing is stored" {
    local value
    new_session
    for value in '[]' '"{}"' '1' 'true' 'false'; do
        post /sessions "{\"user_id\":\"$user\",\"metadata\":$value}"
        expect 422 invalid_parameter
        post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"x\",\"metadata\":$value}"
        expect 422 invalid_parameter
        put "/sessions/$user/$sid" "{\"metadata\":$value}"
        expect 422 invalid_parameter
    done
    is "$(stored_session_count "$user")" 1
    is "$(stored_message_count "$sid")" 0
}
