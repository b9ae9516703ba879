#!/bin/bash
# SPDX-License-Identifier: MIT
# make bench: times as ratios against a peer, measured in turn in one run; then where
# the time of one scenario goes. Medians of RUNS (5) pairs; files are warm in the cache.
# Below each row stand the commands that were measured. Exit status 1 when a bound that
# is checked does not hold.
# usage: ci/bench.sh [writer|sealer|verifier|reads|reader|linker|kext|compress|scenario ...]
# LZFSE=FOLDER, with the sources of Apple's lzfse: its LZVN is a peer of ours.
set -eu
cd "$(dirname "$0")/.."
runs=${RUNS:-5}
cpus=$(nproc)
failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/kextlab-bench.XXXXXX")
cleanup() {
	! mountpoint -q "$tmp/mnt" || build/kextlab image unmount "$tmp/mnt" || true
	rm -rf "$tmp"
}
trap cleanup EXIT

hash_command="openssl speed -multi $cpus -seconds 1 -bytes 16384 -evp sha256"

now() { date +%s%N; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
column() { cut -d' ' -f"$1" | median; }
commands() { for c; do printf '      $ %s\n' "${c//$tmp\//}"; done; }

# Seconds that a shell command takes, its output thrown away.
seconds() {
	local start
	start=$(now)
	bash -c "$1" >"$tmp/out" 2>&1 || { cat "$tmp/out" >&2; exit 3; }
	awk -v n=$(($(now) - start)) 'BEGIN {printf "%.4f\n", n / 1e9}'
}

hash_rate() { # GB/s of SHA-256 on all processors
	$hash_command 2>/dev/null | awk '/^sha256/ {print $2 * 1000 / 1e9}'
}

# row LABEL UNIT PEER-NAME: lines "OURS PEERS" on standard input; medians, and that of ratios.
row() {
	awk '{print $1, $2, $1 / $2}' >"$tmp/pairs"
	printf '%-34s %9.3f %-5s %-20s %9.3f %-5s ratio %.2f\n' "$1" "$(column 1 <"$tmp/pairs")" \
		"$2" "$3" "$(column 2 <"$tmp/pairs")" "$2" "$(column 3 <"$tmp/pairs")"
}

# pair LABEL OURS PEER-NAME PEER: run them in turn, once more before that for the caches.
pair() {
	seconds "$2" >/dev/null
	seconds "$4" >/dev/null
	for _ in $(seq "$runs"); do
		echo "$(seconds "$2") $(seconds "$4")"
	done | row "$1" s "$3"
	commands "$2" "$4"
}

# against_hashing LABEL BYTES COMMAND: how fast it goes through so many bytes of content.
against_hashing() {
	seconds "$3" >/dev/null
	for _ in $(seq "$runs"); do
		awk -v n="$2" -v s="$(seconds "$3")" -v h="$(hash_rate)" 'BEGIN {print n / s / 1e9, h}'
	done | row "$1" GB/s "openssl speed"
	commands "$3" "$hash_command"
}

peak() { # COMMAND [KiB that it must stay below]: peak memory of one run
	bash -c "ulimit -c 0; exec $1" >/dev/null 2>&1 &
	local pid=$! max=0 now_kib
	while kill -0 $pid 2>/dev/null; do
		now_kib=$(awk '/^VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null || echo 0)
		[ "${now_kib:-0}" -le "$max" ] || max=$now_kib
	done
	printf '%-34s %9d KiB' "  its peak memory" "$max"
	bound "$max" "${2:-}"
	commands "$1"
}

bound() { # VALUE LIMIT: ends a row
	if [ -z "$2" ]; then
		echo
	elif awk -v v="$1" -v l="$2" 'BEGIN {exit !(v > 0 && v < l)}'; then
		echo "   below $2: ok"
	else
		echo "   below $2: NO"
		failed=1
	fi
}

content() { # MB: a tree with one file of that size that nothing compresses
	mkdir -p "$tmp/tree"
	head -c "${1}MB" /dev/urandom >"$tmp/tree/f"
}

bench_writer() {
	tree=${BENCH_TREE:-/usr/include}
	size=3072
	ours="build/bench-apfs-write $tree $tmp/a.img $size"
	pair "write an image of $tree" "$ours && sync $tmp/a.img" "mkfs.ext4 -d" \
		"rm -f $tmp/e.img; mkfs.ext4 -q -F -d $tree $tmp/e.img ${size}M && sync $tmp/e.img"
	peak "$ours"
}

# Sealing against what the processors can hash: of a file that is a hole, so that hashing
# is all there is to do, and of content, where copying counts. The command waits until the
# disk has it all, and so do its peers.
bench_sealer() {
	mkdir "$tmp/hole"
	truncate -s 4GB "$tmp/hole/f"
	content 1000
	make="build/kextlab seal make $tmp/tree -o $tmp/s.img"
	against_hashing "seal 4 GB of zeros" 4e9 \
		"build/bench-apfs-write sealed $tmp/hole $tmp/h.img 5000"
	against_hashing "seal 1 GB of content" 1e9 \
		"build/bench-apfs-write sealed $tmp/tree $tmp/h.img"
	pair "  the same, on the disk" "rm -f $tmp/s.img; $make" "cp, sha256 at once" \
		"cp --sparse=never $tmp/tree/f $tmp/copy & openssl dgst -sha256 $tmp/tree/f; \
wait; sync $tmp/copy"
	pair "  the same, on the disk" "rm -f $tmp/s.img; $make" "veritysetup format" \
		"veritysetup format --data-block-size=4096 $tmp/tree/f $tmp/hashes; sync $tmp/hashes"
	rm -f "$tmp/s.img"
	peak "$make"
	rm -rf "$tmp/hole" "$tmp/tree" "$tmp/h.img" "$tmp/s.img" "$tmp/copy" "$tmp/hashes"
}

# The root hash alone: nothing is walked, so that it does not grow with what there is, but
# for a block more when the object map, by which the hash is found, gets a level more (10 MB:
# one; 1000 MB: two). In proportion it would be 100 times. The best of some: microseconds are
# easily doubled by what else runs.
bench_root_hash() {
	for mb in 10 100 1000; do
		content $mb
		rm -f "$tmp/s.img"
		build/kextlab seal make "$tmp/tree" -o "$tmp/s.img" >/dev/null
		hash=$(build/kextlab seal show --live --json "$tmp/s.img" | jq -r .root_hash)
		for _ in $(seq 9); do
			build/apfs-tool root-hash "$tmp/s.img" "$hash"
		done | sort -n | awk 'NR == 1 {print $1}' | tee -a "$tmp/root-hash" |
			xargs printf '%-34s %9.1f us\n' "check the root hash of $mb MB"
		commands "build/apfs-tool root-hash $tmp/s.img $hash"
	done
	ratio=$(awk '{v[NR] = $1} END {print v[3] / v[1]}' "$tmp/root-hash")
	printf '%-34s %9.2f    ' "  1000 MB against 10 MB" "$ratio"
	bound "$ratio" 10
}

# A whole seal, against what the processors can hash and what others check.
bench_verifier() {
	bench_root_hash # leaves 1 GB
	ours="build/kextlab seal verify --full $tmp/s.img"
	against_hashing "verify 1 GB of content" 1e9 "$ours"
	pair "  the same" "$ours" "7zz t" "7zz t $tmp/s.img"
	pair "  the same" "$ours" "apfsck" "apfsck $tmp/s.img"
	root=$(veritysetup format --data-block-size=4096 "$tmp/tree/f" "$tmp/hashes" |
		awk '/^Root hash/ {print $3}')
	pair "  the same" "$ours" "veritysetup verify" \
		"veritysetup verify $tmp/tree/f $tmp/hashes $root"
	peak "$ours" 65536
	rm -rf "$tmp/tree" "$tmp/s.img" "$tmp/hashes"
}

# Seconds of the first read of the served file, and of the one after it.
served_reads() {
	build/kextlab image mount "$tmp/s.img" "$tmp/mnt" >/dev/null
	echo "$(seconds "$read_served") $(seconds "$read_served")"
	build/kextlab image unmount "$tmp/mnt"
}

# A file through the server, checked against the seal: on this machine against 7-Zip, in
# the VM against the kernel's driver for APFS.
bench_reads() {
	content 100
	mkdir -p "$tmp/mnt"
	build/kextlab seal make "$tmp/tree" -o "$tmp/s.img" >/dev/null
	read_served="dd if=$tmp/mnt/f of=/dev/null bs=1M"
	extract="7zz x -so $tmp/s.img f"
	if served_reads >"$tmp/out" 2>&1; then
		for _ in $(seq "$runs"); do
			echo "$(served_reads) $(seconds "$extract")"
		done >"$tmp/reads"
		cut -d' ' -f1,3 "$tmp/reads" | row "first read of 100 MB, served" s "7zz x"
		cut -d' ' -f2,3 "$tmp/reads" | row "  again" s "7zz x"
		commands "build/kextlab image mount $tmp/s.img $tmp/mnt; $read_served; $read_served" \
			"$extract"
	else
		echo "reads of a mount are left out: $(head -n 1 "$tmp/out")"
	fi
	rm -rf "$tmp/tree" "$tmp/s.img"
	bench_reads_vm
}

bench_reads_vm() {
	in_vm="build/obj/components/boot/test/test_parts speed"
	V=1 $in_vm >"$tmp/speed" 2>&1 || { cat "$tmp/speed" >&2; exit 3; }
	# "note <tab> WHO <tab> 32 MiB: first N ms, again N ms; program: first N ms, again N ms"
	value() { awk -F'\t' -v who="$1" '$2 == who {print $3}' "$tmp/speed" |
		grep -oE '(first|again) [0-9.]+' | sed -n "$2p" | cut -d' ' -f2; }
	while IFS='|' read -r label at; do
		echo "$(value 'served, checked' "$at") $(value "kernel's driver" "$at")" |
			row "$label" ms "kernel's apfs mount"
	done <<-EOT
	VM: first read of 32 MiB, served|1
	  again|2
	VM: first start of a program|3
	  again|4
	EOT
	commands "V=1 $in_vm"
}

bench_reader() {
	tree=${BENCH_TREE:-/usr/include}
	[ -f "$tmp/a.img" ] || build/bench-apfs-write "$tree" "$tmp/a.img" 3072 >/dev/null
	pair "read every file of $tree" "build/apfs-tool read $tmp/a.img" "7zz t" "7zz t $tmp/a.img"
	peak "build/apfs-tool read $tmp/a.img"
}

# The linkers, on the same two objects of a C++ driver: objects to a bundle, a process each
# time; then bundles into a prelinked kernel, whose time and memory for a kext must not
# depend on how many there are. The best of some.
driver=build/fixtures/ExampleEthernet-1.0.kext
objs=build/fixtures/obj/ExampleEthernet-1.0
lld="$(command -v ld64.lld ld64.lld-14 | head -n 1) -arch x86_64 \
-platform_version macos 10.15 10.15 -bundle -undefined dynamic_lookup -o $tmp/bundle \
$objs.o $objs-kmod.o"

bench_linker() {
	local n exe=$driver/Contents/MacOS/ExampleEthernet

	pair "link objects to 100 bundles" \
		"for i in {1..100}; do build/kextld -o $tmp/kext $objs.o $objs-kmod.o; done" \
		"ld64.lld" "for i in {1..100}; do $lld; done"
	pair "link 100 kexts into a kernel" "build/bench-kxld 100 $exe" \
		"ld64.lld" "for i in {1..100}; do $lld; done"
	for n in 10 100 1000; do
		for _ in $(seq "$runs"); do
			build/bench-kxld $n $exe
		done | sort -n -k 2 | head -n 1 >"$tmp/kxld-$n"
		awk '{printf "%-34s %9.1f ms    %9d KiB\n", "link " $1 " kexts", $2, $3}' "$tmp/kxld-$n"
		commands "build/bench-kxld $n $exe"
	done
	# N, ms and KiB of each; what the kernel takes is in all of them
	cat "$tmp/kxld-10" "$tmp/kxld-100" "$tmp/kxld-1000" >"$tmp/kxld"
	for what in time memory; do
		column=$([ $what = time ] && echo 2 || echo 3)
		ratio=$(awk -v c="$column" '{n[NR] = $1; v[NR] = $c} END {
			print (v[3] - v[2]) / (n[3] - n[2]) / ((v[2] - v[1]) / (n[2] - n[1]))}' \
			"$tmp/kxld")
		printf '%-36s %7.2f    ' "  $what of one more, at 1000 to 100" "$ratio"
		bound "$ratio" 3
	done
}

be32() { od -An -tu4 --endian=big -j"$2" -N4 "$1" | tr -d ' '; } # FILE OFFSET

# What an executable was signed with, for openssl: code directory, CMS, its certificates.
take_signature() {
	local super i at
	super=$(llvm-objdump --macho --private-headers "$1" |
		awk '/LC_CODE_SIGNATURE/ {found = 1} found && $1 == "dataoff" {print $2; exit}')
	for i in $(seq 0 $(($(be32 "$1" $((super + 8))) - 1))); do
		at=$((super + $(be32 "$1" $((super + 16 + 8 * i)))))
		case $(be32 "$1" $((super + 12 + 8 * i))) in
		0) tail -c +$((at + 1)) "$1" | head -c "$(be32 "$1" $((at + 4)))" >"$tmp/cd" ;;
		65536) tail -c +$((at + 9)) "$1" |
			head -c $(($(be32 "$1" $((at + 4))) - 8)) >"$tmp/cms" ;;
		esac
	done
	openssl pkcs7 -inform DER -in "$tmp/cms" -print_certs -out "$tmp/certs"
}

