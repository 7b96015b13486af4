#!/usr/bin/env bats
# Which requests have a line in the program's log where LOG_REQUESTS is not set.

# shellcheck source=tests/faults/helpers.bash
load helpers

setup() { new_session; }

teardown() {
    no_faults
    judge
}

# The text of the line about the request with this id.
line_of() { grep -F "request_id=$1 " "$STATE/logs/pool.log"; }

@test "a request that met no trouble has no line, one that was tried again has one" {
    local smooth repeated
    smooth=$(unique smooth)
    repeated=$(unique repeated)
    api GET "/sessions/$user/$sid" -H "X-Request-Id: $smooth"
    expect 200
    tell_front '{"rate":1,"kinds":["error-500"],"times":1}'
    api GET "/sessions/$user/$sid" -H "X-Request-Id: $repeated"
    expect 200
    until_true line_of "$repeated"
    [[ $(line_of "$repeated") == *' status=200 '*' dynamodb_calls=1 dynamodb_retries=1 '*' code=ok' ]] ||
        fail "$(line_of "$repeated")"
    # It came first, so its line would stand there by now.
    run line_of "$smooth"
    [[ $status == 1 ]] || fail "$output"
}

@test "a request that DynamoDB fails has a line with the id of its last answer" {
    local id
    id=$(unique failed)
    faults error-500
    api GET "/sessions/$user/$sid" -H "X-Request-Id: $id"
    expect 503
    until_true line_of "$id"
    [[ $(line_of "$id") =~ ' WARNING: '.*' status=503 '.*' dynamodb_request_id='[A-Za-z0-9-]+' code=' ]] ||
        fail "$(line_of "$id")"
}

@test "each line about a failed call names the request, its trace, and the call as AWS knows it" {
    local id trace=4bf92f3577b34da6a3ce929d0e0e4736 parent=00f067aa0ba902b7 line
    id=$(unique traced)
    faults error-500
    api GET "/sessions/$user/$sid" -H "X-Request-Id: $id" -H "traceparent: 00-$trace-$parent-01"
    expect 503
    until_true line_of "$id"
    # The call's own line, and the request's.
    line=$(line_of "$id" | grep -F 'DynamoDB GetItem failed after ')
    [[ $line =~ " request_id=$id trace_id=$trace parent_id=$parent dynamodb_request_id="[A-Za-z0-9-]+$ ]] || fail "$line"
    line=$(line_of "$id" | grep -F ' route=')
    [[ $line == *" request_id=$id trace_id=$trace parent_id=$parent method=GET "* ]] || fail "$line"
}

@test "a traceparent that is none is not logged" {
    local id
    id=$(unique untraced)
    faults error-500
    api GET "/sessions/$user/$sid" -H "X-Request-Id: $id" -H 'traceparent: 00-forged level=ERROR-01'
    expect 503
    until_true line_of "$id"
    [[ $(line_of "$id") != *forged* && $(line_of "$id") != *trace_id* ]] || fail "$(line_of "$id")"
}

@test "keys of the configuration file are not said to be the environment's" {
    grep -q 'AWS credentials from configuration file' "$STATE/logs/pool.log" ||
        fail "$(grep 'AWS credentials' "$STATE/logs/pool.log")"
    ! grep -q 'AWS credentials from environment' "$STATE/logs/pool.log" || fail 'they are'
}
