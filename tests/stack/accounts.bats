#!/usr/bin/env bats
# bats file_tags=apart
# Real accounts as people have them: profiles of the AWS CLI with SSO, what requests call themselves, tables that are
# protected. AWS is a scripted server here.

load helpers
load scripted_aws
bats_require_minimum_version 1.5.0

SECRET=a-secret-that-is-never-shown

setup_file() { start_aws; }

teardown_file() { end_aws; }

setup() {
    find_aws
    command_server '{"reset": true}' >/dev/null
}

# script RULE…: what the server answers; the rest is 404.
script() { command_server "$(jq -nc '{reset: true, rules: $ARGS.positional}' --jsonargs "$@")" >/dev/null; }

seen() { command_server '{}' | jq -c ".seen[] | $1"; }

# in_time SECONDS: a time of that distance from now.
in_time() { date -u -d "$1 seconds" +%Y-%m-%dT%H:%M:%SZ; }

# write_profile: ~/.aws/config with an SSO session.
write_profile() {
    mkdir -p "$BATS_TEST_TMPDIR/.aws/sso/cache"
    cat >"$BATS_TEST_TMPDIR/.aws/config" <<EOF
[profile work]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = ChatSessions
region = eu-west-1
services = here
sdk_ua_app_id = shop
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
[services here]
dynamodb =
    endpoint_url = $aws
sso =
    endpoint_url = $aws
sso_oidc =
    endpoint_url = $aws
EOF
}

# write_token SECONDS: what `aws sso login` leaves, for so long.
write_token() {
    token=$BATS_TEST_TMPDIR/.aws/sso/cache/$(printf corp | sha1sum | cut -d' ' -f1).json
    jq -n --arg until "$(in_time "$1")" --arg registered "$(in_time 86400)" --arg secret "$SECRET" '{
        startUrl: "https://corp.awsapps.com/start", region: "eu-central-1", accessToken: "\($secret)-1",
        expiresAt: $until, clientId: "id", clientSecret: $secret, registrationExpiresAt: $registered,
        refreshToken: $secret}' >"$token"
}

role_credentials() {
    jq -nc --arg secret "$SECRET" '{path: "/federation/credentials",
        method: "GET", times: 0, body: {roleCredentials: {accessKeyId: "ASIAEXAMPLEROLE", secretAccessKey: $secret,
        sessionToken: $secret, expiration: ((now + 3600) * 1000 | floor)}}}'
}

