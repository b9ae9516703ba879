#!/bin/bash
# SPDX-License-Identifier: MIT
# The parsers of foreign bytes under libFuzzer. A target is a program */test/fuzz_NAME.c;
# its row below says how long inputs get, how many `make test` tries, and its seeds.
#
# usage: ci/fuzz.sh list
#        ci/fuzz.sh run SECONDS [NAME]   as long as wanted. What is found is kept in
#                                        build/cache/fuzz/NAME, and is where it goes on
#        ci/fuzz.sh test                 the same few inputs each time, from the seeds
#        ci/fuzz.sh can-build            is the compiler's runtime there? Else says why
# Inputs that break a parser are kept in build/fuzz/crashes/NAME, and how to replay one is
# printed. Exit status: 0 nothing broke, 1 something did, 2 usage, 3 cannot run.
set -u
cd "$(dirname "$0")/.." || exit 3
repo=$PWD # for fuzz-seeds.sh
export repo
kept=build/cache/fuzz crashes=build/fuzz/crashes
# What one input may take. `make test` ends a target after MAX_SECONDS even if it is not
# through with its tries, so that a slow machine is no failure.
INPUT_SECONDS=20 INPUT_MB=768 MAX_SECONDS=25

# ---- the targets ------------------------------------------------------------------------

# name, bytes of the longest input, tries in `make test`, seeds: files and folders from the
# root of the tree on, or make:F, for seeds_F of fuzz-seeds.sh. Targets without seeds bring
# a good image of their own, to which the input is a list of changes.
targets() {
	sed '/^#/d; /^$/d' <<-'END'
	# containers and kernels
	macho          16384  4000  make:kernels build/fixtures/obj/Example[FHL]*.o
	kext           65536  1500  build/fixtures/unsigned/*/Contents/MacOS/* make:cxx_kexts
	kernel_file    32768  4000  make:kernels sim/formats/image4/test/seeds/*.im*4
	prelink        32768  2500  make:kernels
	mkext           8192  8000  sim/formats/mkext/test/seeds
	fileset        16384  8000  make:collections
	lz              4096   600  make:kernels scenarios/fixtures/src/*.plist
	# signatures and what else is DER
	codesign       16384 15000  sim/formats/codesign/test/seeds
	image4          8192 20000  sim/formats/image4/test/seeds
	secureboot     16384  4000  sim/platform/secureboot/test/seeds
	# lists, databases, text
	plist          16384 10000  make:plists
	info           16384  5000  make:plists
	kext_policy    16384  2500  make:policy
	system_files   16384  8000  images/trees/*/files/*.plist make:system_files
	entitlements   16384 10000  make:programs
	nvram          16384  4000  images/trees/catalina/files/rootless.conf make:nvram
	scenario       16384  3000  scenarios/*.yaml
	control        16384  6000  make:control
	# disks
	gpt            65536  8000  make:disks
	reader          1024   250
	edit             512   150
	END
}

names() { targets | awk '{print $1}'; }
row() { targets | awk -v n="$1" '$1 == n'; }
program() { find build/fuzz -path "*/test/fuzz_$1" -type f -perm -u+x 2>/dev/null | head -n 1; }

# shellcheck source=ci/fuzz-seeds.sh
. ci/fuzz-seeds.sh

# make_seeds NAME DIR
make_seeds() {
	local seed made
	set -f
	for seed in $(row "$1" | cut -c1-2000 | awk '{$1 = $2 = $3 = ""; print}'); do
		set +f
		case $seed in
		make:*)
			made=$2/${seed#make:}
			mkdir -p "$made"
			(cd "$made" && "seeds_${seed#make:}") >"$2.log" 2>&1
			;;
		*)
			# shellcheck disable=SC2086 # patterns are wanted
			cp -r --parents $seed "$2/" 2>/dev/null
			;;
		esac
	done
	set +f
}

# ---- running one ------------------------------------------------------------------------

# fuzz NAME OPTIONS... FOLDERS...: the exit status of libFuzzer.
fuzz() {
	local name=$1 max status
	shift
	max=$(row "$name" | awk '{print $2}')
	mkdir -p "$crashes/$name"
	"$(program "$name")" -max_len="$max" -timeout=$INPUT_SECONDS -rss_limit_mb=$INPUT_MB \
		-artifact_prefix="$crashes/$name/" "$@"
	status=$?
	rmdir "$crashes/$name" 2>/dev/null
	return $status
}

