#!/usr/bin/env bats
# bats file_tags=release
# What an export takes of a process's memory, however long it is.

load helpers
load auth_stack

setup() { user=$(unique); }

teardown() {
    stop_auth_stack own
    judge
}

# conversations COUNT MESSAGES BYTES: sessions of the user.
conversations() { node "$API_TESTS/fixtures.js" conversations "$user" "$@"; }

export_user() { api GET "/sessions/$user" -H 'Accept: application/x-ndjson'; }

# has_all SESSIONS MESSAGES: the last answer says at its end that it has that many.
has_all() {
    expect 200
    is "$(tail -n 1 "$body_file")" "{\"type\":\"end\",\"sessions\":$1,\"messages\":$2}"
}

@test "31 MB of sessions with 50 messages each take less than 8 MB of a process" {
    # A sanitizer keeps what was freed.
    [[ $CHAT_SESSIONS_BIN != */asan/* && $CHAT_SESSIONS_BIN != */tsan/* ]] || skip 'memory is not measured under a sanitizer'
    local master worker before peak sessions=${EXPORT_SESSIONS:-250}
    conversations 1 1 20
    API=$(start_auth_stack own POOL_PROCESSES=1)/api/v1
    export_user # what a process needs in any case
    has_all 1 1
    conversations "$sessions" 50 $((625000 / sessions))
    master=$(cut -d' ' -f1 "$BATS_FILE_TMPDIR/own/state/pids/pool")
    worker=$(<"/proc/$master/task/$master/children")
    before=$(awk '/^VmRSS/ {print $2}' "/proc/${worker// /}/status")
    echo 5 >"/proc/${worker// /}/clear_refs" # VmHWM begins anew
    export_user
    peak=$(awk '/^VmHWM/ {print $2}' "/proc/${worker// /}/status")
    has_all $((sessions + 1)) $((sessions * 50 + 1))
    echo "$(stat -c %s "$body_file") bytes; before $before KB, peak $peak KB" >&3
    ((peak - before < 8192))
}
