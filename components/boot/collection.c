/* SPDX-License-Identifier: MIT */
/* A kernel collection as the running kernel knows it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/boot/kernelcache_impl.h"
#include "sim/formats/fileset/fileset.h"

/* What is made read-only when the CPUs start: the kernel's code. */
static void find_text(struct kernelcache *k, const struct macho *kernel)
{
	static const char *const names[] = {"__TEXT_EXEC", "__TEXT"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct macho_segment *s = macho_segment(kernel, names[i]);

		if (!s || !s->vmsize)
			continue;
		k->text_lower = s->vmaddr;
		k->text_upper = s->vmaddr + s->vmsize - 1;
		return;
	}
}

static int describe(struct kernelcache *k, const struct fileset *c, struct err *e)
{
	struct kext_facts *f = calloc(c->n_kexts ? c->n_kexts : 1, sizeof(*f));
	int r;

	if (!f)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < c->n_kexts; i++)
		f[i] = (struct kext_facts){
			.id = c->kext[i].id,
			.version = c->kext[i].version,
			.bundle_path = c->kext[i].bundle_path,
			.info = c->kext[i].info,
			.load_addr = c->kext[i].load_addr,
			.size = c->kext[i].size,
			.uuid = c->kext[i].has_uuid ? c->kext[i].uuid : NULL,
		};
	r = kernelcache_describe(k, f, c->n_kexts, e);
	free(f);
	return r;
}

int kernelcache_open_collection(struct kernelcache *k, const char *path,
				const struct buf *file, const void *data, size_t len,
				const struct machine_model *m, struct err *e)
{
	struct fileset c;
	int r;

	*k = (struct kernelcache){.path = path};
	r = sha256_text(file->data, file->len, k->sha256, e);
	if (!r)
		r = fileset_open(data, len, macho_arch(m->arch), &c, e);
	if (r)
		return r;
	if (!c.has_kernel) {
		r = err_set(e, E_CORRUPT, "it has no kernel");
	} else {
		snprintf(k->version, sizeof(k->version), "%s", c.kernel_version);
		memcpy(k->kcid_bytes, c.kcid, sizeof(k->kcid_bytes));
		hex_text(c.kcid, sizeof(c.kcid), k->kcid);
		find_text(k, &c.kernel);
		r = describe(k, &c, e);
	}
	fileset_release(&c);
	return r;
}
