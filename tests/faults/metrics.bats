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
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions\",method=\"POST\",status=\"201\",code=\"ok\"}")" 1
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions/{session_id}/messages\",method=\"POST\",status=\"201\",code=\"ok\"}")" 1
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions/{user_id}/{session_id}\",method=\"GET\",status=\"404\",code=\"session_not_found\"}")" 1
    is "$(grown "${name}_requests_total{route=\"/api/v1/sessions/{user_id}/{session_id}\",method=\"GET\",status=\"503\",code=\"dynamodb_throttled\"}")" 1
    is "$(grown "${name}_request_duration_seconds_count{route=\"/api/v1/sessions/{user_id}/{session_id}\"}")" 2
    # Two creations, an append and two reads at least; each waited for a worker, if only for a moment.
    (($(grown "${name}_request_wait_seconds_count") >= 4)) || fail 'the waits are not counted'
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

@test "the program's version and what its processes use are told" {
    new_session
    scrape before
    say more
    scrape after
    local of
    of="$("$CHAT_SESSIONS_BIN" --version | cut -d ' ' -f 2)"
    grep -qxF "chat_sessions_build_info{version=\"$of\"} 1" "$BATS_TEST_TMPDIR/after" || fail 'no version'
    awk '
        $1 ~ /^process_/ { value[$1] = $2 }
        END {
            if (value["process_start_time_seconds"] < 1e9) { print "start time"; exit 1 }
            if (value["process_cpu_seconds_total"] <= 0) { print "processor time"; exit 1 }
            # A master and a worker or more, far from a gigabyte.
            if (value["process_resident_memory_bytes"] < 4e6 || value["process_resident_memory_bytes"] > 1e9) {
                print "memory"; exit 1 }
            if (value["process_open_fds"] < 5 || value["process_open_fds"] > value["process_max_fds"]) {
                print "descriptors"; exit 1 }
        }' "$BATS_TEST_TMPDIR/after" || fail "$(grep ^process_ "$BATS_TEST_TMPDIR/after")"
    awk -v was="$(awk '$1 == "process_cpu_seconds_total" { print $2 }' "$BATS_TEST_TMPDIR/before")" \
        '$1 == "process_cpu_seconds_total" { exit !($2 >= was) }' "$BATS_TEST_TMPDIR/after" ||
        fail 'the processor time goes back'
}
