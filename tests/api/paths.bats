#!/usr/bin/env bats
# bats file_tags=long
# Ids of any characters in paths: split at / first, decoded after.

load helpers

# User ids that are hard to carry; a unique part is put behind each.
hard_ids() {
    cat <<'END'
with space
a/b
/leading
//
a//b
%2F
%
%25zz
100%
a+b
a?b=c&d
#fragment
;semi,comma:colon@at=eq
..
.
../..
../../../etc/passwd
\back\slash
"quotes"'single'
<b>&amp;
{braces}[brackets]|^`
größe
日本語
😀👩‍👩‍👧
مرحبا
messages
sessions
health
null
-1
!bang
~tilde
END
    printf 'tab\there\n'
}

# walked ENCODED JSON: what a path with a user id is for; the id is given as a path and as JSON have it.
walked() {
    local path=/sessions/$1 member="\"user_id\":$2"
    post /sessions "{\"user_id\":$2,\"title\":\"t\"}"
    expect 201
    has_text "$member"
    [[ $(<"$body_file") =~ \"session_id\":\"([^\"]+)\" ]] || fail 'no session_id'
    sid=${BASH_REMATCH[1]}
    api GET "$path"
    expect 200
    has_text "$member"
    put "$path/$sid" '{"title":"new"}'
    expect 200
    has_text "$member"
    api DELETE "$path/$sid"
    expect 200
}

@test "user ids of any characters" {
    local encoded json
    while IFS=$'\t' read -r encoded json; do
        walked "$encoded" "$json"
    done < <(hard_ids | jq -R -r --arg unique "$(unique)" '. + $unique | "\(@uri)\t\(tojson)"')
}

@test "user ids that are nothing but what is hard" {
    local id
    for id in / // %2F + '?' '#' ' ' '%' \\ '...' '../..' './/.' '*'; do
        user=$id
        new_session
        api GET "/sessions/$(encode "$id")/$sid"
        expect 200
        has_text "\"user_id\":$(quote "$id")"
        api DELETE "/sessions/$(encode "$id")/$sid"
        expect 200
    done
}

@test "every byte of an id percent-encoded is the same id" {
    user=$(unique aZ-._~)
    new_session
    api GET "/sessions/$(printf '%s' "$user" | od -An -tx1 -v | tr -d ' \n' | sed 's/../%&/g')/$sid"
    expect 200
    api GET "/sessions/$(printf '%s' "$user" | od -An -tx1 -v | tr -d ' \n' | tr a-f A-F | sed 's/../%&/g')/$sid"
    expect 200
}

@test "+ in a path is a plus, in a query a blank" {
    user="a+b $(unique)"
    new_session
    api GET "/sessions/$(encode "$user" | sed 's/%2B/+/')/$sid"
    expect 200
    api POST "/sessions?user_id=$(encode "$user" | sed 's/%20/+/')"
    expect 201
    check '.session.user_id == $u' --arg u "$user"
}

@test "non-ASCII characters may stand in a path as they are" {
    user="größe-$(unique)"
    new_session
    raw GET "/api/v1/sessions/$user/$sid"
    expect 200
    check '.session.user_id == $u' --arg u "$user"
}

@test "the same letters in another Unicode form are another id" {
    local composed decomposed
    user=$(unique)
    composed=$(printf 'e\xcc\x81%s' "$user")
    decomposed=$(printf '\xc3\xa9%s' "$user")
    user=$composed
    new_session
    api GET "/sessions/$(encode "$decomposed")"
    check '.count == 0'
}

@test "letter case matters" {
    user=$(unique user)
    new_session
    api GET "/sessions/${user^^}"
    check '.count == 0'
}

@test "a user id with line breaks makes no header" {
    user=$(printf 'a\r\nX-Evil: 1\r\n\r\n%s' "$(unique)")
    new_session
    is "$(header X-Evil)" ''
    api GET "/sessions/$(encode "$user")/$sid"
    expect 200
    is "$(header X-Evil)" ''
    api GET "/sessions/$(encode "$user")?limit=1"
    check '.count == 1'
}

@test "messages is a user like any other, but no session id" {
    user=messages
    new_session
    api GET "/sessions/messages?sort=created&limit=1000"
    expect 200
    check 'any(.sessions[]; .session_id == $s)' --arg s "$sid"
    api GET "/sessions/messages/$sid"
    expect 200
    # This is the message collection of a session named "messages".
    api GET /sessions/messages/messages
    expect 404 session_not_found
    api DELETE "/sessions/messages/$sid"
    expect 200
}

@test "an encoded slash does not make another path" {
    user=$(unique)
    new_session
    api GET "/sessions/$user%2F$sid"
    expect 200
    check '.count == 0'
    api GET "/sessions/$sid%2Fmessages"
    expect 200
    check '.count == 0'
}

@test "an encoded letter in the fixed part of a path is the same path" {
    user=$(unique)
    new_session
    api GET "/sessions/$sid/%6Dessages"
    expect 200
    check '.messages == []'
}

@test "session ids of any characters that somebody stored are served" {
    local id
    user=$(unique)
    for id in 'a/b' 'c d' '%41' 'é😀' '..' 'x?y#z' 'old+id'; do
        sid=$id-$user
        store_session "$(jq -n -c --arg u "$user" --arg s "$sid" '{user_id: $u, session_id: $s, title: "t",
            created_at: "2026-01-02T03:04:05.000000Z", updated_at: "2026-01-02T03:04:05.000000Z",
            message_count: 0}')"
        api GET "/sessions/$user/$(encode "$sid")"
        expect 200
        has_text "\"session_id\":$(quote "$sid")"
        post "/sessions/$(encode "$sid")/messages" "{\"role\":\"user\",\"content\":\"c\",\"user_id\":\"$user\"}"
        expect 201
        has_text "\"session_id\":$(quote "$sid")"
        api GET "/sessions/$(encode "$sid")/messages"
        check '.count == 1'
        api DELETE "/sessions/$user/$(encode "$sid")"
        expect 200
        nothing_left "$user" "$sid"
    done
}

# ids_beyond_paths: what no URL carries: programs resolve "." and ".." before they send a path, nginx resolves them
# after it has decoded %2F, and refuses what leads above the root.
ids_beyond_paths() { printf '%s\n' . .. ../../../.. ../../../../x a/../../../../../x /../../../../../x; }

@test "a user id that the path of a URL cannot carry is refused at creation" {
    local id
    while IFS= read -r id; do
        post /sessions "{\"user_id\":$(quote "$id")}"
        expect 422 invalid_parameter
        [[ $(get .detail) == *'user_id'*'cannot carry it'* ]] || fail 'the detail does not say why'
        is "$(stored_session_count "$id")" 0
        # That is so: nginx, or the program that asks, does not let it through.
        [[ $id == . || $id == .. ]] || { api GET "/sessions/$(encode "$id")" && expect 400 bad_request; }
    done < <(ids_beyond_paths)
    # The last that does.
    user=../../../$(unique)
    new_session
    api GET "/sessions/$(encode "$user")/$sid"
    expect 200
}

@test "and where it exists already, the parameter user_id reaches it" {
    local id sid other
    while IFS= read -r id; do
        for sid in "$(unique one)" "$(unique two)"; do
            store_session "$(jq -n -c --arg u "$id" --arg s "$sid" '{user_id: $u, session_id: $s, title: "t",
                created_at: "2026-01-02T03:04:05.000000Z", updated_at: "2026-01-02T03:04:05.000000Z",
                message_count: 0}')"
        done
        user=$(encode "$id")
        api GET "/sessions?user_id=$user"
        expect 200
        check '.count == 2 and all(.sessions[]; .user_id == $u)' --arg u "$id"
        api HEAD "/sessions?user_id=$user"
        expect 200
        is "$(walk "/sessions?user_id=$user&limit=1&sort=created" sessions .session_id | sort -u | wc -l)" 2
        api GET "/sessions?user_id=$user&limit=1"
        other=$(header Link)
        other=${other#<}
        api GET "$BASE${other%%>*}"
        expect 200
        check '.count == 1'
        post "/sessions/$sid/messages" "{\"role\":\"user\",\"content\":\"c\",\"user_id\":$(quote "$id")}"
        expect 201
        api DELETE "/sessions?user_id=$user"
        expect 200
        check '.deleted_sessions == 2 and .deleted_messages == 1'
        is "$(stored_sessions "$id")" ''
        nothing_left "$id" "$sid"
    done < <(ids_beyond_paths)
}

@test "without a path and without user_id nobody is meant" {
    local method
    for method in GET DELETE; do
        api "$method" /sessions
        expect 422 missing_parameter
        api "$method" '/sessions?user_id='
        expect 422 invalid_parameter
    done
}
