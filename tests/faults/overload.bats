#!/usr/bin/env bats
# More requests than workers, and a DynamoDB that does not answer.

@test "health and metrics answer, what is above the capacity waits, and all recovers" {
    run node "$BATS_TEST_DIRNAME/saturate.js" "$BASE" "$FRONT"
    echo "$output"
    [ "$status" -eq 0 ]
    printf '# %s\n' "${lines[@]}" >&3
}
