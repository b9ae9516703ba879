#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make deps: install what is missing, then unpack the carrier (the Linux that runs
# below the simulated Mac) into build/cache/carrier. Quick and silent when done.
#
# The kernel package is unpacked, never installed: the host's /boot, its boot loader
# and /lib/modules stay as they are. The same holds for the kernel headers and for
# apfs-dkms, which would otherwise build for the host's kernel.
#
# A complete carrier is never replaced because apt offers a newer one: a run stays
# comparable until somebody says `ci/deps.sh --renew`.
#
# Exit: 0 all there, 3 something is missing that cannot be had here.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
cache=$root/build/cache/carrier
packages=ci/packages.txt
# Raise when a carrier made by an older version of this script is no good any more;
# CARRIER_STAMP_FORMAT of sim/carrier/layout.h says the same.
format=1
tmp=
start=$(date +%s)

say() { printf 'deps: %3ss  %s\n' "$(($(date +%s) - start))" "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 3; }

usage() {
	echo "usage: ci/deps.sh [--renew | --verify]"
	echo "  --renew    fetch the carrier anew, from the newest kernel package"
	echo "  --verify   compare the carrier with the hashes in its stamp"
}

cleanup() { [ -z "$tmp" ] || rm -rf "$tmp"; }
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# ---- packages ---------------------------------------------------------------------

wanted() { sed 's/#.*//' "$packages" | awk 'NF { print $1 }'; }

missing() {
	# Names that dpkg has never heard of are missing from its answer altogether.
	{
		# shellcheck disable=SC2046 # one word per package
		dpkg-query -W -f '+ ${Package} ${db:Status-Status}\n' $(wanted) 2>/dev/null || :
		wanted | sed 's/^/- /'
	} | awk '$1 == "+" && $3 == "installed" { have[$2] = 1 }
		 $1 == "-" && !($2 in have) { print $2 }'
}

# The words in front of a command that must run as root, or failure.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

can_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }

lists_empty() { ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; }

refresh_lists() {
	say "refreshing the package lists"
	as_root apt-get -qq update >&2
}

install_packages() {
	need=$(missing)
	[ -n "$need" ] || return 0
	if ! can_root; then
		echo "deps: these packages are missing, and neither root nor sudo is to be had:" >&2
		for p in $need; do
			awk -v p="$p" '$1 == p { print "  " $0 }' "$packages" >&2
		done
		# shellcheck disable=SC2086 # a list of words
		echo "install them with:" \
			"apt-get install --no-install-recommends" $need >&2
		exit 3
	fi
	! lists_empty || refresh_lists
	# shellcheck disable=SC2086 # a list of words
	say "installing" $need
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list of words
	if ! apt_install $need >"$log" 2>&1; then
		# The lists may be older than the archive: once more with fresh ones.
		refresh_lists
		if ! apt_install $need >"$log" 2>&1; then
			tail -20 "$log" >&2
			rm -f "$log"
			die "apt-get could not install the packages"
		fi
	fi
	rm -f "$log"
	left=$(missing)
	[ -z "$left" ] || die "still missing after apt-get install:" $left
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y --no-install-recommends install "$@"
}

# supermin (of libguestfs) looks at this folder even when SUPERMIN_MODULES names another;
# a container does not have it. Empty is enough.
need_lib_modules() {
	[ -d /lib/modules ] || { can_root && as_root mkdir /lib/modules; } ||
		die "the folder /lib/modules is missing: mkdir /lib/modules, as root"
}

# ---- the carrier ------------------------------------------------------------------

stamp_ok() {
	s=$cache/current/stamp
	[ -f "$s" ] || return 1
	[ "$(sed -n 's/^format //p' "$s")" = "$format" ] || return 1
	# Sizes only: hashing 60 MB each time is what --verify is for.
	awk '$1 == "file" { print $3, $4 }' "$s" >"$cache/.sizes.$$"
	ok=0
	while read -r size name; do
		[ "$(stat -c %s "$cache/current/$name" 2>/dev/null)" = "$size" ] || ok=1
	done <"$cache/.sizes.$$"
	rm -f "$cache/.sizes.$$"
	[ -f "$cache/current/modules/modules.dep" ] || ok=1
	return $ok
}

verify() {
	[ -f "$cache/current/stamp" ] || die "there is no carrier yet: make deps"
	awk '$1 == "file" { print $2 "  " $4 }' "$cache/current/stamp" |
		(cd "$cache/current" && sha256sum --quiet -c -) ||
		die "the carrier differs from its stamp: ci/deps.sh --renew"
}

# apt as it is, with what lets it work in our folder: as root it would drop to _apt,
# who may not write there.
apt() { apt-get -qq -o APT::Sandbox::User=root $apt_private "$@"; }
apt_show() { apt-cache $apt_private "$@"; }

# Lists of our own, for a user who can neither refresh the system's nor do without.
private_lists() {
	dir=$tmp/apt
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	case $dir in *[[:space:]]*) die "no package lists, and no root to fetch them" ;; esac
	apt_private="-o Dir::State::lists=$dir/lists -o Dir::Cache=$dir/cache"
	say "fetching package lists of our own"
	apt update >&2
}

