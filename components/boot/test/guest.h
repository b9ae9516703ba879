/* SPDX-License-Identifier: MIT */
/*
 * Inside guest_main.c, a boot program for tests: it plays its side of
 * sim/carrier/boot_protocol.h and, in place of starting a Mac, tries parts of boot. Each
 * result is a line "pass|fail<TAB>name<TAB>detail" on the Mac's console; the end is a
 * refusal, "done".
 */
#ifndef COMPONENTS_BOOT_TEST_GUEST_H
#define COMPONENTS_BOOT_TEST_GUEST_H

#include <stdbool.h>

#include "components/boot/sealed_root.h"
#include "sim/base/err.h"

void say_result(bool ok, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A number that was measured: "note<TAB>name<TAB>detail". */
void say_note(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define TRY(call, name)                                                                  \
	do {                                                                             \
		struct err e_ = ERR_INIT, *e = &e_;                                      \
		int r_ = call;                                                           \
		say_result(!r_, name, "%s", r_ ? e_.msg : "");                           \
	} while (0)

/* Exit status of a program, or 200 and more. In @root, with @uid, when that is not NULL.
 */
int run_in(const char *root, unsigned uid, char *const argv[]);

/* What there is to try, by its name in /test/mode, with the argument there. */
void try_cpus(const char *machine);
/* Root hash of the snapshot that the image of test_parts.c has, in hexadecimal. */
void try_sealed_root(const char *root_hash);
void try_overlay(const char *seed);
void try_policy(const char *root_hash);
void try_speed(const char *unused);

/* The live state of the image's volume on /vol; checked, if @verify. */
void serve_live(struct sealed_root *s, bool verify);

#endif
