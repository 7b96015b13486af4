#!/usr/bin/env bats
# bats file_tags=apart
# What docs/security.md and docs/reliability.md promise names the tests that hold it: these are there.

# Prints what a document names that does not exist: `tests/FILE "NAME"` or `tests/FILE`.
missing_tests() {
    local document=$1 reference file name
    grep -oE '`tests/[a-z_/]+\.(bats|c|pml|js)( "[^"]+")?`' "$document" | tr -d '`' | while IFS= read -r reference; do
        file=${reference%% *} name=''
        [[ $reference != *'"'* ]] || name=${reference#*\"} name=${name%\"}
        if [[ ! -e $TOP/$file ]]; then
            echo "$file"
        elif [[ -n $name ]] && ! grep -qF "@test \"$name\"" "$TOP/$file"; then
            echo "$file: $name"
        fi
    done
}

@test "every test that the promises name exists" {
    local document
    for document in security reliability; do
        run missing_tests "$TOP/docs/$document.md"
        echo "$output"
        [ -z "$output" ]
    done
}

@test "a promise whose test does not exist would be found" {
    # shellcheck disable=SC2016  # the backquotes are Markdown's
    printf '%s\n' '| x | `tests/api/gone.bats` `tests/api/cors.bats "no such test"` |' >"$BATS_TEST_TMPDIR/document"
    run missing_tests "$BATS_TEST_TMPDIR/document"
    [ "${#lines[@]}" -eq 2 ]
}

@test "every row of the promises names a test" {
    run awk -F '|' '/^\|/ && !/^\| promise/ && !/^\|---/ && $3 !~ /tests\// { print }' "$TOP/docs/security.md"
    echo "$output"
    [ -z "$output" ]
}
