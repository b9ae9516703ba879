host-src += images/disk.c images/layout.c images/cachekey.c images/made_once.c \
	    images/sparse.c images/scratch.c images/gpt.c images/libguestfs.c images/in_child.c
# what is on the volumes
host-src += images/compose.c images/manifest.c images/generate.c images/firmlinks.c \
	    images/kernels.c images/system_kexts.c images/collections.c images/driver_extensions.c images/approvals.c \
	    images/own_system.c images/own_system_tree.c images/own_system_root.c
# what is signed, and what is beside the disk
host-src += images/signing.c images/firmware.c images/device_tree.c images/trust_cache.c \
	    images/nvram_file.c
# what is installed later
host-src += images/update.c images/reinstall.c
test-src += images/test/test_manifest.c images/test/test_disk.c images/test/test_made_once.c
test-src += images/test/test_own_system.c images/test/test_collections.c images/test/test_firmware.c images/test/test_machines.c

# looking into disks
host-src += images/containers.c images/inspect.c images/inspect_info.c images/inspect_text.c \
	    images/kernel_file.c
host-src += images/seal_break.c images/seal_edit.c images/seal_fix.c images/seal_place.c \
	    images/seal_signature.c
test-src += images/test/test_inspect.c images/test/test_seal.c images/test/test_kernel_file.c
fuzz-src += images/test/fuzz_kernel_file.c

# the system's own kext: build/system/AppleACPIPlatform.kext
acpi-src := images/kexts/AppleACPIPlatform
acpi-out := build/system/AppleACPIPlatform.kext/Contents
$(acpi-out)/Info.plist: $(acpi-src)/Info.plist $(acpi-out)/MacOS/AppleACPIPlatform
	$(Q)cp $< $@
build/system/AppleACPIPlatform.o: $(acpi-src)/AppleACPIPlatform.c scenarios/fixtures/src/kpi.h
	@mkdir -p $(@D)
	$(call say,CLANG,$@)clang -target x86_64-apple-macos10.15 -mkernel -ffreestanding \
		-fno-builtin -O2 -Wall -Wextra $(if $(WERROR),-Werror) -I. -c -o $@ $<
$(acpi-out)/MacOS/AppleACPIPlatform: build/system/AppleACPIPlatform.o build/kextld
	@mkdir -p $(@D)
	$(Q)build/kextld -o $@ $<
extra-targets += $(acpi-out)/Info.plist
