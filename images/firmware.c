/* SPDX-License-Identifier: MIT */
#include "images/firmware.h"

#include <stdio.h>
#include <string.h>

#include "images/device_tree.h"
#include "images/trust_cache.h"
#include "sim/formats/image4/fourcc.h"

/* Where images of iBoot have texts: what it is, its build, its version. */
#define IMAGE_SIZE    4096u
#define TITLE_AT      0x200u
#define BUILD_AT      0x240u
#define VERSION_AT    0x280u
#define TEXT_LEN      0x40u

#define PATH_BOOT_EFI "/System/Library/CoreServices/boot.efi"
#define BOOTER_MAX    (16u << 20)

struct source {
	const struct machine_model *machine;
	const struct fs_tree *system, *recovery;
	const struct buf *kernel;
	const char *version;
};

/* An image without code, called @title. */
static int make_image(const struct source *s, const char *title, struct buf *out,
		      struct err *e)
{
	uint8_t image[IMAGE_SIZE] = {0};

	snprintf((char *)image + TITLE_AT, TEXT_LEN, "%s for %s", title, s->machine->board);
	snprintf((char *)image + BUILD_AT, TEXT_LEN, "RELEASE");
	snprintf((char *)image + VERSION_AT, TEXT_LEN, "%s", s->version);
	return buf_append(out, image, sizeof(image), e);
}

static int make_device_tree(const struct source *s, const char *title, struct buf *out,
			    struct err *e)
{
	(void)title;
	return device_tree_build(s->machine, out, e);
}

static int make_trust_cache(const struct source *s, const char *title, struct buf *out,
			    struct err *e)
{
	(void)title;
	return trust_cache_build(s->system, out, e);
}

static int make_recovery_cache(const struct source *s, const char *title, struct buf *out,
			       struct err *e)
{
	(void)title;
	return trust_cache_build(s->recovery, out, e);
}

/* T2: the booter, which is a file of the system. */
static int make_booter(const struct source *s, const char *title, struct buf *out,
		       struct err *e)
{
	const struct fs_node *n = fs_tree_find(s->system, PATH_BOOT_EFI);

	if (!n)
		return err_set(e, E_SCHEMA, "%s: the system has no " PATH_BOOT_EFI, title);
	return fs_node_content(n, BOOTER_MAX, out, e);
}

static int make_kernel(const struct source *s, const char *title, struct buf *out,
		       struct err *e)
{
	(void)title;
	return buf_append(out, s->kernel->data, s->kernel->len, e);
}

#define IN(boot) (1u << (boot))
#define IN_ALL	 (IN(SECURE_BOOT_NONE) | IN(SECURE_BOOT_T2) | IN(SECURE_BOOT_LOCAL_POLICY))

/* What is signed beside the root hash, and in which kinds of Macs. */
static const struct {
	uint32_t name;
	const char *title;
	unsigned in;
	int (*make)(const struct source *s, const char *title, struct buf *out,
		    struct err *e);
} objects[] = {
	{FOURCC('i', 'l', 'l', 'b'), "LLB", IN(SECURE_BOOT_LOCAL_POLICY), make_image},
	{FOURCC('s', 'e', 'p', 'i'), "SEPOS", IN(SECURE_BOOT_LOCAL_POLICY), make_image},
	{FOURCC('i', 'b', 'o', 't'), "iBoot", IN(SECURE_BOOT_LOCAL_POLICY), make_image},
	{FOURCC('p', 'm', 'p', 'f'), "PMP", IN(SECURE_BOOT_LOCAL_POLICY), make_image},
	{FOURCC('i', 'b', 'd', 't'), "iBootData", IN(SECURE_BOOT_LOCAL_POLICY), make_image},
	{FOURCC('d', 't', 'r', 'e'), "device tree", IN(SECURE_BOOT_LOCAL_POLICY),
	 make_device_tree},
	{FOURCC('t', 'r', 's', 't'), "static trust cache", IN(SECURE_BOOT_LOCAL_POLICY),
	 make_trust_cache},
	{FOURCC('b', 's', 't', 'c'), "base system trust cache", IN(SECURE_BOOT_LOCAL_POLICY),
	 make_recovery_cache},
	{FOURCC('b', 'e', 'f', 'i'), "boot.efi", IN(SECURE_BOOT_T2), make_booter},
	{FOURCC('k', 'r', 'n', 'l'), "kernel collection", IN_ALL, make_kernel},
};

int firmware_make(const struct disk_spec *spec, const struct fs_tree *system,
		  const struct fs_tree *recovery, const struct buf *kernel,
		  struct firmware *ret, struct err *e)
{
	const struct machine_model *m = disk_machine(spec);
	const struct source s = {m, system, recovery, kernel, ret->version};
	size_t n = sizeof(objects) / sizeof(objects[0]);
	int r = 0;

	_Static_assert(sizeof(objects) / sizeof(objects[0]) <= FIRMWARE_MAX, "no room");
	*ret = (struct firmware){.n = 0};
	snprintf(ret->version, sizeof(ret->version), "iBoot-%s",
		 spec->release->iboot ? spec->release->iboot : "0");
	for (size_t i = 0; i < n && !r; i++) {
		struct buf *b = &ret->data[ret->n];

		if (!(objects[i].in & IN(m->secure_boot)))
			continue;
		r = objects[i].make(&s, objects[i].title, b, e);
		ret->object[ret->n++] = (struct sb_object){
			objects[i].name, objects[i].title, {b->data, b->len}};
	}
	return r;
}

void firmware_release(struct firmware *f)
{
	for (size_t i = 0; i < FIRMWARE_MAX; i++)
		buf_release(&f->data[i]);
	f->n = 0;
}
