#!/usr/bin/env bats
# bats file_tags=apart,long
# scripts/test itself: the stack that --keep leaves up and --stop ends, how far a run is, and what is told of a failure.
# In a checkout of its own, where a stack that a developer keeps has no part in it.

load helpers

setup_file() {
    local name
    mkdir -p "$CHECKOUT/build"
    # What is built and installed is there already, so that nothing is built here.
    ln -s "$TOP"/{Makefile,cgi-src,docs,nginx,tests,.env.example,.ci} "$CHECKOUT/"
    ln -s "$TOP/build/obj" "$CHECKOUT/build/"
    for name in chat-sessions flags libchat-sessions.a contract docs; do
        [[ ! -e $TOP/build/$name ]] || cp -pr "$TOP/build/$name" "$CHECKOUT/build/"
    done
    cp -r "$TOP/scripts" "$CHECKOUT/"
    write_tests
    scripts_test --keep "$BATS_FILE_TMPDIR/good.bats" "$BATS_FILE_TMPDIR/bad.bats" >"$BATS_FILE_TMPDIR/first" || true
}

teardown_file() { scripts_test --stop; }

# A good one and a bad one, which run in the stack that is kept. What bats would take for tests of this file is
# put in afterwards.
write_tests() {
    sed 's/^TEST/@test/' >"$BATS_FILE_TMPDIR/good.bats" <<'END'
TEST "the stack answers" {
    [[ $(curl -sS --noproxy '*' "$API/health") == *'"healthy":true'* ]]
}
END
    sed 's/^TEST/@test/' >"$BATS_FILE_TMPDIR/bad.bats" <<'END'
load "$TOP/tests/api/helpers"
TEST "what does not hold" {
    api GET /nothing-of-this-name
    expect 200
}
END
}

# As from a shell of a developer's: nothing of this run's stack, of prove or of bats is known to it, nor the parts of bats
# that are in PATH here.
scripts_test() {
    env -i PATH="$(tr : '\n' <<<"$PATH" | grep -v bats | paste -sd:)" HOME="$HOME" ${XDG_CACHE_HOME+"XDG_CACHE_HOME=$XDG_CACHE_HOME"} \
        "$CHECKOUT/scripts/test" "$@" 2>&1 3>&-
}

kept() { printf '%s\n' "$CHECKOUT/build/kept-stack"; }
pool() { pid_of "$(kept)/stack" pool; }

@test "a failure is told at the end: name, expression, request and answer, and the counts last" {
    local first=$BATS_FILE_TMPDIR/first
    cat "$first"
    [[ $(tail -n 1 "$first") =~ ^[0-9]+' passed, 1 failed'$ ]]
    sed -n '/^==== failed$/,$p' "$first" >"$BATS_TEST_TMPDIR/told"
    grep -q 'not ok 1 what does not hold' "$BATS_TEST_TMPDIR/told"
    grep -qF '`expect 200'\'' failed' "$BATS_TEST_TMPDIR/told"
    grep -q 'status: wanted 200, got 404' "$BATS_TEST_TMPDIR/told"
    grep -q 'last request: GET .*/api/v1/nothing-of-this-name' "$BATS_TEST_TMPDIR/told"
    grep -q 'last answer: 404' "$BATS_TEST_TMPDIR/told"
    grep -q '"code":"not_found"' "$BATS_TEST_TMPDIR/told"
}

@test "how many files are through is told after each" {
    grep -q '^\[1 of 2\] ' "$BATS_FILE_TMPDIR/first"
    grep -q '^\[2 of 2\] ' "$BATS_FILE_TMPDIR/first"
}

@test "the stack stays up, and its variables are told" {
    local url
    alive "$(pool)"
    url=$(sed -n 's/^export API=\([^ ]*\) .*/\1/p' "$BATS_FILE_TMPDIR/first")
    http GET "$url/health"
    [[ $status == 200 ]]
}

@test "the next run with --keep uses it, a newer program has it started anew" {
    local before
    before=$(pool)
    run scripts_test --keep "$BATS_FILE_TMPDIR/good.bats"
    echo "$output"
    [[ $status -eq 0 && ${lines[-1]} == *' passed, 0 failed' && $output != *'The stack answers at'* ]]
    [[ $(pool) == "$before" ]]
    touch "$CHECKOUT/build/chat-sessions"
    run scripts_test --keep "$BATS_FILE_TMPDIR/good.bats"
    echo "$output"
    [[ $status -eq 0 && $output == *'The stack answers at'* ]]
    gone "$before"
    alive "$(pool)"
}

@test "--stop ends all of it" {
    local pids
    mapfile -t pids < <(cut -d' ' -f1 "$(kept)"/{stack,front,dynamodb}/pids/*)
    ((${#pids[@]} == 4))
    run scripts_test --stop
    [[ $status -eq 0 && ! -e $(kept) ]]
    local pid
    for pid in "${pids[@]}"; do gone "$pid"; done
}
