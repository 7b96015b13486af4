#!/usr/bin/env bats
# bats file_tags=apart,long
# The protocols of append, create, delete and keys, checked in every order of events that small bounds allow; and
# that the check would notice if one of their conditions were missing. See README.md.

check() {
    run "$BATS_TEST_DIRNAME/check" "$@"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the protocols keep their promises in every order of events" { check; }

@test "without any one of its conditions a protocol breaks a promise" { check --broken; }
