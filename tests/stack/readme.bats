#!/usr/bin/env bats
# The README's calls, copied as they stand, against the running stack.

# blocks SECTION: its shell blocks, for the port of this run.
blocks() {
    awk -v section="## $1" '/^## /{ here = $0 == section } /^```/{ inside = here && $0 == "```sh"; next } inside' \
        "$TOP/README.md" | sed "s|http://127.0.0.1:8000|$BASE|g"
}

# shellcheck disable=SC2016  # for the shell that runs the blocks. Each answer on a line of its own.
CURL='curl() { command curl -sS --noproxy "*" "$@"; echo; }'

@test "every curl line of the README works" {
    run bash -euc "$CURL"$'\n'"$(blocks Try)"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '"status":"success"' <<<"$output")" -eq 7 ]
    [ "$(grep -c '"detail":"limit must be an integer from 1 to 1000"' <<<"$output")" -eq 1 ]
    [ "${#lines[@]}" -eq 8 ]
}

@test "the commands of export, import and purge work beside a local stack" {
    cd "$BATS_TEST_TMPDIR"
    mkdir build run
    ln -s "$CHAT_SESSIONS_BIN" build/chat-sessions
    ln -s "${STATE%/*}/test.env" run/local.env
    command curl -sS --noproxy '*' --json '{"user_id":"alice"}' "$BASE/api/v1/sessions" >created
    run bash -euc "$CURL"$'\n'"$(blocks 'Export, import, purge')"
    command curl -sS --noproxy '*' -X DELETE "$BASE/api/v1/sessions/alice" >erased
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q '^{"type":"end","sessions":' <<<"$output"
    grep -q '^imported [1-9][0-9]*, skipped 0, failed 0$' <<<"$output"
    grep -q '^would purge ' <<<"$output"
}

# An answer does not end its line: two would stand on one.
@test "no block of the README prints two answers" {
    run awk '/^## /{ here = $0 == "## Try" }
        /^```/{ inside = here && $0 == "```sh"; if (inside) blocks++; n = 0; next }
        inside && /^curl / && ++n > 1 { print FILENAME ":" FNR ": " $0 }
        END { print blocks " blocks" }' "$TOP/README.md"
    [[ $output == '9 blocks' ]] || { echo "$output"; false; }
}

# missing_paths DOCUMENT: the paths of docs/openapi.yaml that its section "Calls" does not have.
missing_paths() {
    local calls path
    calls=$(awk '/^## /{ here = $0 == "## Calls" } here' "$1")
    awk '/^paths:/{ inside = 1; next } /^[^ #]/{ inside = 0 } inside && /^  \//{ sub(/:.*/, ""); print $1 }' \
        "$TOP/docs/openapi.yaml" | while IFS= read -r path; do
        grep -qE "[ \`]${path//[\{\}]/.}\`" <<<"$calls" || echo "$path"
    done
}

@test "the README names every path of the contract" {
    run missing_paths "$TOP/README.md"
    echo "$output"
    [[ $status -eq 0 && -z $output ]]
}

@test "a path that the README does not name would be found" {
    sed '/health.ready/d' "$TOP/README.md" >"$BATS_TEST_TMPDIR/document"
    run missing_paths "$BATS_TEST_TMPDIR/document"
    echo "$output"
    [[ $output == *'/health/ready'* ]]
}
