#!/bin/bash
# SPDX-License-Identifier: MIT
# make bench: times as ratios against a peer, measured in turn in one run; then where
# the time of one scenario goes. Medians of RUNS (5) pairs; files are warm in the cache.
# usage: ci/bench.sh [writer|sealer|verifier|reader|scenario ...]
set -eu
cd "$(dirname "$0")/.."
runs=${RUNS:-5}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/kextlab-bench.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

now() { date +%s%N; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# Seconds that a shell command takes, its output thrown away.
seconds() {
	local start
	start=$(now)
	bash -c "$1" >"$tmp/out" 2>&1 || { cat "$tmp/out" >&2; exit 3; }
	awk -v n=$(($(now) - start)) 'BEGIN {printf "%.4f\n", n / 1e9}'
}

# pair LABEL OURS PEER-NAME PEER: run them in turn and print medians and their ratio.
pair() {
	: >"$tmp/a"; : >"$tmp/b"; : >"$tmp/r"
	seconds "$2" >/dev/null
	seconds "$4" >/dev/null
	for _ in $(seq "$runs"); do
		a=$(seconds "$2") b=$(seconds "$4")
		echo "$a" >>"$tmp/a"; echo "$b" >>"$tmp/b"
		awk -v a="$a" -v b="$b" 'BEGIN {print a / b}' >>"$tmp/r"
	done
	printf '%-38s %8.3f s   %-18s %8.3f s   ratio %.2f\n' "$1" "$(median <"$tmp/a")" \
		"$3" "$(median <"$tmp/b")" "$(median <"$tmp/r")"
}

peak() { # LABEL COMMAND: peak memory of one run
	/usr/bin/env bash -c "ulimit -c 0; exec $2" >/dev/null 2>&1 &
	local pid=$! max=0 now_kib
	while kill -0 $pid 2>/dev/null; do
		now_kib=$(awk '/^VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null || echo 0)
		[ "${now_kib:-0}" -le "$max" ] || max=$now_kib
	done
	printf '%-38s %8s KiB peak\n' "$1" "$max"
}

bench_writer() {
	tree=${BENCH_TREE:-/usr/include}
	size=3072
	pair "write an image of $tree" \
		"build/bench-apfs-write $tree $tmp/a.img $size && sync $tmp/a.img" \
		"mkfs.ext4 -d" \
		"rm -f $tmp/e.img; mkfs.ext4 -q -F -d $tree $tmp/e.img ${size}M && sync $tmp/e.img"
	peak "  its memory" "build/bench-apfs-write $tree $tmp/a.img $size"
}

# Sealing against what the processors can hash, which "openssl speed" says; of a file that
# is a hole, so that hashing is all there is to do, and of content, where copying counts.
bench_sealer() {
	mkdir "$tmp/hole" "$tmp/full"
	truncate -s 4G "$tmp/hole/f"
	head -c 1G /dev/urandom >"$tmp/full/f"
	cpus=$(nproc)
	for _ in $(seq "$runs"); do
		a=$(seconds "build/bench-apfs-write sealed $tmp/hole $tmp/s.img 5000")
		b=$(openssl speed -multi "$cpus" -seconds 2 -bytes 16384 -evp sha256 2>/dev/null |
			awk '/^sha256/ {print $2 * 1000 / 1e9}')
		awk -v t="$a" -v b="$b" 'BEGIN {r = 4.294967296 / t; print r, b, r / b}'
	done >"$tmp/rates"
	printf '%-38s %8.3f GB/s openssl speed     %8.3f GB/s  ratio %.2f\n' "seal 4 GiB of zeros" \
		"$(cut -d' ' -f1 "$tmp/rates" | median)" "$(cut -d' ' -f2 "$tmp/rates" | median)" \
		"$(cut -d' ' -f3 "$tmp/rates" | median)"
	pair "seal 1 GiB of content" "build/bench-apfs-write sealed $tmp/full $tmp/s.img" \
		"cp, sha256 at once" "cp --sparse=never $tmp/full/f $tmp/copy & \
			openssl dgst -sha256 $tmp/full/f; wait"
	peak "  its memory" "build/bench-apfs-write sealed $tmp/full $tmp/s.img"
	rm -rf "$tmp/hole" "$tmp/full" "$tmp/s.img" "$tmp/copy"
}

# Checking a whole seal, against what the processors can hash and what others check; the
# root hash alone, whose time must not depend on how much there is.
bench_verifier() {
	mkdir "$tmp/full"
	for mb in 10 100 1000; do
		head -c "${mb}M" /dev/urandom >"$tmp/full/f"
		build/bench-apfs-write sealed "$tmp/full" "$tmp/s.img" 3000 >/dev/null
		hash=$(build/kextlab seal show --live --json "$tmp/s.img" | jq -r .root_hash)
		printf '%-38s %14s\n' "root hash of $mb MB" \
			"$(build/apfs-tool root-hash "$tmp/s.img" "$hash")"
	done
	cpus=$(nproc)
	for _ in $(seq "$runs"); do
		a=$(build/kextlab seal verify --full --live --json "$tmp/s.img" |
			jq '.checked | (.node_bytes + .data_bytes) / 1e9 / .seconds')
		b=$(openssl speed -multi "$cpus" -seconds 1 -bytes 16384 -evp sha256 2>/dev/null |
			awk '/^sha256/ {print $2 * 1000 / 1e9}')
		awk -v a="$a" -v b="$b" 'BEGIN {print a, b, a / b}'
	done >"$tmp/rates"
	printf '%-38s %8.3f GB/s openssl speed     %8.3f GB/s  ratio %.2f\n' "verify 1 GB of content" \
		"$(cut -d' ' -f1 "$tmp/rates" | median)" "$(cut -d' ' -f2 "$tmp/rates" | median)" \
		"$(cut -d' ' -f3 "$tmp/rates" | median)"
	ours="build/kextlab seal verify --full --live $tmp/s.img"
	pair "  the same" "$ours" "7zz t" "7zz t $tmp/s.img"
	pair "  the same" "$ours" "apfsck" "apfsck $tmp/s.img"
	if command -v veritysetup >/dev/null; then
		root=$(veritysetup format --data-block-size=4096 "$tmp/full/f" "$tmp/tree" |
			awk '/^Root hash/ {print $3}')
		pair "  the same" "$ours" "veritysetup verify" \
			"veritysetup verify $tmp/full/f $tmp/tree $root"
	fi
	peak "  its memory" "$ours"
	rm -rf "$tmp/full" "$tmp/s.img" "$tmp/tree"
}

bench_reader() {
	tree=${BENCH_TREE:-/usr/include}
	[ -f "$tmp/a.img" ] || build/bench-apfs-write "$tree" "$tmp/a.img" 3072 >/dev/null
	pair "read every file of it" "build/apfs-tool read $tmp/a.img" "7zz t" "7zz t $tmp/a.img"
	peak "  its memory" "build/apfs-tool read $tmp/a.img"
}

bench_scenario() {
	name=${NAME:-catalina-shutdown-bug}
	build/kextlab run --quiet --json "$name" >"$tmp/first.json" 2>"$tmp/out" # fills the caches
	build/kextlab run --quiet --json "$name" >"$tmp/second.json" 2>"$tmp/out"
	jq -r '.[0] |
		"scenario \(.name), base disk cached, \(.accelerator): \(.duration_ms / 1000) s",
		(.phases_ms | to_entries[] | "  \(.key)\t\(.value / 1000) s"),
		"  peak memory of QEMU\t\(.qemu_peak_kib) KiB"' "$tmp/second.json" |
		awk -F'\t' '{printf (NF > 1 ? "%-38s %14s\n" : "%s%s\n"), $1, $2}'
}

[ $# -gt 0 ] || set -- writer sealer verifier reader scenario
for part; do
	"bench_$part"
done
