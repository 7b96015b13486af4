# A scripted server in AWS's place (tests/lib/aws-server.js), one for a file of tests.
# shellcheck shell=bash

start_aws() {
    mkfifo "$BATS_FILE_TMPDIR/input"
    exec 7<>"$BATS_FILE_TMPDIR/input" # the server ends when its input does
    node "$TOP/tests/lib/aws-server.js" <&7 >"$BATS_FILE_TMPDIR/ports" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/server"
    until_true 20 test -s "$BATS_FILE_TMPDIR/ports"
    exec 7>&-
}

end_aws() { kill "$(cat "$BATS_FILE_TMPDIR/server")"; }

# Where it is: sets aws and control.
find_aws() {
    aws=http://127.0.0.1:$(jq .port "$BATS_FILE_TMPDIR/ports")
    control=http://127.0.0.1:$(jq .control "$BATS_FILE_TMPDIR/ports")
}

# command_server JSON: to the scripted server; prints its answer.
command_server() { curl -s --noproxy '*' --max-time 20 -d "$1" "$control"; }

# program KEY=VALUE… -- ARGUMENT…: runs it with an environment of nothing else, in an empty HOME. Sets status, output,
# lines.
program() {
    local environment=()
    while [[ $1 != -- ]]; do
        environment+=("$1")
        shift
    done
    shift
    run env -i PATH="$PATH" HOME="$BATS_TEST_TMPDIR" AWS_EC2_METADATA_DISABLED=true ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
        "${environment[@]}" bash -c 'cd "$HOME" && "$0" "$@"' "$PROGRAM" "$@"
    echo "status $status"
    echo "$output"
}
