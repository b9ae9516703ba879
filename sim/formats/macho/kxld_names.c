/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/kxld_names.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define CXX_PREFIX	   "__Z"
#define VTABLE_PREFIX	   "__ZTV"
#define META_VTABLE_PREFIX "__ZTVN"
#define META_VTABLE_SUFFIX "9MetaClassE"
#define MEMBER_PREFIX	   "__ZN"
#define SUPER_POINTER	   "10superClassE"
#define METACLASS	   "10gMetaClassE"
#define FINAL_MARK	   "14__OSFinalClassEv"
#define RESERVED	   "_RESERVED"

/*
 * Apple's linker calls the C++ ABI's demangler; so do we, but through the entrance of
 * libsupc++ that gives its text piece by piece: a name can be made that would give more
 * than fits any memory.
 */
typedef void demangled_piece(const char *text, size_t len, void *arg);
int __gcclibcxx_demangle_callback(const char *name, demangled_piece *piece, void *arg);

#define DEMANGLE_NAME_MAX 1024 /* longer names stay as they are, as do those */
#define DEMANGLED_MAX	  1024 /* that would become longer than this */

static bool begins_with(const char *s, const char *head)
{
	return !strncmp(s, head, strlen(head));
}

bool kxn_is_cxx(const char *name)
{
	return begins_with(name, CXX_PREFIX) || kxn_is_pure_virtual(name);
}

bool kxn_is_vtable(const char *name)
{
	return begins_with(name, VTABLE_PREFIX);
}

bool kxn_is_padslot(const char *name)
{
	return strstr(name, RESERVED) != NULL;
}

bool kxn_is_pure_virtual(const char *name)
{
	return !strcmp(name, KXN_PURE_VIRTUAL);
}

static bool is_metaclass(const char *name)
{
	return begins_with(name, CXX_PREFIX) && !kxn_is_vtable(name) &&
	       !kxn_is_padslot(name) && strstr(name, METACLASS);
}

bool kxn_is_super_pointer(const char *name)
{
	return begins_with(name, CXX_PREFIX) && !kxn_is_vtable(name) &&
	       !kxn_is_padslot(name) && !strstr(name, METACLASS) &&
	       strstr(name, SUPER_POINTER);
}

/* Take away as many bytes as @prefix and @suffix have; they were looked for before. */
static bool inner(const char *name, const char *prefix, const char *suffix,
		  char out[KXN_MAX])
{
	size_t len = strlen(name), p = strlen(prefix), s = strlen(suffix);

	if (len < p + s || len - p - s >= KXN_MAX)
		return false;
	memcpy(out, name + p, len - p - s);
	out[len - p - s] = '\0';
	return true;
}

bool kxn_class_of_super_pointer(const char *name, char out[KXN_MAX])
{
	return kxn_is_super_pointer(name) &&
	       inner(name, MEMBER_PREFIX, SUPER_POINTER, out);
}

bool kxn_class_of_metaclass(const char *name, char out[KXN_MAX])
{
	return is_metaclass(name) && inner(name, MEMBER_PREFIX, METACLASS, out);
}

bool kxn_class_of_vtable(const char *name, char out[KXN_MAX])
{
	return kxn_is_vtable(name) && inner(name, VTABLE_PREFIX, "", out);
}

static bool join(const char *prefix, const char *class_name, const char *suffix,
		 char out[KXN_MAX])
{
	size_t p = strlen(prefix), c = strlen(class_name), s = strlen(suffix);

	if (c >= KXN_MAX || p + c + s >= KXN_MAX)
		return false;
	memcpy(out, prefix, p);
	memcpy(out + p, class_name, c);
	memcpy(out + p + c, suffix, s + 1);
	return true;
}

bool kxn_vtable(const char *class_name, char out[KXN_MAX])
{
	return join(VTABLE_PREFIX, class_name, "", out);
}

bool kxn_meta_vtable(const char *class_name, char out[KXN_MAX])
{
	return join(META_VTABLE_PREFIX, class_name, META_VTABLE_SUFFIX, out);
}

bool kxn_final_mark(const char *class_name, char out[KXN_MAX])
{
	return join(MEMBER_PREFIX, class_name, FINAL_MARK, out);
}

bool kxn_method_prefix(const char *class_name, char out[KXN_MAX])
{
	return join(MEMBER_PREFIX, class_name, "", out);
}

struct demangled {
	char *text; /* DEMANGLED_MAX + 1 bytes */
	size_t len;
	jmp_buf too_long;
};

static void append_piece(const char *text, size_t len, void *arg)
{
	struct demangled *d = arg;

	if (len > DEMANGLED_MAX - d->len)
		longjmp(d->too_long, 1);
	memcpy(d->text + d->len, text, len);
	d->len += len;
	d->text[d->len] = '\0';
}

static bool demangle(const char *name, struct demangled *d)
{
	d->len = 0;
	/* the demangler holds nothing but its stack */
	return !setjmp(d->too_long) &&
	       !__gcclibcxx_demangle_callback(name, append_piece, d);
}

const char *kxn_demangle(const char *name, char **room)
{
	struct demangled d;

	/* what is not a mangled name might be read as that of a type: "_i" is no "int" */
	if (!begins_with(name, CXX_PREFIX) || strlen(name) > DEMANGLE_NAME_MAX)
		return name;
	if (!*room)
		*room = malloc(DEMANGLED_MAX + 1);
	d.text = *room;
	return d.text && demangle(name + 1, &d) ? d.text : name;
}
