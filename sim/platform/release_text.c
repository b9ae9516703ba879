/* SPDX-License-Identifier: MIT */
/* What a release says of itself, on a given machine. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/platform/machine.h"
#include "sim/platform/release.h"

/* When the kernel for @m was built; of builds that nobody has shown, the release's day.
 */
static void kernel_date(const struct release *r, const struct machine_model *m, char *out,
			size_t size)
{
	time_t date = (time_t)r->date;
	struct tm tm;

	for (size_t i = 0; i < RELEASE_KERNELS_MAX && r->kernel[i].build; i++)
		if (!strcmp(r->kernel[i].build, m->kernel)) {
			snprintf(out, size, "%s", r->kernel[i].date);
			return;
		}
	out[0] = '\0';
	if (gmtime_r(&date, &tm))
		strftime(out, size, "%a %b %e %H:%M:%S GMT %Y", &tm);
}

void release_kernel_banner(const struct release *r, const struct machine_model *m,
			   char out[static RELEASE_BANNER_MAX])
{
	char date[64];

	kernel_date(r, m, date, sizeof(date));
	snprintf(out, RELEASE_BANNER_MAX, "Darwin Kernel Version %s: %s; root:xnu-%s/%s",
		 r->darwin, date, r->xnu_tag ? r->xnu_tag : r->xnu, m->kernel);
}

void release_image4_banner(const struct release *r, const struct machine_model *m,
			   char out[static RELEASE_BANNER_MAX])
{
	char date[64];

	kernel_date(r, m, date, sizeof(date));
	snprintf(out, RELEASE_BANNER_MAX,
		 "Darwin Image4 Validator Version %s: %s; "
		 "root:AppleImage4-%s/AppleImage4/%s",
		 r->image4.version, r->image4.date ? r->image4.date : date,
		 r->image4.source, m->kexts);
}

void release_apfs_banner(const struct release *r, char out[static RELEASE_BANNER_MAX])
{
	snprintf(out, RELEASE_BANNER_MAX, "com.apple.filesystems.apfs, v%s, apfs-%s, %s",
		 r->apfs.version, r->apfs.version, r->apfs.date);
}

void release_love(const struct release *r, char out[static RELEASE_BANNER_MAX])
{
	char *end;
	unsigned long major = strtoul(r->build, &end, 10), minor = 0;

	if (isupper((unsigned char)*end))
		minor = (unsigned long)(*end++ - 'A' + 1);
	snprintf(out, RELEASE_BANNER_MAX, "%lu.%lu.%lu.0.0,0", major, minor,
		 strtoul(end, NULL, 10));
}
