/* SPDX-License-Identifier: MIT */
/*
 * Kexts of the loaded collection that do something here, in the order in which they are
 * started. One that is not in the collection does not start, and is not heard of.
 */
#include <stdio.h>
#include <string.h>

#include "components/boot/kernel.h"

struct kext_start {
	enum kext_phase phase;
	const char *id;
	int (*start)(struct boot *b, const struct kext_start *s, const struct boot_kext *k,
		     struct err *e);
	const char *sender; /* in the log; "" for the kernel itself */
	const char *name, *full_name; /* of the MAC policy that it brings */
};

/* mac_policy_register(9), security/mac_base.c. */
static int start_policy(struct boot *b, const struct kext_start *s,
			const struct boot_kext *k, struct err *e)
{
	(void)k;
	(void)e;
	klog(&b->log, "", "calling mpo_policy_init for %s", s->name);
	klog(&b->log, "", "Security policy loaded: %s (%s)", s->full_name, s->name);
	return 0;
}

static int start_amfi(struct boot *b, const struct kext_start *s,
		      const struct boot_kext *k, struct err *e)
{
	if (b->machine->apple_silicon)
		klog(&b->log, s->sender, "AMFI: UDID enforcement enabled");
	return start_policy(b, s, k, e);
}

static int start_image4(struct boot *b, const struct kext_start *s,
			const struct boot_kext *k, struct err *e)
{
	char banner[RELEASE_BANNER_MAX];

	(void)k;
	(void)e;
	release_image4_banner(b->release, b->machine, banner);
	klog(&b->log, s->sender, "%s", banner);
	return 0;
}

/* The key store is the Secure Enclave's: without one, nothing starts. */
static int start_key_store(struct boot *b, const struct kext_start *s,
			   const struct boot_kext *k, struct err *e)
{
	(void)e;
	if (b->machine->secure_boot == SECURE_BOOT_NONE)
		return 0;
	klog(&b->log, s->sender, "\"%s\":%u:0: starting (\"%s\" variant, %s)", s->sender,
	     318u, "normal", k->version);
	return 0;
}

static int start_apfs(struct boot *b, const struct kext_start *s,
		      const struct boot_kext *k, struct err *e)
{
	char banner[RELEASE_BANNER_MAX];

	(void)k;
	(void)e;
	release_apfs_banner(b->release, banner);
	klog(&b->log, s->sender, "apfs_module_start:%u: load: %s",
	     b->release->apfs.module_start, banner);
	return 0;
}

/* Matches the volume that /chosen boot-uuid names, and makes it boot-uuid-media. */
static int publish_root(struct boot *b, const struct kext_start *s,
			const struct boot_kext *k, struct err *e)
{
	(void)k;
	(void)e;
	for (size_t i = 0; i < b->volumes.n; i++)
		if (!strcmp(b->volumes.v[i].uuid, b->boot_uuid))
			b->root = &b->volumes.v[i];
	if (b->root)
		klog(&b->log, s->sender,
		     "AppleFileSystemDriver: publishing boot-uuid-media=%s (%s)",
		     b->root->device, b->root->name);
	return 0;
}

static const struct kext_start starts[] = {
	{KEXTS_OF_SECURITY, "com.apple.security.AppleImage4", start_image4, "", NULL,
	 NULL},
	{KEXTS_OF_SECURITY, "com.apple.driver.AppleMobileFileIntegrity", start_amfi,
	 "AppleMobileFileIntegrity", "AMFI", "Apple Mobile File Integrity"},
	{KEXTS_OF_SECURITY, "com.apple.security.sandbox", start_policy, "", "Sandbox",
	 "Seatbelt sandbox policy"},
	{KEXTS_OF_SECURITY, "com.apple.security.quarantine", start_policy, "",
	 "Quarantine", "Quarantine policy"},
	{KEXTS_OF_SECURITY, "com.apple.driver.AppleSEPKeyStore", start_key_store,
	 "AppleSEPKeyStore", NULL, NULL},
	/* Gatekeeper's part in the kernel. */
	{KEXTS_OF_SYSTEM, "com.apple.AppleSystemPolicy", start_policy, "", "ASP",
	 "Apple System Policy"},
	{KEXTS_OF_SYSTEM, "com.apple.filesystems.apfs", start_apfs, "apfs", NULL, NULL},
	{KEXTS_OF_ROOT, "com.apple.driver.AppleFileSystemDriver", publish_root,
	 "AppleFileSystemDriver", NULL, NULL},
};

int kernel_start_kexts(struct boot *b, enum kext_phase phase, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(starts) / sizeof(starts[0]); i++) {
		const struct boot_kext *k = kernelcache_kext(&b->kernel, starts[i].id);

		if (k && starts[i].phase == phase)
			r = starts[i].start(b, &starts[i], k, e);
	}
	return r;
}
