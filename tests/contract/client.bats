#!/usr/bin/env bats
# The typed client against the running service. Needs API; its answers are kept for responses.bats.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP
    "$TOP/tests/contract/prepare"
}

@test "the client walks all endpoints" {
    local record=$BATS_TEST_TMPDIR/client.jsonl
    run env RECORD="$record" node "$TOP/build/contract/client.js"
    echo "$output"
    if [[ -n ${STATE-} && -e $record ]]; then
        cat "$record" >>"$STATE/responses.jsonl"
    fi
    ((status == 0))
    node "$TOP/tests/contract/validate-responses.js" "$record"
}
