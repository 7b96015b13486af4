#!/usr/bin/env bats
# bats file_tags=quiet
# The promises of the contract together: two nodes over the same tables while faults of every kind happen to them. A
# short round; HISTORY_SECONDS makes it longer, `make faults` runs it for minutes.

@test "the checker of histories finds every kind of violation that is planted" {
    run node "$BATS_TEST_DIRNAME/history_check_test.js"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "nothing is lost, doubled, miscounted or left over, whatever fails" {
    run env FAULTS_SECONDS="${HISTORY_SECONDS:-12}" FAULTS_CLIENTS=8 "$BATS_TEST_DIRNAME/mix"
    echo "$output"
    [ "$status" -eq 0 ]
    printf '# %s\n' "${lines[@]}" >&3
}
