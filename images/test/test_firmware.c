/* SPDX-License-Identifier: MIT */
/* What iBoot is given, read again by the rules of its formats. */
#define _GNU_SOURCE /* memmem */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/device_tree.h"
#include "images/trust_cache.h"
#include "sim/base/bytes.h"

/* ---- device tree ---- */

struct dt {
	const uint8_t *p, *end;
	unsigned e_cores, p_cores, running;
	char model[64];
	bool bad;
};

static void take_prop(struct dt *d)
{
	const char *name = (const char *)d->p, *value = name + 36;
	uint32_t len;

	if (d->end - d->p < 36) {
		d->bad = true;
		return;
	}
	len = get_le32(d->p + 32);
	d->p += 36;
	if ((size_t)(d->end - d->p) < ((size_t)len + 3) / 4 * 4) {
		d->bad = true;
		return;
	}
	d->p += ((size_t)len + 3) / 4 * 4;
	if (!strcmp(name, "cluster-type")) {
		d->e_cores += value[0] == 'E';
		d->p_cores += value[0] == 'P';
	} else if (!strcmp(name, "state")) {
		d->running += !strcmp(value, "running");
	} else if (!strcmp(name, "model")) {
		snprintf(d->model, sizeof(d->model), "%s", value);
	}
}

static void take_node(struct dt *d, unsigned depth)
{
	uint32_t props, children;

	if (d->end - d->p < 8 || depth > 4) {
		d->bad = true;
		return;
	}
	props = get_le32(d->p);
	children = get_le32(d->p + 4);
	d->p += 8;
	while (props-- && !d->bad)
		take_prop(d);
	while (children-- && !d->bad)
		take_node(d, depth + 1);
}

static void a_device_tree_has_the_cores(void)
{
	static const struct {
		const char *machine;
		unsigned e, p;
	} rows[] = {{"m1", 4, 4}, {"m1-pro", 2, 8}, {"m1-max", 2, 8}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct machine_model *m = machine_by_name(rows[i].machine);
		struct buf b = BUF_INIT;
		struct err e = ERR_INIT;
		struct dt d;

		ASSERT_OK(device_tree_build(m, &b, &e), &e);
		d = (struct dt){.p = b.data, .end = b.data + b.len};
		take_node(&d, 0);
		CU_ASSERT_FALSE(d.bad);
		CU_ASSERT_PTR_EQUAL(d.p, d.end);
		CU_ASSERT_EQUAL(d.e_cores, rows[i].e);
		CU_ASSERT_EQUAL(d.p_cores, rows[i].p);
		CU_ASSERT_EQUAL(d.running, 1);
		CU_ASSERT_STRING_EQUAL(d.model, m->model);
		buf_release(&b);
	}
}

/* ---- trust cache ---- */

static void a_trust_cache_has_the_programs(void)
{
	struct buf b = BUF_INIT, c = BUF_INIT;
	struct err e = ERR_INIT;
	struct fs_tree t;

	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/bin/a", 0755, "abc", 3, NULL, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/bin/b", 0755, "b", 1, NULL, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/bin/c", 0755, "c", 1, NULL, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/etc/d", 0644, "d", 1, NULL, &e), &e);
	ASSERT_OK(fs_tree_hardlink(&t, "/bin/e", fs_tree_find(&t, "/bin/a"), &e), &e);
	ASSERT_OK(trust_cache_build(&t, &b, &e), &e);
	CU_ASSERT_EQUAL_FATAL(b.len, 24 + 3 * 22);
	CU_ASSERT_EQUAL(get_le32(b.data), 1);
	CU_ASSERT_EQUAL(get_le32(b.data + 20), 3);
	for (size_t i = 1; i < 3; i++)
		CU_ASSERT_TRUE(memcmp(b.data + 24 + (i - 1) * 22, b.data + 24 + i * 22, 20) < 0);
	/* SHA-256 of "abc" (FIPS 180-2), cut; type SHA-256; no flags */
	CU_ASSERT_PTR_NOT_NULL(memmem(b.data, b.len,
				      "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae"
				      "\x22\x23\xb0\x03\x61\xa3\x02\x00",
				      22));
	ASSERT_OK(fs_tree_file(&t, "/bin/b", 0755, "B", 1, NULL, &e), &e);
	ASSERT_OK(trust_cache_build(&t, &c, &e), &e);
	CU_ASSERT_EQUAL(c.len, b.len);
	CU_ASSERT_NOT_EQUAL(memcmp(b.data + 4, c.data + 4, 16), 0); /* another UUID */
	buf_release(&b);
	buf_release(&c);
	fs_tree_release(&t);
}

TEST_MAIN("firmware", {"a device tree has the cores", a_device_tree_has_the_cores},
	  {"a trust cache has the programs", a_trust_cache_has_the_programs})
