#!/usr/bin/env bats
# What DynamoDB may refuse, today or some day, and what is said of it.

load helpers
load auth_stack

setup_file() {
    export OWN_URL
    start_own_front
    OWN_URL=$(start_auth_stack own)
}

teardown_file() {
    stop_auth_stack own
    stop_own_front
}

teardown() {
    front_faults '{"rate":0,"kinds":[]}'
    judge
}

@test "an error that nobody has heard of is DynamoDB's trouble, not a bug" {
    user=$(unique)
    API=$OWN_URL/api/v1
    new_session
    front_faults '{"rate":1,"kinds":["unknown-400"]}'
    api GET "/sessions/$user"
    expect 503 dynamodb_unavailable
    [[ $(get .detail) == *SomethingNewException* ]] || fail 'the detail does not name the error'
    [[ -n $(header Retry-After) ]] || fail 'no Retry-After'
    post "/sessions/$sid/messages" '{"role":"user","content":"x"}'
    expect 503 dynamodb_unavailable
    front_faults '{"rate":0,"kinds":[]}'
    say 'works again'
}
