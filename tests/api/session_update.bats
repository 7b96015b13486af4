#!/usr/bin/env bats
# Changing a session with PUT and PATCH.

load helpers

setup() {
    user=$(unique)
    post /sessions "{\"user_id\":\"$user\",\"title\":\"old\",\"metadata\":{\"n\":1.0}}"
    expect 201
    sid=$(get .session.session_id)
    created=$(get .session.created_at)
}

# Every test of a change is made with both methods.
both() {
    local method
    for method in PUT PATCH; do "$@" "$method"; done
}

@test "the answer says so and carries the session as it is now" {
    answer() {
        api "$1" "/sessions/$user/$sid" --json "{\"title\":\"by $1\"}"
        expect 200
        check '.message == "Session updated successfully" and .session.title == $t' --arg t "by $1"
        local answered
        answered=$(get -S .session)
        api GET "/sessions/$user/$sid"
        is "$(get -S .session)" "$answered"
    }
    both answer
}

@test "what is left out stays" {
    stays() {
        api "$1" "/sessions/$user/$sid" --json "{\"title\":\"by $1\"}"
        has_text '"metadata":{"n":1.0}'
        api "$1" "/sessions/$user/$sid" --json '{"metadata":{"n":1.0}}'
        check '.session.title == $t' --arg t "by $1"
    }
    both stays
}

@test "metadata is replaced as a whole" {
    replaced() {
        api "$1" "/sessions/$user/$sid" --json "{\"metadata\":{\"by\":\"$1\"}}"
        expect 200
        check '.session.metadata == {"by": $m}' --arg m "$1"
    }
    both replaced
}

@test "metadata null clears it" {
    clears() {
        api "$1" "/sessions/$user/$sid" --json '{"metadata":{"a":1}}'
        check '.session | has("metadata")'
        api "$1" "/sessions/$user/$sid" --json '{"metadata":null}'
        expect 200
        check '.session | has("metadata") | not'
        is "$(stored_sessions "$user" | jq 'has("metadata")')" false
    }
    both clears
}

@test "a title of null counts as left out" {
    put "/sessions/$user/$sid" '{"title":null,"metadata":{}}'
    expect 200
    check '.session | .title == "old" and .metadata == {}'
}

@test "an empty object changes nothing that was given" {
    put "/sessions/$user/$sid" '{}'
    expect 200
    check '.session.title == "old"'
    has_text '"metadata":{"n":1.0}'
}

@test "a title may come in the query" {
    api PUT "/sessions/$user/$sid?title=from%20the+query"
    expect 200
    check '.session.title == "from the query"'
}

@test "created_at, user and id stay, updated_at moves on" {
    put "/sessions/$user/$sid" '{"title":"new","created_at":"x","user_id":"x","session_id":"y","message_count":7}'
    expect 200
    check '.session | .created_at == $c and .updated_at > $c and .user_id == $u and .session_id == $s
        and .message_count == 0' --arg c "$created" --arg u "$user" --arg s "$sid"
}

@test "an update never creates" {
    never() {
        local other
        other=$(unique)
        api "$1" "/sessions/$user/$other" --json '{"title":"x"}'
        expect 404 session_not_found
        api "$1" "/sessions/$other/$sid" --json '{"title":"x"}'
        expect 404 session_not_found
        is "$(stored_session_count "$user")" 1
        is "$(stored_session_count "$other")" 0
        is "$(stored_messages "$other")" ''
    }
    both never
}

@test "a deleted session cannot be updated back to life" {
    api DELETE "/sessions/$user/$sid"
    put "/sessions/$user/$sid" '{"title":"again"}'
    expect 404 session_not_found
    is "$(stored_session_count "$user")" 0
}

@test "the count stays exact between updates and appends" {
    say one
    put "/sessions/$user/$sid" '{"title":"new"}'
    check '.session.message_count == 1'
    say two
    api GET "/sessions/$user/$sid"
    check '.session | .message_count == 2 and .title == "new"'
}

@test "a bad update changes nothing" {
    local before body
    before=$(stored_sessions "$user")
    for body in '{"title":7}' '{"title":"new","metadata":[]}' '{"metadata":"x","title":"new"}' \
        "{\"title\":\"$(printf 'x%.0s' {1..1001})\"}"; do
        put "/sessions/$user/$sid" "$body"
        expect 422 invalid_parameter
    done
    put "/sessions/$user/$sid" '{"title":"new"'
    expect 400 invalid_json
    is "$(stored_sessions "$user")" "$before"
}
