#!/usr/bin/env bats
# bats file_tags=long
# Many pages: complete, without gap or repeat, also while others write.

load helpers

setup() { user=$(unique); }

@test "250 messages page completely, in both orders and with any limit" {
    local limit
    new_session
    node "$API_TESTS/fixtures.js" messages "$sid" 250 30
    for limit in 7 50 249 250 251; do
        walk "/sessions/$sid/messages?limit=$limit" messages '.content | rtrimstr("x") | split(" ")[0]' \
            >"$BATS_TEST_TMPDIR/seen"
        diff <(seq 0 249) "$BATS_TEST_TMPDIR/seen"
    done
    walk "/sessions/$sid/messages?limit=33&order=desc" messages '.content | split(" ")[0]' \
        >"$BATS_TEST_TMPDIR/seen"
    diff <(seq 249 -1 0) "$BATS_TEST_TMPDIR/seen"
}

@test "250 messages page completely with after=, without a cursor" {
    local after=0 page
    new_session
    node "$API_TESTS/fixtures.js" messages "$sid" 250 30
    : >"$BATS_TEST_TMPDIR/seen"
    while :; do
        api GET "/sessions/$sid/messages?limit=60&after=$after"
        page=$(get '.messages[].content | split(" ")[0]')
        [[ -n $page ]] || break
        printf '%s\n' "$page" >>"$BATS_TEST_TMPDIR/seen"
        after=$(get '.messages[-1].timestamp')
    done
    diff <(seq 0 249) "$BATS_TEST_TMPDIR/seen"
}

@test "messages page completely while others append" {
    local order before
    new_session
    node "$API_TESTS/fixtures.js" messages "$sid" 250 30
    for order in asc desc; do
        stored_messages "$sid" | jq -r 'select(.timestamp.N != "0") | .timestamp.N' | sort -n \
            >"$BATS_TEST_TMPDIR/before"
        walk "/sessions/$sid/messages?limit=20&order=$order" messages .timestamp say later \
            >"$BATS_TEST_TMPDIR/seen"
        # In order and without repeat: sorting changes nothing.
        if [[ $order == asc ]]; then
            sort -n -u "$BATS_TEST_TMPDIR/seen" | diff - "$BATS_TEST_TMPDIR/seen"
        else
            sort -n -r -u "$BATS_TEST_TMPDIR/seen" | diff - "$BATS_TEST_TMPDIR/seen"
        fi
        # Without gap: all that was there before is among it, and what came is so from its beginning.
        before=$(wc -l <"$BATS_TEST_TMPDIR/before")
        sort -n "$BATS_TEST_TMPDIR/seen" | head -n "$before" | diff "$BATS_TEST_TMPDIR/before" -
        sort -n "$BATS_TEST_TMPDIR/seen" | diff - <(stored_messages "$sid" |
            jq -r 'select(.timestamp.N != "0") | .timestamp.N' | sort -n |
            head -n "$(wc -l <"$BATS_TEST_TMPDIR/seen")")
    done
}

@test "messages of much text page completely: a page ends before it grows too large" {
    new_session
    # 6 MB, where one page of DynamoDB has 1 MB.
    node "$API_TESTS/fixtures.js" messages "$sid" 30 200000
    walk "/sessions/$sid/messages?limit=1000" messages '.content | split(" ")[0]' >"$BATS_TEST_TMPDIR/seen"
    diff <(seq 0 29) "$BATS_TEST_TMPDIR/seen"
    walk "/sessions/$sid/messages?limit=1000&order=desc" messages '.content | split(" ")[0]' \
        >"$BATS_TEST_TMPDIR/seen"
    diff <(seq 29 -1 0) "$BATS_TEST_TMPDIR/seen"
}

# 3,000 sessions, made once for the tests below; each with fewer writes than would matter to the next.
many_sessions() {
    local made=$BATS_FILE_TMPDIR/sessions
    (
        flock 9
        [[ -s $made.user ]] && exit
        node "$API_TESTS/fixtures.js" sessions "$user" 3000 >"$made"
        printf '%s\n' "$user" >"$made.user"
    ) 9>"$made.lock"
    user=$(<"$made.user")
    mapfile -t sids <"$made"
    is "${#sids[@]}" 3000
}

@test "3,000 sessions page completely in the order of creation" {
    local limit
    many_sessions
    for limit in 1000 901; do
        walk "/sessions/$user?sort=created&limit=$limit" sessions .session_id >"$BATS_TEST_TMPDIR/seen"
        diff <(tac "$BATS_FILE_TMPDIR/sessions") "$BATS_TEST_TMPDIR/seen"
    done
}

@test "3,000 sessions page completely in the order of activity" {
    many_sessions
    walk "/sessions/$user?limit=700" sessions '.updated_at + " " + .session_id' >"$BATS_TEST_TMPDIR/seen"
    sort -r "$BATS_TEST_TMPDIR/seen" | diff - "$BATS_TEST_TMPDIR/seen"
    diff <(sort "$BATS_FILE_TMPDIR/sessions") <(cut -d' ' -f2 "$BATS_TEST_TMPDIR/seen" | sort)
}

@test "the default page has 1,000 sessions" {
    many_sessions
    api GET "/sessions/$user"
    check '.count == 1000 and .has_more == true'
    api GET "/sessions/$user?sort=created"
    check '.count == 1000 and .has_more == true'
}

# Appends to some sessions all over the list, so that they move.
stir() {
    local i
    for i in 3 700 1500 2300 2990; do
        sid=${sids[i + stirred]}
        say 'moves the session up'
    done
    stirred=$((stirred + 1))
}

@test "3,000 sessions page completely while others append, in the order of creation" {
    many_sessions
    stirred=0
    walk "/sessions/$user?sort=created&limit=400" sessions .session_id stir >"$BATS_TEST_TMPDIR/seen"
    diff <(tac "$BATS_FILE_TMPDIR/sessions") "$BATS_TEST_TMPDIR/seen"
}

@test "3,000 sessions page completely while others append, in the order of activity" {
    many_sessions
    stirred=0
    walk "/sessions/$user?limit=400" sessions .session_id stir >"$BATS_TEST_TMPDIR/seen"
    is "$(sort "$BATS_TEST_TMPDIR/seen" | uniq -d | head -n 3)" '' 'shown twice'
    diff <(sort "$BATS_FILE_TMPDIR/sessions") <(sort "$BATS_TEST_TMPDIR/seen")
}

@test "sessions page completely while one that was not reached is deleted and new ones come" {
    local titles i
    for i in 1 2 3 4 5 6; do new_session "$i"; done
    disturb() {
        [[ ! -e $BATS_TEST_TMPDIR/disturbed ]] || return 0
        touch "$BATS_TEST_TMPDIR/disturbed"
        api GET "/sessions/$user?sort=created"
        api DELETE "/sessions/$user/$(get '.sessions[] | select(.title == "2") | .session_id')"
        new_session new
    }
    titles=$(walk "/sessions/$user?limit=2" sessions .title disturb | paste -sd' ')
    is "$titles" '6 5 4 3 1'
}
