/* SPDX-License-Identifier: MIT */
/*
 * The root of release 11 and later: find its volume, find the snapshot to root from,
 * decide by its seal (sim/platform/secureboot/ssv.h), and serve it.
 *
 * The disk is read by our APFS reader; nothing is mounted before the decision, and it
 * reads superblock, snapshot list and integrity metadata: the volume is not walked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/boot/channel.h"
#include "components/boot/kernel.h"
#include "components/boot/mounts.h"
#include "components/boot/root_snapshot.h"
#include "components/boot/tree.h"
#include "components/common/this_release.h"
#include "sim/base/fsio.h"
#include "sim/base/json_text.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/formats/apfs/seal.h"
#include "sim/platform/paths.h"
#include "sim/platform/secureboot/ssv.h"

#define APFS_KEXT      "com.apple.filesystems.apfs"
#define BLOCK_SIZE     4096
#define DARWIN_ENODEV  19
#define DARWIN_EILSEQ  92
#define MATCHING                                                                         \
	"<dict ID=\"0\"><key>IOProviderClass</key><string ID=\"1\">IOResources</string>"  \
	"<key>IOResourceMatch</key><string ID=\"2\">boot-uuid-media</string></dict>"

/* ---- the device ---- */

/* No volume has the UUID: Apple silicon asks for Recovery, an Intel Mac waits for ever. */
static int no_root_device(struct boot *b, struct err *e)
{
	static const struct {
		const char *name, *value;
	} vars[] = {
		{"boot-picker-bringup-reason", "missing-boot-media"},
		{"boot-command", "recover-system"},
		{NVRAM_RECOVERY, "missing-boot-media"},
	};
	int r = 0;

	if (!b->machine->boots_by_iboot) {
		klog(&b->log, "", "Still waiting for root device");
		return err_set(e, E_NOTFOUND, "Still waiting for root device");
	}
	for (size_t i = 0; !r && i < sizeof(vars) / sizeof(vars[0]); i++)
		r = nvram_set_apple(&b->nvram, vars[i].name, vars[i].value,
				    strlen(vars[i].value), e);
	if (r)
		return r;
	klog(&b->log, "", "About to reboot into Recovery!");
	return kernel_restart(b, "missing-boot-media", e);
}

/* IOFindBSDRoot(), iokit/bsddev/IOKitBSDInit.cpp. */
static int find_device(struct boot *b, struct err *e)
{
	char path[MACHINE_PATH_MAX];
	int r;

	snprintf(b->boot_uuid, sizeof(b->boot_uuid), "%s", b->choice.system->uuid);
	klog(&b->log, "", "rooting via boot-uuid from /chosen: %s", b->boot_uuid);
	klog(&b->log, "", "Waiting on %s", MATCHING);
	klog(&b->log, "", "Waiting for boot volume with UUID %s", b->boot_uuid);
	r = kernel_start_kexts(b, KEXTS_OF_ROOT, e);
	if (r)
		return r;
	if (!b->root)
		return no_root_device(b, e);
	machine_volume_path(b->machine, b->root->name, b->root->slot + 1, path);
	klog(&b->log, "", "Got boot device = %s", path);
	klog(&b->log, "", "BSD root: %s", b->root->device);
	klog(&b->log, "", ", major 1, minor %u",
	     b->machine->main_minor + b->root->slot + 1);
	return 0;
}

/* ---- the snapshot ---- */

/* Fills snapshot and xid; "" and 0 when there is none to root from. */
static int find_snapshot(struct boot *b, struct err *e)
{
	const struct release_apfs *lines = &b->release->apfs;
	const struct apfs_snapshot *s;
	struct apfs_snapshot *list = NULL;
	struct apfs_volume *live;
	size_t n = 0;
	int r = volumes_open(&b->volumes, b->root, 0, &live, e);

	if (r)
		return r;
	klog(&b->log, "apfs", "apfs_vfsop_mount:%u: disk%u Promoter has been locked",
	     lines->promoter_locked, b->root->disk);
	r = apfs_snapshots(live, &list, &n, e);
	apfs_volume_close(live);
	if (r)
		return r;
	s = root_snapshot(list, n, b->root->root_to_xid, b->chain.root_snapshot);
	if (s) {
		snprintf(b->rooted.snapshot, sizeof(b->rooted.snapshot), "%s", s->name);
		b->rooted.xid = s->xid;
		b->rooted.sblock = s->sblock;
	}
	free(list);
	return 0;
}

