#!/usr/bin/env bats
# The page of docs/frontend.md in a browser, on the client as nginx would serve it. Needs BASE.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP
    "$TOP/tests/contract/prepare" --modules
    "$TOP/scripts/build-client"
}

@test "a page that has only localStorage becomes one on the service, with the example of docs/frontend.md" {
    timeout 120 node "$TOP/tests/client/page.mjs"
}

@test "the example of docs/frontend.md works with the service" {
    REAL=1 timeout 120 node "$TOP/tests/client/page.mjs"
}
