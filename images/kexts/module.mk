# Stand-ins for Apple's kexts of macOS 11 and 12, in build/system/RELEASE/NAME.kext.
#
#   $(call apple-kext,NAME,ID,VERSION,OSBundleRequired,ARCHS,KEXTS)
#
# NAME is also an identifier of C. VERSION is the same in every release, or the name of a
# variable: VERSION-RELEASE then holds it. KEXTS are the names of rows above that it uses.
# Without OSBundleRequired a kext is in Intel's system collection, not in the boot one.
#
# Identifiers and versions are those of a Mac with 11.3 (a published list of its kexts);
# what is in both 11 and 12 under one number there is taken to be it everywhere.

apple-releases := 11.0.1 11.1 12.0.1 12.1
kext-src := images/kexts
x86_64-target := x86_64-apple-macos11
arm64e-target := arm64e-apple-macos11 -mbranch-protection=pac-ret+b-key

corecrypto-11.0.1 := 11.1
corecrypto-11.1   := 11.1
corecrypto-12.0.1 := 12.0
corecrypto-12.1   := 12.0
image4-11.0.1 := 3.0.0
image4-11.1   := 3.0.0
image4-12.0.1 := 4.1.0
image4-12.1   := 4.2.0
apfs-11.0.1 := 1677.50.1
apfs-11.1   := 1677.60.23
apfs-12.0.1 := 1933.41.2
apfs-12.1   := 1933.61.1

# the version of a row in a release
version-in = $(or $($(2)-$(1)),$(2))
library-xml = <key>$(apple-id-$(1))</key><string>1.0.0d1</string>

# one object: NAME,ID,VERSION,KEXTS,ARCH
define apple-object-rule
build/system/obj/$(1)-$(3).$(5).o: $(kext-src)/standin.c scenarios/fixtures/src/kpi.h \
		$(kext-src)/module.mk
	@mkdir -p $$(@D)
	$$(Q)clang -target $$($(5)-target) -mkernel -ffreestanding -fno-builtin -O2 -Wall \
		-Wextra $$(if $$(WERROR),-Werror) -I. -DKEXT_NAME=$(1) -DKEXT_ID='"$(2)"' \
		-DKEXT_VERSION='"$(3)"' -DUSES='$$(foreach k,$(4),USE($$(k)))' -c -o $$@ $$<
endef

# one executable: NAME,ID,VERSION,ARCHS,KEXTS
define apple-exe-rule
$(foreach a,$(4),$(eval $(call apple-object-rule,$(1),$(2),$(3),$(5),$(a))))
build/system/obj/$(1)-$(3): $(foreach a,$(4),build/system/obj/$(1)-$(3).$(a).o) build/kextld
	$$(call say,KEXT,$(1)-$(3))build/kextld --split -o $$@ $$(filter %.o,$$^)
endef

# one bundle: RELEASE,NAME,ID,VERSION,REQUIRED,KEXTS
define apple-bundle-rule
apple-bundles-$(1) += build/system/$(1)/$(2).kext/Contents/Info.plist
build/system/$(1)/$(2).kext/Contents/Info.plist: $(kext-src)/Info.plist.in \
		$(kext-src)/module.mk build/system/obj/$(2)-$(4)
	@mkdir -p $$(@D)/MacOS
	@cp build/system/obj/$(2)-$(4) $$(@D)/MacOS/$(2)
	@sed -e 's/@NAME@/$(2)/; s/@ID@/$(3)/; s/@VERSION@/$(4)/' \
	    -e 's|@LIBRARIES@|$(foreach k,$(6),$(call library-xml,$(k)))|' \
	    -e 's|@REQUIRED@|$(if $(5),<key>OSBundleRequired</key><string>$(5)</string>)|' \
	    $$< >$$@
endef

define apple-rules
$(foreach v,$(sort $(foreach r,$(apple-releases),$(call version-in,$(r),$(3)))),
$(eval $(call apple-exe-rule,$(1),$(2),$(v),$(5),$(6))))
$(foreach r,$(apple-releases),
$(eval $(call apple-bundle-rule,$(r),$(1),$(2),$(call version-in,$(r),$(3)),$(4),$(6))))
endef

both := x86_64 arm64e
apple-kext = $(eval apple-id-$(1) := $(2))$(eval $(call apple-rules,$(1),$(2),$(3),$(4),$(5),$(6)))

