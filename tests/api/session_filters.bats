#!/usr/bin/env bats
# Lists of those sessions that are asked for. A page is complete, whatever does not match.

load helpers

setup() { user=$(unique); }

# make TITLE [MEMBERS]: a session of the user, with more members of the body.
make() {
    post /sessions "{\"user_id\":\"$user\",\"title\":$(quote "$1")${2:+,$2}}"
    expect 201
    sid=$(get .session.session_id)
}

# shown QUERY: the titles of the whole list, sorted.
shown() {
    walk "/sessions/$user?limit=2&$1" sessions .title | sort | paste -sd ' '
}

# both QUERY TITLES: in either order.
both() {
    is "$(shown "sort=activity&$1")" "$2" "by activity, $1"
    is "$(shown "sort=created&$1")" "$2" "by creation, $1"
}

@test "by archive, pin and tag" {
    make a
    make b '"archived":true'
    make c '"pinned":true,"tags":["x","y"]'
    make d '"archived":true,"pinned":true,"tags":["y"]'
    make e '"tags":["Y","xy"]'
    both '' 'a c e'
    both archived=false 'a c e'
    both archived=true 'b d'
    both archived=any 'a b c d e'
    both pinned=true c
    both pinned=false 'a e'
    both 'pinned=true&archived=any' 'c d'
    both 'pinned=any&archived=any' 'a b c d e'
    both tag=y c
    both 'tag=y&archived=any' 'c d'
    both tag=none ''
    both 'tag=x&pinned=false' ''
}

@test "pages are complete, and the last one says so" {
    local i order
    for i in {1..30}; do
        if ((i % 7)); then make "other $i" '"archived":true'; else make "match $i"; fi
    done
    for order in activity created; do
        api GET "/sessions/$user?limit=2&sort=$order"
        is "$(get -c '[.count, .has_more, [.sessions[].title]]')" '[2,true,["match 28","match 21"]]'
        api GET "/sessions/$user?limit=2&sort=$order&cursor=$(get .next_cursor)"
        is "$(get -c '[.count, .has_more, [.sessions[].title]]')" '[2,false,["match 14","match 7"]]'
        api GET "/sessions/$user?limit=4&sort=$order"
        is "$(get -c '[.count, .has_more]')" '[4,false]'
        api GET "/sessions/$user?limit=3&sort=$order"
        is "$(get -c '[.count, .has_more]')" '[3,true]'
        is "$(walk "/sessions/$user?limit=5&archived=any&q=O&sort=$order" sessions .title | wc -l)" 26
    done
}

@test "words of the title and of the last message" {
    make 'Trip to LISBON'
    make 'Straße'
    make third
    say 'see you in lisbon'
    make fourth
    post "/sessions/$sid/messages" '{"role":"user","content":[{"type":"text","text":"CAFE\u0301"}]}'
    expect 201
    both q=lisbon 'Trip to LISBON third'
    both q=STRASSE Straße
    both "q=$(encode 'café')" fourth
    both q=cafe ''
    both "q=$(encode 'o L')" 'Trip to LISBON'
    both 'q=r&tag=x' ''
    # What is in no preview any more is not found.
    post "/sessions/$sid/messages" '{"role":"user","content":"later"}'
    both "q=$(encode 'café')" ''
}

@test "the next page is one of the same filters" {
    local link cursor query
    for _ in 1 2 3; do make 'a & b' '"pinned":true,"tags":["t/é"]'; done
    query="limit=1&sort=created&archived=any&pinned=true&tag=$(encode t/é)&q=$(encode '& B')"
    api GET "/sessions/$user?$query"
    check '.count == 1 and .has_more'
    cursor=$(get .next_cursor)
    link=$(header Link)
    for parameter in archived=any pinned=true tag=t%2F%C3%A9 q=%26%20B; do
        [[ $link == *[?\&]"$parameter"\&* ]] || fail "Link does not repeat $parameter: $link"
    done
    link=${link#<} link=${link%%>*}
    api GET "$BASE$link"
    check '.count == 1 and .has_more'
    # It is none of any other list.
    for query in archived=any 'archived=any&pinned=true' "tag=$(encode t/é)" "q=$(encode '& B')" '' \
        "archived=any&pinned=true&tag=$(encode t/é)&q=b"; do
        api GET "/sessions/$user?limit=1&sort=created&$query&cursor=$cursor"
        expect 400 invalid_cursor
    done
    # The usual filter may be named or not.
    make plain
    api GET "/sessions/$user?limit=1&sort=created"
    api GET "/sessions/$user?limit=1&sort=created&archived=false&cursor=$(get .next_cursor)"
    expect 200
}

@test "filters that are none" {
    local query long
    make title
    long=$(printf 'é%.0s' {1..201})
    for query in archived=yes archived= pinned=1 pinned=TRUE tag= q= "q=$(encode "$long")" q=a%00b \
        "tag=$(encode "${long:0:51}")" 'q=a&q=b'; do
        api GET "/sessions/$user?$query"
        expect 422 invalid_parameter
    done
    for query in q=%ff q=%c3 q=%ed%a0%80 tag=%80 q=%zz; do
        api GET "/sessions/$user?$query"
        expect 400 invalid_encoding
    done
    api GET "/sessions/$user?q=$(encode "${long:0:200}")&tag=$(encode "${long:0:50}")"
    expect 200
    check '.count == 0 and (.has_more | not)'
    # Nothing in it means more than itself.
    for query in % _ '.*' '*' \\ "'" '"' '[a-z]' '🧑‍🚀' $'\t'; do
        api GET "/sessions/$user?q=$(encode "$query")"
        expect 200
        check '.count == 0'
    done
}

@test "what an earlier backend wrote in their place does no harm" {
    make odd
    set_session_attribute "$user" "$sid" tags '{"S": "x"}'
    set_session_attribute "$user" "$sid" archived '{"S": "true"}'
    set_session_attribute "$user" "$sid" last_preview '{"N": "7"}'
    both '' odd
    both archived=true ''
    both tag=x ''
    both q=7 ''
}

@test "who is erased is erased with the archived ones" {
    make a '"archived":true'
    make b
    api DELETE "/sessions/$user"
    expect 200
    check '.deleted_sessions == 2'
    is "$(stored_session_count "$user")" 0
}
