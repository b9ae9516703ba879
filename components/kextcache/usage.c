/* SPDX-License-Identifier: MIT */
/* Apple's help text, line by line. */
#include "components/kextcache/options.h"

static const char *const brief[] = {
	"usage: kextcache -prelinked-kernel <filename> [options] [--] [kext or "
	"directory]",
	"       kextcache -system-prelinked-kernel",
	"       kextcache [options] -prelinked-kernel",
	"       kextcache -invalidate <volume> ",
	"       kextcache -update-volume <volume> [options]",
	"       kextcache -system-caches [options]",
	"",
	NULL,
};

static const char *const details[] = {
	"-prelinked-kernel [<filename>] (-c):",
	"        create/update prelinked kernel (must be last if no filename given)",
	"-system-prelinked-kernel:",
	"        create/update system prelinked kernel",
	"-invalidate <volume> (-i): invalidate system kext caches for <volume>",
	"-update-volume <volume> (-u): update system kext caches for <volume>",
	"-Installer called us, modify behavior appropriately",
	"-caches-only skips updating any helper partitions even if they appear out of "
	"date",
	"-system-caches: update system kext info caches for the root volume",
	"",
	"kext or directory: Consider kext or all kexts in directory for inclusion",
	"-bundle-id <bundle_id> (-b):",
	"        include the kext whose CFBundleIdentifier is <bundle_id>",
	"-volume-root <volume>:",
	"        Save kext paths in a prelinked kernel  relative to <volume>",
	"-kernel <kernel_filename> (-K): Use kernel_filename for a prelinked kernel",
	"-all-loaded (-r): Include all kexts ever loaded in prelinked kernel",
	"-force (-f): Update volumes even if they look up to date",
	"",
	"-arch <archname>:",
	"        include architecture <archname> in created cache(s)",
	"-F: run at low priority",
	"",
	"-quiet (-q): quiet mode: print no informational or error messages",
	"-verbose [ 0-6 | 0x<flags> ] (-v):",
	"        verbose mode; print info about analysis & loading",
	"",
	"-print-diagnostics (-t):",
	"        print diagnostics for kexts with problems",
	"-no-authentication (-z): don't authenticate kexts (for use during development)",
	"",
	"-help (-h): print this message and exit",
	NULL,
};

static void print(const struct component_log *log, const char *const *lines)
{
	for (; *lines; lines++)
		clog_say(log, CLOG_EXPLICIT, "%s", *lines);
}

void kc_usage(const struct component_log *log, bool full)
{
	print(log, brief);
	if (full)
		print(log, details);
	else
		clog_say(log, CLOG_EXPLICIT,
			 "use kextcache -help for an explanation of each option");
}
