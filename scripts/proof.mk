# What takes longer than a test: faults for minutes, overload, a soak. Included by the Makefile. Each prints what was
# measured; docs/reliability.md keeps the figures.

FAULTS_SECONDS   = 600
OVERLOAD_SECONDS = 10
SOAK_MINUTES     = 30

.PHONY: faults
faults: all ## a history of calls under faults of every kind, checked (FAULTS_SECONDS, FAULTS_SEED)
	FAULTS_SECONDS=$(FAULTS_SECONDS) tests/faults/mix

.PHONY: overload
overload: all ## 1, 2 and 4 times the load that the service carries (OVERLOAD_SECONDS each)
	tests/faults/capacity overload $(OVERLOAD_SECONDS)

.PHONY: soak
soak: all ## load for SOAK_MINUTES: memory, descriptors and p99 stay what they are
	tests/faults/capacity soak $(SOAK_MINUTES)

.PHONY: model
model: ## check the models of the protocols with spin
	tests/model/check
	tests/model/check --broken
