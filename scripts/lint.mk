# The static checks: `make lint`. Included by the Makefile. Each check of each file leaves a stamp in
# build/lint, so that only what has changed is looked at again.

LINT      = build/lint
JOBS      = $(shell nproc)
LINT_FLAGS = $(BASE_FLAGS) $(WARNINGS) -Werror

SHELL_FILES = $(shell grep -rlIE --exclude-dir=node_modules '^\#!.*[/ ](bash|sh)$$' scripts .ci tests nginx)
BASH_FILES  = $(shell find scripts tests -name node_modules -prune -o -name '*.bash' -print)
BATS_FILES  = $(shell find tests -name node_modules -prune -o -name '*.bats' -print)
DOCUMENTS   = $(wildcard *.md docs/*.md tests/*/*.md nginx/web/*/*.md tests/bench/*.template)
NODE_FILES  = $(shell find tests nginx -name node_modules -prune -o \( -name '*.js' -o -name '*.mjs' \) -print)

LINT_STAMPS = $(SOURCES:%.c=$(LINT)/%.gcc) $(SOURCES:%.c=$(LINT)/%.tidy) \
              $(UNIT_SOURCES:%.c=$(LINT)/%.clang)

.PHONY: lint
lint: ## compiler warnings as errors, clang-tidy, cppcheck, analyzer, shellcheck, format, includes, names, docs
	@$(MAKE) --no-print-directory --output-sync -k -j$(JOBS) lint-checks
	@echo "lint: clean"

.PHONY: lint-checks
lint-checks: $(LINT_STAMPS) $(LINT)/cppcheck.ok $(LINT)/format.ok $(LINT)/includes.ok $(LINT)/names.ok \
             $(LINT)/calls.ok $(LINT)/routes.ok $(LINT)/docs.ok $(LINT)/shell.ok $(LINT)/node.ok

# The warnings of gcc and its path-sensitive analyzer in one go. The list of headers that it writes
# serves the others as well, and the object shows lint-calls who calls whom. Off: the analyzer's idea of leaks, which loses sight of what is kept in an
# array or a structure; LeakSanitizer watches every test instead.
$(LINT)/%.gcc: %.c Makefile scripts/lint.mk
	@mkdir -p $(@D)
	@echo "gcc -fanalyzer $<"
	@gcc $(LINT_FLAGS) -O1 -fanalyzer -Wno-analyzer-malloc-leak -c -o $(@:.gcc=.o) $< \
	    -MMD -MP -MF $@.d -MT $@ -MT $(LINT)/$*.tidy
	@touch $@

# clang-tidy shows clang's own warnings too (clang-diagnostic-*).
$(LINT)/%.tidy: %.c Makefile scripts/lint.mk .clang-tidy
	@mkdir -p $(@D)
	@echo "clang-tidy $<"
	@clang-tidy --quiet $< -- $(LINT_FLAGS) 2> $@.log || { cat $@.log; exit 1; }
	@touch $@

# The unit tests: gcc's warnings come with building them, so only clang's are left.
$(LINT)/%.clang: %.c $(HEADERS) Makefile scripts/lint.mk
	@mkdir -p $(@D)
	@echo "clang $<"
	@clang $(LINT_FLAGS) -fsyntax-only $<
	@touch $@

-include $(SOURCES:%.c=$(LINT)/%.gcc.d)

# Off: invalidFunctionArg thinks that mmap takes no -1; legacyUninitvar does not see that a call fills an
# array (gcc and clang do); memleak misses what is kept in a structure, as above.
$(LINT)/cppcheck.ok: $(SOURCES) $(HEADERS) scripts/lint.mk
	@mkdir -p $(LINT)/cppcheck
	@echo "cppcheck cgi-src"
	@cppcheck --quiet -j$(JOBS) --cppcheck-build-dir=$(LINT)/cppcheck --std=c11 --library=posix \
	    --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem --suppress=invalidFunctionArg \
	    --suppress=legacyUninitvar --suppress=memleak -D_GNU_SOURCE -Icgi-src cgi-src
	@touch $@

$(LINT)/format.ok: $(SOURCES) $(HEADERS) $(UNIT_SOURCES) $(OTHER_C) .clang-format
	@mkdir -p $(@D)
	@echo "clang-format"
	@clang-format --dry-run -Werror $(SOURCES) $(HEADERS) $(UNIT_SOURCES) $(OTHER_C)
	@touch $@

$(LINT)/names.ok: $(SOURCES) $(HEADERS) scripts/lint-names
	@mkdir -p $(@D)
	@echo "scripts/lint-names"
	@scripts/lint-names
	@touch $@

$(LINT)/includes.ok: $(SOURCES) $(HEADERS) scripts/lint-includes
	@mkdir -p $(@D)
	@echo "scripts/lint-includes"
	@scripts/lint-includes
	@touch $@

$(LINT)/calls.ok: $(SOURCES:%.c=$(LINT)/%.gcc) scripts/lint-calls
	@echo "scripts/lint-calls"
	@scripts/lint-calls $(SOURCES:%.c=$(LINT)/%.o)
	@touch $@

$(LINT)/routes.ok: cgi-src/api/routes.c nginx/snippets/routes.conf scripts/lint-routes
	@mkdir -p $(@D)
	@echo "scripts/lint-routes"
	@scripts/lint-routes
	@touch $@

$(LINT)/docs.ok: $(DOCUMENTS) scripts/lint-docs
	@mkdir -p $(@D)
	@echo "scripts/lint-docs"
	@scripts/lint-docs
	@touch $@

$(LINT)/shell.ok: $(SHELL_FILES) $(BASH_FILES) $(BATS_FILES)
	@mkdir -p $(@D)
	@echo "shellcheck"
	@shellcheck $(SHELL_FILES)
	@$(if $(BASH_FILES),shellcheck -s bash $(BASH_FILES))
	@$(if $(BATS_FILES),shellcheck -s bats $(BATS_FILES))
	@touch $@

$(LINT)/node.ok: $(NODE_FILES)
	@mkdir -p $(@D)
	@for file in $(NODE_FILES); do node --check "$$file" || exit 1; done
	@touch $@
