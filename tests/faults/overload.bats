#!/usr/bin/env bats
# bats file_tags=quiet
# More requests than workers, and a DynamoDB that does not answer.

# shellcheck source=tests/faults/helpers.bash
load helpers

setup_file() {
    export SATURATED_URL
    SATURATED_URL=$(start_auth_stack saturated REQUEST_DEADLINE_MS=60000 ATTEMPT_TIMEOUT_MS=60000 \
        CONNECT_TIMEOUT_MS=30000 QUEUE_TIMEOUT_MS=60000)
}

teardown_file() { stop_auth_stack saturated; }

@test "256 requests on 16 workers that are all stalled: health and metrics answer, the others wait and are answered" {
    run node "$BATS_TEST_DIRNAME/saturate.js" "$SATURATED_URL" "$FRONT"
    echo "$output"
    [ "$status" -eq 0 ]
    printf '# %s\n' "${lines[@]}" >&3
}

@test "health answers whatever headers come with the question" {
    # Nearly as much as nginx takes (large_client_header_buffers).
    local long
    long=$(head -c 27000 /dev/zero | tr '\0' x)
    run curl -sS --noproxy '*' -H "A: $long" -H "B: $long" -H "X-Request-Id: $(printf 'a\377b')" \
        -w '%{http_code}' "$SATURATED_URL/api/v1/health"
    echo "$status: $output"
    [[ $status -eq 0 && $output == *'"healthy":true'*200 ]]
}
