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
    [[ $status -ne 0 ]]
}
