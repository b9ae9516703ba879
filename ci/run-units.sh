#!/bin/sh
# SPDX-License-Identifier: MIT
# Run test programs (sim/base/test.h). Shows what failed or was skipped, closes with
# "N passed, N failed, N skipped". A program that crashes counts as one failure.
# usage: ci/run-units.sh PROGRAM...
set -u
TEST_REPORT=$(mktemp)
log=$(mktemp)
export TEST_REPORT
export SRCDIR="${SRCDIR:-.}"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
trap 'rm -f "$TEST_REPORT" "$log"' EXIT
for t in "$@"; do
	start=$(date +%s%N)
	timeout "${TEST_TIMEOUT:-300}" "$t" >"$log" 2>&1 </dev/null
	status=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	printf '%-4s %6d ms  %s\n' "$([ $status -eq 0 ] && echo ok || echo FAIL)" "$ms" "${t##*/}"
	if [ $status -ne 0 ]; then
		sed 's/^/    /' "$log"
		grep -q "^fail	" "$TEST_REPORT" && grep -q '^[0-9]* passed, ' "$log" ||
			printf 'fail\t%s\texit status %d\n' "${t##*/}" "$status" >>"$TEST_REPORT"
	else
		grep '^skip ' "$log" | sed 's/^/    /'
	fi
done
n() { grep -c "^$1	" "$TEST_REPORT"; }
printf '%d passed, %d failed, %d skipped\n' "$(n pass)" "$(n fail)" "$(n skip)"
[ "$(n fail)" -eq 0 ]
