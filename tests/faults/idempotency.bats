#!/usr/bin/env bats
# What is repeated under a key is done once, whatever happens to the workers meanwhile.

@test "32 clients with the same key, many rounds, workers killed: one message each, all answers equal" {
    run node "$BATS_TEST_DIRNAME/same-key.js" "$API" "$(awk '{ print $1 }' "$STATE/pids/pool")" "${SAME_KEY_ROUNDS:-60}" 32
    echo "$output"
    [ "$status" -eq 0 ]
}