# explain NAME LOG STATUS: what broke it, and how to see it again.
explain() {
	local input
	echo "    exit status $3"
	grep -E 'ERROR: |runtime error|SUMMARY|^ *#[0-9]+ .* (/|[a-z]+/)' "$2" | head -n 25 | sed 's/^/    /'
	input=$(sed -n 's/.*Test unit written to //p' "$2" | tail -n 1)
	[ -z "$input" ] || echo "    replay: $(program "$1") $input"
}

run() {
	local seconds=$1 name=$2 seeds log status
	seeds=$(mktemp -d) log=$(mktemp)
	make_seeds "$name" "$seeds"
	mkdir -p "$kept/$name"
	fuzz "$name" -max_total_time="$seconds" -print_final_stats=1 "$kept/$name" "$seeds" 2>&1 |
		tee "$log"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "fuzz: $name broke"; explain "$name" "$log" "$status"; }
	echo "fuzz: $name: what it found is in $kept/$name ($(find "$kept/$name" -type f | wc -l) inputs)"
	rm -rf "$seeds" "$log"
	return "$status"
}

# One line, as ci/run-units.sh has them.
test_one() {
	local name=$1 dir status start runs
	start=$(date +%s%N)
	dir=$(mktemp -d)
	mkdir "$dir/seeds" "$dir/found"
	make_seeds "$name" "$dir/seeds"
	fuzz "$name" -seed=1 -runs="$(row "$name" | awk '{print $3}')" -max_total_time=$MAX_SECONDS \
		-print_final_stats=1 "$dir/found" "$dir/seeds" >"$dir/log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log")
	printf '%-4s %6d ms  fuzz_%s, %s inputs\n' "$([ $status -eq 0 ] && echo ok || echo FAIL)" \
		$((($(date +%s%N) - start) / 1000000)) "$name" "${runs:-?}"
	[ $status -eq 0 ] || explain "$name" "$dir/log" $status
	rm -rf "$dir"
	return $status
}

# ---- what is asked for ------------------------------------------------------------------

# libFuzzer is a package of its own, which not every clang comes with.
can_build() {
	local dir
	dir=$(clang -print-runtime-dir 2>/dev/null) || { echo "clang is not installed"; return 3; }
	ls "$dir"/libclang_rt.fuzzer*.a >/dev/null 2>&1 || {
		echo "$dir has no libclang_rt.fuzzer: libclang-rt-dev is not installed"
		return 3
	}
}

# A target without a row, or a row without a target.
unlisted() {
	make -s --no-print-directory print-fuzz | tr ' ' '\n' | sed 's/.*fuzz_//; s/\.c$//' | sort |
		comm -3 - <(names | sort) | tr -d '\t'
}

test_all() {
	local why missing failed
	why=$(can_build) || { echo "skip  fuzzing: $why"; echo "0 passed, 0 failed, 1 skipped"; return 0; }
	missing=$(unlisted)
	[ -z "$missing" ] || echo "FAIL  not both a program and a row of ci/fuzz.sh: $missing"
	log=$(mktemp)
	names | xargs -P "${JOBS:-$(nproc)}" -n 1 "$0" test-one | tee "$log"
	failed=$(($(grep -c '^FAIL' "$log") + $(echo "$missing" | grep -c .)))
	echo "$(grep -c '^ok ' "$log") passed, $failed failed, 0 skipped"
	rm -f "$log"
	[ "$failed" -eq 0 ]
}

run_all() {
	local seconds=$1 status=0 name why
	shift
	why=$(can_build) || { echo "fuzz: $why" >&2; return 3; }
	for name in "$@"; do
		if [ -z "$(row "$name")" ] || [ -z "$(program "$name")" ]; then
			echo "fuzz: there is no target '$name'. There are:" >&2
			names | sed 's/^/  /' >&2
			return 2
		fi
	done
	# shellcheck disable=SC2046 # a list of words
	[ $# -gt 0 ] || set -- $(names)
	for name in "$@"; do run "$seconds" "$name" || status=1; done
	return $status
}

case ${1-} in
list) names ;;
run) [ $# -ge 2 ] || exit 2; shift; run_all "$@" ;;
test) test_all ;;
test-one) test_one "$2" ;;
can-build) can_build ;;
*) sed -n '/^# usage/,/^# printed/s/^# //p' "$0" >&2; exit 2 ;;
esac
