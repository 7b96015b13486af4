#!/usr/bin/env bats
# bats file_tags=apart
# `chat-sessions check` and scripts/doctor: each thing that can be wrong has its line, the last line names the cause,
# and nothing is changed. AWS is a scripted server here.

# shellcheck disable=SC2016  # backquotes are those of the messages; "$0" is for the inner shell
# shellcheck disable=SC2030,SC2031  # run sets its variables for one test
load helpers
load scripted_aws
bats_require_minimum_version 1.5.0

SECRET=a-secret-that-is-never-shown

setup_file() {
    make_checkout
    start_aws
}

teardown_file() {
    end_aws
    [[ ! -d "$BATS_FILE_TMPDIR/state" ]] || stop_run "$BATS_FILE_TMPDIR/state"
}

setup() {
    find_aws
    script '[]'
}

# An account in which everything is in order, as rules of the scripted server.
FINE='[
  {"target": "DescribeTable", "body": {"Table": {"TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "user_id", "KeyType": "HASH"}, {"AttributeName": "session_id", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": "user_id", "AttributeType": "S"}, {"AttributeName": "session_id", "AttributeType": "S"}]}}},
  {"target": "DescribeTable", "body": {"Table": {"TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "session_id", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": "session_id", "AttributeType": "S"}, {"AttributeName": "timestamp", "AttributeType": "N"}]}}},
  {"target": "DescribeTable", "times": 0, "body": {"Table": {"TableStatus": "ACTIVE"}}},
  {"target": "GetItem", "times": 0, "body": {}},
  {"target": "PutItem", "times": 0, "error": "ConditionalCheckFailedException"},
  {"target": "UpdateItem", "times": 0, "error": "ConditionalCheckFailedException"},
  {"target": "DeleteItem", "times": 0, "error": "ConditionalCheckFailedException"},
  {"target": "Query", "times": 0, "body": {"Items": [], "Count": 0}},
  {"target": "Scan", "times": 0, "body": {"Items": [], "Count": 0}},
  {"target": "CreateTable", "times": 0, "error": "ResourceInUseException"},
  {"target": "BatchWriteItem", "times": 0, "body": {"UnprocessedItems": {}}},
  {"times": 0, "path": "/", "body": {"GetCallerIdentityResponse": {"GetCallerIdentityResult":
    {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/chat", "UserId": "AIDACHAT"}}}}]'

# script RULES: these come before those of the account that is fine.
script() {
    command_server "$(jq -nc --argjson first "$1" --argjson fine "$FINE" '{reset: true, clock_ms: 0, rules: ($first + $fine)}')" \
        >/dev/null
}

# check KEY=VALUE…: with an environment of nothing else. Sets status, output, lines.
check() {
    run env -i PATH="$PATH" HOME="$BATS_TEST_TMPDIR" AWS_EC2_METADATA_DISABLED=true ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
        "$@" bash -c 'cd "$HOME" && "$0" ${ENV_FILE:+--env-file "$ENV_FILE"} check' "$PROGRAM"
    echo "status $status"
    echo "$output"
}

# The same with credentials and the scripted server.
check_with_keys() {
    check AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY="$SECRET" AWS_REGION=us-east-1 \
        AWS_ENDPOINT_URL_DYNAMODB="$aws" AWS_ENDPOINT_URL_STS="$aws" "$@"
}

# has MARK SUBJECT TEXT: there is such a line.
has() { grep -qE "^  $1 $2 +.*$3" <<<"$output"; }

# fails_for TEXT: not usable, and the last line says why.
fails_for() {
    [[ $status -eq 69 ]]
    [[ ${lines[-1]} == 'The service would not work. '*"$1"* ]]
}

@test "check: all is well" {
    check_with_keys
    [[ $status -eq 0 ]]
    [[ ${lines[-1]} == 'The service would work.' ]]
    fails has ✗ '.*' ''
    has ✓ AWS_REGION 'us-east-1, from the environment'
    has ✓ region 'us-east-1, from AWS_REGION'
    has ✓ endpoint "$aws"
    has ✓ credentials 'from environment: access key \.\.\.MPLE'
    has ✓ identity 'arn:aws:iam::123456789012:user/chat \(account 123456789012\)'
    has ✓ latency '[0-9]+\.[0-9] ms, the median of 5 GetItem'
    has ✓ clock 'right within 1 s'
    has ✓ 'sessions table' 'ai4ai-chat-sessions: ACTIVE, keys user_id \(S\), session_id \(S\)'
    has ✓ 'messages table' 'ai4ai-chat-messages: ACTIVE, keys session_id \(S\), timestamp \(N\)'
    local permission
    for permission in GetItem PutItem UpdateItem DeleteItem Query Scan DescribeTable CreateTable BatchWriteItem; do
        has ✓ "dynamodb:$permission" permitted
    done
}

@test "check: says where each key comes from and shows no secret" {
    cat >"$BATS_TEST_TMPDIR/my.env" <<EOF
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
AWS_SECRET_ACCESS_KEY=$SECRET
AWS_SESSION_TOKEN=$SECRET
LOG_LEVEL=debug
EOF
    check ENV_FILE="$BATS_TEST_TMPDIR/my.env" AWS_REGION=us-east-1 AWS_ENDPOINT_URL_DYNAMODB="$aws" LOG_LEVEL=error \
        HTTPS_PROXY="http://me:$SECRET@127.0.0.1:9"
    [[ $status -eq 0 ]]
    has ✓ AWS_SECRET_ACCESS_KEY "\(not shown\), from $BATS_TEST_TMPDIR/my.env"
    has ✓ LOG_LEVEL 'error, from the environment'
    has ✓ HTTPS_PROXY 'http://\(not shown\)@127.0.0.1:9, from the environment'
    has ✓ credentials "from $BATS_TEST_TMPDIR/my.env: .* with a session token"
    # Nobody but AWS is shown the keys: where STS is not named, it is not asked.
    has – identity 'not asked for'
    [[ $output != *"$SECRET"* ]]
}

@test "check: what it tries cannot change anything" {
    check_with_keys
    local seen
    seen=$(command_server '{}')
    # Each of the two tables, under a condition that does not hold where no item is.
    jq -e '[.seen[] | select(.target == ("PutItem", "UpdateItem", "DeleteItem")) | .body | fromjson] |
        length == 6 and all(.[]; .ConditionExpression | test("^attribute_exists\\("))' <<<"$seen"
    # Nothing is made where no table is.
    script '[{"target": "DescribeTable", "times": 0, "error": "ResourceNotFoundException"}]'
    check_with_keys
    seen=$(command_server '{}')
    jq -e '[.seen[] | select(.target == "CreateTable")] == []' <<<"$seen"
    has – dynamodb:CreateTable 'not tried'
}

# ---- the four cases of the README ----

@test "check: no credentials" {
    check AWS_REGION=us-east-1 AWS_ENDPOINT_URL_DYNAMODB="$aws"
    fails_for 'AWS credentials not configured: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
    has ✗ credentials 'AWS credentials not configured'
    # Half a pair is said to be half a pair.
    check AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_REGION=us-east-1 AWS_ENDPOINT_URL_DYNAMODB="$aws"
    [[ $status -eq 78 && ${lines[-1]} == *AWS_SECRET_ACCESS_KEY* ]]
}

@test "check: credentials that AWS does not know" {
    script '[{"target": "GetItem", "times": 0, "error": "UnrecognizedClientException"}]'
    check_with_keys
    fails_for 'AWS does not know the credentials of this service'
}

@test "check: a table is missing" {
    script "$(jq -c '[.[0], {"target": "DescribeTable", "error": "ResourceNotFoundException"}]' <<<"$FINE")"
    check_with_keys
    fails_for 'messages table: ai4ai-chat-messages does not exist in the region us-east-1. `chat-sessions create-tables` makes it'
    has ✓ 'sessions table' ACTIVE
}

@test "check: AccessDenied names the permission, the table, and who lacks it" {
    local permission
    for permission in GetItem PutItem UpdateItem DeleteItem Query; do
        script "[{\"target\": \"$permission\", \"times\": 0, \"error\": \"AccessDeniedException\",
            \"message\": \"User is not authorized because no identity-based policy allows it\"}]"
        check_with_keys
        fails_for "AccessDenied: the credentials do not permit $permission. Attach the policy of README.md to arn:aws:iam::123456789012:user/chat"
        has ✗ "dynamodb:$permission" 'not permitted \(AccessDenied\) on ai4ai-chat-sessions and ai4ai-chat-messages: its policy lacks it'
    done
}

@test "check: AccessDenied on one table, and by an explicit deny" {
    script "$(jq -c '[{"target": "PutItem", "error": "ConditionalCheckFailedException"},
        {"target": ("PutItem", "Query"), "times": 0, "error": "AccessDeniedException",
         "message": "User is not authorized with an explicit deny in a service control policy"}]' <<<null)"
    check_with_keys
    fails_for 'AccessDenied: the credentials do not permit PutItem and Query.'
    has ✗ dynamodb:PutItem 'on ai4ai-chat-messages: an explicit deny forbids it'
}

@test "check: permissions that the service can do without do not make it fail" {
    local permission
    for permission in Scan DescribeTable CreateTable BatchWriteItem; do
        script "[{\"target\": \"$permission\", \"times\": 0, \"error\": \"AccessDeniedException\"}]"
        check_with_keys
        [[ $status -eq 0 ]]
        has – "dynamodb:$permission" 'not permitted \(AccessDenied\) on ai4ai-chat-sessions and ai4ai-chat-messages; '
    done
}

@test "check: the wrong region" {
    # The tables are elsewhere.
    script '[{"target": "DescribeTable", "times": 0, "error": "ResourceNotFoundException"},
        {"target": "GetItem", "times": 0, "error": "ResourceNotFoundException"}]'
    check_with_keys AWS_REGION=eu-west-1 DEFAULT_AWS_REGION=us-west-2
    fails_for 'does not exist in the region eu-west-1'
    [[ ${lines[-1]} == *'if it is there already, the region is wrong: set AWS_REGION to its own'* ]]
    # DEFAULT_AWS_REGION would not help here.
    has – region 'DEFAULT_AWS_REGION=us-west-2 is ignored, since AWS_REGION is set too'
    # The endpoint is elsewhere; the proxy keeps this away from AWS.
    check_with_keys AWS_ENDPOINT_URL_DYNAMODB=https://dynamodb.eu-west-1.amazonaws.com HTTPS_PROXY=http://127.0.0.1:1
    fails_for 'is in the region eu-west-1, but the region is set to us-east-1'
    # Nobody is there.
    script '[{"target": "GetItem", "times": 0, "error": "InvalidSignatureException",
        "message": "Credential should be scoped to a valid region."}]'
    check_with_keys AWS_REGION=eu-moon-1
    fails_for 'and the region (region eu-moon-1, endpoint '
}

