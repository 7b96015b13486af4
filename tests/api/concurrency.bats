#!/usr/bin/env bats
# bats file_tags=long
# 24 writers on three shared sessions, 60 messages each, with readers that follow along.

load helpers

# The writing is done once; every test below looks at another side of what came of it.
setup_file() {
    local i
    export SHARED_USER
    SHARED_USER=$(unique)
    : >"$BATS_FILE_TMPDIR/sessions"
    for i in 1 2 3; do
        curl -sS --noproxy '*' --json "{\"user_id\":\"$SHARED_USER\",\"title\":\"shared $i\"}" "$API/sessions" |
            jq -r .session.session_id >>"$BATS_FILE_TMPDIR/sessions"
    done
    mapfile -t sids <"$BATS_FILE_TMPDIR/sessions"
    node "$BATS_TEST_DIRNAME/writers.js" append 24 60 "${sids[@]}" >"$BATS_FILE_TMPDIR/result"
}

setup() {
    result=$BATS_FILE_TMPDIR/result
    mapfile -t sids <"$BATS_FILE_TMPDIR/sessions"
}

# The ids in a session's list, in its order.
listed() { walk "/sessions/$1/messages?limit=1000" messages '"\(.timestamp) \(.message_id)"'; }

@test "all 1,440 appends were acknowledged" {
    is "$(jq '.acknowledged | length' "$result")" 1440
    is "$(jq '[.acknowledged[].content] | unique | length' "$result")" 1440
}

@test "none is lost, none is there twice, and each has the timestamp that was answered" {
    local sid
    for sid in "${sids[@]}"; do
        diff <(jq -r --arg s "$sid" '.acknowledged[] | select(.session == $s) |
            "\(.timestamp) \(.id)"' "$result" | sort -n) <(listed "$sid")
    done
}

@test "content stays with its message" {
    local sid
    for sid in "${sids[@]}"; do
        diff <(jq -r --arg s "$sid" '.acknowledged[] | select(.session == $s) | "\(.id) \(.content)"' \
            "$result" | sort) \
            <(walk "/sessions/$sid/messages?limit=1000" messages '"\(.message_id) \(.content)"' | sort)
    done
}

@test "timestamps are unique and strictly increasing" {
    local sid
    for sid in "${sids[@]}"; do
        listed "$sid" | cut -d' ' -f1 >"$BATS_TEST_TMPDIR/timestamps"
        sort -n -u "$BATS_TEST_TMPDIR/timestamps" | diff - "$BATS_TEST_TMPDIR/timestamps"
    done
}

@test "what was answered before another was asked for comes before it" {
    # Sorted by timestamp, no message was answered before the latest question among those ahead of it.
    is "$(jq -c '[.acknowledged | group_by(.session)[] | sort_by(.timestamp)
        | reduce .[] as $m ({asked: 0, wrong: []};
            if $m.answered < .asked then .wrong += [$m] else . end | .asked = ([.asked, $m.asked] | max))
        | .wrong[]]' "$result")" '[]'
}

@test "readers with after= missed nothing and saw nothing twice" {
    local sid
    for sid in "${sids[@]}"; do
        diff <(jq -r --arg s "$sid" '.read[$s][] | "\(.[0]) \(.[1])"' "$result") <(listed "$sid")
    done
}

@test "the counts are exact" {
    local sid
    for sid in "${sids[@]}"; do
        api GET "/sessions/$SHARED_USER/$sid"
        check '.session.message_count == 480'
        is "$(stored_message_count "$sid")" 480
    done
}

@test "updated_at is the time of the last message" {
    local sid last
    for sid in "${sids[@]}"; do
        api GET "/sessions/$sid/messages?order=desc&limit=1"
        last=$(get '.messages[0].created_at')
        api GET "/sessions/$SHARED_USER/$sid"
        check '.session.updated_at == $t' --arg t "$last"
    done
}