static void say_mounting(struct boot *b)
{
	const struct release_apfs *lines = &b->release->apfs;

	if (!b->rooted.xid && b->rooted.need_auth)
		return; /* there is nothing that may be mounted */
	if (b->rooted.xid)
		klog(&b->log, "apfs",
		     "apfs_vfsop_mount:%u: %s Rooting from snapshot with xid %llu.",
		     lines->rooting, b->root->device, (unsigned long long)b->rooted.xid);
	mounts_say(b, b->root);
	if (b->rooted.xid)
		klog(&b->log, "apfs",
		     "handle_snapshot_mount:%u: %s mounting snapshot w/snap_xid %llu and "
		     "sblock oid 0x%llx",
		     lines->snapshot_mount, b->root->device,
		     (unsigned long long)b->rooted.xid,
		     (unsigned long long)b->rooted.sblock);
}

/* ---- the seal ---- */

static void tell_decision(const struct boot *b, const struct ssv_in *in,
			  const struct ssv_out *out)
{
	static const char *const names[] = {
		[SSV_BOOTS] = "ok",
		[SSV_UNCHECKED] = "unchecked",
		[SSV_BOOTS_LIVE] = "live",
		[SSV_REFUSED] = "EAUTH",
		[SSV_PANICS] = "panic",
	};
	char on_disk[2 * APFS_SEAL_HASH_LEN + 1] = "";
	char expected[2 * ISYS_HASH_LEN + 1] = "";
	const uint8_t *hash;
	struct isys isys;

	if (in->root_hash)
		hex_text(in->root_hash, APFS_SEAL_HASH_LEN, on_disk);
	if (in->payload && !isys_parse(in->payload, in->payload_len, &isys, NULL) &&
	    !isys_hash(&isys, in->block_size, &hash, NULL))
		hex_text(hash, ISYS_HASH_LEN, expected);
	channel_event(BOOT_FD, "ssv",
		      json_pack("{s:b,s:o,s:I,s:b,s:b,s:s,s:s,s:s,s:i,s:I}", "need_auth",
				b->rooted.need_auth, "snapshot",
				json_text(b->rooted.snapshot), "xid",
				(json_int_t)b->rooted.xid, "sealed", in->sealed, "broken",
				in->broken, "on_disk", on_disk, "expected", expected,
				"result", names[out->outcome], "errno", out->error, "ns",
				(json_int_t)out->compare_ns));
}

static int leave_in_nvram(struct boot *b, const struct ssv_out *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < out->n_nvram; i++)
		r = nvram_set_apple(&b->nvram, out->nvram[i].name, out->nvram[i].value,
				    strlen(out->nvram[i].value), e);
	return r;
}

/* What an outcome means for the start. */
static int act_on(struct boot *b, const struct ssv_out *out, struct err *e)
{
	int r = leave_in_nvram(b, out, e);

	if (r)
		return r;
	if (out->panic[0])
		return kernel_panic(b, APFS_KEXT, e, "%s", out->panic);
	if (out->outcome == SSV_REFUSED)
		return kernel_restart(b, "ssv-seal-broken", e);
	b->rooted.rootauth_panic = ssv_rootauth(b->machine, &b->rooted.need, out);
	return 0;
}

