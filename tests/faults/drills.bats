#!/usr/bin/env bats
# What operators do to a pool, and what the kernel does, under load. DRILL_SECONDS makes it longer.

drill() {
    run node "$BATS_TEST_DIRNAME/drill.js" "$API" "$(cut -d' ' -f1 "$STATE/pids/pool")" "$1" "${DRILL_SECONDS:-8}" 16
    echo "$output"
    [ "$status" -eq 0 ]
    echo "# $1: $output" >&3
}

@test "a reload each second: not one request fails" { drill reload; }

@test "a worker killed each second: only what it was working on fails, and nothing acknowledged is lost" { drill kill; }
