#!/usr/bin/env bats
# bats file_tags=apart
# chat-sessions purge: what goes, what stays. In tables of its own: it looks at all users.

load ../api/helpers

PROGRAM=${CHAT_SESSIONS_BIN:-$TOP/build/chat-sessions}
OLD=2025-01-02T03:04:05.000000Z

setup_file() {
    printf '%s\n' "AWS_ENDPOINT_URL_DYNAMODB=$DYNAMODB" AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \
        AWS_REGION=us-east-1 "DYNAMODB_CHAT_SESSIONS_TABLE=$(unique sessions)" \
        "DYNAMODB_CHAT_MESSAGES_TABLE=$(unique messages)" >"$BATS_FILE_TMPDIR/env"
    chmod 600 "$BATS_FILE_TMPDIR/env"
    program create-tables
}

# The helpers' own names of the tables are the run's.
use_own_tables() {
    SESSIONS_TABLE=$(sed -n 's/^DYNAMODB_CHAT_SESSIONS_TABLE=//p' "$BATS_FILE_TMPDIR/env")
    MESSAGES_TABLE=$(sed -n 's/^DYNAMODB_CHAT_MESSAGES_TABLE=//p' "$BATS_FILE_TMPDIR/env")
}

teardown_file() {
    local table
    use_own_tables
    for table in "$SESSIONS_TABLE" "$MESSAGES_TABLE"; do
        dynamo DeleteTable "{\"TableName\":\"$table\"}" >/dev/null
    done
}

setup() {
    use_own_tables
    user=$(unique)
    # What an earlier test has left is no business of this one.
    program purge --older-than 1d >/dev/null
}

program() { "$PROGRAM" --env-file "$BATS_FILE_TMPDIR/env" "$@"; }

# old_session [UPDATED_AT]: one with two messages; sets sid.
old_session() {
    sid=$(cat /proc/sys/kernel/random/uuid)
    store_session "{\"user_id\":$(quote "$user"),\"session_id\":\"$sid\",\"title\":\"old\",\"message_count\":2,\"version\":3,
        \"last_timestamp\":6,\"created_at\":\"$OLD\",\"updated_at\":\"${1:-$OLD}\"}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":0,\"user_id\":$(quote "$user")}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":5,\"message_id\":\"m\",\"role\":\"user\",\"content\":\"c\"}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":6,\"message_id\":\"n\",\"role\":\"user\",\"content\":\"c\"}"
}

ago() { date -u -d "$1 ago" +%Y-%m-%dT%H:%M:%S.000000Z; }

everything() {
    dynamo Scan "{\"TableName\":\"$SESSIONS_TABLE\"}" | jq -S -c '.Items | sort'
    dynamo Scan "{\"TableName\":\"$MESSAGES_TABLE\"}" | jq -S -c '.Items | sort'
}

# purge RESULT OPTION…
purge() {
    local wanted=$1
    shift
    run program purge "$@"
    echo "$output"
    is "$status" 0
    is "${lines[-1]}" "$wanted"
}

@test "old sessions go whole, others stay" {
    local gone=() stays
    old_session
    gone+=("$sid")
    old_session "$(ago '366 days')"
    gone+=("$sid")
    old_session "$(ago '364 days')"
    stays=$sid
    purge 'purged 2 sessions with 4 messages, and what was left of 0 deletes and 0 builds; 0 were used meanwhile, 0 failed' \
        --older-than 365d
    for sid in "${gone[@]}"; do
        nothing_left "$user" "$sid"
    done
    is "$(stored_message_count "$stays")" 2
    is "$(stored_session_count "$user")" 1
}

@test "a dry run lists them and changes nothing" {
    local before
    user="$(unique) \"ä"
    old_session
    before=$(everything)
    purge 'would purge 1 sessions, and what is left of 0 deletes and 0 builds' --older-than 365d --dry-run
    is "${lines[0]}" "$OLD"$'\tsession\t'"$(quote "$user")"$'\t'"\"$sid\""
    is "$(everything)" "$before"
}

@test "with --archived only archived ones" {
    local archived
    old_session
    archived=$sid
    set_session_attribute "$user" "$sid" archived '{"BOOL":true}'
    old_session
    purge 'purged 1 sessions with 2 messages, and what was left of 0 deletes and 0 builds; 0 were used meanwhile, 0 failed' \
        --older-than 365d --archived
    nothing_left "$user" "$archived"
    is "$(stored_message_count "$sid")" 2
}

