/* SPDX-License-Identifier: MIT */
#include "components/boot/session.h"

#include <string.h>
#include <unistd.h>

#include "components/boot/channel.h"
#include "components/boot/policy.h"
#include "components/boot/tree.h"
#include "components/boot/xnu.h"
#include "components/common/packet.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/formats/apfs/reader.h"
#include "sim/platform/paths.h"

void boot_tell_kernel(const struct boot *b)
{
	char role[16];

	channel_event(BOOT_FD, "boot.kernel",
		      json_pack("{s:s,s:s,s:s,s:s,s:O}", "path", b->kernel_path, "volume",
				apfs_role_name(b->kernel_volume->role, role), "sha256",
				b->kernel.sha256, "kcid", b->kernel.kcid, "kexts",
				b->kernel.list));
}

/* ---- volumes.plist ---- */

const struct live_snapshot *session_next_root(const struct boot *b,
					      const struct live_volume *lv)
{
	if (!lv->root_xid)
		return live_find(lv, b->chain.root_snapshot);
	for (size_t i = 0; i < lv->n_snapshots; i++)
		if (lv->snapshot[i].xid == lv->root_xid)
			return &lv->snapshot[i];
	return NULL;
}

static const char *sealed_word(enum live_seal s)
{
	static const char *const words[] = {
		[LIVE_UNSEALED] = "No",
		[LIVE_SEALED] = "Yes",
		[LIVE_BROKEN] = "Broken",
	};

	return words[s];
}

static plist_t snapshot_dict(const struct boot *b, const struct live_volume *lv,
			     const struct live_snapshot *s)
{
	bool mounted = session_is_root(b, lv, s);
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "Name", plist_new_string(s->name));
	plist_dict_set_item(d, "UUID", plist_new_string(s->uuid));
	plist_dict_set_item(d, "XID", plist_new_uint(s->xid));
	plist_dict_set_item(d, "Purgeable", plist_new_bool(0));
	plist_dict_set_item(d, "Root", plist_new_bool(session_next_root(b, lv) == s));
	plist_dict_set_item(d, "Pending", plist_new_bool(s->pending));
	plist_dict_set_item(d, "Sealed", plist_new_string(sealed_word(s->seal)));
	plist_dict_set_item(d, "Device", plist_new_string(mounted ? b->root_device : ""));
	plist_dict_set_item(d, "MountPoint", plist_new_string(mounted ? "/" : ""));
	return d;
}

bool session_is_root(const struct boot *b, const struct live_volume *lv,
		     const struct live_snapshot *s)
{
	return lv->v == b->root && !b->choice.recovery && s->xid == b->rooted.xid &&
	       !s->pending;
}

/* What volumes of releases have that know seals. */
static void add_seal(void *ctx, const struct boot_volume *v, plist_t dict)
{
	const struct boot *b = ctx;
	const struct live_volume *lv = live_of(&b->live, v);
	plist_t snapshots = plist_new_array();

	for (size_t i = 0; lv && i < lv->n_snapshots; i++)
		plist_array_append_item(snapshots,
					snapshot_dict(b, lv, &lv->snapshot[i]));
	plist_dict_set_item(
		dict, "Sealed",
		plist_new_string(sealed_word(lv ? live_seal(lv) : LIVE_UNSEALED)));
	plist_dict_set_item(dict, "Snapshots", snapshots);
}

int session_write_volumes(const struct boot *b, struct err *e)
{
	struct buf xml = BUF_INIT;
	int r = volumes_plist(&b->volumes, b->release->sealed_system ? add_seal : NULL,
			      (void *)(uintptr_t)b, &xml, e);

	if (!r)
		r = xnu_write_file(XNU_VOLUMES, xml.data, xml.len, e);
	buf_release(&xml);
	return r;
}

/* ---- SIP ---- */

static void log_sandbox(void *ctx, const char *line)
{
	klog(&((struct boot *)ctx)->log, "Sandbox", "%s", line);
}

int session_protect(struct boot *b, struct err *e)
{
	const struct policy_facts f = {
		.release = b->release,
		.root_device = b->root_device,
		.csr = b->csr,
		.log = {.line = log_sandbox, .ctx = b},
	};

	return policy_fill(b->sip, &f, e);
}

int session_protect_below(struct boot *b, const char *mount_point, struct err *e)
{
	const struct policy_log log = {.line = log_sandbox, .ctx = b};

	return policy_mark_below(b->sip, mount_point, &log, e);
}

/* ---- launchd ---- */

int session_ask_for_userspace_reboot(struct err *e)
{
	json_t *msg = json_pack("{s:s,s:s}", "op", "reboot", "how", "userspace");
	int fd, r = packet_connect(TREE_ROOT XNU_BOOTSTRAP_SOCKET, &fd, e);

	if (!r) {
		r = packet_send(fd, msg, e);
		close(fd);
	}
	json_decref(msg);
	return r ? err_ctx(e, "asking launchd") : 0;
}

/* ---- the beginning ---- */

int boot_prepare_userspace(struct boot *b, struct err *e)
{
	int r = b->session[0] ? 0 : uuid_new_text(b->session, e);

	if (!r)
		r = xnu_build(b, e);
	if (!r)
		r = session_write_volumes(b, e);
	if (!r)
		r = session_protect(b, e);
	if (!r)
		r = service_open(&b->service, e);
	if (!r)
		klog_clock_adjusted(&b->log);
	return r;
}
