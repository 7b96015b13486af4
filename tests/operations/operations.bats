#!/usr/bin/env bats
# docs/operations.md: each block of commands is run as it stands, or says in its first line what runs it or why nothing
# does; and a command in a sentence stands in a block. Needs the stack of scripts/test.

# shellcheck source=tests/api/helpers.bash
load ../api/helpers
# shellcheck source=scripts/lib.bash
source "$TOP/scripts/lib.bash"

DOCUMENTS=("$TOP/docs/operations.md" "$TOP/docs/scaling.md")

# The blocks as files: DIR/1, DIR/2 …
split_blocks() {
    mkdir -p "$1"
    awk -v directory="$1" '/^```/ { if (inside) inside = 0; else if ($0 == "```sh") { inside = 1; n++ } ; next }
        inside { print > (directory "/" n) }' "${DOCUMENTS[@]}"
}

is_run() { ! head -n 1 "$1" | grep -qE '^# (no test runs|run by) '; }

# A directory as a checkout's, with tables of another program in it.
make_place() {
    PLACE=$BATS_TEST_TMPDIR/place
    mkdir -p "$PLACE"
    ln -s "$TOP/scripts" "$TOP/tests" "$PLACE/"
    cp "$BATS_TEST_DIRNAME"/tables/*.json "$PLACE/"
    # Tables of its own: purge looks at all that is in them.
    {
        cat "${STATE%/*}/test.env"
        printf '%s\n' "DYNAMODB_CHAT_SESSIONS_TABLE=operations-sessions-$$" "DYNAMODB_CHAT_MESSAGES_TABLE=operations-messages-$$"
    } >"$PLACE/env"
    "$CHAT_SESSIONS_BIN" --env-file "$PLACE/env" create-tables
}

# As a shell of the service's user would run it.
run_block() {
    {
        echo 'set -euo pipefail'
        echo 'curl() { command curl -sS --noproxy "*" "$@"; }'
        printf 'chat-sessions() { %q --env-file %q "$@"; }\n' "$CHAT_SESSIONS_BIN" "$PLACE/env"
        sed "s|http://127.0.0.1:8000|$BASE|g" "$1"
    } >"$PLACE/script"
    (cd "$PLACE" && bash script)
}

@test "every block of commands runs as it stands, or says what runs it" {
    local block count=0
    split_blocks "$BATS_TEST_TMPDIR/blocks"
    make_place
    for block in $(find "$BATS_TEST_TMPDIR/blocks" -type f | sort -V); do
        is_run "$block" || continue
        count=$((count + 1))
        run_block "$block" >"$PLACE/output" 2>&1 || {
            cat "$block" "$PLACE/output"
            fail 'this block of the documents does not run'
        }
    done
    ((count >= 10)) || fail "only $count blocks were run"
}

@test "a block that is run by something else names a file that is there" {
    local block by
    split_blocks "$BATS_TEST_TMPDIR/blocks"
    for block in "$BATS_TEST_TMPDIR"/blocks/*; do
        by=$(sed -nE '1s/^# run by ([^ ,:]+).*/\1/p' "$block")
        [[ -z $by || -e $TOP/$by ]] || fail "there is no $by"
    done
}

@test "a command in a sentence stands in a block" {
    local span commands
    split_blocks "$BATS_TEST_TMPDIR/blocks"
    commands=$(cat "$BATS_TEST_TMPDIR"/blocks/*)
    while IFS= read -r span; do
        [[ $commands == *"$span"* ]] || fail "in no block: $span"
    done < <(awk '/^```/ { inside = !inside; next } !inside' "${DOCUMENTS[@]}" | grep -oE '`[^`]+`' | tr -d '`' |
        grep -E '^(sudo|systemctl|journalctl|apt|aws|make|curl|nginx|promtool|sysctl|chat-sessions|scripts/[a-z-]+|tests/[a-z]+/[a-z]+) ')
}
