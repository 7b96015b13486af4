#!/usr/bin/env bats
# What callers are told when DynamoDB fails, and that nothing is lost or doubled by it. Needs the stack of
# scripts/test, and needs it alone: faults are for every request.

load ../api/helpers
load ../api/auth_stack

setup() { new_session; }

teardown() {
    no_faults
    [[ -z ${waiting-} ]] || wait "$waiting" || true
    judge
}

teardown_file() { stop_auth_stack narrow; }

# faults KIND…: from now on every call to DynamoDB meets one of these.
faults() {
    curl -sS --noproxy '*' -o /dev/null "$FRONT/-/faults" \
        -d "{\"rate\":1,\"kinds\":$(jq -n -c '$ARGS.positional' --args "$@")}"
}
no_faults() {
    curl -sS --noproxy '*' -o /dev/null "$FRONT/-/faults" -d "{\"rate\":${FAULT_RATE:-0},\"kinds\":[]}"
}
stat() { curl -sS --noproxy '*' "$FRONT/-/stats" | jq "$@"; }

until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || fail "never came true: $*"
        sleep 0.02
    done
}

# create TITLE: under a key. One transaction and nothing else. An append may have to look for the owner first, and a read that fails has
# written nothing.
create() { post /sessions "{\"user_id\":\"$user\",\"title\":\"$1\"}" -H "Idempotency-Key: $1"; }

# refused STATUS CODE WORDS: of the last answer.
refused() {
    expect "$1" "$2"
    has_text "$3"
    [[ $1 != 503 || $(header Retry-After) =~ ^[1-9][0-9]*$ ]] || fail "Retry-After: $(header Retry-After)"
}

@test "DynamoDB throttles: 503, and nothing was written" {
    faults throttle
    post "/sessions/$sid/messages" '{"role":"user","content":"c"}'
    refused 503 dynamodb_throttled 'fewer requests'
    api GET "/sessions/$user/$sid"
    refused 503 dynamodb_throttled 'fewer requests'
    is "$(stored_message_count "$sid")" 0
}

@test "DynamoDB denies: 503 that names the operation" {
    faults denied
    create denied
    refused 503 dynamodb_denied 'do not permit TransactWriteItems'
    [[ $(<"$body_file") != *'User: x'* ]] || fail 'the answer tells whose credentials they are'
}

@test "conflicts outlast the deadline: 503" {
    faults conflict
    create conflict
    refused 503 dynamodb_conflict 'at once'
}

@test "a read that DynamoDB does not answer well: 503" {
    local kind
    for kind in reset-before reset-after error-500 html-503; do
        faults "$kind"
        api GET "/sessions/$user/$sid"
        refused 503 dynamodb_unavailable 'it cannot be reached or fails'
    done
}

@test "a write that DynamoDB does not answer well: 504, and with its key it is there once" {
    local kind n=1
    for kind in reset-before reset-after error-500 html-503; do
        faults "$kind"
        create "$kind"
        refused 504 deadline_exceeded 'with its Idempotency-Key'
        no_faults
        create "$kind"
        [[ $http_status == 20[01] ]] || fail "repeated: $http_status"
        n=$((n + 1))
        api GET "/sessions/$user"
        check '.count == ($n | tonumber)' --arg n "$n"
    done
}

@test "a write whose answer does not come in time: 504, and with its key it is there once" {
    faults hold
    create held
    refused 504 deadline_exceeded 'with its Idempotency-Key'
    # Now it is carried out, when nobody waits for it any more.
    no_faults
    until_true 20 is_created
    create held
    expect 200
    is "$(header Idempotent-Replayed)" true
    api GET "/sessions/$user"
    check '.count == 2'
}
is_created() { [[ $(stored_sessions "$user" | grep -c '"title"') == 2 ]]; }

