/* SPDX-License-Identifier: MIT */
#include "images/device_tree.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/bytes.h"

#define NAME_LEN 32

/* Goes on unless something failed before, so that a tree can be written down as it is. */
struct tree {
	struct buf *out;
	struct err *e;
	int r;
};

static void put(struct tree *t, const void *data, size_t len)
{
	if (!t->r)
		t->r = buf_append(t->out, data, len, t->e);
}

static void put_u32(struct tree *t, uint32_t v)
{
	uint8_t le[4];

	put_le32(le, v);
	put(t, le, sizeof(le));
}

static void node(struct tree *t, uint32_t n_props, uint32_t n_children)
{
	put_u32(t, n_props);
	put_u32(t, n_children);
}

static void prop(struct tree *t, const char *name, const void *value, size_t len)
{
	static const uint8_t zeros[4];
	char padded[NAME_LEN] = "";

	snprintf(padded, sizeof(padded), "%s", name);
	put(t, padded, sizeof(padded));
	put_u32(t, (uint32_t)len);
	put(t, value, len);
	put(t, zeros, -len % 4);
}

static void prop_text(struct tree *t, const char *name, const char *value)
{
	prop(t, name, value, strlen(value) + 1);
}

static void prop_u32(struct tree *t, const char *name, uint32_t value)
{
	uint8_t le[4];

	put_le32(le, value);
	prop(t, name, le, sizeof(le));
}

static void put_cpu(struct tree *t, unsigned number, unsigned cluster, char type)
{
	char name[16], kind[2] = {type, 0};

	snprintf(name, sizeof(name), "cpu%u", number);
	node(t, 6, 0);
	prop_text(t, "name", name);
	prop_text(t, "device_type", "cpu");
	prop_u32(t, "cpu-id", number);
	prop_u32(t, "cluster-id", cluster);
	prop_text(t, "cluster-type", kind);
	prop_text(t, "state", number ? "waiting" : "running");
}

static void put_cpus(struct tree *t, const struct machine_model *m)
{
	node(t, 1, machine_n_cpus(m));
	prop_text(t, "name", "cpus");
	for (unsigned i = 0; i < m->n_clusters; i++) {
		const struct machine_cluster *c = &m->cluster[i];

		for (unsigned j = 0; j < c->n_cpus; j++)
			put_cpu(t, c->first_cpu + j, i, c->type);
	}
}

int device_tree_build(const struct machine_model *m, struct buf *out, struct err *e)
{
	struct tree t = {out, e, 0};

	node(&t, 4, 2);
	prop_text(&t, "name", "device-tree");
	prop_text(&t, "model", m->model);
	prop_text(&t, "target-type", m->board);
	prop_text(&t, "compatible", m->chip ? m->chip : "");
	node(&t, 3, 0);
	prop_text(&t, "name", "chosen");
	prop_u32(&t, "chip-id", m->chip_id);
	prop_u32(&t, "board-id", m->board_id);
	put_cpus(&t, m);
	return t.r;
}
