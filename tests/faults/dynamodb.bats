#!/usr/bin/env bats
# bats file_tags=apart
# What callers are told when DynamoDB fails, and that nothing is lost or doubled by it. On a stack of its own, whose
# requests have less time than those of the run: some tests here wait until it is over.

# shellcheck source=tests/faults/helpers.bash
load helpers

setup_file() {
    start_own_front
    export TROUBLED_URL
    TROUBLED_URL=$(start_auth_stack troubled REQUEST_DEADLINE_MS=3000)
}

setup() {
    use_stack "$TROUBLED_URL"
    new_session
}

teardown() {
    no_faults
    judge
}

teardown_file() {
    stop_auth_stack gone
    stop_auth_stack troubled
    stop_own_front
}

# create TITLE: under a key. One transaction and nothing else: an append may have to look for the owner first,
# and a read that fails has written nothing.
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
        refused 503 dynamodb_unavailable 'DynamoDB cannot be reached or fails'
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
    until_true is_created
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
    before=$(front_stats .operations.TransactWriteItems)
    api DELETE "/sessions/$user/$sid"
    expect 200
    nothing_left "$user" "$sid"
    is "$(front_stats .operations.TransactWriteItems)" "$before"
}

@test "health/ready says which table does not answer, and why" {
    faults throttle
    api GET /health/ready
    refused 503 dynamodb_throttled "$SESSIONS_TABLE"
    faults denied
    api GET /health/ready
    refused 503 dynamodb_denied "$SESSIONS_TABLE"
    no_faults
    local table=gone-$SRANDOM
    use_stack "$(start_auth_stack gone "DYNAMODB_CHAT_MESSAGES_TABLE=$table")"
    api GET /health/ready
    expect 200
    dynamo DeleteTable "{\"TableName\":\"$table\"}" >/dev/null
    api GET /health/ready
    refused 503 dynamodb_unavailable "the DynamoDB table $table does not exist"
}
