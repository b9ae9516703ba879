/* SPDX-License-Identifier: MIT */
/*
 * Signatures of any bytes. The first byte chooses the reader: slices, super blob and code
 * directories, requirement, CMS, CodeResources. A requirement that is read is written as
 * text, and that text gives a requirement that means the same. Seeds are in the folder
 * beside.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/codesign/codesign.h"
#include "sim/formats/plist/pl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_images(struct span s)
{
	struct cs_images all;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t off;

	if (cs_images_open(s, &all, &e))
		return;
	for (size_t i = 0; i < all.n; i++) {
		(void)cs_image_signature(&all.item[i]);
		buf_clear(&out);
		if (!cs_image_make_room(&all.item[i], 64, &out, &off, &e) &&
		    off + 64 != out.len)
			abort();
	}
	buf_release(&out);
}

static void read_codedirs(const struct cs_super *s, struct cs_codedirs *all)
{
	struct err e = ERR_INIT;
	struct span blob;

	for (uint32_t i = 0; i < s->n && all->n < CS_CODEDIRS_MAX; i++) {
		uint32_t type = cs_super_at(s, i, &blob);

		if (blob.p && (type == 0 || type >= CS_SLOT_ALTERNATE) &&
		    !cs_codedir_open(blob, &all->dir[all->n], &e))
			all->n++;
	}
}

static void read_super(struct span s)
{
	static uint8_t pages[65536];
	struct cs_codedirs all = {.n = 0};
	struct cs_super super;
	struct err e = ERR_INIT;
	uint32_t bad;

	if (cs_super_open(s, CS_MAGIC_EMBEDDED, &super, &e))
		return;
	read_codedirs(&super, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct cs_codedir *d = &all.dir[i];

		for (unsigned slot = 0; slot <= CS_SLOT_MAX + 1; slot++)
			(void)cs_codedir_special(d, slot);
		if (strlen(d->ident) >= CS_IDENT_MAX)
			abort();
		if (d->hash && d->limit <= sizeof(pages))
			(void)!cs_codedir_check_pages(
				d, (struct span){pages, sizeof(pages)}, &bad, &e);
	}
}

static void read_requirement(struct span s)
{
	struct cs_chain none = {.n = 0};
	struct cs_anchors anchors = {.n = 0};
	struct cs_req_context ctx = {.chain = &none, .anchors = &anchors, .ident = "x"};
	struct buf text = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;
	bool one = false, two = false;

	if (!cs_req_eval(s, &ctx, &one, &e) && !cs_req_text(s, &text, &e) &&
	    !cs_req_parse(buf_str(&text), &again, &e) &&
	    !cs_req_eval(buf_span(&again), &ctx, &two, &e))
		buf_clear(&text);
	buf_release(&text);
	buf_release(&again);
}

static void read_cms(struct span s)
{
	static const uint8_t empty[] = {0xfa, 0xde, 0x0c, 0x02, 0, 0, 0, 8};
	struct cs_codedirs all = {.n = 1};
	struct cs_anchors anchors = {.n = 0};
	struct cs_cms_result r;
	struct err e = ERR_INIT;
	int status;

	all.dir[0] = (struct cs_codedir){.whole = {empty, sizeof(empty)},
					 .hash = cs_hash_by_type(CS_HASH_SHA256),
					 .hash_type = CS_HASH_SHA256};
	(void)!cs_cms_verify(s, &all, &anchors, 1, &r, &status, &e);
	cs_cms_result_release(&r);
}

static void read_rules(struct span s)
{
	struct cs_rules r = {.n = 0};
	struct err e = ERR_INIT;
	plist_t root = NULL, rules;
	unsigned flags;

	if (pl_parse(s.p, s.len, "fuzz", &root, &e))
		return;
	if (plist_get_node_type(root) == PLIST_DICT) {
		rules = plist_dict_get_item(root, "rules2");
		if (rules && plist_get_node_type(rules) == PLIST_DICT &&
		    !cs_rules_compile(rules, &r, &e))
			(void)cs_rules_find(&r, "Resources/en.lproj/x", &flags);
	}
	cs_rules_release(&r);
	plist_free(root);
}

static void read_text(struct span s)
{
	struct buf text = BUF_INIT, bytes = BUF_INIT;
	struct err e = ERR_INIT;

	if (!memchr(s.p, 0, s.len) && !buf_append(&text, s.p, s.len, &e))
		(void)!cs_req_parse(buf_str(&text), &bytes, &e);
	buf_release(&text);
	buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct span) = {
		read_images, read_super, read_requirement, read_cms, read_rules, read_text,
	};

	if (size > 1)
		readers[data[0] % 6]((struct span){data + 1, size - 1});
	return 0;
}