static int decide(struct boot *b, const struct apfs_seal_info *seal, struct err *e)
{
	const struct ssv_in in = {
		.need = b->rooted.need,
		.ending = b->machine->seal_end,
		.apfs = &b->release->apfs,
		.device = b->root->device,
		.volume_uuid = b->root->uuid,
		.snapshot = b->rooted.snapshot[0] ? b->rooted.snapshot
						  : b->chain.root_snapshot,
		.found = b->rooted.xid != 0,
		.snapshot_xid = b->rooted.xid,
		.sealed = seal->sealed,
		.broken = seal->broken,
		.root_hash = seal->sealed ? seal->root_hash : NULL,
		.block_size = BLOCK_SIZE,
		.payload = b->chain.has_root_hash ? b->chain.root_hash : NULL,
		.payload_len = b->chain.has_root_hash ? ISYS_SIZE : 0,
		.payload_result = b->chain.root_hash_result,
		.line = kernel_log_apfs,
		.line_ctx = b,
	};
	struct ssv_out out;

	ssv_decide(&in, &out);
	tell_decision(b, &in, &out);
	return act_on(b, &out, e);
}

/* Integrity metadata of what is to be the root. */
static int read_seal(struct boot *b, struct apfs_seal_info *ret, struct err *e)
{
	struct apfs_volume *v;
	int r = volumes_open(&b->volumes, b->root, b->rooted.xid, &v, e);

	if (r)
		return r;
	r = apfs_seal_info_get(v, ret, e);
	apfs_volume_close(v);
	return r;
}

static int authenticate(struct boot *b, struct err *e)
{
	struct apfs_seal_info seal;
	int r;

	b->rooted.need = (struct ssv_need){
		.apple_silicon = b->machine->apple_silicon,
		.lp_sip1 = lp_true(&b->chain.policy, LP_SIP1),
		.csr = b->csr,
	};
	b->rooted.need_auth = ssv_need_auth(&b->rooted.need);
	r = find_snapshot(b, e);
	if (!r)
		r = read_seal(b, &seal, e);
	if (r)
		return r;
	say_mounting(b);
	b->rooted.sealed = seal.sealed;
	b->rooted.broken = seal.broken;
	memcpy(b->rooted.root_hash, seal.root_hash, sizeof(b->rooted.root_hash));
	return decide(b, &seal, e);
}

/* ---- the mount ---- */

/*
 * What is served is checked against the root hash, which was compared with the signed one
 * if that was asked for. A volume without an intact seal has nothing to be checked against.
 */
static int serve(struct boot *b, struct err *e)
{
	const bool checked = b->rooted.sealed && !b->rooted.broken;
	const struct sealed_root_options o = {
		.disk = CARRIER_DISK,
		.slot = b->root->slot,
		.snapshot = b->rooted.xid ? b->rooted.snapshot : NULL,
		.root_hash = checked ? b->rooted.root_hash : NULL,
		.no_verify = !checked,
		.name = b->root->device,
		.dir = ROOT_SERVED_DIR,
		.log = kernel_log_apfs,
		.ctx = b,
	};
	int r = fsio_mkdirs(ROOT_SERVED_DIR, 0755, e);

	if (!r)
		r = sealed_root_start(&o, &b->rooted.server, e);
	return r ? r : tree_bind_root(ROOT_SERVED_DIR, e);
}

/* vfs_mountroot() and what bsd_init() asks of the result. */
int root_mount(struct boot *b, struct err *e)
{
	struct err why = ERR_INIT;
	int r;

	b->root = NULL;
	b->rooted = (struct rooted){.server = SEALED_ROOT_INIT};
	r = find_device(b, e);
	if (r)
		return r;
	if (!kernelcache_kext(&b->kernel, APFS_KEXT))
		return kernel_panic(b, "", e, "cannot mount root, errno = %d",
				    DARWIN_ENODEV);
	r = authenticate(b, e);
	if (r)
		return r;
	if (serve(b, &why)) {
		klog(&b->log, "apfs", "%s", why.msg);
		return kernel_panic(b, "", e, "cannot mount root, errno = %d",
				    DARWIN_EILSEQ);
	}
	if (b->rooted.rootauth_panic)
		return kernel_panic(b, "", e, "%s", b->rooted.rootauth_panic);
	snprintf(b->detail, sizeof(b->detail), "%s %s", b->root->device,
		 b->rooted.snapshot[0] ? b->rooted.snapshot : "live");
	r = this_release(TREE_ROOT, &b->release, e);
	if (!r || !tree_unreadable(e))
		return r;
	/* The booter knew it already. */
	err_clear(e);
	return 0;
}
