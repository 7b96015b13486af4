#!/usr/bin/env bats
# bats file_tags=release
# The largest history that a request may bring: that it arrives whole, how long it takes, and what it takes of the
# workers' memory.

load helpers
load auth_stack

teardown() {
    stop_auth_stack large
    judge
}

# The most that the workers ever had, in MB.
peak_mb() {
    local master pid sum=0
    master=$(cut -d' ' -f1 "$BATS_FILE_TMPDIR/large/state/pids/pool")
    for pid in $(<"/proc/$master/task/$master/children"); do
        sum=$((sum + $(awk '/^VmHWM/ {print $2}' "/proc/$pid/status")))
    done
    echo $((sum / 1024))
}

@test "10,000 messages in 10 MB arrive whole" {
    local url before started
    user=$(unique)
    url=$(start_auth_stack large)
    API=$url/api/v1
    jq -n -c --arg user "$user" '("x" * 950) as $text | {user_id: $user, messages: [range(10000) |
        {role: "user", content: "\(.) \($text)", timestamp: (1709280000000 + 1000 * .)}]}' >"$BATS_TEST_TMPDIR/history"
    (($(wc -c <"$BATS_TEST_TMPDIR/history") > 10000000))
    before=$(peak_mb)
    started=${EPOCHREALTIME/./}
    post /sessions "@$BATS_TEST_TMPDIR/history" -H "Idempotency-Key: $user"
    # A crowded machine may need a second request: it goes on where the first one ended.
    [[ $http_status != 504 ]] || post /sessions "@$BATS_TEST_TMPDIR/history" -H "Idempotency-Key: $user"
    expect 201
    printf '# %s ms, %s MB of memory\n' $(((${EPOCHREALTIME/./} - started) / 1000)) $(($(peak_mb) - before)) >&3
    check '.session.message_count == 10000 and .session.last_message.timestamp == 1709289999000'
    sid=$(get .session.session_id)
    walk "/sessions/$sid/messages?limit=1000" messages '"\(.timestamp) \(.content | length) \(.content | split(" ")[0])"' >"$BATS_TEST_TMPDIR/read"
    jq -r -n 'range(10000) | "\(1709280000000 + 1000 * .) \("\(.)" | length + 951) \(.)"' | cmp - "$BATS_TEST_TMPDIR/read"
    # A sanitizer's memory is another matter.
    [[ $CHAT_SESSIONS_BIN == */asan/* || $CHAT_SESSIONS_BIN == */tsan/* ]] || (($(peak_mb) - before < 64))
}

@test "histories that nobody can write take no memory with them" {
    [[ $CHAT_SESSIONS_BIN != */asan/* && $CHAT_SESSIONS_BIN != */tsan/* ]] || skip 'memory is not measured under a sanitizer'
    local url i
    url=$(start_auth_stack large POOL_THREADS=32 QUEUE_TIMEOUT_MS=60000)
    API=$url/api/v1
    # 16 MB of members, in messages of which the last is wrong.
    {
        printf '{"user_id":"u","messages":['
        jq -n -j -c '("\"\\n\":0," * 200) as $members | range(9999) | "{\($members)\"role\":\"user\",\"content\":\"x\"},"'
        printf '7]}'
    } >"$BATS_TEST_TMPDIR/members"
    (($(wc -c <"$BATS_TEST_TMPDIR/members") > 12000000 && $(wc -c <"$BATS_TEST_TMPDIR/members") < 16777216))
    for i in {1..64}; do
        curl -sS --noproxy '*' -o "$BATS_TEST_TMPDIR/answer-$i" -w '%{http_code}\n' --json "@$BATS_TEST_TMPDIR/members" \
            "$API/sessions" >"$BATS_TEST_TMPDIR/status-$i" 3>&- &
    done
    wait
    # Four at once in each of two processes; the others are to come again.
    is "$(sort -u "$BATS_TEST_TMPDIR"/status-* | xargs)" '422 503'
    grep -q 'messages\[9999\] must be an object' "$BATS_TEST_TMPDIR"/answer-*
    grep -q 'too many long histories' "$BATS_TEST_TMPDIR"/answer-*
    printf '# 64 at once: %s MB at most\n' "$(peak_mb)" >&3
    (($(peak_mb) < 400))
    new_session
}
