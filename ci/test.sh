#!/bin/sh
# SPDX-License-Identifier: MIT
# make test: unit tests, checks of the sources, then the scenarios in the VM.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
jobs=${JOBS:-$(nproc)} # machines at a time
passed=0 failed=0 skipped=0

# Add up the closing line "N passed, N failed, N skipped" of one part.
part() {
	echo "== $1"
	shift
	{ "$@" 2>&1; echo "status $?"; } | tee "$log" | grep -v '^status [0-9]*$'
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	if [ -z "$line" ]; then
		failed=$((failed + 1))
		echo "no closing line: counted as one failure"
		return
	fi
	# shellcheck disable=SC2086 # the words are the point
	set -- $line
	passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + ${5:-0}))
	[ "$3" -ne 0 ] || [ "$(tail -n 1 "$log")" = "status 0" ] || {
		failed=$((failed + 1))
		echo "failed without saying where: counted as one failure"
	}
}

# shellcheck disable=SC2046 # program names have no spaces
part "unit tests" ci/run-units.sh $(make -s --no-print-directory print-tests)
part "checks" ci/check.sh
part "fuzz" ci/fuzz.sh test
part "scenarios" build/kextlab run --jobs "$jobs" --all
part "bad input" ci/bad-input.sh
# Each scenario once more with its cause taken away: it must fail where it says so.
part "negative controls" build/kextlab run --jobs "$jobs" --controls --all
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
