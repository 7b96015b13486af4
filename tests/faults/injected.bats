#!/usr/bin/env bats
# After other tests with FAULT_RATE: the front has really done to their calls all that it chooses from.

@test "each kind of fault has been injected" {
    [[ ${FAULT_RATE:-0} != 0 ]] || skip 'a run without faults'
    local kinds never
    # The last fault may have been meant for the next connection, which is this one.
    kinds=$(curl -sS --noproxy '*' --retry 2 --retry-all-errors "$FRONT/-/faults" | jq -c .kinds)
    never=$(curl -sS --noproxy '*' "$FRONT/-/stats" | jq -c --argjson kinds "$kinds" '$kinds - (.faults | keys)')
    echo "never injected: $never"
    [[ $never == '[]' ]]
}
