/* SPDX-License-Identifier: MIT */
/*
 * Image4 of any bytes: IMG4, IM4P, IM4M, constraints, isys. What is taken is canonical,
 * so that writing it again gives the same bytes, and can be judged by anybody. Seeds are
 * in the folder beside.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/img4_verify.h"
#include "sim/formats/image4/isys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct buf *b, struct span want)
{
	if (b->len != want.len || memcmp(b->data, want.p, want.len) != 0)
		abort();
}

static size_t collect(struct img4_props at, struct img4_prop *out)
{
	size_t n = 0;

	while (img4_props_next(&at, &out[n]))
		if (++n > IMG4_PROPS_MAX)
			abort();
	return n;
}

static void again_im4p(const struct im4p *p)
{
	static struct img4_prop payp[IMG4_PROPS_MAX + 1];
	size_t n = collect(p->payp, payp);
	struct buf b = BUF_INIT;

	/* An empty PAYP is the one thing that is not written. */
	if (!n && p->payp.set.base)
		return;
	if (im4p_write(p, payp, n, &b, NULL))
		abort();
	check_same(&b, p->whole);
	buf_release(&b);
}

/* The certificate that every manifest claims as its own anchor. */
static void judge(const struct im4m *m)
{
	static const struct img4_chip chip = {.chip = 0x8103};
	uint8_t digest[IMG4_DIGEST_LEN] = {0}, generator[IMG4_GENERATOR_LEN] = {0};
	struct der at = m->objects;
	struct img4_props props;
	struct err e = ERR_INIT;
	uint32_t name;

	for (int s = 0; s < IMG4_CHIP_N; s++)
		(void)!img4_for_chip(m, &chip, (enum img4_selector)s, &e);
	(void)!img4_nonce(m, generator, &e);
	while (im4m_next_object(&at, &name, &props)) {
		if (img4_digest_is(m, name, digest, &e) == IMG4_ENOENT)
			abort();
		(void)!img4_props_count(&props);
	}
	if (m->n_certs && img4_authentic(m, m->cert[0], &e) == IMG4_ENOMEM)
		abort();
}

static void again_img4(const struct img4 *f, struct span whole)
{
	struct buf b = BUF_INIT;
	struct span none = {NULL, 0};

	if (img4_write(f->payload.whole, f->has_manifest ? f->manifest.whole : none,
		       f->has_generator ? f->generator : NULL, &b, NULL))
		abort();
	check_same(&b, whole);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct img4_constraints c;
	struct isys isys;
	struct img4 f;
	struct im4p p;
	struct im4m m;

	if (!img4_parse(data, size, &f, NULL)) {
		again_img4(&f, (struct span){data, size});
		again_im4p(&f.payload);
		if (f.has_manifest)
			judge(&f.manifest);
	}
	if (!im4p_parse(data, size, &p, NULL))
		again_im4p(&p);
	if (!im4m_parse(data, size, &m, NULL))
		judge(&m);
	if (!img4_constraints_parse(data, size, &c, NULL) &&
	    img4_props_count(&c.manp) + img4_props_count(&c.objp) > 2 * IMG4_PROPS_MAX)
		abort();
	if (!isys_parse(data, size, &isys, NULL)) {
		uint8_t out[ISYS_SIZE];

		isys_write(&isys, out);
		if (memcmp(out, data, sizeof(out)) != 0)
			abort();
	}
	return 0;
}