# All that kext check does with a C++ driver, program start included, against the two big
# parts of it by others: who signed it, and its link. On a machine that has nothing else to
# do the best of some takes less than 50 ms.
bench_kext() {
	local exe ours start
	build/kextlab kext sign --output "$tmp/signed" "$driver" >/dev/null
	exe=$tmp/signed/${driver##*/}/Contents/MacOS/ExampleEthernet
	take_signature "$exe"
	ours="build/kextlab kext check $tmp/signed/${driver##*/}"
	pair "check a kext" "$ours" "openssl, ld64.lld" "openssl cms -verify -binary \
-inform DER -in $tmp/cms -content $tmp/cd -CAfile $tmp/certs -purpose any -ignore_critical \
-out $tmp/out.cms && llvm-nm $exe && $lld"
	for _ in $(seq 20); do # as it is, without a shell and date(1) around it
		start=$EPOCHREALTIME
		$ours >"$tmp/out"
		echo "$start $EPOCHREALTIME"
	done | awk '{ms = ($2 - $1) * 1000} NR == 1 || ms < best {best = ms} END {print best}' \
		>"$tmp/best"
	printf '%-34s %9.1f ms ' "  it alone, the best of 20" "$(cat "$tmp/best")"
	bound "$(cat "$tmp/best")" 50
}

# Lines of bench-lz: "NAME MB/s-packing MB/s-unpacking BYTES". What is missing is told.
lz_peers() {
	build/bench-lz "$1"
	if [ -n "${LZFSE:-}" ]; then
		"$tmp/bench-lzfse" "$1"
	fi
	if command -v lz4 >/dev/null; then
		lz4 -b1 -i1 "$1" 2>&1 | grep -oE '> *[0-9]+ .[0-9.]+., *[0-9.]+ MB/s *, *[0-9.]+' |
			tail -n 1 | awk -F'[>(), ]+' '{print "lz4-1", $4, $6, $2}'
	fi
	if $lzss_python -c 'import lzss' 2>/dev/null; then
		$lzss_python - "$1" <<-'EOT'
		import lzss, sys, time
		def best(work, data):
		    least = 1e9
		    for _ in range(3):
		        start = time.perf_counter()
		        out = work(data)
		        least = min(least, time.perf_counter() - start)
		    return least, out
		data = open(sys.argv[1], "rb").read()
		c, packed = best(lzss.compress, data)
		d, back = best(lzss.decompress, packed)
		assert back == data
		print("LZSS.C", len(data) / c / 1e6, len(data) / d / 1e6, len(packed))
		EOT
	fi
}

# Packing in memory, on code of two kinds: a prelinked kernel, which is mostly alike, and
# this program, which is not. LZSS.C is Okumura's, as kext_tools has it.
bench_compress() {
	local file lzss_python=/usr/bin/python3
	[ -n "${LZFSE:-}" ] || echo "Apple's lzfse is left out: LZFSE=FOLDER with its sources"
	[ -z "${LZFSE:-}" ] || cc -O2 -DLZFSE -D_FILE_OFFSET_BITS=64 -I. -I"$LZFSE/src" \
		-o "$tmp/bench-lzfse" sim/formats/prelink/test/bench_lz.c \
		"$LZFSE"/src/lzvn_*.c build/obj/libkextlab.a
	command -v lz4 >/dev/null || echo "lz4 is left out: not installed"
	$lzss_python -c 'import lzss' 2>/dev/null ||
		echo "LZSS.C is left out: python3-lzss is not installed"
	build/kextlab kernel build --release 10.15.0 --compression none -o "$tmp/plk" \
		--extensions build/fixtures/ExampleService-1.0.kext >/dev/null
	for file in "$tmp/plk" build/kextlab; do
		echo "${file##*/}, $(stat -c %s "$file") bytes: MB/s of it, bytes left, and ours to theirs"
		lz_peers "$file" >"$tmp/lz"
		awk '{n[NR] = $1; pack[NR] = $2; unpack[NR] = $3; left[NR] = $4}
			END {
				for (o = 1; o <= 2; o++) {
					printf "  %-10s pack %7.1f       unpack %7.1f       left %8d\n",
						n[o], pack[o], unpack[o], left[o]
					for (p = 3; p <= NR; p++)
						printf "    %-8s pack %7.1f %5.2f unpack %7.1f %5.2f left %8d %5.3f\n",
							n[p], pack[p], pack[o] / pack[p], unpack[p],
							unpack[o] / unpack[p], left[p], left[o] / left[p]
				}
			}' "$tmp/lz"
		commands "build/bench-lz $file"
	done
}

bench_scenario() {
	name=${NAME:-catalina-shutdown-bug}
	build/kextlab run --quiet --json "$name" >"$tmp/first.json" 2>"$tmp/out" # fills the caches
	build/kextlab run --quiet --json "$name" >"$tmp/second.json" 2>"$tmp/out"
	jq -r '.[0] |
		"scenario \(.name), base disk cached, \(.accelerator): \(.duration_ms / 1000) s",
		(.phases_ms | to_entries[] | "  \(.key)\t\(.value / 1000) s"),
		"  peak memory of QEMU\t\(.qemu_peak_kib) KiB"' "$tmp/second.json" |
		awk -F'\t' '{printf (NF > 1 ? "%-34s %14s\n" : "%s%s\n"), $1, $2}'
	commands "build/kextlab run --quiet --json $name"
}

[ $# -gt 0 ] || set -- writer sealer verifier reads reader linker kext compress scenario
for part; do
	"bench_$part"
done
exit $failed
