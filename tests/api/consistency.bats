#!/usr/bin/env bats
# Which reads are strongly consistent. DynamoDB Local's always are, so it is looked at what is asked for.

load helpers
load auth_stack

setup_file() {
    export STRONG_URL WEAK_URL
    start_own_front
    STRONG_URL=$(start_auth_stack strong)
    WEAK_URL=$(start_auth_stack weak DYNAMODB_CONSISTENT_READ=0)
}

teardown_file() {
    stop_auth_stack strong
    stop_auth_stack weak
    stop_own_front
}

setup() {
    user=$(unique)
    new_session
    say one
    say two
    at=$(get .message.timestamp)
}

# The reads that the calls of the command took, as "consistent other".
reads() {
    local before after
    before=$(front_stats .reads)
    "$@"
    after=$(front_stats .reads)
    jq -n -r "[$after, $before] | \"\(.[0].consistent - .[1].consistent) \(.[0].other - .[1].other)\""
}

plain_reads() {
    local path
    for path in "/sessions/$user" "/sessions/$user?sort=created" "/sessions/$user/$sid" \
        "/sessions/$sid/messages" "/sessions/$sid/messages?order=desc" "/sessions/$sid/messages?after=1" \
        "/sessions/$sid/messages/$at"; do
        api GET "$path"
        expect 200
    done
}

writes() {
    say three
    put "/sessions/$user/$sid" '{"title":"new"}'
    expect 200
    put "/sessions/$sid/messages/$at" '{"content":"new"}'
    expect 200
}

@test "every read is strongly consistent" {
    API=$STRONG_URL/api/v1
    [[ $(reads plain_reads) =~ ^[1-9][0-9]*\ 0$ ]] || fail "plain: $(reads plain_reads)"
    [[ $(reads writes) =~ ^[1-9][0-9]*\ 0$ ]] || fail "of writes: $(reads writes)"
}

@test "with DYNAMODB_CONSISTENT_READ=0 no plain read is" {
    API=$WEAK_URL/api/v1
    [[ $(reads plain_reads) =~ ^0\ [1-9][0-9]*$ ]] || fail "plain: $(reads plain_reads)"
}