@test "sessions of earlier backends: by their own times, and not at all without one" {
    local id
    for id in updated created none broken; do
        store_message "{\"session_id\":\"$user-$id\",\"timestamp\":5,\"message_id\":\"m\",\"role\":\"user\",\"content\":\"c\"}"
    done
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$user-updated\",\"updated_at\":\"2025-01-02T03:04:05.678\"}"
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$user-created\",\"created_at\":\"2025-01-02T03:04:05\"}"
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$user-none\",\"title\":\"t\"}"
    store_session "{\"user_id\":\"$user\",\"session_id\":\"$user-broken\",\"updated_at\":\"1999\"}"
    purge 'purged 2 sessions with 2 messages, and what was left of 0 deletes and 0 builds; 0 were used meanwhile, 0 failed' \
        --older-than 365d
    nothing_left "$user" "$user-updated"
    nothing_left "$user" "$user-created"
    is "$(stored_message_count "$user-none")" 1
    is "$(stored_message_count "$user-broken")" 1
}

@test "what a delete left a day ago goes, one of today's does not" {
    local gone
    old_session "$(ago '1 hour')"
    gone=$sid
    set_session_attribute "$user" "$sid" deleted_at "{\"S\":\"$(ago '25 hours')\"}"
    old_session
    set_session_attribute "$user" "$sid" deleted_at "{\"S\":\"$(ago '1 hour')\"}"
    purge 'purged 0 sessions with 2 messages, and what was left of 1 deletes and 0 builds; 0 were used meanwhile, 0 failed' \
        --older-than 365d
    nothing_left "$user" "$gone"
    is "$(stored_message_count "$sid")" 2
}

# build BUILDING_AT: a long session whose creation was cut off; sets sid.
build() {
    sid=$(cat /proc/sys/kernel/random/uuid)
    store_session "{\"user_id\":\"$user\",\"session_id\":\"!build#$sid\",\"created_session_id\":\"$sid\",\"building_at\":\"$1\"}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":0,\"user_id\":\"$user\",\"building_at\":\"$1\",\"built_until\":5}"
    store_message "{\"session_id\":\"$sid\",\"timestamp\":5,\"message_id\":\"m\",\"role\":\"user\",\"content\":\"c\"}"
}

@test "a build that nobody has finished for a day goes, one of today does not" {
    local gone
    build "$(ago '25 hours')"
    gone=$sid
    build "$(ago '1 hour')"
    purge 'would purge 0 sessions, and what is left of 0 deletes and 1 builds' --older-than 365d --dry-run
    purge 'purged 0 sessions with 0 messages, and what was left of 0 deletes and 1 builds; 0 were used meanwhile, 0 failed' \
        --older-than 365d
    nothing_left "$user" "$gone"
    is "$(stored_sessions "$user" | jq -r .session_id.S)" "!build#$sid"
    is "$(stored_message_count "$sid")" 1
}

@test "markers of keys stay as long as their sessions, and go with them" {
    printf '%s\n' '{"type":"session","session_id":"x"}' '{"type":"end","sessions":1,"messages":0}' |
        program import --user "$user" -
    is "$(stored_session_count "$user")" 2
    sid=$(stored_sessions "$user" | jq -r '.session_id.S | select(startswith("!") | not)')
    purge 'purged 0 sessions with 0 messages, and what was left of 0 deletes and 0 builds; 0 were used meanwhile, 0 failed' \
        --older-than 1d
    is "$(stored_session_count "$user")" 2
    set_session_attribute "$user" "$sid" updated_at "{\"S\":\"$OLD\"}"
    purge 'purged 1 sessions with 0 messages, and what was left of 0 deletes and 0 builds; 0 were used meanwhile, 0 failed' \
        --older-than 1d
    is "$(stored_session_count "$user")" 0
}

@test "more than a page of DynamoDB's" {
    local id
    for id in 1 2 3 4; do
        dynamo PutItem "$(jq -n -c --arg table "$SESSIONS_TABLE" --arg u "$user" --arg s "$user-$id" --arg t "$OLD" \
            '{TableName: $table, Item: {user_id: {S: $u}, session_id: {S: $s}, updated_at: {S: $t}, metadata: {S: ("x" * 390000)}}}')" >/dev/null
    done
    purge 'purged 4 sessions with 0 messages, and what was left of 0 deletes and 0 builds; 0 were used meanwhile, 0 failed' \
        --older-than 1d
    is "$(stored_session_count "$user")" 0
}

@test "bad arguments are named" {
    local age
    for age in '' 0d 365 d 1x 1dd -1d 99999d 1.5d; do
        run program purge --older-than "$age"
        is "$status" 64 "$age"
        is "${lines[0]}" "chat-sessions purge: --older-than must be 1d to 36500d (days): $age"
    done
    run program purge
    is "$status" 64
    is "${lines[0]}" 'chat-sessions purge: missing argument: --older-than DAYSd'
    run program purge --older-than 1d x
    is "$status" 64
}

@test "a DynamoDB that is not there is told" {
    run "$PROGRAM" --env-file <(sed 's/^AWS_ENDPOINT.*/AWS_ENDPOINT_URL_DYNAMODB=http:\/\/127.0.0.1:1/' "$BATS_FILE_TMPDIR/env") \
        purge --older-than 1d
    is "$status" 69
    [[ $output == *'DynamoDB'* ]]
}