# ---- what else can be wrong ----

@test "check: a table is missing and may not be described" {
    script '[{"target": "DescribeTable", "times": 0, "error": "AccessDeniedException"},
        {"target": "GetItem", "times": 0, "error": "ResourceNotFoundException"}]'
    check_with_keys
    fails_for 'ai4ai-chat-sessions does not exist in the region us-east-1'
}

@test "check: without STS, DynamoDB's refusal says who it is" {
    script '[{"target": "Query", "times": 0, "error": "AccessDeniedException", "message":
        "User: arn:aws:iam::1:user/told is not authorized to perform: dynamodb:Query"}]'
    check AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY="$SECRET" AWS_REGION=us-east-1 AWS_ENDPOINT_URL_DYNAMODB="$aws"
    fails_for 'do not permit Query. Attach the policy of README.md to arn:aws:iam::1:user/told,'
}

@test "check: the keys of the tokens" {
    script '[{"path": "/full", "body": {"keys": [{"kty": "RSA"}]}}, {"path": "/none", "body": {"keys": []}}]'
    local jwt=(AUTH_MODE=jwt AUTH_JWT_ISSUER=me AUTH_JWT_AUDIENCE=us)
    check_with_keys "${jwt[@]}" AUTH_JWT_JWKS_URL="$aws/full"
    [[ $status -eq 0 ]]
    has ✓ 'keys of the tokens' "$aws/full answers"
    check_with_keys "${jwt[@]}" AUTH_JWT_JWKS_URL="$aws/none"
    fails_for "AUTH_JWT_JWKS_URL=$aws/none answers without keys"
    check_with_keys "${jwt[@]}" AUTH_JWT_JWKS_URL="$aws/elsewhere"
    fails_for "AUTH_JWT_JWKS_URL=$aws/elsewhere answers with status 404"
}

