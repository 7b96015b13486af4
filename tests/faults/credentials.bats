#!/usr/bin/env bats
# bats file_tags=apart
# AWS calls the keys expired while the service runs. It asks its provider for others: a command has some, a file
# may have some, the environment (.env too) has the same as before, and then there is nothing left to try.

# shellcheck source=tests/faults/helpers.bash
load helpers

setup_file() {
    start_own_front
    cd "$BATS_FILE_TMPDIR" || return
    cat >config <<END
[default]
credential_process = $BATS_FILE_TMPDIR/give-keys
END
    cat >give-keys <<'END'
#!/usr/bin/env bash
printf '{"Version":1,"AccessKeyId":"AKIDSIGNATUREFRONT","SecretAccessKey":"front/secret+key","SessionToken":"%s"}' "$EPOCHREALTIME"
END
    chmod +x give-keys
    write_keys first
    AWS_CONFIG_FILE=$PWD/config start 'process' AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY=
    AWS_SHARED_CREDENTIALS_FILE=$PWD/keys start 'file' AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY=
    start 'environment' AWS_SESSION_TOKEN=always-the-same
}

write_keys() {
    cat >"$BATS_FILE_TMPDIR/keys.new" <<END
[default]
aws_access_key_id = AKIDSIGNATUREFRONT
aws_secret_access_key = front/secret+key
aws_session_token = $1
END
    mv "$BATS_FILE_TMPDIR/keys.new" "$BATS_FILE_TMPDIR/keys"
}

# One worker, so that there is one set of keys.
start() { start_auth_stack "$1" POOL_PROCESSES=1 POOL_THREADS=1 "${@:2}"; }

teardown_file() {
    stop_auth_stack process
    stop_auth_stack file
    stop_auth_stack environment
    stop_own_front
}

use() { use_stack "$(<"$BATS_FILE_TMPDIR/$1/state/url")"; }

# The keys of the stack in use expire as soon as they are of an age to. The calls until then are good.
let_keys_expire() {
    before=$(front_stats '.faults.expired // 0')
    tell_front '{"rate":1,"kinds":["expired"],"times":1}'
    until_true have_expired
}
have_expired() {
    calls=$(front_calls)
    api GET "/sessions/$user"
    (($(front_stats '.faults.expired // 0') > before))
}

@test "keys from a command that expire are replaced within the request" {
    use process
    new_session
    let_keys_expire
    expect 200
    is "$(front_calls)" $((calls + 2)) calls
}

@test "keys in a file that expire are read again within the request" {
    use file
    new_session
    write_keys second
    let_keys_expire
    expect 200
    is "$(front_calls)" $((calls + 2)) calls
}

@test "keys in .env that expire are an error at the first call, which says so" {
    use environment
    new_session
    let_keys_expire
    expect 503 dynamodb_denied
    has_text 'have expired'
    is "$(front_calls)" $((calls + 1)) calls
}
