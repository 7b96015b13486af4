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
