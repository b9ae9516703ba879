/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the platform driver that every Intel Mac links into its kernel, so that
 * the kernel of a new disk holds code of the system's own.
 */
#include "scenarios/fixtures/src/kpi.h"

kmod_start_func_t platform_start;
kmod_stop_func_t platform_stop;

KEXT("com.apple.driver.AppleACPIPlatform", "6.1", platform_start, platform_stop);

kern_return_t platform_start(kmod_info_t *ki, void *data)
{
	(void)data;
	printf("%s %s: ACPI platform\n", ki->name, ki->version);
	return KERN_SUCCESS;
}

kern_return_t platform_stop(kmod_info_t *ki, void *data)
{
	(void)ki, (void)data;
	return KERN_FAILURE; /* a Mac does not run without */
}
