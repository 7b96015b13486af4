#!/usr/bin/env bats
# Requests that wait for the only worker while DynamoDB does not answer, and what the log says of them.

# shellcheck source=tests/faults/helpers.bash
load helpers

setup_file() {
    export NARROW_URL
    NARROW_URL=$(start_auth_stack narrow POOL_PROCESSES=1 POOL_THREADS=1 QUEUE_TIMEOUT_MS=200 \
        REQUEST_DEADLINE_MS=30000 ATTEMPT_TIMEOUT_MS=30000 SLOW_REQUEST_MS=1 LOG_REQUESTS=all LOG_FORMAT=json)
}

teardown_file() { stop_auth_stack narrow; }

setup() {
    use_stack "$NARROW_URL"
    new_session
}

teardown() {
    no_faults
    judge
}

# Request "first" has the worker; its one call is held.
hold_the_worker() {
    faults hold
    api GET "/sessions/$user/$sid" -H 'X-Request-Id: first' 3>&- &
    first=$!
    until_true worker_is_busy
    until_true call_is_held
    calls=$(front_calls)
}
worker_is_busy() { [[ $(busy) == 1 ]]; }
call_is_held() { [[ $(curl -sS --noproxy '*' "$FRONT/-/stats" | jq '.held') == 1 ]]; }

release() {
    no_faults
    wait "$first"
}

# The lines of the log about the request with this id.
lines_of() { grep -F "\"request_id\":\"$1\"" "$BATS_FILE_TMPDIR/narrow/state/logs/pool.log"; }

# line_holds ID FILTER: there is just one line, and so it is.
line_holds() {
    lines_of "$1" | jq -se "length == 1 and (.[0] | $2)" >/dev/null || fail "$(lines_of "$1"): $2"
}

@test "a request that waited too long for a worker is 503, without a call to DynamoDB" {
    local id second
    id=$(unique waited)
    hold_the_worker
    { api GET "/sessions/$user" -H "X-Request-Id: $id"; expect 503 overloaded; header Retry-After; } \
        >"$BATS_TEST_TMPDIR/retry-after" 3>&- &
    second=$!
    sleep 1 # five times the limit
    release
    wait "$second"
    is "$(<"$BATS_TEST_TMPDIR/retry-after")" 1 Retry-After
    is "$(front_calls)" "$calls" 'calls to DynamoDB'
    until_true lines_of "$id"
    line_holds "$id" '.status == 503 and .code == "overloaded" and .dynamodb_calls == 0 and .waited_ms > 200'
}

@test "who sets the time of arrival in a header changes nothing" {
    # Ten seconds ago: a wait that could be, and is too long.
    local arrival
    arrival=$(date -d '-10 seconds' +%s.%3N)
    api GET "/sessions/$user" -H "Request-Received: $arrival" -H "REQUEST_RECEIVED: $arrival"
    expect 200
}

@test "a client that has gone costs no call to DynamoDB and is counted as 499" {
    local id
    id=$(unique gone)
    hold_the_worker
    run curl -s --noproxy '*' --max-time 0.3 -H "X-Request-Id: $id" "$API/sessions/$user"
    [[ $status == 28 ]]
    release
    until_true lines_of "$id"
    is "$(front_calls)" "$calls" 'calls to DynamoDB'
    line_holds "$id" '.status == 499 and .code == "client_gone" and .dynamodb_calls == 0'
    curl -sS --noproxy '*' "$BASE/metrics" >"$BATS_TEST_TMPDIR/metrics"
    grep -F 'status="499"' "$BATS_TEST_TMPDIR/metrics"
}

@test "a slow request has one line, with the time that DynamoDB took" {
    local id
    id=$(unique slow)
    faults stall
    api GET "/sessions/$user/$sid" -H "X-Request-Id: $id"
    expect 200
    until_true lines_of "$id"
    # The front lets a call wait for 300 ms.
    line_holds "$id" '.level == "warning" and .message == "slow request" and .method == "GET"
        and .route == "/api/v1/sessions/{user_id}/{session_id}" and .status == 200 and .code == "ok"
        and .dynamodb_calls == 1 and .dynamodb_retries == 0 and .dynamodb_ms >= 250
        and .ms >= .dynamodb_ms and .ms < 20000 and .waited_ms >= 0'
}

@test "with LOG_REQUESTS=all any other request has one line, too" {
    local id
    id=$(unique missing)
    api GET /sessions/nobody/nothing/at/all -H "X-Request-Id: $id"
    expect 404 not_found
    until_true lines_of "$id"
    line_holds "$id" '.message == "request" or .message == "slow request"'
    line_holds "$id" '.route == "none" and .status == 404 and .code == "not_found" and .dynamodb_ms == 0'
}
