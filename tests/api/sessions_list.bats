#!/usr/bin/env bats
# The list of a user's sessions: order, limit, pages.

load helpers

# shellcheck source=tests/api/auth_stack.bash
load auth_stack

setup_file() {
    export COUNTED_URL
    start_own_front
    COUNTED_URL=$(start_auth_stack counted)
}

setup() { user=$(unique); }

teardown_file() {
    stop_auth_stack counted
    stop_own_front
}

# Three sessions, then a message in the first: by creation 3 2 1, by activity 1 3 2.
three() {
    local i
    for i in 1 2 3; do
        new_session "number $i"
        sids[i]=$sid
    done
    sid=${sids[1]}
    say hello
}

@test "an unknown user has no sessions" {
    api GET "/sessions/$user"
    expect 200
    check '.sessions == [] and .count == 0 and .has_more == false and .next_cursor == null'
    check 'has("next_cursor")'
}

@test "the default order is by activity, last active first" {
    local sids=()
    three
    api GET "/sessions/$user"
    expect 200
    is "$(get '[.sessions[].title] | join(", ")')" 'number 1, number 3, number 2'
    check '.count == 3 and .has_more == false and .next_cursor == null'
}

@test "sort=activity says the same" {
    local sids=()
    three
    api GET "/sessions/$user?sort=activity"
    is "$(get '[.sessions[].title] | join(", ")')" 'number 1, number 3, number 2'
}

@test "sort=created is by creation, last created first" {
    local sids=()
    three
    api GET "/sessions/$user?sort=created"
    expect 200
    is "$(get '[.sessions[].title] | join(", ")')" 'number 3, number 2, number 1'
}

# page_reads PATH: what it took to answer it, as "calls items".
page_reads() {
    local before after
    before=$(front_stats '[.operations.Query // 0, .reads.items]')
    api GET "$1"
    expect 200
    after=$(front_stats '[.operations.Query // 0, .reads.items]')
    jq -n -r "[$after, $before] | \"\(.[0][0] - .[1][0]) \(.[0][1] - .[1][1])\""
}

@test "sort=created reads just the page" {
    API=$COUNTED_URL/api/v1
    node "$API_TESTS/fixtures.js" sessions "$user" 60 title >/dev/null
    # One more than asked for: it tells whether there is a next page.
    is "$(page_reads "/sessions/$user?sort=created&limit=5")" '1 6' 'calls and items'
    api GET "/sessions/$user?sort=created&limit=5"
    is "$(get .count)" 5
    is "$(page_reads "/sessions/$user?sort=created&limit=5&cursor=$(encode "$(get .next_cursor)")")" '1 6' 'calls and items'
    # As opposed to this one.
    is "$(page_reads "/sessions/$user?sort=activity&limit=5")" '1 60' 'calls and items'
}

@test "an update counts as activity" {
    local sids=()
    three
    put "/sessions/$user/${sids[2]}" '{"title":"number 2, changed"}'
    expect 200
    api GET "/sessions/$user"
    is "$(get '[.sessions[].title] | join(", ")')" 'number 2, changed, number 1, number 3'
}

@test "a list shows sessions as they read singly" {
    local sids=()
    local listed
    three
    api GET "/sessions/$user?sort=created&limit=1"
    listed=$(get -S '.sessions[0]')
    api GET "/sessions/$user/${sids[3]}"
    is "$(get -S .session)" "$listed"
}

@test "limit cuts, and the cursor goes on (both orders)" {
    local sids=()
    local sort
    three
    for sort in activity created; do
        api GET "/sessions/$user?sort=$sort&limit=2"
        check '.count == 2 and (.sessions | length) == 2 and .has_more == true
            and (.next_cursor | type) == "string"'
        api GET "/sessions/$user?sort=$sort&limit=2&cursor=$(encode "$(get .next_cursor)")"
        check '.count == 1 and .has_more == false and .next_cursor == null'
    done
}

@test "a limit that is just met leaves no further page" {
    local sids=()
    local sort
    three
    for sort in activity created; do
        api GET "/sessions/$user?sort=$sort&limit=3"
        check '.count == 3 and .has_more == false and .next_cursor == null'
    done
}

@test "another user's sessions do not show" {
    local other
    new_session
    other=$user
    user=$(unique)
    new_session mine
    api GET "/sessions/$user"
    check '.count == 1 and .sessions[0].title == "mine"'
    api GET "/sessions/$other"
    check '.count == 1 and .sessions[0].user_id == $u' --arg u "$other"
}

@test "count and activity follow the messages" {
    new_session
    say one
    say two
    local written
    written=$(get .message.timestamp)
    api GET "/sessions/$user"
    check '.sessions[0] | .message_count == 2 and .updated_at > .created_at'
    is "$(date -d "$(get '.sessions[0].updated_at')" +%s)" "$((written / 1000))" 'second of the activity'
}

@test "a cursor of another order or user is refused" {
    local sids=()
    local cursor
    three
    api GET "/sessions/$user?limit=1"
    cursor=$(encode "$(get .next_cursor)")
    api GET "/sessions/$user?limit=1&sort=created&cursor=$cursor"
    expect 400 invalid_cursor
    api GET "/sessions/$user-x?limit=1&cursor=$cursor"
    expect 400 invalid_cursor
}

@test "a cursor works with another limit" {
    local sids=()
    three
    api GET "/sessions/$user?limit=1"
    api GET "/sessions/$user?limit=500&cursor=$(encode "$(get .next_cursor)")"
    expect 200
    is "$(get '[.sessions[].title] | join(", ")')" 'number 3, number 2'
}

@test "a cursor outlives the session it was made at" {
    local sids=()
    local cursor sort
    three
    for sort in activity created; do
        api GET "/sessions/$user?sort=$sort&limit=1"
        cursor=$(encode "$(get .next_cursor)")
        api DELETE "/sessions/$user/$(get '.sessions[0].session_id')"
        expect 200
        api GET "/sessions/$user?sort=$sort&cursor=$cursor"
        expect 200
        check '.count == 2'
        new_session 'number 4'
    done
}

@test "Link is a URI whatever was sent as the path" {
    user="$(unique)>, <x"
    new_session one
    new_session two
    raw GET "/api/v1/sessions/${user%%>*}>,%20%3Cx?limit=1&limit=1&sort=created"
    expect 200
    is "$(header Link)" \
        "</api/v1/sessions/$(encode "$user")?limit=1&sort=created&cursor=$(get .next_cursor)>; rel=\"next\""
}

@test "sessions that take six times their size in JSON are read in pages" {
    local sort
    user=$(unique)$(printf '\001%.0s' {1..2000})
    node "$API_TESTS/fixtures.js" sessions "$user" 1000 "$(printf '\001%.0s' {1..1000})" >/dev/null
    for sort in activity created; do
        is "$(walk "/sessions/$(encode "$user")?sort=$sort" sessions .session_id | sort -u | wc -l)" 1000
    done
}
