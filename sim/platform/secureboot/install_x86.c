/* SPDX-License-Identifier: MIT */
/* x86: files as they are, and beside those that somebody verifies a manifest. */
#include <stdio.h>

#include "sim/platform/secureboot/install_impl.h"

static int row_path(const struct sb_row *row, const char *group, char *out, size_t size,
		    struct err *e)
{
	int n = snprintf(out, size, "/%s/%s", group, row->path);

	return (size_t)n < size ? 0 : err_set(e, E_OVERFLOW, "a path of %d bytes", n);
}

/* One file with a manifest of its own, or none. */
static int install_row(const struct sb_install_spec *s, const struct sb_row *row,
		       const char *description, struct span data, struct fs_tree *t,
		       const struct sb_chip *chip, struct err *e)
{
	bool t2 = s->machine->secure_boot == SECURE_BOOT_T2;
	struct bundle_target target = {
		.chip = &chip->id, .software = !t2, .personal = t2};
	struct bundle b = {.n = 0};
	char path[256];
	int r = bundle_add(&b, row, description, data, e);

	if (!r)
		r = row_path(row, s->group, path, sizeof(path), e);
	if (!r)
		r = install_file(t, path, &b.object[0].bytes, e);
	if (!r && row->im4m != SB_INSIDE) {
		r = bundle_sign(&b, &target, s->services, e);
		if (!r)
			r = sb_beside_path(row, s->group, s->machine, path, sizeof(path),
					   e);
		if (!r)
			r = install_file(t, path, &b.manifest, e);
	}
	bundle_release(&b);
	return r;
}

static int install_rows(const struct sb_install_spec *s, bool recovery, struct fs_tree *t,
			const struct sb_chip *chip, struct err *e)
{
	uint8_t root_hash[ISYS_SIZE];
	size_t n;
	const struct sb_row *row = sb_rows(s->machine->secure_boot, recovery, &n);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		struct install_content c;

		if (!row[i].path)
			continue;
		r = install_content(s, &row[i], SB_XSYS, root_hash, &c, e);
		if (!r && c.data.p)
			r = install_row(s, &row[i], c.description, c.data, t, chip, e);
	}
	return r;
}

int install_x86(const struct sb_install_spec *s, struct fs_tree *preboot,
		struct sb_chip *chip, struct err *e)
{
	int r = install_rows(s, false, preboot, chip, e);

	if (!r && s->recovery)
		r = install_rows(s, true, s->recovery, chip, e);
	return r;
}
