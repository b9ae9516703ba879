/* SPDX-License-Identifier: MIT */
/* What the firmware starts: button, NVRAM and volumes of Macs with release 11 and later. */
#include <stdio.h>
#include <string.h>

#include "components/boot/environment.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"

#define GROUP_A "AAAAAAAA-0000-0000-0000-000000000001"
#define GROUP_B "BBBBBBBB-0000-0000-0000-000000000002"

static struct err e;

static void add(struct volumes *vs, unsigned disk, uint16_t role, const char *name,
		const char *group)
{
	struct boot_volume *v = &vs->v[vs->n++];

	*v = (struct boot_volume){.disk = disk, .role = role};
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->group, sizeof(v->group), "%s", group);
}

/* Two systems on the disk of the machine @model. */
static struct boot *mac(const char *model, const char *release)
{
	static struct boot b;
	const struct machine_model *m = machine_by_name(model);

	nvram_release(&b.nvram);
	b = (struct boot){.machine = m, .release = release_by_name(release)};
	b.volumes.machine = m;
	nvram_init(&b.nvram);
	add(&b.volumes, m->main_disk, APFS_ROLE_SYSTEM, "A", GROUP_A);
	add(&b.volumes, m->main_disk, APFS_ROLE_DATA, "A - Data", GROUP_A);
	add(&b.volumes, m->main_disk, APFS_ROLE_SYSTEM, "B", GROUP_B);
	add(&b.volumes, m->main_disk, APFS_ROLE_DATA, "B - Data", GROUP_B);
	add(&b.volumes, m->main_disk, APFS_ROLE_RECOVERY, "own", "");
	if (m->recovery_disk)
		add(&b.volumes, m->recovery_disk, APFS_ROLE_RECOVERY, "common", "");
	return &b;
}

static void set(struct boot *b, const char *name, const char *value)
{
	ASSERT_OK(nvram_set_apple(&b->nvram, name, value, strlen(value), &e), &e);
}

static void starts_macos(void)
{
	struct boot *b = mac("m1", "12.1");

	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_EQUAL(b->env, SEP_MACOS);
	CU_ASSERT_STRING_EQUAL(b->choice.system->name, "A");
	CU_ASSERT_STRING_EQUAL(b->choice.data->name, "A - Data");
	CU_ASSERT_STRING_EQUAL(b->why, "");
}

static void button_decides_on_apple_silicon(void)
{
	struct boot *b = mac("m1", "12.1");

	b->button = BUTTON_HOLD;
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_EQUAL(b->env, SEP_1TR);
	CU_ASSERT_STRING_EQUAL(b->choice.recovery_volume->name, "own");
	b->button = BUTTON_DOUBLE;
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_EQUAL(b->env, SEP_RECOVERY);
	CU_ASSERT_STRING_EQUAL(b->choice.recovery_volume->name, "common");
	/* An Intel Mac does not look at how long. */
	b = mac("t2", "12.1");
	b->button = BUTTON_HOLD;
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_EQUAL(b->env, SEP_MACOS);
}

/* Release 11 has one recoveryOS for all systems, 12 one for each. */
static void recovery_belongs_to_the_system_from_12_on(void)
{
	struct boot *b = mac("m1", "11.0.1");

	b->button = BUTTON_HOLD;
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b->choice.recovery_volume->name, "common");
	b = mac("intel", "11.0.1");
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b->choice.recovery_volume->name, "own");
}

static void nvram_asks_and_says_why(void)
{
	struct boot *b = mac("m1", "12.1");

	set(b, NVRAM_RECOVERY, "ssv-seal-broken");
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_EQUAL(b->env, SEP_RECOVERY);
	CU_ASSERT_STRING_EQUAL(b->why, "NVRAM recovery-boot-mode=ssv-seal-broken");
	/* It takes more than NVRAM to be trusted as an owner. */
	b->button = BUTTON_HOLD;
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_EQUAL(b->env, SEP_1TR);
}

static void boot_volume_names_the_group(void)
{
	static const char form[] = "EF57347C-0000-11AA-AA11-00306543ECAC:"
				   "11111111-2222-3333-4444-555555555555:%s";
	struct boot *b = mac("m1-pro", "12.1");
	char value[160];

	snprintf(value, sizeof(value), form, GROUP_B);
	set(b, "boot-volume", value);
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b->choice.system->name, "B");
	CU_ASSERT_STRING_EQUAL(b->choice.data->name, "B - Data");
	/* What makes no sense, or names what is gone, is as if it were not there. */
	set(b, "boot-volume", "nonsense");
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b->choice.system->name, "A");
	snprintf(value, sizeof(value), form, "CCCCCCCC-0000-0000-0000-000000000003");
	set(b, "boot-volume", value);
	ASSERT_OK(environment_choose(b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b->choice.system->name, "A");
}

static void nothing_to_start_is_said(void)
{
	struct boot *b = mac("m1", "12.1");

	b->release = NULL;
	ASSERT_FAILS(environment_choose(b, &e), E_UNSUPPORTED);
	b->volumes.n = 0;
	ASSERT_FAILS(environment_choose(b, &e), E_NOTFOUND);
	err_clear(&e);
}

TEST_MAIN("environment", {"macOS is started", starts_macos},
	  {"the button decides on Apple silicon", button_decides_on_apple_silicon},
	  {"Recovery belongs to the system from 12 on",
	   recovery_belongs_to_the_system_from_12_on},
	  {"NVRAM asks and says why", nvram_asks_and_says_why},
	  {"boot-volume names the group", boot_volume_names_the_group},
	  {"nothing to start is said", nothing_to_start_is_said})
