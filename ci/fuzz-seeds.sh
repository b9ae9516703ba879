# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Seeds that are no files of the tree: small ones, made in the current folder from what was
# built. $repo is the root of the tree. Read by ci/fuzz.sh; a seed that cannot be made here
# (its tool is not installed) is left out.

kextlab() { "$repo/build/kextlab" "$@" >/dev/null; }
darwin() { clang -target x86_64-apple-macos10.15 -mkernel -ffreestanding -O1 -c -o "$1" -x c -; }
info_plist() { # ID, more keys
	cat <<-END
	<?xml version="1.0" encoding="UTF-8"?>
	<plist version="1.0"><dict>
	<key>CFBundleIdentifier</key><string>$1</string><key>CFBundlePackageType</key><string>KEXT</string>
	<key>CFBundleVersion</key><string>1.0</string><key>OSBundleRequired</key><string>Root</string>
	$2</dict></plist>
	END
}

# A kernel of one function, a codeless kext, and one with code that names the first.
seed_kernel() {
	darwin k.o <<-'END'
	__attribute__((used)) const char version[] = "Darwin Kernel Version 19.0.0: a seed";
	int _start(void) { return 0; }
	END
	"$(command -v ld64.lld ld64.lld-14 | head -n 1)" -arch x86_64 -e __start -o kernel k.o \
		-platform_version macos 10.15 10.15 -static \
		-sectcreate __PRELINK_TEXT __text /dev/null -sectcreate __PRELINK_INFO __info /dev/null
	rm k.o
}
seed_kext() {
	mkdir -p kexts/Base.kext/Contents kexts/Tiny.kext/Contents/MacOS
	info_plist com.example.base '<key>OSBundleCompatibleVersion</key><string>1.0</string>
	<key>OSBundleLibraries</key><dict/>' >kexts/Base.kext/Contents/Info.plist
	info_plist com.example.tiny '<key>CFBundleExecutable</key><string>Tiny</string>
	<key>OSBundleLibraries</key><dict><key>com.example.base</key><string>1.0</string></dict>' \
		>kexts/Tiny.kext/Contents/Info.plist
	darwin t.o <<-'END'
	static int start(void) { return 0; }
	struct { int head[4]; char name[64], version[64]; int rest[9]; void *start, *stop; }
		__attribute__((packed)) kmod_info = {{0, 0, 1, 0}, "com.example.tiny", "1.0", {0},
		(void *)start, (void *)start};
	END
	"$repo/build/kextld" -o kexts/Tiny.kext/Contents/MacOS/Tiny t.o
	rm t.o
}

# Kernels alone and prelinked, in every wrapping.
seeds_kernels() {
	seed_kernel && seed_kext || return
	for how in lzvn lzss none; do
		kextlab kernel build --kernel kernel --extensions kexts --compression $how -o $how
	done
	tail -c +29 lzvn >thin # without the fat header
	rm -r kexts
}

# As a collection, as far as the header says.
seeds_collections() {
	seed_kernel
	printf '\014' | dd of=kernel bs=1 seek=12 conv=notrunc status=none
}

seeds_policy() {
	sqlite3 policy.db <<-'END'
	PRAGMA page_size = 512;
	CREATE TABLE settings (name TEXT, value TEXT, PRIMARY KEY (name));
	CREATE TABLE kext_load_history_v3 (path TEXT PRIMARY KEY, team_id TEXT, bundle_id TEXT,
		boot_uuid TEXT, created_at TEXT, last_seen TEXT, flags INTEGER, cdhash TEXT);
	CREATE TABLE kext_policy (team_id TEXT, bundle_id TEXT, allowed BOOLEAN,
		developer_name TEXT, flags INTEGER, PRIMARY KEY (team_id, bundle_id));
	CREATE TABLE kext_policy_mdm (team_id TEXT, bundle_id TEXT, allowed BOOLEAN,
		payload_uuid TEXT, PRIMARY KEY (team_id, bundle_id));
	INSERT INTO settings VALUES ('AllowUserOverrides', '1');
	INSERT INTO kext_policy VALUES ('ABCDE12345', 'com.example.x', 0, 'Example', 0);
	INSERT INTO kext_policy_mdm VALUES ('ABCDE12345', '', 1, 'payload');
	END
}

# Information of kexts, also in the binary form.
seeds_plists() {
	for p in "$repo"/build/fixtures/*.kext/Contents/Info.plist; do
		n=${p#"$repo"/build/fixtures/} n=${n%%.kext*}
		cp "$p" "$n.xml"
		plistutil -i "$p" -o "$n.bin" -f bin
	done
}

seeds_disks() {
	qemu-img create -q -f qcow2 -o cluster_size=4096 qcow2 1M
	truncate -s 64K gpt
	printf 'EFI PART\0\0\1\0\134\0\0\0' | dd of=gpt bs=1 seek=512 conv=notrunc status=none
	# headers at 1; 4 entries of 128 bytes at 2
	printf '\2\0\0\0\0\0\0\0\4\0\0\0\200\0\0\0' | dd of=gpt bs=1 seek=584 conv=notrunc status=none
}

# Programs with a list of entitlements, as the build makes them.
seeds_programs() {
	printf '<plist version="1.0"><dict><key>com.apple.x</key><true/></dict></plist>\0' >list
	echo 'int x;' | gcc -x c -c -o elf - &&
		objcopy --add-section __entitlements=list elf
	rm list
}

# Classes of C++, whose vtables are patched.
seeds_cxx_kexts() {
	for k in Service Ethernet; do
		"$repo/build/kextld" -o $k "$repo/build/fixtures/obj/Example$k-1.0.o" \
			"$repo/build/fixtures/obj/Example$k-1.0-kmod.o"
	done
}

seeds_system_files() {
	printf '/Users\tUsers\n/private/var/x\tprivate/var/x\n' >firmlinks
	cat >filevault.plist <<-'END'
	<plist version="1.0"><dict><key>CryptoUsers</key><array><dict><key>Salt</key><data>AAAA</data>
	<key>Verifier</key><data>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</data>
	<key>Iterations</key><integer>1</integer></dict></array></dict></plist>
	END
	cat >job.plist <<-'END'
	<plist version="1.0"><dict><key>Label</key><string>x</string><key>ProgramArguments</key><array>
	<string>/bin/x</string><string>-v</string></array><key>KeepAlive</key><dict><key>Crashed</key><true/>
	</dict><key>MachServices</key><dict><key>y</key><true/></dict><key>ExitTimeOut</key><integer>5</integer>
	<key>EnvironmentVariables</key><dict><key>A</key><string>b</string></dict></dict></plist>
	END
}

seeds_control() {
	echo '{"event":"up","t_ms":3}' >event
	printf '{"id":1,"ok":true,"status":0,"stdout":"aGVsbG8="}\n{"event":"log","message":"AAAA"}\n' >reply
}

# Records of NVRAM: lengths of key and value, both.
seeds_nvram() {
	printf '\66\0\4\0\0\0007C436110-AB2A-4BBB-A880-FE41995C9F82:csr-active-config\20\0\0\0' >records
}
