#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What a user may do to kextlab, from outside: bad files, damaged caches, a host without
# QEMU or room, several runs at once, Ctrl-C and kill. Each gets a clear word and the right
# exit status, leaves no QEMU, and costs no earlier evidence, cache or image.
#
# Works on a copy of the build folder, so that the real caches are never touched.
# shellcheck disable=SC2086 # commands are kept in variables, a word each
set -u
cd "$(dirname "$0")/.." || exit 1
repo=$PWD
tmp=$(mktemp -d "${TMPDIR:-/tmp}/kextlab-bad.XXXXXX")
tree=$tmp/tree
passed=0 failed=0 skipped=0

cleanup() {
	chmod -R u+w "$tmp" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

pass() { passed=$((passed + 1)); printf 'pass  %s\n' "$1"; }
skip() { skipped=$((skipped + 1)); printf 'skip  %s: %s\n' "$1" "$2"; }
fail() {
	failed=$((failed + 1))
	printf 'fail  %s: %s\n' "$1" "$2"
	sed 's/^/      | /' "$tmp/out"
}

# expect NAME STATUS TEXT COMMAND...: its exit status, and a text among what it prints.
expect() {
	name=$1 want=$2 text=$3
	shift 3
	timeout 200 "$@" >"$tmp/out" 2>&1 </dev/null
	got=$?
	if [ "$got" -ne "$want" ]; then
		fail "$name" "status $got, not $want"
	elif ! grep -qF -e "$text" "$tmp/out"; then
		fail "$name" "does not say: $text"
	else
		pass "$name"
	fi
}

# holds NAME COMMAND...: it succeeds.
holds() {
	name=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then pass "$name"; else fail "$name" "no: $*"; fi
}

# ---- a tree of our own ----------------------------------------------------------------

make_tree() {
	mkdir -p "$tree/build/cache/carrier" "$tree/build/cache/layouts" "$tmp/bin"
	cp build/kextlab "$tree/build/"
	for d in guest system fixtures; do ln -s "$repo/build/$d" "$tree/build/$d"; done
	ln -s "$repo/scenarios" "$repo/images" "$tree/"
	ln -s "$repo/build/cache/carrier/current" "$tree/build/cache/carrier/current"
	# What takes long to make is borrowed, where it is there.
	cp -a --sparse=always build/cache/layouts/*.raw build/cache/layouts/*.sum \
		"$tree/build/cache/layouts/" 2>/dev/null
	cp build/cache/accel.json "$tree/build/cache/" 2>/dev/null
	# Whoever signed the fixtures is who a Mac of this tree trusts.
	cp -a build/cache/keys "$tree/build/cache/"
	cat >"$tmp/quick.yaml" <<-END
		name: quick
		summary: a boot and a shutdown
		release: "10.15.0"
		kexts: [{bundle: fixtures/ExampleFilter-1.0.kext}]
		steps: [boot: ]
	END
}

if [ ! -x build/kextlab ] || [ ! -e build/cache/carrier/current/stamp ]; then
	echo "skip  bad input: build/kextlab or the carrier is missing (make deps all)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
make_tree
cd "$tree" || exit 1
kextlab=$tree/build/kextlab
cache=$tree/build/cache
runs=$tree/build/runs/quick
fixtures=$repo/build/fixtures
quick="$kextlab run --quiet $tmp/quick.yaml"

# Of the quick scenario, whose disk is the only one since "the first run".
base_disk() { ls "$cache"/disks/*.raw; }
# Is no QEMU left that has the disk of one of our runs?
no_qemu() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		# The brackets keep grep from finding itself.
		grep -lz -e "$runs/.*/disk[.]qcow2" /proc/[0-9]*/cmdline 2>/dev/null || return 0
		sleep 0.3
	done
	return 1
}

# ---- scenario files and options -------------------------------------------------------

bad_yaml() { # NAME TEXT-OF-FILE MESSAGE
	printf '%b' "$2" >"$tmp/bad.yaml"
	expect "$1" 2 "bad.yaml:$3" "$kextlab" run "$tmp/bad.yaml"
}
head='name: bad\nsummary: s\nrelease: "10.15.0"\n'
bad_yaml "malformed YAML" "${head}steps: [\n" "5:1:"
bad_yaml "an unknown key" "${head}stpes: []\n" "4:1: unknown key 'stpes' (did you mean 'steps'?)"
bad_yaml "an unknown step" "${head}steps: [rebot: ]\n" \
	"4:9: unknown step 'rebot' (did you mean 'reboot'?)"
bad_yaml "an unknown release" 'name: bad\nsummary: s\nrelease: 10.15.l\nsteps: []\n' \
	"3:10: unknown release '10.15.l' (did you mean"
bad_yaml "bytes that are no text" "${head}steps: []\n# \377\n" "5:3: invalid leading UTF-8"
expect "a release on the command line" 2 "--release: unknown release 'x' (known: 10.15-b5," \
	"$kextlab" run --release x "$tmp/quick.yaml"

# ---- kexts ----------------------------------------------------------------------------

kext() { # NAME STATUS TEXT BUNDLE
	expect "$1" "$2" "$3" "$kextlab" run --quiet --kext "$4" catalina-shutdown-bug
}
filter=ExampleFilter.kext/Contents/MacOS/ExampleFilter
fresh() {
	rm -rf "$tmp/ExampleFilter.kext"
	cp -r "$fixtures/ExampleFilter-2.0.kext" "$tmp/ExampleFilter.kext"
}
kext "a missing kext" 2 "No such file" "$tmp/none.kext"
kext "a kext that is a file" 2 "not a bundle" "$tmp/quick.yaml"
mkdir "$tmp/Empty.kext"
kext "a folder that is no kext" 2 "has no Info.plist" "$tmp/Empty.kext"
kext "a 32-bit kext" 2 "has no code for x86_64" "$fixtures/ExampleI386-1.0.kext"
kext "a truncated kext" 2 "doesn't contain kernel extension code" \
	"$fixtures/ExampleTruncated-1.0.kext"
fresh && printf '\014\000\000\001' |
	dd of="$tmp/$filter" bs=1 seek=4 conv=notrunc 2>/dev/null
kext "an ARM kext" 2 "has no code for x86_64" "$tmp/ExampleFilter.kext"
fresh && cp /bin/sh "$tmp/$filter"
kext "an ELF program as a kext" 2 "doesn't contain kernel extension code" \
	"$tmp/ExampleFilter.kext"
fresh && rm "$tmp/$filter"
kext "a kext without its executable" 2 "can't be found" "$tmp/ExampleFilter.kext"
fresh && head -c 500 /dev/urandom >"$tmp/ExampleFilter.kext/Contents/Info.plist"
kext "an Info.plist of noise" 2 "not a property list" "$tmp/ExampleFilter.kext"
fresh && mkfifo "$tmp/ExampleFilter.kext/Contents/pipe"
kext "a kext with a pipe in it" 2 "neither file, folder nor link" "$tmp/ExampleFilter.kext"
mkdir "$tmp/it's a folder"
cp -r "$fixtures/ExampleUnresolved-1.0.kext" "$tmp/it's a folder/"
kext "an unresolved symbol, below a path with spaces" 1 "_example_symbol_of_no_kernel" \
	"$tmp/it's a folder/ExampleUnresolved-1.0.kext"
kext "a kext of another identifier" 0 "com.example.lib 1.0" "$fixtures/ExampleLib-1.0.kext"

# ---- disk images ----------------------------------------------------------------------

image() { # NAME TEXT FILE
	bad=
	for action in info ls check "cat:/x" "tree" "extract:/:$tmp/extracted"; do
		# shellcheck disable=SC2046 # words
		timeout 20 "$kextlab" image "${action%%:*}" "$3" \
			$(echo "$action" | tr ':' ' ' | cut -s -d' ' -f2-) >"$tmp/out" 2>&1
		got=$?
		[ "$got" -eq 2 ] && grep -qF -e "$2" "$tmp/out" || bad="$bad $action ($got)"
	done
	if [ -n "$bad" ]; then fail "$1" "$bad"; else pass "$1"; fi
}
rm -f "$cache"/disks/*
expect "the first run" 0 "1 passed" $quick
head -c 1000000 /dev/urandom >"$tmp/noise.img"
image "an image of noise" "no APFS container" "$tmp/noise.img"
: >"$tmp/empty.img"
image "an empty image" "no APFS container" "$tmp/empty.img"
truncate -s 8M "$tmp/ext4.img"
if mkfs.ext4 -q "$tmp/ext4.img" 2>/dev/null; then
	image "an ext4 image" "no APFS container" "$tmp/ext4.img"
else
	skip "an ext4 image" "no mkfs.ext4"
fi
truncate -s 8M "$tmp/gpt.img"
if printf 'label: gpt\n,,L\n' | sfdisk -q "$tmp/gpt.img" 2>/dev/null; then
	image "a GPT disk without APFS" "no APFS partition" "$tmp/gpt.img"
else
	skip "a GPT disk without APFS" "no sfdisk"
fi
qemu-img create -q -f qcow2 -F raw -b "$(base_disk)" "$tmp/cut.qcow2"
truncate -s 1000 "$tmp/cut.qcow2"
image "a truncated qcow2 image" "beyond the disk's end" "$tmp/cut.qcow2"
qemu-img create -q -u -f qcow2 -F raw -b "$tmp/gone.raw" "$tmp/orphan.qcow2" 8M
image "a qcow2 image without its backing file" "gone.raw: No such file" "$tmp/orphan.qcow2"
qemu-img create -q -f vmdk "$tmp/vmdk.img" 8M
image "an image of another program" "qemu-img convert" "$tmp/vmdk.img"
cp --sparse=always "$(base_disk)" "$tmp/cut.raw"
chmod u+w "$tmp/cut.raw"
truncate -s 250M "$tmp/cut.raw"
image "a truncated disk" "partition table" "$tmp/cut.raw"
echo precious >"$tmp/mine.raw"
expect "building over a file" 2 "is there already" "$kextlab" image build \
	--release 10.15.0 "$tmp/mine.raw"
holds "the file is as it was" grep -qx precious "$tmp/mine.raw"

# ---- kernel files ---------------------------------------------------------------------

expect "building a kernel" 0 "0 left out" "$kextlab" kernel build --release 10.15.0 \
	--extensions "$tree/build/fixtures/ExampleFilter-1.0.kext" -o "$tmp/plk"
expect "a kernel file of noise" 2 "invalid signature" "$kextlab" kernel show "$tmp/noise.img"
expect "an empty kernel file" 2 "truncated" "$kextlab" kernel show "$tmp/empty.img"
head -c 50000 "$tmp/plk" >"$tmp/cut.plk"
expect "a truncated kernel file" 2 "truncated" "$kextlab" kernel show "$tmp/cut.plk"
expect "taking a truncated one apart" 2 "truncated" "$kextlab" kernel extract "$tmp/cut.plk" \
	-o "$tmp/cut.parts"
holds "nothing is left of that" test ! -e "$tmp/cut.parts"
"$kextlab" kernel build --release 10.15.0 --compression none -o "$tmp/plain" \
	--extensions "$tree/build/fixtures/ExampleFilter-1.0.kext" >/dev/null
noisy=
for i in $(seq 30); do
	cp "$tmp/plain" "$tmp/noisy.plk"
	at=$(od -An -N4 -tu4 /dev/urandom)
	[ $((i % 2)) -eq 0 ] || at=$((at % 4096)) # headers more often than their share
	head -c 10 /dev/urandom | dd of="$tmp/noisy.plk" bs=1 conv=notrunc status=none \
		seek=$((at % 600000))
	timeout 20 "$kextlab" kernel show "$tmp/noisy.plk" >"$tmp/out" 2>&1
	[ $? -le 2 ] || noisy="$noisy $i:show@$((at % 600000))"
	timeout 20 "$kextlab" kernel extract "$tmp/noisy.plk" -o "$tmp/noisy.parts" >"$tmp/out" 2>&1
	[ $? -le 2 ] || noisy="$noisy $i:extract@$((at % 600000))"
	rm -rf "$tmp/noisy.parts"
done
if [ -n "$noisy" ]; then fail "kernel files with noise" "$noisy"; else pass "kernel files with noise"; fi

# ---- seals ----------------------------------------------------------------------------

unsealed() { # NAME TEXT FILE: no action takes it, and it stays as it is
	bad=
	before=$(sha256sum <"$3")
	for action in show verify "verify --full" explain:/x break:data:/x break:flag fix; do
		# shellcheck disable=SC2046 # words
		timeout 20 "$kextlab" seal ${action%%:*} "$3" \
			$(echo "$action" | tr ':' ' ' | cut -s -d' ' -f2-) >"$tmp/out" 2>&1
		got=$?
		[ "$got" -eq 1 ] || [ "$got" -eq 2 ] || bad="$bad $action ($got)"
		grep -qF -e "$2" "$tmp/out" || bad="$bad $action"
	done
	[ "$before" = "$(sha256sum <"$3")" ] || bad="$bad changed"
	if [ -n "$bad" ]; then fail "$1" "$bad"; else pass "$1"; fi
}
unsealed "the seal of noise" "no APFS container" "$tmp/noise.img"
mkdir "$tmp/to-seal" && cp "$kextlab" "$tmp/to-seal/"
seq -f "$tmp/to-seal/file %g" 400 | while read -r f; do echo "$f" >"$f"; done
expect "sealing a folder" 0 "root hash" "$kextlab" seal make "$tmp/to-seal" -o "$tmp/sealed.img"
expect "sealing over a file" 2 "is there already" "$kextlab" seal make "$tmp/to-seal" \
	-o "$tmp/mine.raw"
holds "that file is as it was" grep -qx precious "$tmp/mine.raw"
expect "its seal" 0 "the seal holds" "$kextlab" seal verify --full "$tmp/sealed.img"
cp "$tmp/sealed.img" "$tmp/cut.img" && truncate -s 5M "$tmp/cut.img"
unsealed "the seal of a truncated image" "nx_block_count is" "$tmp/cut.img"

# Ten bytes of noise somewhere in what the container holds: told or harmless, in short time.
noisy=
for i in $(seq 30); do
	cp "$tmp/sealed.img" "$tmp/noisy.img"
	at=$(od -An -N4 -tu4 /dev/urandom)
	head -c 10 /dev/urandom | dd of="$tmp/noisy.img" bs=1 conv=notrunc status=none \
		seek=$((at % 8000000))
	for action in "verify --full" show "fix --dry-run"; do
		timeout 60 "$kextlab" seal $action "$tmp/noisy.img" >"$tmp/out" 2>&1
		[ $? -le 2 ] || noisy="$noisy $i:$action@$((at % 8000000))"
	done
done
if [ -n "$noisy" ]; then fail "noise in a sealed image" "$noisy"; else pass "noise in a sealed image"; fi

# ---- caches ---------------------------------------------------------------------------

# damaged NAME TEXT: the next run says so, and passes; the one after it has nothing to say.
damaged() {
	expect "$1" 0 "$2" "$kextlab" run "$tmp/quick.yaml"
}
before=$(sha256sum <"$(base_disk)")
chmod u+w "$(base_disk)" && truncate -s 300M "$(base_disk)"
damaged "a base disk cut short" "base disk in the cache is damaged: making it anew"
holds "it is the same disk again" test "$(sha256sum <"$(base_disk)")" = "$before"
chmod u+w "$(base_disk)" && printf x |
	dd of="$(base_disk)" bs=1 seek=220000000 conv=notrunc 2>/dev/null
damaged "one changed byte of a base disk" "base disk in the cache is damaged"
layout=$(ls "$cache"/layouts/intel-*.raw)
rm -f "$cache"/disks/*
: >"$layout.new" # of a builder that was killed
expect "a run without a base disk" 0 "1 passed" $quick
for f in "$cache"/templates/*.state; do truncate -s 1M "$f"; done
damaged "a template cut short" "booting cold"
expect "a template is made again" 0 "1 passed" $quick
for f in "$cache"/templates/*.state; do head -c 5M /dev/urandom >"$f"; done
damaged "a template of noise" "booting cold"
for f in "$cache"/carrier/initramfs/*; do truncate -s 100 "$f"; done
rm -f "$cache"/templates/*
expect "an initramfs cut short" 0 "1 passed" $quick
echo '{"key": [' >"$cache/accel.json"
damaged "a remembered accelerator of noise" "accelerator:"
mv "$cache/carrier/current" "$tmp/current"
expect "no carrier" 3 "make deps" $quick
mkdir "$cache/carrier/current" && ln -s "$repo"/build/cache/carrier/current/* \
	"$cache/carrier/current/"
rm "$cache/carrier/current/stamp"
sed 's/^format.*/format 0/' "$repo/build/cache/carrier/current/stamp" \
	>"$cache/carrier/current/stamp"
expect "a carrier of another version" 3 "another version" $quick
rm -r "$cache/carrier/current"
mv "$tmp/current" "$cache/carrier/current"

# ---- a host that lacks something ------------------------------------------------------

expect "no program at all" 3 "qemu-img is not installed" \
	env PATH=/nonexistent $quick
ln -s "$(command -v qemu-img)" "$tmp/bin/qemu-img"
expect "no QEMU" 3 "there is no qemu-system-x86_64 (make deps)" env PATH="$tmp/bin" $quick
expect "the doctor without QEMU" 3 "BAD  qemu" env PATH="$tmp/bin" "$kextlab" doctor
printf '#!/bin/sh\necho no such machine >&2\nexit 1\n' >"$tmp/bin/qemu-system-x86_64"
chmod +x "$tmp/bin/qemu-system-x86_64"
expect "a QEMU that fails" 3 "no such machine" env PATH="$tmp/bin" $quick
ln -sf "$(command -v qemu-system-x86_64)" "$tmp/bin/qemu-system-x86_64"
expect "no 7zz" 0 "note: judges.7zz: not installed" env PATH="$tmp/bin" $quick

# A mount of our own needs root or user namespaces.
apart="unshare -m"
[ "$(id -u)" -eq 0 ] || apart="unshare -rm"
cat >"$tmp/full" <<-'END'
	#!/bin/sh
	# FOLDER SIZE COMMAND...: with a file system of that size at the folder
	mount -t tmpfs -o "size=$2" none "$1" && shift 2 && exec "$@"
END
if $apart mount -t tmpfs none "$tmp/bin" 2>/dev/null; then
	full="$apart sh $tmp/full"
	mkdir -p "$runs"
	expect "no room for a base disk" 3 "No space left" $full "$cache/disks" 4m sh -c \
		"$quick; s=\$?; ls $cache/disks/*.raw $cache/disks/*.new && s=99; exit \$s"
	expect "no room for a run" 3 "No space left" $full "$runs" 200k $quick
	if [ -e /usr/sbin/apfsck ]; then
		expect "no apfsck" 0 "note: judges.apfsck: not installed" $apart sh -c \
			"mount --bind /dev/null /usr/sbin/apfsck && exec $quick"
	fi
	rm -f "$cache"/disks/* "$layout"
	expect "libguestfs cannot keep its appliance" 3 "libguestfs" $apart sh -c \
		"mount -t tmpfs -o ro none /var/tmp && exec $quick"
	holds "no layout is left" test ! -e "$layout" -a ! -e "$layout.new"
	cp -a --sparse=always "$repo/build/cache/layouts/"*.raw "$cache/layouts/"
else
	skip "no room on the host" "neither root nor user namespaces"
fi

# ---- several at once, and runs that are stopped ---------------------------------------

at_once() {
	rm -f "$cache"/disks/* "$cache"/templates/* "$cache/accel.json"
	$quick >"$tmp/one" 2>&1 & one=$!
	$quick >"$tmp/two" 2>&1 & two=$!
	if ! wait $one || ! wait $two; then
		cat "$tmp/one" "$tmp/two"
		return 1
	fi
	dir1=$(sed -n 's/^  evidence  *//p' "$tmp/one") dir2=$(sed -n 's/^  evidence  *//p' "$tmp/two")
	[ "$dir1" != "$dir2" ] && [ -s "$dir1/result.json" ] && [ -s "$dir2/result.json" ] &&
		[ -s "$runs/latest/result.json" ]
}
holds "two runs at once, with nothing in the cache" at_once
holds "earlier runs are still there" test "$(find "$runs" -name result.json | wc -l)" -ge 10
find "$runs" -name result.json -exec sha256sum {} + >"$tmp/evidence"