@test "a delete that goes on where another was cut off does not mark again" {
    set_session_attribute "$user" "$sid" deleted_at '{"S":"2026-01-02T03:04:05.000000Z"}'
    dynamo DeleteItem "$(jq -n -c --arg t "$MESSAGES_TABLE" --arg s "$sid" \
        '{TableName: $t, Key: {session_id: {S: $s}, timestamp: {N: "0"}}}')" >/dev/null
    # A second mark would bring the owner item back.
    local before
    before=$(stat .operations.TransactWriteItems)
    api DELETE "/sessions/$user/$sid"
    expect 200
    nothing_left "$user" "$sid"
    is "$(stat .operations.TransactWriteItems)" "$before"
}

@test "health/ready says which table does not answer, and why" {
    faults throttle
    api GET /health/ready
    refused 503 dynamodb_throttled "$SESSIONS_TABLE"
    faults denied
    api GET /health/ready
    refused 503 dynamodb_denied "$SESSIONS_TABLE"
    no_faults
    narrow "DYNAMODB_CHAT_MESSAGES_TABLE=gone-$SRANDOM"
    api GET /health/ready
    expect 200
    local table
    table=$(sed -n 's/^DYNAMODB_CHAT_MESSAGES_TABLE=//p' "$BATS_FILE_TMPDIR/narrow/env")
    dynamo DeleteTable "{\"TableName\":\"$table\"}" >/dev/null
    api GET /health/ready
    refused 503 dynamodb_unavailable "the table $table does not exist"
}

# ---- a pool of one worker that waits ----

narrow() {
    stop_auth_stack narrow
    API=$(NGINX_MAX_CONNECTIONS=8 start_auth_stack narrow POOL_PROCESSES=1 POOL_THREADS=1 "$@")/api/v1
    log=$BATS_FILE_TMPDIR/narrow/state/logs/pool.log
}

in_background() {
    curl -sS --noproxy '*' -o "$BATS_TEST_TMPDIR/background" -w '%{http_code}' "$@" \
        >"$BATS_TEST_TMPDIR/background.status" 3>&- &
    waiting=$!
}
held_is() { [[ $(stat .faults.hold) == "$1" ]]; }

@test "for a client that has gone DynamoDB is not asked" {
    narrow
    local held
    held=$(stat '.faults.hold // 0')
    faults hold
    in_background "$API/sessions/$user"
    until_true 20 held_is $((held + 1))
    # Nobody is free for this one, and its client does not wait.
    ! curl -s --noproxy '*' --max-time 0.3 "$API/sessions/$user/$sid" >/dev/null || fail 'it was answered'
    no_faults
    wait "$waiting"
    waiting=''
    is "$(<"$BATS_TEST_TMPDIR/background.status")" 200
    until_true 20 grep -q 'code=client_gone' "$log"
    grep 'code=client_gone' "$log" | grep -q 'status=499 .* dynamodb_calls=0 '
}

@test "each request is a line in the log, a slow one a warning with DynamoDB's time" {
    narrow SLOW_REQUEST_MS=200
    local line
    api GET "/sessions/$user/$sid" -H 'X-Request-Id: quick-one'
    expect 200
    faults stall
    api GET "/sessions/$user/$sid" -H 'X-Request-Id: slow-one'
    expect 200
    until_true 20 grep -q 'request_id=slow-one' "$log"
    is "$(grep -c 'request_id=quick-one' "$log")" 1
    is "$(grep -c 'request_id=slow-one' "$log")" 1
    line=$(grep 'request_id=quick-one' "$log")
    [[ $line =~ \ request\ request_id=quick-one\ method=GET\ route=/api/v1/sessions/\{user_id\}/\{session_id\}\ status=200\ ms=[0-9]+\.[0-9]{3}\ dynamodb_calls=1\ dynamodb_retries=0\ dynamodb_ms=[0-9]+\.[0-9]{3}\ code=ok$ ]] ||
        fail "$line"
    line=$(grep 'request_id=slow-one' "$log")
    [[ $line =~ \ WARNING:\ slow\ request\ .*\ ms=([0-9]+)\.[0-9]{3}\ .*\ dynamodb_ms=([0-9]+)\. ]] || fail "$line"
    ((BASH_REMATCH[1] >= 300 && BASH_REMATCH[2] >= 290))
}
