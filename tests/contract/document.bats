#!/usr/bin/env bats
# bats file_tags=apart
# docs/openapi.yaml: it is a good document, it says what the sources do, and the checks of it can fail.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP
    # Only the packages: if the client does not compile, that is a test's to say.
    "$TOP/tests/contract/prepare" --modules
}

setup() { cd "$TOP/tests/contract" || return; }

lint() {
    REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true NO_COLOR=1 \
        node_modules/.bin/redocly lint --config redocly.yaml --format=stylish "$1"
}

@test "the linter has nothing to say" {
    lint ../../docs/openapi.yaml
}

@test "the linter does find a fault" {
    sed 's/operationId: listSessions/operationId: getSession/' ../../docs/openapi.yaml \
        >"$BATS_TEST_TMPDIR/openapi.yaml"
    run lint "$BATS_TEST_TMPDIR/openapi.yaml"
    ((status == 1))
    [[ $output == *operation-operationId-unique* ]]
}

@test "each example fits its schema, and each JSON answer shows one" {
    node check-document.js examples
}

@test "schemas of answers let no unknown member through" {
    node check-document.js closed
}

@test "the text names the statuses of any request, which the page does not show otherwise" {
    node check-document.js told
}

@test "the error codes are those of the C source and of nginx, with their statuses" {
    node check-document.js codes
}

@test "the paths and methods are those of the table of routes" {
    node check-document.js routes
}

@test "the checks of answers and of the document can fail" {
    node self-test.js
}

@test "no answer to check is a failure" {
    : >"$BATS_TEST_TMPDIR/none.jsonl"
    run node validate-responses.js "$BATS_TEST_TMPDIR/none.jsonl"
    ((status == 1))
    [[ $output == *'0 answers checked, 0 outside of the document' ]]
}

@test "an answer outside of the document is shown and is a failure" {
    echo '{"method":"GET","path":"/api/v1/health","status":299,"headers":{},"body":"odd"}' \
        >"$BATS_TEST_TMPDIR/odd.jsonl"
    run node validate-responses.js "$BATS_TEST_TMPDIR/odd.jsonl"
    ((status == 1))
    [[ $output == *'GET /api/v1/health -> 299: status 299 is not in the document'* ]]
    [[ $output == *'1 answers checked, 1 outside of the document' ]]
}

@test "TypeScript types come of the document, and a client of all endpoints compiles on them" {
    ./prepare
    [[ -s $TOP/build/contract/contract.d.ts && -s $TOP/build/contract/client.js ]]
}

@test "the client does not compile on a document that lacks something" {
    mkdir "$BATS_TEST_TMPDIR/types"
    sed 's/^    \(patchSession\): {$/    \1Gone: {/' "$TOP/build/contract/contract.d.ts" \
        >"$BATS_TEST_TMPDIR/types/contract.d.ts"
    jq --arg types "$BATS_TEST_TMPDIR/types/contract.d.ts" --arg here "$PWD" \
        '.compilerOptions += {noEmit: true, paths: {contract: [$types]}, typeRoots: [$here + "/node_modules/@types"]}
         | .files = [$here + "/client.ts"]' tsconfig.json >"$BATS_TEST_TMPDIR/tsconfig.json"
    run node_modules/.bin/tsc -p "$BATS_TEST_TMPDIR"
    ((status != 0))
    [[ $output == *patchSession* ]]
}
