#!/usr/bin/env bats
# bats file_tags=apart,long
# No request costs more than its ceiling (tests/cost/ceilings). Counted, not timed: the speed of the machine has no
# part in it. README.md tells how.

setup_file() {
    TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export TOP RESULTS=$BATS_FILE_TMPDIR/results WHY_NOT=''
    case ${CHAT_SESSIONS_BIN:-} in
    */asan/* | */tsan/*) WHY_NOT='the ceilings are those of the release' ;;
    esac
    [[ $(uname -m) == x86_64 ]] || WHY_NOT='the ceilings are those of x86-64'
    [[ -n $WHY_NOT ]] || "$BATS_TEST_DIRNAME/measure" "$RESULTS"
}

setup() { [[ -z $WHY_NOT ]] || skip "$WHY_NOT"; }

# Prints by how much a ceiling is passed, and where, if one is.
keeps_ceilings() { "$BATS_TEST_DIRNAME/report" "$RESULTS" "$1"; }

@test 'reading one session keeps its ceilings' { keeps_ceilings get; }

@test 'reading 20 messages keeps its ceilings' { keeps_ceilings list-20; }

@test 'appending a message keeps its ceilings' { keeps_ceilings append; }

@test 'creating a session keeps its ceilings' { keeps_ceilings create; }

@test 'renaming a session keeps its ceilings' { keeps_ceilings rename; }

@test 'listing 50 sessions keeps its ceilings' { keeps_ceilings list-sessions; }

@test 'refusing an unknown path keeps its ceilings' { keeps_ceilings unknown-path; }

@test 'a request beyond a ceiling is refused with the ten dearest functions and the system calls' {
    echo 'unknown-path 100 99' >"$BATS_TEST_TMPDIR/ceilings"
    CEILINGS=$BATS_TEST_TMPDIR/ceilings run "$BATS_TEST_DIRNAME/report" "$RESULTS" unknown-path
    echo "$output"
    [[ $status -eq 1 && $output == *' instructions too many'* && $output == *' epoll_wait'* ]]
    [[ $(grep -cE '^ .*[0-9] %  ' <<<"$output") -eq 20 && $output == *' (cgi-src/'* ]]
    echo 'unknown-path 99999999 2' >"$BATS_TEST_TMPDIR/ceilings"
    CEILINGS=$BATS_TEST_TMPDIR/ceilings run "$BATS_TEST_DIRNAME/report" "$RESULTS" unknown-path
    [[ $status -eq 1 ]]
    echo 'unknown-path 99999999 99' >"$BATS_TEST_TMPDIR/ceilings"
    CEILINGS=$BATS_TEST_TMPDIR/ceilings run "$BATS_TEST_DIRNAME/report" "$RESULTS" unknown-path
    [[ $status -eq 0 && ${#lines[@]} -eq 2 ]]
    CEILINGS=$BATS_TEST_TMPDIR/ceilings run "$BATS_TEST_DIRNAME/report" "$RESULTS" get
    [[ $status -eq 1 && $output == *'there is no line for get'* ]]
}
