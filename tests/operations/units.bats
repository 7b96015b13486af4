#!/usr/bin/env bats
# bats file_tags=apart
# The table of units in docs/operations.md is what is measured. Needs the DynamoDB Local of scripts/test.

# shellcheck source=tests/api/helpers.bash
load ../api/helpers
# shellcheck source=scripts/lib.bash
source "$TOP/scripts/lib.bash"

teardown() {
    [[ ! -d $BATS_TEST_TMPDIR/stack ]] || "$TOP/scripts/stop" --state "$BATS_TEST_TMPDIR/stack"
    STATE=$BATS_TEST_TMPDIR/rules stop_process rules TERM 5
}

# A service of one process, so that it knows a session's owner from its first append on.
start_measured() {
    local rules=$BATS_TEST_TMPDIR/rules
    mkdir -p "$rules"
    STATE=$rules start_process rules "$rules/log" node "$BATS_TEST_DIRNAME/capacity-rules.js" "$DYNAMODB"
    wait_for 20 grep -q '^listening ' "$rules/log"
    printf '%s\n' "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(awk '/^listening /{ print $2 }' "$rules/log")" \
        AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 POOL_PROCESSES=1 \
        REQUEST_DEADLINE_MS=30000 >"$rules/env"
    "$TOP/scripts/run" --detach --port 0 --state "$BATS_TEST_TMPDIR/stack" --env-file "$rules/env" \
        --program "$CHAT_SESSIONS_BIN" >"$rules/run.log" 2>&1 || { cat "$rules/run.log"; return 1; }
}

# The rows of the document's table.
told() { awk '/^\| call \| read units \| write units \|/ { inside = 1; getline; next } !/^\|/ { inside = 0 } inside' "$TOP/docs/operations.md"; }

@test "the units of each call are those that docs/operations.md tells" {
    start_measured
    BASE=$(<"$BATS_TEST_TMPDIR/stack/url") "$BATS_TEST_DIRNAME/units" >"$BATS_TEST_TMPDIR/rows"
    diff <(told) "$BATS_TEST_TMPDIR/rows" || {
        echo 'measured (copy it into docs/operations.md):'
        cat "$BATS_TEST_TMPDIR/rows"
        false
    }
}
