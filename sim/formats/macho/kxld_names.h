/* SPDX-License-Identifier: MIT */
/*
 * What kxld reads from the names of C++ symbols (xnu libkern/kxld/kxld_sym.c). A class
 * of libkern is known by the static member superClass; the names of its vtables and of
 * its metaclass follow from its own.
 */
#ifndef SIM_FORMATS_MACHO_KXLD_NAMES_H
#define SIM_FORMATS_MACHO_KXLD_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Room for a name that is made of a class' name, kxld's limit (KXLD_MAX_NAME_LEN). */
#define KXN_MAX 256

#define KXN_PURE_VIRTUAL "___cxa_pure_virtual"
#define KXN_OSMETACLASS	 "__ZTV11OSMetaClass" /* what each metaclass derives from */

/* One of C++: mangled, or the place holder of a pure virtual function. */
bool kxn_is_cxx(const char *name);
bool kxn_is_vtable(const char *name);
/* A slot that a class reserves for later. */
bool kxn_is_padslot(const char *name);
bool kxn_is_pure_virtual(const char *name);
/* The pointer from a metaclass to its super metaclass. */
bool kxn_is_super_pointer(const char *name);

/*
 * "__ZN5Class10superClassE", "__ZN5Class10gMetaClassE", "__ZTV5Class" give "5Class", the
 * mangled form in which the others take it. False when there is no such token in @name,
 * or no room.
 */
bool kxn_class_of_super_pointer(const char *name, char out[KXN_MAX]);
bool kxn_class_of_metaclass(const char *name, char out[KXN_MAX]);
bool kxn_class_of_vtable(const char *name, char out[KXN_MAX]);

/* False when there is no room for the result. */
bool kxn_vtable(const char *class_name, char out[KXN_MAX]);
bool kxn_meta_vtable(const char *class_name, char out[KXN_MAX]);
/* The function that marks a class as final. */
bool kxn_final_mark(const char *class_name, char out[KXN_MAX]);
/* What the names of its functions begin with. */
bool kxn_method_prefix(const char *class_name, char out[KXN_MAX]);

/*
 * As a programmer writes it, or @name itself when it is not mangled (or there is no
 * memory). The text is in *@room until the next call with it; start with NULL and free
 * it at last.
 */
const char *kxn_demangle(const char *name, char **room);

#endif
