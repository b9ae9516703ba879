/* SPDX-License-Identifier: MIT */
/*
 * Stands in for a kext of Apple's in a kernel collection: has its name and version, can
 * be used by others under a symbol of its own, and uses those that it depends on, so that
 * the collection's linker has what it has in life. It runs nothing.
 *
 * Compiled once for each row of module.mk, with KEXT_ID, KEXT_VERSION, KEXT_NAME (an
 * identifier) and USES: USE(name) for each kext that it depends on.
 */
#include "scenarios/fixtures/src/kpi.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

/* ---- what it offers ---- */

const char PASTE(KEXT_NAME, _version)[] = KEXT_VERSION;
static int clients;

int PASTE(KEXT_NAME, _attach)(const char *client);
int PASTE(KEXT_NAME, _attach)(const char *client)
{
	printf("%s is used by %s\n", KEXT_ID, client);
	return OSAddAtomic(1, &clients);
}

/* ---- what it uses: called directly, and by pointers that move with the kernel ---- */

#define USE(name)                                                                        \
	int name##_attach(const char *client);                                           \
	extern const char name##_version[];
USES
#undef USE

	struct library {
	int (*attach)(const char *client);
	const char *version;
};
extern const struct library PASTE(KEXT_NAME, _libraries)[]; /* so it is not folded */
const struct library PASTE(KEXT_NAME, _libraries)[] = {
#define USE(name) {name##_attach, name##_version},
	USES
#undef USE
	{NULL, NULL}};

static void attach_to_libraries(void)
{
#define USE(name) name##_attach(KEXT_ID);
	USES
#undef USE
}

static kern_return_t standin_start(kmod_info_t *ki, void *data)
{
	(void)data;
	attach_to_libraries();
	for (const struct library *l = PASTE(KEXT_NAME, _libraries); l->attach; l++)
		printf("%s %s with %s\n", ki->name, ki->version, l->version);
	return KERN_SUCCESS;
}

static kern_return_t standin_stop(kmod_info_t *ki, void *data)
{
	(void)ki, (void)data;
	return KERN_FAILURE; /* what is in the boot collection stays */
}

KEXT(KEXT_ID, KEXT_VERSION, standin_start, standin_stop);