@test "check: a table that is not usable" {
    script "$(jq -c '[.[1] | .body.Table.TableStatus = "ACTIVE"]' <<<"$FINE")"
    check_with_keys
    fails_for 'ai4ai-chat-sessions has the keys session_id (S), timestamp (N), but the service needs user_id (S), session_id (S): name another table in DYNAMODB_CHAT_SESSIONS_TABLE'
    script "$(jq -c '[.[0] | .body.Table.TableStatus = "CREATING"]' <<<"$FINE")"
    check_with_keys
    fails_for 'ai4ai-chat-sessions is CREATING: wait until it is ACTIVE'
}

@test "check: DynamoDB does not answer" {
    command_server '{"refuse": true}' >/dev/null
    check_with_keys AWS_MAX_ATTEMPTS=1
    command_server '{"refuse": false}' >/dev/null
    fails_for 'DynamoDB: DynamoDB cannot be reached'
    has – identity 'not known'
    [[ $output == *'WARNING: DynamoDB GetItem failed'*connect* ]]
}

@test "check: a clock that is wrong is told and does not make it fail" {
    command_server '{"clock_ms": 120000}' >/dev/null
    check_with_keys
    [[ $status -eq 0 ]]
    has – clock "1[12][0-9] s behind DynamoDB's: set it"
    command_server '{"clock_ms": -1000000}' >/dev/null
    check_with_keys
    has – clock "s ahead of DynamoDB's; signatures are corrected"
}