several="$quick --jobs 2 --repeat 3"
expect "several at a time" 0 "3 passed" $several

# Until the process $1 catches SIGINT, which the jobs of a shell in the background ignore at first.
listens() {
	until grep -q '^SigCgt:.*[2367abef]$' "/proc/$1/status" 2>/dev/null; do
		[ -e "/proc/$1" ] && sleep 0.02 || return
	done
}
stopped() { # NAME SIGNAL AFTER STATUS COMMAND...
	name=$1 signal=$2 after=$3 want=$4
	shift 4
	"$@" >"$tmp/out" 2>&1 & pid=$!
	listens $pid
	sleep "$after"
	kill -"$signal" $pid
	wait $pid 2>/dev/null
	got=$?
	if [ $got -ne "$want" ]; then fail "$name" "status $got"; else pass "$name"; fi
	holds "no QEMU is left after it" no_qemu
}
stopped "Ctrl-C at the beginning" INT 0.1 130 $quick
stopped "Ctrl-C in the middle" INT 1 130 $quick
stopped "SIGTERM" TERM 0.7 130 $quick
stopped "kill -9" KILL 0.7 137 $quick
stopped "Ctrl-C of several" INT 1 130 $several
stopped "kill -9 of several" KILL 1 137 $several
holds "the evidence of earlier runs is as it was" sha256sum --quiet -c "$tmp/evidence"
holds "latest points at a run" test -s "$runs/latest/result.json"
expect "the next run passes" 0 "1 passed" $quick