newest_image() {
	apt_show depends linux-image-amd64 2>/dev/null |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

# Fetch every package named, into the current folder.
download() { apt download "$@" 2>"$tmp/apt.log" >&2; }

kbuild_of() {
	apt_show depends "linux-headers-$1" |
		awk '$1 == "Depends:" && $2 ~ /^linux-kbuild-/ { print $2; exit }'
}

fetch_debs() {
	image=$(newest_image)
	[ -n "$image" ] || return 1
	version=${image#linux-image-}
	common=${version%-amd64}-common
	kbuild=$(kbuild_of "$version")
	[ -n "$kbuild" ] || return 1
	say "downloading $image, its headers and the apfs module's source"
	(cd "$tmp/debs" && download "$image" "linux-headers-$version" \
		"linux-headers-$common" "$kbuild" apfs-dkms)
}

get_debs() {
	mkdir -p "$tmp/debs"
	apt_private=
	fetch_debs && return
	# Lists are missing or older than the archive.
	if can_root; then refresh_lists; else private_lists; fi
	fetch_debs && return
	[ ! -f "$tmp/apt.log" ] || tail -5 "$tmp/apt.log" >&2
	die "apt has no linux-image-amd64, linux-headers or apfs-dkms (Debian 12 has them)"
}

# The ELF inside a bzImage, whose header says where the payload begins and ends
# (Documentation/x86/boot.rst): QEMU starts it twice as fast as the bzImage, since
# nothing is decompressed under TCG.
unpack_vmlinux() {
	num() { od -An -t "u$2" -j "$3" -N "$2" "$1" | tr -d ' '; }
	sects=$(num "$1" 1 497)
	[ "$sects" != 0 ] || sects=4
	at=$((($sects + 1) * 512 + $(num "$1" 4 584)))
	len=$(num "$1" 4 588)
	magic=$(od -An -t x1 -j "$at" -N 4 "$1" | tr -d ' ')
	# All but gzip are followed by four bytes with the size of what they hold.
	case $magic in
	fd377a58) tool='xz -dc' len=$((len - 4)) ;;
	28b52ffd) tool='zstd -dcq' len=$((len - 4)) ;;
	1f8b*) tool='gzip -dc' ;;
	*) die "$1: unknown compression (magic $magic)" ;;
	esac
	tail -c "+$((at + 1))" "$1" | head -c "$len" | $tool >"$2" ||
		die "$1: cannot be unpacked with $tool"
	[ "$(od -An -t x1 -N 4 "$2" | tr -d ' ')" = 7f454c46 ] ||
		die "$1: no ELF inside"
}

# kbuild wants absolute paths without spaces, so this happens below $TMPDIR.
build_apfs() {
	say "building apfs.ko (20 s)"
	headers=$tmp/kbuild
	mkdir "$headers"
	for d in "$tmp"/debs/linux-headers-*.deb "$tmp"/debs/linux-kbuild-*.deb \
		"$tmp"/debs/apfs-dkms_*.deb; do
		dpkg-deb -x "$d" "$headers"
	done
	tree=$headers/usr/src/linux-headers-$version
	# The package's wrapper names the installed place of the common headers.
	sed -i "s,/usr/src/,$headers/usr/src/,g" "$tree/Makefile"
	src=$(echo "$headers"/usr/src/linux-apfs-rw-*)
	make -C "$tree" M="$src" -j"$(nproc)" modules >"$tmp/kbuild.log" 2>&1 || {
		tail -30 "$tmp/kbuild.log" >&2
		die "apfs.ko does not build"
	}
	strip -g -o "$1" "$src/apfs.ko"
}

deb_version() { dpkg-deb -f "$1" Version; }

write_stamp() {
	echo "format $format"
	for d in "$tmp"/debs/*.deb; do
		echo "package $(dpkg-deb -f "$d" Package) $(deb_version "$d")" \
			"$(sha256sum <"$d" | cut -d' ' -f1)"
	done
	for f in vmlinuz vmlinux apfs.ko vmlinux.h version; do
		echo "file $(sha256sum <"$1/$f" | cut -d' ' -f1) $(stat -c %s "$1/$f") $f"
	done
}

make_carrier() {
	tmp=$(mktemp -d)
	get_debs
	new=$cache/.new.$$
	rm -rf "$cache"/.new.*
	mkdir -p "$new"
	say "unpacking $image"
	dpkg-deb -x "$tmp/debs/${image}"_*.deb "$new"
	rm -rf "$new/usr"
	mv "$new/boot/vmlinuz-$version" "$new/vmlinuz"
	mv "$new/boot/System.map-$version" "$new/boot/config-$version" "$new/lib/"
	rmdir "$new/boot"
	ln -s "lib/modules/$version" "$new/modules"
	echo "$version" >"$new/version"
	unpack_vmlinux "$new/vmlinuz" "$new/vmlinux"
	depmod -b "$new" "$version"
	build_apfs "$new/apfs.ko"
	say "writing vmlinux.h"
	bpftool btf dump file "$new/vmlinux" format c >"$new/vmlinux.h"
	write_stamp "$new" >"$new/stamp"
	rm -rf "${cache:?}/$version"
	mv "$new" "$cache/$version"
	ln -sfn "$version" "$cache/.current.$$"
	mv -T "$cache/.current.$$" "$cache/current"
	say "carrier $version is ready"
}

PATH=$PATH:/usr/sbin:/sbin
case ${1-} in
'' | --renew) ;;
--verify) verify; exit ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
install_packages
need_lib_modules
mkdir -p "$cache"
if [ "${1-}" = --renew ] || ! stamp_ok; then
	# Two runs at once: the second finds the work done.
	exec 9>"$cache/.lock"
	flock 9
	if [ "${1-}" = --renew ] || ! stamp_ok; then
		make_carrier
	fi
fi