$(call apple-kext,Libm,com.apple.kec.Libm,1,Root,$(both))
$(call apple-kext,corecrypto,com.apple.kec.corecrypto,corecrypto,Root,$(both))
$(call apple-kext,pthread,com.apple.kec.pthread,1,Root,$(both))
$(call apple-kext,IOReportFamily,com.apple.iokit.IOReportFamily,47,Root,$(both))
$(call apple-kext,AppleARMPlatform,com.apple.driver.AppleARMPlatform,1.0.2,Root,arm64e,IOReportFamily)
$(call apple-kext,AppleACPIPlatform,com.apple.driver.AppleACPIPlatform,6.1,Root,x86_64)
$(call apple-kext,IOStorageFamily,com.apple.iokit.IOStorageFamily,2.1,Root,$(both))
$(call apple-kext,AppleImage4,com.apple.security.AppleImage4,image4,Root,$(both),corecrypto)
$(call apple-kext,CoreTrust,com.apple.kext.CoreTrust,1,Root,$(both))
$(call apple-kext,AppleMobileFileIntegrity,com.apple.driver.AppleMobileFileIntegrity,1.0.5,Root,$(both),CoreTrust AppleImage4 corecrypto)
$(call apple-kext,AppleMatch,com.apple.kext.AppleMatch,1.0.0d1,Root,$(both))
$(call apple-kext,Sandbox,com.apple.security.sandbox,300.0,Root,$(both),AppleMatch AppleMobileFileIntegrity)
$(call apple-kext,Quarantine,com.apple.security.quarantine,4,Root,$(both),Sandbox)
$(call apple-kext,AppleSEPManager,com.apple.driver.AppleSEPManager,1.0.1,Root,$(both))
$(call apple-kext,AppleSEPKeyStore,com.apple.driver.AppleSEPKeyStore,2,Root,arm64e,AppleSEPManager AppleMobileFileIntegrity)
$(call apple-kext,AppleKeyStore,com.apple.driver.AppleKeyStore,2,Root,x86_64,AppleMobileFileIntegrity)
$(call apple-kext,IONVMeFamily,com.apple.iokit.IONVMeFamily,2.1.0,Root,$(both),IOStorageFamily IOReportFamily)
$(call apple-kext,AppleSystemPolicy,com.apple.AppleSystemPolicy,2.0.0,Root,$(both),AppleMobileFileIntegrity)
$(call apple-kext,EndpointSecurity,com.apple.iokit.EndpointSecurity,1,Root,$(both))
$(call apple-kext,BootCache,com.apple.BootCache,40,Root,$(both))
$(call apple-kext,BootPolicy,com.apple.security.BootPolicy,1,Root,arm64e,AppleImage4)
$(call apple-kext,AppleFSCompressionTypeZlib,com.apple.AppleFSCompression.AppleFSCompressionTypeZlib,1.0.0,Root,$(both))
$(call apple-kext,apfs,com.apple.filesystems.apfs,apfs,Root,$(both),IOStorageFamily corecrypto AppleImage4)
$(call apple-kext,AppleFileSystemDriver,com.apple.driver.AppleFileSystemDriver,3.0.1,Root,$(both),IOStorageFamily)
$(call apple-kext,triggers,com.apple.kext.triggers,1.0,,$(both))
$(call apple-kext,autofs,com.apple.filesystems.autofs,3.0,,$(both),triggers)
$(call apple-kext,fileutil,com.apple.fileutil,20.036.15,,$(both),IOStorageFamily)

# Names of those that belong to a release, one a line: its folder may hold others still.
define apple-list-rule
build/system/$(1)/kexts: $(kext-src)/module.mk $(apple-bundles-$(1))
	$$(Q)printf '%s\n' $(patsubst build/system/$(1)/%/Contents/Info.plist,%,$(apple-bundles-$(1))) >$$@
extra-targets += build/system/$(1)/kexts
endef
$(foreach r,$(apple-releases),$(eval $(call apple-list-rule,$(r))))

# Stand-ins for Apple's driver families of 10.15, in build/system/10.15/NAME.kext, made
# from the tables of sim/platform/kpi/10.15.0/families by kpi-family.
family-tables := sim/platform/kpi/10.15.0/families
family-darwin := 19.0.0
families := IOPCIFamily IOACPIFamily IONetworkingFamily IOStorageFamily IOHIDFamily \
	    IOAudioFamily IOSMBusFamily IOUSBHostFamily
family-info = build/system/10.15/$(1).kext/Contents/Info.plist
family-exe  = build/system/10.15/$(1).kext/Contents/MacOS/$(1)

define family-rule
build/system/obj/$(1).s: build/kpi-family $(wildcard $(family-tables)/*.tsv)
	@mkdir -p $$(@D)
	$$(Q)build/kpi-family source $(family-tables) $(family-darwin) com.apple.iokit.$(1) >$$@
$(call family-exe,$(1)): build/system/obj/$(1).s build/kextld
	@mkdir -p $$(@D)
	$$(call say,KEXT,$(1))clang -target x86_64-apple-macos10.15 -c -o build/system/obj/$(1).o $$<
	$$(Q)build/kextld -o $$@ build/system/obj/$(1).o
$(call family-info,$(1)): $(call family-exe,$(1)) $(family-tables)/bundles.tsv
	$$(Q)build/kpi-family info $(family-tables) $(family-darwin) com.apple.iokit.$(1) >$$@
extra-targets += $(call family-info,$(1))
endef
$(foreach f,$(families),$(eval $(call family-rule,$(f))))

# A name without code under which old kexts ask for IOHIDFamily.
build/system/10.15/IOHIDSystem.kext/Contents/Info.plist: $(kext-src)/IOHIDSystem/Info.plist
	@mkdir -p $(@D)
	$(Q)cp $< $@

build/system/10.15/kexts: $(kext-src)/module.mk $(foreach f,$(families) IOHIDSystem,$(call family-info,$(f)))
	$(Q)printf '%s\n' $(addsuffix .kext,$(families) IOHIDSystem) >$@
extra-targets += build/system/10.15/kexts