@test "check: a configuration that cannot be" {
    check AUTH_MODE=maybe
    [[ $status -eq 78 && ${lines[-1]} == 'The service would not work. configuration: AUTH_MODE'*'none, jwt or header'* ]]
    check ENV_FILE="$BATS_TEST_TMPDIR/not-there.env"
    [[ $status -eq 78 && ${lines[-1]} == *not-there.env* ]]
    check_with_keys LOG_FILE="$BATS_TEST_TMPDIR/no/such/directory/log"
    fails_for "LOG_FILE=$BATS_TEST_TMPDIR/no/such/directory/log cannot be written"
    check_with_keys AUTH_MODE=jwt AUTH_JWT_JWKS_FILE="$BATS_TEST_TMPDIR/no-keys"
    [[ $status -ne 0 && ${lines[-1]} == *no-keys* ]]
}

@test "check: with DynamoDB Local, which stays as it was" {
    [[ -n ${DYNAMODB:-} ]] || skip 'needs the stack of scripts/test'
    local keys=(AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=secret AWS_REGION=us-east-1 AWS_ENDPOINT_URL_DYNAMODB="$DYNAMODB"
        DYNAMODB_CHAT_SESSIONS_TABLE="check-$$-sessions" DYNAMODB_CHAT_MESSAGES_TABLE="check-$$-messages")
    check "${keys[@]}"
    fails_for "check-$$-sessions does not exist"
    env "${keys[@]}" "$PROGRAM" create-tables
    check "${keys[@]}"
    [[ $status -eq 0 ]]
    fails has ✗ '.*' ''
    local table
    for table in sessions messages; do
        curl -s --noproxy '*' "$DYNAMODB" -H 'X-Amz-Target: DynamoDB_20120810.Scan' \
            -H 'Content-Type: application/x-amz-json-1.0' \
            -H 'Authorization: AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0' \
            -d "{\"TableName\":\"check-$$-$table\"}" | jq -e '.Count == 0'
    done
}