@test "an SSO profile: the token of aws sso login gives the credentials of its role" {
    write_profile
    write_token 3600
    script "$(role_credentials)" '{"target": "GetItem", "times": 0, "body": {}}'
    program AWS_PROFILE=work -- check
    grep -qE '^  ✓ credentials +from profile work, SSO: access key \.\.\.ROLE with a session token' <<<"$output"
    [[ $output != *"$SECRET"* ]]
    [[ $(seen 'select(.path != "/") | .headers["x-amz-sso_bearer_token"]' | sort -u) == "\"$SECRET-1\"" ]]
    # DynamoDB is asked as the role, and by the name of the application.
    seen 'select(.target == "GetItem") | .headers.authorization' | grep -q 'Credential=ASIAEXAMPLEROLE/[0-9]*/eu-west-1/'
    [[ $(seen '.headers["user-agent"]' | sort -u) =~ ^\"chat-sessions/[^\ ]+\ app/shop\"$ ]]
}

@test "an SSO profile: a token that has expired is renewed, and kept for the AWS CLI" {
    write_profile
    write_token -60
    script "$(role_credentials)" '{"target": "GetItem", "times": 0, "body": {}}' \
        "{\"path\": \"/token\", \"method\": \"POST\", \"body\":
          {\"accessToken\": \"$SECRET-2\", \"expiresIn\": 3600, \"refreshToken\": \"$SECRET-3\"}}"
    program AWS_PROFILE=work -- check
    grep -qE '^  ✓ credentials +from profile work, SSO' <<<"$output"
    [[ $output != *"$SECRET"* ]]
    [[ $(seen 'select(.path == "/token") | .body | fromjson | .grantType') == '"refresh_token"' ]]
    [[ $(jq -r '.accessToken + " " + .refreshToken' "$token") == "$SECRET-2 $SECRET-3" ]]
    [[ $(stat -c %a "$token") == 600 ]]
}

@test "an SSO profile: without a good token the command that mends it is named" {
    write_profile
    program AWS_PROFILE=work -- check
    [[ $status -eq 69 && ${lines[-1]} == *'run `aws sso login --profile work`'* ]]
    write_token -60
    script '{"path": "/token", "status": 400, "body": {"error": "invalid_grant"}}'
    program AWS_PROFILE=work -- check
    [[ $status -eq 69 && ${lines[-1]} == *'its SSO token has expired: run `aws sso login --profile work`'* ]]
    [[ $output != *"$SECRET"* ]]
}

@test "the FIPS endpoint of the region is named, and no configured one beside it" {
    program AWS_USE_FIPS_ENDPOINT=true AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY="$SECRET" \
        AWS_ENDPOINT_URL_DYNAMODB="$aws" -- create-tables
    [[ $status -eq 78 && ${lines[-1]} == *'an endpoint of DynamoDB is configured, and AWS_USE_FIPS_ENDPOINT'* ]]
    program AWS_USE_FIPS_ENDPOINT=perhaps -- check --configuration
    [[ $status -eq 78 && $output == *'AWS_USE_FIPS_ENDPOINT=perhaps in the environment is not allowed: expected true or false'* ]]
}

# ---- create-tables --protect ----

# A description of a table, by partition key, sort key and its type.
described() {
    jq -nc --arg p "$1" --arg s "$2" --arg t "$3" --argjson times "$4" '{target: "DescribeTable", times: $times,
        body: {Table: {TableStatus: "ACTIVE", KeySchema: [{AttributeName: $p}, {AttributeName: $s}],
        AttributeDefinitions: [{AttributeName: $p, AttributeType: "S"}, {AttributeName: $s, AttributeType: $t}]}}}'
}

# script_tables RULE…: both tables are there; the rules answer what protects them.
script_tables() {
    script "$(described user_id session_id S 2)" "$(described session_id timestamp N 2)" \
        '{"target": "DescribeTable", "times": 0, "body": {"Table": {}}}' "$@"
}

create_protected() {
    program AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY="$SECRET" AWS_REGION=us-east-1 "$@" -- create-tables --protect
}

@test "create-tables --protect protects tables that are there, and says so" {
    script_tables '{"target": "UpdateTable", "times": 0}' '{"target": "UpdateContinuousBackups", "times": 0}'
    create_protected AWS_ENDPOINT_URL_DYNAMODB="$aws"
    [[ $status -eq 0 ]]
    [[ $(grep -c 'has deletion protection$' <<<"$output") -eq 2 ]]
    [[ $(grep -c 'has point-in-time recovery$' <<<"$output") -eq 2 ]]
    [[ $(seen 'select(.target == "UpdateTable") | .body | fromjson | .DeletionProtectionEnabled') == $'true\ntrue' ]]
    # Without the option nothing of it is asked for.
    script_tables
    program AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY="$SECRET" AWS_REGION=us-east-1 \
        AWS_ENDPOINT_URL_DYNAMODB="$aws" -- create-tables
    [[ $status -eq 0 ]]
    [[ -z $(seen 'select(.target | startswith("Update"))') ]]
}

@test "create-tables --protect: what is not permitted is named, with a status of its own" {
    script_tables '{"target": "UpdateTable", "times": 0}' \
        '{"target": "UpdateContinuousBackups", "error": "AccessDeniedException"}'
    create_protected AWS_ENDPOINT_URL_DYNAMODB="$aws"
    [[ $status -eq 77 ]]
    [[ ${lines[-1]} == *'the AWS credentials do not permit dynamodb:UpdateContinuousBackups on it' ]]
}

@test "--protect belongs to create-tables alone" {
    program -- check --protect
    [[ $status -eq 64 && ${lines[0]} == *'only create-tables takes this option: --protect' ]]
}

@test "create-tables --protect: DynamoDB Local has the first half" {
    [[ -n ${DYNAMODB:-} ]] || skip 'no DynamoDB Local'
    create_protected AWS_ENDPOINT_URL_DYNAMODB="$DYNAMODB" DYNAMODB_CHAT_SESSIONS_TABLE=protected-sessions \
        DYNAMODB_CHAT_MESSAGES_TABLE=protected-messages
    [[ $status -eq 69 ]]
    [[ $output == *'protected-messages has deletion protection'* ]]
    [[ ${lines[-1]} == *'the server does not know UpdateContinuousBackups (DynamoDB Local does not)' ]]
}
