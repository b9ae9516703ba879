#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks of the sources, one function each. Closes with "N passed, N failed, N skipped".
set -u
passed=0 failed=0

check() {
	if out=$("$2" 2>&1) && [ -z "$out" ]; then
		passed=$((passed + 1))
		echo "pass  $1"
	else
		failed=$((failed + 1))
		echo "FAIL  $1"
		printf '%s\n' "$out" | sed 's/^/      /'
	fi
}

sources() { git ls-files '*.c' '*.h'; }

# Dependencies run downward only; see docs/architecture.md.
layers() {
	while read -r folder forbidden; do
		git grep -nE "^#include \"($forbidden)" -- "$folder/*.[ch]" ":!*/test/*"
	done <<-EOF
	sim/base sim/(formats|platform|carrier|vm)|components|images|harness
	sim/formats sim/(platform/[^k]|carrier|vm)|components|images|harness
	sim/platform sim/(carrier|vm)|components|images|harness
	components images|harness|sim/vm
	images harness
	EOF
	return 0
}

spdx() { for f in $(sources); do head -n 1 "$f" | grep -q SPDX || echo "$f: no SPDX line"; done; }
long_files() { sources | xargs wc -l | awk '$2 != "total" && $1 > 800 {print $2 ": " $1 " lines"}'; }
line_comments() { git grep -nE '^[[:space:]]*//' -- '*.c' '*.h' || true; }
left_over() { git grep -nwE 'TODO|FIXME|XXX' -- '*.c' '*.h' '*.sh' '*.mk' Makefile ':!ci/check.sh' || true; }
headers_alone() {
	for h in $(git ls-files '*.h' ':!*.bpf.h'); do
		grep -q 'vmlinux.h' "$h" && continue
		gcc -std=gnu17 -I. -Ibuild/obj -fsyntax-only -x c "$h" 2>&1 | grep -E 'error' | head -n 2
	done
}
rules() { sh ci/check-rules.sh; }
shell_syntax() { for f in $(git ls-files '*.sh' .ci/run); do sh -n "$f" 2>/dev/null || bash -n "$f"; done; }
untracked() { git status --porcelain --untracked-files=normal | grep '^??' || true; }

check "dependencies run downward" layers
check "every source says its licence" spdx
check "no file is longer than 800 lines" long_files
check "comments are block comments" line_comments
check "nothing says of itself that it is missing" left_over
check "headers compile alone" headers_alone
check "scripts parse" shell_syntax
check "tests that the rules name exist" rules
[ -z "${CI:-}" ] || check "the build leaves no untracked files" untracked
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