@test "check: passwords in URLs, secrets that others may read, root" {
    script '[{"path": "/full", "body": {"keys": [{"kty": "RSA"}]}}]'
    local with_password=${aws/http:\/\//http://me:$SECRET@} file=$BATS_TEST_TMPDIR/open.env
    check_with_keys AUTH_MODE=jwt AUTH_JWT_ISSUER=me AUTH_JWT_AUDIENCE=us AUTH_JWT_JWKS_URL="$with_password/full"
    [[ $output != *"$SECRET"* ]]
    has ✓ AUTH_JWT_JWKS_URL 'http://\(not shown\)@127.0.0.1'
    has ✓ 'keys of the tokens' 'http://\(not shown\)@127.0.0.1:[0-9]+/full answers'
    check_with_keys AUTH_MODE=jwt AUTH_JWT_ISSUER=me AUTH_JWT_AUDIENCE=us AUTH_JWT_JWKS_URL="$with_password/none"
    [[ $output != *"$SECRET"* ]]
    check_with_keys AUTH_MODE=jwt AUTH_JWT_JWKS_URL="ftp://me:$SECRET@h/"
    [[ $status -eq 78 && $output != *"$SECRET"* ]]
    check_with_keys AWS_ENDPOINT_URL_DYNAMODB="$with_password"
    [[ $output != *"$SECRET"* ]]

    printf '%s\n' AWS_ACCESS_KEY_ID=AKIDEXAMPLE "AWS_SECRET_ACCESS_KEY=$SECRET" >"$file"
    chmod 644 "$file"
    script '[]'
    check ENV_FILE="$file" AWS_REGION=us-east-1 AWS_ENDPOINT_URL_DYNAMODB="$aws"
    [[ $status -eq 0 ]]
    has – file "$file holds secrets, and every user of this machine may read it \(mode 0644\): chmod o-r $file"
    chmod 640 "$file"
    script '[]'
    check ENV_FILE="$file" AWS_REGION=us-east-1 AWS_ENDPOINT_URL_DYNAMODB="$aws"
    has ✓ file "$file"

    ((EUID == 0)) || return 0
    has – user 'this is root, and POOL_USER is not set'
    script '[]'
    check_with_keys POOL_USER=nobody
    has ✓ user 'nobody, once the sockets are open'
    script '[]'
    check_with_keys POOL_USER=no-such-user
    fails_for 'user: POOL_USER=no-such-user: there is no such user'
}

@test "check: what docker run --env-file and a careless echo leave in a value" {
    check_with_keys AWS_REGION='"us-east-1"'
    [[ $status -eq 78 && ${lines[-1]} == *'AWS_REGION="us-east-1" in the environment is not allowed: it is in quotes'* ]]
    check_with_keys AWS_SESSION_TOKEN="$SECRET"$'\n'
    [[ $status -eq 78 && ${lines[-1]} == *'AWS_SESSION_TOKEN in the environment is not allowed: it ends with a line break'* ]]
    [[ $output != *"$SECRET"* ]]
}

@test "check --configuration: asks nobody, and says what cannot be" {
    local seen file=$BATS_TEST_TMPDIR/aws-config
    only() {
        run env -i PATH="$PATH" HOME="$BATS_TEST_TMPDIR" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AK \
            AWS_SECRET_ACCESS_KEY="$SECRET" AWS_ENDPOINT_URL="$aws" AWS_EC2_METADATA_SERVICE_ENDPOINT="$aws" \
            AUTH_MODE=jwt AUTH_JWT_JWKS_URL="$aws/full" AUTH_JWT_ISSUER=me AUTH_JWT_AUDIENCE=us "$@" \
            bash -c 'cd "$HOME" && "$0" check --configuration' "$PROGRAM"
        echo "status $status"
        echo "$output"
    }
    only
    [[ $status -eq 0 && ${lines[-1]} == 'The configuration can be used.' ]]
    seen=$(command_server '{}')
    jq -e '.seen == []' <<<"$seen"
    only POOL_THREADS=0
    [[ $status -eq 78 && ${lines[-1]} == 'The configuration cannot be used. configuration: POOL_THREADS=0'* ]]
    only LOG_FILE=/no/such/directory/log
    [[ $status -eq 78 && ${lines[-1]} == *'LOG_FILE=/no/such/directory/log cannot be written'* ]]
    only AWS_CA_BUNDLE=/no/such/file
    [[ $status -eq 78 && ${lines[-1]} == *'/no/such/file'* ]]
    printf '[default]\nregion\0A = b\n' >"$file"
    only AWS_CONFIG_FILE="$file"
    [[ $status -eq 78 && ${lines[-1]} == *"$file line 2: it holds a NUL byte"* ]]
    run "$PROGRAM" serve --configuration
    [[ $status -eq 64 ]]
}

@test "config: what the program would use, for a shell, without secrets" {
    local file=$BATS_TEST_TMPDIR/my.env
    printf '%s\r\n' "export AWS_PROFILE = \"it's # mine\" # a comment" $'POOL_THREADS=16\t# c' \
        AWS_ACCESS_KEY_ID=AK "AWS_SECRET_ACCESS_KEY=$SECRET" "HTTPS_PROXY=http://me:$SECRET@h:1" >"$file"
    chmod 600 "$file"
    run --separate-stderr env -i PATH="$PATH" LOG_LEVEL=debug "$PROGRAM" --env-file "$file" config
    echo "$output"
    [[ $status -eq 0 && $output != *"$SECRET"* ]]
    [[ -z $stderr ]]
    eval "$output"
    # shellcheck disable=SC2154  # set by the line above
    [[ $AWS_PROFILE == "it's # mine" && $POOL_THREADS == 16 && $LOG_LEVEL == debug && $POOL_PROCESSES == 0 ]]
    grep -qx '# AWS_SECRET_ACCESS_KEY is set and not shown' <<<"$output"
    grep -qx '# HTTPS_PROXY is set and not shown' <<<"$output"
    run "$PROGRAM" config SOCKET_MODE POOL_THREADS
    [[ $status -eq 0 && $output == "SOCKET_MODE='0660'"$'\n'"POOL_THREADS='128'" ]]
    run "$PROGRAM" config NO_SUCH_KEY
    [[ $status -eq 64 && $output == *'there is no key NO_SUCH_KEY'* ]]
}

# ---- scripts/doctor ----

doctor() {
    run "$CHECKOUT/scripts/doctor" --state "$BATS_FILE_TMPDIR/state" --program "$PROGRAM" "$@"
    echo "status $status"
    echo "$output"
}

@test "doctor: a stack that runs, one that has fallen over, one that was stopped" {
    local state=$BATS_FILE_TMPDIR/state options=() pool
    [[ -z ${DYNAMODB:-} ]] || options=(--env-file "$BATS_FILE_TMPDIR/near.env")
    start_near "$state"
    doctor "${options[@]}"
    [[ $status -eq 0 && ${lines[-1]} == 'Everything is in order.' ]]
    has ✓ packages ''
    has ✓ 'sessions table' ACTIVE
    has ✓ 'nginx configuration' "$state/nginx/nginx.conf"
    has ✓ 'pool process' runs
    has ✓ socket 'accepts connections'
    has ✓ workers '"healthy":true'
    has ✓ service "answers at $(url_of "$state")"

    pool=$(pid_of "$state" pool)
    kill -KILL "$pool"
    until_true 10 gone "$pool"
    doctor "${options[@]}"
    [[ $status -eq 1 && ${lines[-1]} == 'Not in order. pool process: has ended; '* ]]
    has ✗ socket 'accepts no connection'
    has ✗ service 'health/ready answers 503'

    stop_run "$state"
    doctor --port 0 "${options[@]}"
    [[ $status -eq 0 ]]
    has – 'pool process' 'does not run: scripts/run starts it'

    echo 'nonsense;' >>"$state/nginx/nginx.conf"
    doctor --port 0 "${options[@]}"
    [[ $status -eq 1 && ${lines[-1]} == *'nginx does not accept'* ]]
}

@test "doctor: of a .env without a key of AWS's the configuration alone is looked at" {
    printf 'POOL_THREADS=16\n' >"$BATS_TEST_TMPDIR/trial.env"
    AWS_ACCESS_KEY_ID=AKIAREAL AWS_SECRET_ACCESS_KEY=$SECRET doctor --state "$BATS_TEST_TMPDIR/state" --port 0 \
        --env-file "$BATS_TEST_TMPDIR/trial.env"
    [[ $status -eq 0 && ${lines[-1]} == 'Everything is in order.' ]]
    has – configuration "$BATS_TEST_TMPDIR/trial.env names neither a region nor an account of AWS's: scripts/run would use DynamoDB Local"
    has ✓ POOL_THREADS "16, from $BATS_TEST_TMPDIR/trial.env"
    [[ $output != *AKIAREAL* ]]
    printf 'POOL_THREADS=many\n' >"$BATS_TEST_TMPDIR/trial.env"
    doctor --state "$BATS_TEST_TMPDIR/state" --port 0 --env-file "$BATS_TEST_TMPDIR/trial.env"
    [[ $status -eq 1 && ${lines[-1]} == 'Not in order. '*'POOL_THREADS=many'* ]]
}

@test "doctor: a port that is taken, a program that is not there, an account that does not work" {
    doctor --state "$BATS_TEST_TMPDIR/state" --port "${aws##*:}"
    [[ $status -eq 1 && ${lines[-1]} == *"port: ${aws##*:} on 127.0.0.1 is taken by another program"* ]]
    doctor --state "$BATS_TEST_TMPDIR/state" --port 0 --program "$BATS_TEST_TMPDIR/nothing"
    [[ $status -eq 1 && ${lines[-1]} == *'`make` builds it'* ]]
    printf '%s\n' AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=secret AWS_REGION=us-east-1 \
        "AWS_ENDPOINT_URL_DYNAMODB=$aws" >"$BATS_TEST_TMPDIR/denied.env"
    script '[{"target": "Query", "times": 0, "error": "AccessDeniedException"}]'
    doctor --state "$BATS_TEST_TMPDIR/state" --port 0 --env-file "$BATS_TEST_TMPDIR/denied.env"
    [[ $status -eq 1 && ${lines[-1]} == 'Not in order. AccessDenied: the credentials do not permit Query.'* ]]
}
