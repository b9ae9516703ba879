/* SPDX-License-Identifier: MIT */
/* A volume made in a folder, and kextcache's world on it. */
#ifndef COMPONENTS_KEXTCACHE_TEST_KEXTCACHE_FIXTURE_H
#define COMPONENTS_KEXTCACHE_TEST_KEXTCACHE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "components/kextcache/kextcache.h"
#include "sim/formats/prelink/prelink.h"

/* Modification times, in seconds: of /Library/Extensions, and of the kernel. */
#define EXT_TIME	2000
#define KERNEL_TIME	1000
#define KCF_SAID_MAX	65536
#define KCF_PRINTED_MAX 1024

extern char root[256];		      /* of the volume */
extern char said[KCF_SAID_MAX];	      /* what kextcache logged since world() */
extern char loaded[300];	      /* the list of loaded kexts: a file */
extern char printed[KCF_PRINTED_MAX]; /* and what it printed */

struct kc_world world(void);
/* Puts a line behind @arg, which is said or printed. */
void take(void *arg, enum clog_level level, const char *text);
/* "@root@rel": good for three more calls. */
const char *at(const char *rel);
void set_mtime(const char *rel, int64_t seconds);
int64_t mtime(const char *rel); /* -1: not there */
void put(const char *rel, const void *data, size_t len);
/* The stand-in kernel, of KERNEL_TIME. */
void write_kernel(void);
/* The fixture as /Library/Extensions/<name>.kext, of root:wheel; touches the folder. */
void install(const char *fixture, const char *name);
/* A fresh volume, SIP off, with System.kext and ExampleFilter 1.0; false: skipped. */
bool volume(void);
void set_sip(uint32_t config);

#define RUN(w, ...) run(w, (const char *const[]){"kextcache", __VA_ARGS__, NULL})
int run(struct kc_world *w, const char *const *words);
/* What kextcache -u would start. */
int build(struct kc_world *w, const char *more);

/* The prelinked kernel at @rel, verified; false: noted as a failure. */
bool open_plk(const char *rel, struct prelink *p);
/* The version of @id in it; "" when it is not in it. */
const char *version_in(const char *rel, const char *id);

#endif
