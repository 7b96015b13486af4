# The requests whose cost is counted: for each the name, the method, the status, the target and the body.
# Sourced. Everything in them has a fixed length, so that the count is the same each time.
# shellcheck shell=bash
# shellcheck disable=SC2034  # LOADS is for those who source this

# The stand-in answers whatever session is asked for, and says that alice owns it.
SESSION_ID=0194319a-0001-7001-9c1e-000000000001
CONTENT=$(printf 'The path along the lake is open from May on; take the early bus, since the late one does not stop. %.0s' 1 2 3)
CONTENT=${CONTENT:0:216}

LOADS=(get list-20 append create rename list-sessions unknown-path)

# describe_load NAME: sets method, status, target, body.
describe_load() {
    method=GET status=200 body=''
    case $1 in
    get) target=/sessions/alice/$SESSION_ID ;;
    list-20) target=/sessions/$SESSION_ID'/messages?limit=20' ;;
    append)
        method=POST status=201 target=/sessions/$SESSION_ID/messages
        body='{"role":"user","content":"'$CONTENT'"}'
        ;;
    create) method=POST status=201 target=/sessions body='{"user_id":"alice","title":"Planning the trip"}' ;;
    rename) method=PUT target=/sessions/alice/$SESSION_ID body='{"title":"Planning the trip, once more"}' ;;
    list-sessions) target=/sessions/alice ;;
    unknown-path) status=404 target=/nothing/is/here ;;
    *) return 1 ;;
    esac
}
