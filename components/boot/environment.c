/* SPDX-License-Identifier: MIT */
#include "components/boot/environment.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"

#define NVRAM_BOOT_VOLUME "boot-volume"

static bool button_is_held(const struct boot *b)
{
	return b->machine->boots_by_iboot && b->button == BUTTON_HOLD;
}

static bool button_is_double(const struct boot *b)
{
	return b->machine->boots_by_iboot && b->button == BUTTON_DOUBLE;
}

static bool nvram_asks_for_recovery(const struct boot *b)
{
	return nvram_get_apple(&b->nvram, NVRAM_RECOVERY) != NULL;
}

/* The first that holds; what the Secure Enclave calls it is what it lets happen there. */
static const struct {
	bool (*asked)(const struct boot *b);
	enum sep_env env;
	const char *why;
} requests[] = {
	{button_is_held, SEP_1TR, "the power button was held"},
	{button_is_double, SEP_RECOVERY, "the power button was pressed twice and held"},
	{nvram_asks_for_recovery, SEP_RECOVERY, "NVRAM " NVRAM_RECOVERY},
};

static void say_why(struct boot *b, const char *why)
{
	const struct nvram_var *v = nvram_get_apple(&b->nvram, NVRAM_RECOVERY);

	snprintf(b->why, sizeof(b->why), "%s", why);
	if (v && strstr(why, NVRAM_RECOVERY))
		snprintf(b->why, sizeof(b->why), "%s=%.*s", why, (int)v->len,
			 (const char *)v->value);
}

static void choose_environment(struct boot *b)
{
	b->env = SEP_MACOS;
	b->why[0] = '\0';
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (!requests[i].asked(b))
			continue;
		b->env = requests[i].env;
		say_why(b, requests[i].why);
		break;
	}
}

/* iBoot's variable has the volume group; one that makes no sense is as if it were not. */
static void prefer_boot_volume(struct boot *b)
{
	const struct nvram_var *v = nvram_get_apple(&b->nvram, NVRAM_BOOT_VOLUME);
	char group[UUID_TEXT_MAX];
	struct boot_volume *s;
	struct err e = ERR_INIT;

	if (!v || sb_boot_volume_parse((const char *)v->value, v->len, group, &e))
		return;
	s = volumes_by_role(&b->volumes, b->machine->main_disk, APFS_ROLE_SYSTEM, group);
	if (s)
		volumes_choose_system(&b->volumes, s, &b->choice);
}

/* Recovery of its own container: by the second button, and before each system had one. */
static struct boot_volume *recovery_volume(struct boot *b)
{
	const struct machine_model *m = b->machine;
	bool own = m->recovery_disk && (button_is_double(b) || !b->release->paired_recovery);

	return volumes_by_role(&b->volumes, own ? m->recovery_disk : m->main_disk,
			       APFS_ROLE_RECOVERY, NULL);
}

int environment_choose(struct boot *b, struct err *e)
{
	int r = volumes_choose(&b->volumes, &b->nvram, &b->choice, e);

	if (!r && !b->release)
		r = err_set(e, E_UNSUPPORTED, "the release of %s cannot be told",
			    b->choice.system->name);
	if (r)
		return r;
	if (b->machine->boots_by_iboot)
		prefer_boot_volume(b);
	b->choice.recovery_volume = recovery_volume(b);
	snprintf(b->detail, sizeof(b->detail), "%s", b->choice.system->name);
	choose_environment(b);
	return 0;
}
