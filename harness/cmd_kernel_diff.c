/* SPDX-License-Identifier: MIT */
/* kextlab kernel diff: in what two kernel files differ. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd_kernel.h"
#include "sim/base/idtext.h"

/* One thing that is not the same; text is NULL where it is not there at all. */
struct difference {
	const char *what; /* "version", "size", ... */
	char old_text[PRELINK_VERSION_MAX], new_text[PRELINK_VERSION_MAX];
};

struct diff {
	const struct kernel_file *a, *b;
	json_t *added, *removed, *changed; /* NULL: for people */
	size_t n;
};

#define DIFFERENCES_MAX 4

static void note(struct difference *d, size_t *n, const char *what, const char *old_text,
		 const char *new_text)
{
	if (!strcmp(old_text, new_text))
		return;
	d[*n].what = what;
	snprintf(d[*n].old_text, sizeof(d[*n].old_text), "%s", old_text);
	snprintf(d[*n].new_text, sizeof(d[*n].new_text), "%s", new_text);
	++*n;
}

static void put(const struct difference *d, json_t *to)
{
	if (to)
		json_object_set_new(to, d->what,
				    json_pack("[s, s]", d->old_text, d->new_text));
	else
		printf("    %s %s -> %s\n", d->what, *d->old_text ? d->old_text : "none",
		       *d->new_text ? d->new_text : "none");
}

static size_t compare_kexts(const struct kext_entry *a, const struct kext_entry *b,
			    struct difference out[static DIFFERENCES_MAX])
{
	char old_text[UUID_TEXT_MAX], new_text[UUID_TEXT_MAX];
	size_t n = 0;

	note(out, &n, "version", a->version, b->version);
	snprintf(old_text, sizeof(old_text), "%" PRIu64, a->size);
	snprintf(new_text, sizeof(new_text), "%" PRIu64, b->size);
	note(out, &n, "size", old_text, new_text);
	kernel_id_text(a->has_uuid, a->uuid, old_text);
	kernel_id_text(b->has_uuid, b->uuid, new_text);
	note(out, &n, "UUID", old_text, new_text);
	note(out, &n, "path", a->bundle_path, b->bundle_path);
	return n;
}

static void tell_one_side(struct diff *d, const struct kext_entry *p, json_t *list,
			  char mark)
{
	d->n++;
	if (list)
		json_array_append_new(list, json_pack("{s:s, s:s}", "id", p->id,
						      "version", p->version));
	else
		printf("%c %s %s\n", mark, p->id, p->version);
}

static void tell_changed(struct diff *d, const struct kext_entry *a,
			 const struct kext_entry *b)
{
	struct difference list[DIFFERENCES_MAX];
	size_t n = compare_kexts(a, b, list);
	json_t *j = NULL;

	if (!n)
		return;
	d->n++;
	if (d->changed) {
		j = json_pack("{s:s}", "id", a->id);
		json_array_append_new(d->changed, j);
	} else {
		printf("! %s\n", a->id);
	}
	for (size_t i = 0; i < n; i++)
		put(&list[i], j);
}

static void compare_lists(struct diff *d)
{
	for (size_t i = 0; i < d->a->n_kexts; i++) {
		const struct kext_entry *a = &d->a->kext[i];
		const struct kext_entry *b = kernel_file_find(d->b, a->id);

		if (b)
			tell_changed(d, a, b);
		else
			tell_one_side(d, a, d->removed, '-');
	}
	for (size_t i = 0; i < d->b->n_kexts; i++)
		if (!kernel_file_find(d->a, d->b->kext[i].id))
			tell_one_side(d, &d->b->kext[i], d->added, '+');
}

static void compare_heads(struct diff *d, json_t *to)
{
	struct difference list[DIFFERENCES_MAX];
	char old_text[2 * UUID_LEN + 1], new_text[2 * UUID_LEN + 1];
	size_t n = 0;

	note(list, &n, "kind", kernel_file_kind_text(d->a), kernel_file_kind_text(d->b));
	note(list, &n, "kernel", d->a->version, d->b->version);
	kernel_id_text(d->a->has_kcid, d->a->kcid, old_text);
	kernel_id_text(d->b->has_kcid, d->b->kcid, new_text);
	note(list, &n, "kcid", old_text, new_text);
	if (n && !to)
		printf("! the file itself\n");
	for (size_t i = 0; i < n; i++)
		put(&list[i], to);
	d->n += n;
}

static int tell_json(struct diff *d)
{
	json_t *j = json_object();

	d->added = json_array();
	d->removed = json_array();
	d->changed = json_array();
	compare_heads(d, j);
	compare_lists(d);
	json_object_set_new(j, "added", d->added);
	json_object_set_new(j, "removed", d->removed);
	json_object_set_new(j, "changed", d->changed);
	return cmd_print_json(j);
}

int kernel_diff(const void *words)
{
	const struct kernel_words *w = words;
	struct kernel_loaded a = {.open = false}, b = {.open = false};
	struct diff d = {.a = &a.file, .b = &b.file};
	struct err e = ERR_INIT;
	int status = EXIT_PASSED;

	if (kernel_load(&a, w->args[0], &e) || kernel_load(&b, w->args[1], &e)) {
		status = cmd_error(&e);
	} else if (w->json) {
		status = tell_json(&d);
	} else {
		compare_heads(&d, NULL);
		compare_lists(&d);
	}
	if (!status && d.n)
		status = EXIT_FAILED;
	kernel_loaded_release(&a);
	kernel_loaded_release(&b);
	return status;
}
