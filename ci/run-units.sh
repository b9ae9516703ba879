#!/bin/sh
# SPDX-License-Identifier: MIT
# Run test programs (sim/base/test.h), $JOBS at a time. Shows what failed or was skipped,
# closes with "N passed, N failed, N skipped". A program that crashes counts as one failure.
# usage: ci/run-units.sh PROGRAM...
set -u

# One program: what it says comes out in one piece.
run_one() {
	log=$(mktemp)
	start=$(date +%s%N)
	timeout "${TEST_TIMEOUT:-300}" "$1" >"$log" 2>&1 </dev/null
	status=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	{
		printf '%-4s %6d ms  %s\n' "$([ $status -eq 0 ] && echo ok || echo FAIL)" "$ms" "${1##*/}"
		if [ $status -ne 0 ]; then
			sed 's/^/    /' "$log"
		else
			grep '^skip ' "$log" | sed 's/^/    /'
		fi
	} >"$log.told"
	[ $status -eq 0 ] || grep -q '^[0-9]* passed, [1-9][0-9]* failed' "$log" ||
		printf 'fail\t%s\texit status %d\n' "${1##*/}" "$status" >>"$TEST_REPORT"
	cat "$log.told"
	rm -f "$log" "$log.told"
}

if [ "${1:-}" = --one ]; then
	run_one "$2"
	exit 0
fi
TEST_REPORT=$(mktemp)
export TEST_REPORT
export SRCDIR="${SRCDIR:-.}"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
trap 'rm -f "$TEST_REPORT"' EXIT
# From the end: the machine's own tests take longest, and are the last of the list.
printf '%s\n' "$@" | tac | xargs -r -n 1 -P "${JOBS:-$(nproc)}" "$0" --one
n() { grep -c "^$1	" "$TEST_REPORT"; }
printf '%d passed, %d failed, %d skipped\n' "$(n pass)" "$(n fail)" "$(n skip)"
[ "$(n fail)" -eq 0 ]
