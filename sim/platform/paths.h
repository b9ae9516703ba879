/* SPDX-License-Identifier: MIT */
/* Apple's paths, each in one place. */
#ifndef SIM_PLATFORM_PATHS_H
#define SIM_PLATFORM_PATHS_H

#define PATH_KERNEL             "/System/Library/Kernels/kernel"
#define PATH_SYSTEM_PLK_DIR     "/System/Library/PrelinkedKernels"
#define PATH_SYSTEM_PLK         PATH_SYSTEM_PLK_DIR "/prelinkedkernel"
#define PATH_STAGED_PLK_DIR     "/Library/Apple/System/Library/PrelinkedKernels"
#define PATH_STAGED_PLK         PATH_STAGED_PLK_DIR "/prelinkedkernel"
#define PATH_SYSTEM_EXTENSIONS  "/System/Library/Extensions"
#define PATH_LIBRARY_EXTENSIONS "/Library/Extensions"
/* Apple's, on the Data volume. */
#define PATH_APPLE_EXTENSIONS   "/Library/Apple/System/Library/Extensions"
#define PATH_STAGED_EXTENSIONS  "/Library/StagedExtensions"
#define PATH_BOOTCACHES         "/usr/standalone/bootcaches.plist"
#define PATH_SYSTEM_VERSION     "/System/Library/CoreServices/SystemVersion.plist"
#define PATH_ROOTLESS_CONF      "/System/Library/Sandbox/rootless.conf"
#define PATH_FIRMLINKS          "/usr/share/firmlinks"
#define PATH_INSTALL_DIR        "/private/var/install"
#define PATH_SHOVE_KERNELS      PATH_INSTALL_DIR "/shove_kernels"
#define PATH_DATA_MOUNT         "/System/Volumes/Data"
/* Roots whose code is Apple's (*.cer). On a Mac they are built into Security.framework. */
#define PATH_ANCHORS            "/System/Library/Security/Anchors"
#define PATH_KEXT_POLICY        "/private/var/db/SystemPolicyConfiguration/KextPolicy"
#define PATH_SYSTEM_LOG         "/private/var/log/system.log"
#define PATH_ISC_PREBOOT        "/System/Volumes/iSCPreboot" /* Apple silicon */

/*
 * What a Mac's programs ask the kernel for by system call, Mach port or IOKit is
 * here a file or socket below /dev/xnu, a tmpfs that the carrier makes at boot
 * (docs/architecture.md, "/dev/xnu").
 */
#define XNU_DIR               "/dev/xnu"
#define XNU_LOADED_KEXTS      XNU_DIR "/loaded_kexts.plist"
#define XNU_CSR_CONFIG        XNU_DIR "/csr_active_config"
#define XNU_BOOT_ARGS         XNU_DIR "/boot_args.plist"
#define XNU_NVRAM_DIR         XNU_DIR "/nvram"
#define XNU_VOLUMES           XNU_DIR "/volumes.plist"
#define XNU_KERNEL_SOCKET     XNU_DIR "/kernel"
#define XNU_BOOTSTRAP_SOCKET  XNU_DIR "/bootstrap"
#define XNU_KEXTD_SOCKET      XNU_DIR "/com.apple.KernelExtensionServer"
#define XNU_SYSPOLICY_SOCKET  XNU_DIR "/com.apple.security.syspolicy.kext"
#define XNU_PROC_DIR          XNU_DIR "/proc"
#define XNU_TIME_FACTOR       XNU_DIR "/time_factor"

#define NVRAM_APPLE_GUID "7C436110-AB2A-4BBB-A880-FE41995C9F82"
#define NVRAM_CSR_CONFIG "csr-active-config"
#define NVRAM_BOOT_ARGS  "boot-args"
/* What needs no user's consent: components/syspolicyd/consent.h. */
#define NVRAM_CSR_DATA   "csr-data"
/* Present, whatever its value: the next start is Recovery. boot deletes it as it obeys. */
#define NVRAM_RECOVERY   "recovery-boot-mode"
/* Which system to start: text with the UUID of a System volume; absent: the first. */
#define NVRAM_BOOT_DEVICE "efi-boot-device"
/* Apple silicon's: "<GPT type>:<GPT partition>:<volume group>", see secureboot/chain.h. */
#define NVRAM_BOOT_VOLUME "boot-volume"

#endif
