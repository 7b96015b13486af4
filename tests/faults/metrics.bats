#!/usr/bin/env bats
# What /metrics counts is what was done. Needs the stack of scripts/test, and needs it alone.

# shellcheck source=tests/faults/helpers.bash
load helpers

teardown() {
    no_faults
    judge
}

scrape() { curl -sS --noproxy '*' "$BASE/metrics" >"$BATS_TEST_TMPDIR/$1"; }

# grown NAME{LABELS}: by how much, between the scrapes "before" and "after".
grown() {
    local of
    for of in before after; do
        awk -v name="$1" 'index($0, name " ") == 1 { value = $2 } END { print value + 0 }' "$BATS_TEST_TMPDIR/$of"
    done | awk 'NR == 1 { before = $1 } NR == 2 { print $1 - before }'
}

@test "requests, calls, retries, throttles and units are counted" {
    local name=chat_sessions
    new_session
    say warm
    scrape before
    new_session
    say one
    api GET "/sessions/$user/none"
    expect 404
    faults throttle
    api GET "/sessions/$user/$sid"
    expect 503 dynamodb_throttled
    no_faults
    scrape after
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions\",status=\"201\"}")" 1
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions/{session_id}/messages\",status=\"201\"}")" 1
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions/{user_id}/{session_id}\",status=\"404\"}")" 1
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions/{user_id}/{session_id}\",status=\"503\"}")" 1
    is "$(grown "${name}_request_duration_seconds_count{route=\"/api/v1/sessions/{user_id}/{session_id}\"}")" 2
    is "$(grown "${name}_dynamodb_calls_total{operation=\"TransactWriteItems\",outcome=\"ok\"}")" 2
    # How often it is tried again depends on how long the pauses come out.
    local retries
    retries=$(grown "${name}_dynamodb_retries_total{operation=\"GetItem\"}")
    ((retries >= 1)) || fail "$retries retries"
    is "$(grown "${name}_dynamodb_throttles_total{operation=\"GetItem\"}")" $((retries + 1))
    # A transaction writes each item twice, so to speak: session, owner; message, session.
    (($(grown "${name}_consumed_write_units_total") >= 8)) || fail "$(grown "${name}_consumed_write_units_total") write units"
    (($(grown "${name}_consumed_read_units_total") >= 1)) || fail 'no read units'
}