# ---- places and people ----------------------------------------------------------------

cd /
expect "from another folder" 0 "catalina-shutdown-bug" "$kextlab" list
expect "a run from another folder" 0 "$tree/build/runs/quick/" \
	"$kextlab" run --quiet --keep "$tmp/quick.yaml"
holds "--keep keeps the disk" test -s "$runs/latest/disk.qcow2"
expect "the disk of a run is read" 0 "Macintosh HD" \
	"$kextlab" image info "$runs/latest/disk.qcow2"
cp "$kextlab" "$tmp/kextlab"
expect "kextlab away from its tree" 3 "kextlab belongs into the build folder" \
	"$tmp/kextlab" list
if [ "$(id -u)" -ne 0 ]; then
	chmod a-w "$tree/build/runs/quick"
	expect "a folder that cannot be written" 3 "Permission denied" $quick
	chmod u+w "$tree/build/runs/quick"
elif chmod 755 "$tmp" && setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$kextlab" list "$repo/scenarios/catalina-shutdown-bug.yaml" >/dev/null 2>&1; then
	nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	expect "a folder that cannot be written" 3 "Permission denied" $nobody $quick
	expect "the doctor about it" 3 "BAD  build folder" $nobody "$kextlab" doctor
	chown -R 65534 "$tree/build/cache" "$tree/build/runs"
	expect "a user without privileges" 0 "1 passed" $nobody $quick
else
	skip "a user without privileges" "cannot reach this folder"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
