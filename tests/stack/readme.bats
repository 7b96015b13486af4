#!/usr/bin/env bats
# The README's calls, copied as they stand, against the running stack.

# The shell blocks of the section "Try", for the port of this run.
calls() {
    awk '/^## /{ here = $0 == "## Try" } /^```/{ inside = here && $0 == "```sh"; next } inside' "$TOP/README.md" |
        sed "s|http://127.0.0.1:8000|$BASE|g"
}

@test "every curl line of the README works" {
    # Each answer on a line of its own.
    local script='curl() { command curl -sS --noproxy "*" "$@"; echo; }'
    run bash -euc "$script"$'\n'"$(calls)"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '"status":"success"' <<<"$output")" -eq 7 ]
    [ "$(grep -c '"detail":"limit must be an integer from 1 to 1000"' <<<"$output")" -eq 1 ]
    [ "${#lines[@]}" -eq 8 ]
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
