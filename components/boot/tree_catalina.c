/* SPDX-License-Identifier: MIT */
/* The tree of 10.15: the System volume itself, Data, firmlinks, swap. */
#include <string.h>

#include "components/boot/tree.h"
#include "components/common/this_release.h"
#include "sim/platform/paths.h"

int tree_build_catalina(struct volumes *vs, const struct boot_choice *c,
			const struct release **ret_release, struct err *e)
{
	struct boot_volume *s = c->system;
	int r = tree_mount_volume(vs, s, e);

	if (!r)
		r = tree_bind_root(s->carrier_dir, e);
	if (!r)
		r = this_release(TREE_ROOT, ret_release, e);
	if (!r && c->data)
		r = tree_attach_at(vs, c->data, PATH_DATA_MOUNT, 0, e);
	if (!r && c->data)
		r = tree_bind_firmlinks("", s->carrier_dir, c->data->carrier_dir, e);
	if (!r && c->vm)
		r = tree_attach_at(vs, c->vm, "/private/var/vm", TREE_FOR_KERNEL, e);
	if (!r)
		r = tree_link_in_volumes(s->name, e);
	if (!r)
		r = tree_mount_dev(e);
	if (r)
		return r;
	strcpy(s->mount_point, "/");
	s->read_only = (*ret_release)->system_read_only;
	return s->read_only ? tree_root_read_only(e) : 0;
}
