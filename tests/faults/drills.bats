#!/usr/bin/env bats
# bats file_tags=quiet
# What operators do to a pool, and what the kernel does, under load. DRILL_SECONDS makes it longer.

drill() {
    run node "$BATS_TEST_DIRNAME/drill.js" "$API" "$(cut -d' ' -f1 "$STATE/pids/pool")" "$1" "${2:-${DRILL_SECONDS:-5}}" "${3:-16}" "${@:4}"
    echo "$output"
    [ "$status" -eq 0 ]
    echo "# $1: $output" >&3
}

@test "a reload each second: not one request fails" { drill reload; }

@test "a worker killed each second: only what it was working on fails, and nothing acknowledged is lost" { drill kill; }

@test "a worker killed every 0.4 s: 24 writers finish, nothing is lost or there twice" {
    drill storm "${STORM_SECONDS:-10}" 24 "${STORM_MESSAGES:-20}"
}
