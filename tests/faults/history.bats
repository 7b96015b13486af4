#!/usr/bin/env bats
# The promises of the contract together: two pools over the same tables, workers killed, one call in ten to
# DynamoDB failing. HISTORY_SECONDS makes it longer, HISTORY_FAULTS the share of calls that fail.

# shellcheck source=tests/faults/helpers.bash
load helpers

setup() { start_own_front; }

teardown() {
    stop_auth_stack one
    stop_auth_stack other
    stop_own_front
}

@test "nothing is lost, doubled, miscounted or left over, whatever fails" {
    local one other
    one=$(start_auth_stack one)
    other=$(start_auth_stack other)
    tell_front "{\"rate\":${HISTORY_FAULTS:-0.1},\"kinds\":[]}"
    run node "$BATS_TEST_DIRNAME/history.js" "${HISTORY_SECONDS:-10}" 16 \
        "$one/api/v1=$(pool_of one)" "$other/api/v1=$(pool_of other)"
    echo "$output"
    [ "$status" -eq 0 ]
    echo "# $output" >&3
}

pool_of() { cut -d' ' -f1 "$BATS_FILE_TMPDIR/$1/state/pids/pool"; }
