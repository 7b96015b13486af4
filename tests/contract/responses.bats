#!/usr/bin/env bats
# Every answer that the end-to-end tests have received so far is one of the document. Needs STATE.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP
    "$TOP/tests/contract/prepare" --modules
}

@test "every answer of the tests so far is in the document" {
    [[ -s $STATE/responses.jsonl ]] || {
        echo "no answers in $STATE/responses.jsonl: run a directory of tests before this one, or client.bats"
        return 1
    }
    node "$TOP/tests/contract/validate-responses.js" "$STATE/responses.jsonl" >&2
}
