#!/bin/sh
# SPDX-License-Identifier: MIT
# Extract every volume of an APFS image with 7-Zip and with our reader, and compare: the
# names, the kinds, the contents, the targets of links. Any image will do: one that our
# writer made, one that a guest left behind, one from a Mac.
#
#	compare-with-7zz.sh [-t apfs-tool] IMAGE
#
# IMAGE is a bare container, or a disk with a GPT, raw or qcow2. Exit status 0: equal;
# 1: not; 3: a tool is missing. Known to differ: 7-Zip 26.02 shows a volume as of its
# oldest snapshot, and compressed files as empty ones.
set -u

tool=build/apfs-tool
if [ "${1-}" = -t ]; then
	tool=$2
	shift 2
fi
image=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/compare-7zz.XXXXXX") || exit 3
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
trap 'exit 3' HUP INT TERM
command -v 7zz >/dev/null || { echo "no 7zz"; exit 3; }

# 7-Zip is given the container alone, raw.
container=$image
if [ "$(head -c 4 "$image")" = "$(printf 'QFI\373')" ]; then
	qemu-img convert -O raw "$image" "$work/raw" || exit 3
	container=$work/raw
fi
offset=$("$tool" info "$image" | sed -n 's/^offset \([0-9]*\)$/\1/p')
if [ "${offset:-0}" != 0 ]; then
	dd if="$container" of="$work/container" bs=4096 skip="$offset" iflag=skip_bytes \
		conv=sparse status=none || exit 3
	container=$work/container
fi
7zz x -y -tapfs -snld -o"$work/theirs" "$container" >"$work/log" 2>&1 || {
	cat "$work/log"
	echo "7zz cannot extract $image"
	exit 1
}

# 7-Zip numbers the folders when there are several volumes, and makes none for one.
slots=$("$tool" info "$image" | sed -n 's/^slot \([0-9]*\) .*/\1/p')
count=$(echo "$slots" | wc -l)
number=0
status=0
for slot in $slots; do
	number=$((number + 1))
	theirs=$work/theirs
	[ "$count" -gt 1 ] && theirs=$work/theirs/Volume$number
	mkdir -p "$theirs"
	"$tool" extract "$image" "slot:$slot" "$work/ours$slot" || { status=1; continue; }
	chmod -R u+rwX "$work/ours$slot" "$theirs"
	# Streams of attributes are files "name:attribute" for 7-Zip.
	find "$theirs" -name '*:*' ! -type d -exec rm -f {} +
	diff -rq --no-dereference "$theirs" "$work/ours$slot" || status=1
	(cd "$theirs" && find . -printf '%p %y %l\n' | sort) >"$work/a"
	(cd "$work/ours$slot" && find . -printf '%p %y %l\n' | sort) >"$work/b"
	cmp "$work/a" "$work/b" || { diff "$work/a" "$work/b" | head -20; status=1; }
done
exit $status
