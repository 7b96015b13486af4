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
