#!/usr/bin/env bats
# bats file_tags=release
# What a body may take of the workers' memory.

load helpers
load auth_stack

teardown_file() { stop_auth_stack memory; }

@test "64 bodies of 4 MB at once take no more than 400 MB, and nothing stays" {
    # A sanitizer keeps what was freed.
    [[ $CHAT_SESSIONS_BIN != */asan/* && $CHAT_SESSIONS_BIN != */tsan/* ]] || skip 'memory is not measured under a sanitizer'
    local url
    url=$(start_auth_stack memory POOL_THREADS=32 QUEUE_TIMEOUT_MS=60000 REQUEST_DEADLINE_MS=60000)
    API=$url/api/v1
    new_session
    node "$API_TESTS/memory.js" "$url" "$(cut -d' ' -f1 "$BATS_FILE_TMPDIR/memory/state/pids/pool")" "$sid"
    is "$(stored_message_count "$sid")" 0
}
