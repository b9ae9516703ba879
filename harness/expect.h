/* SPDX-License-Identifier: MIT */
/*
 * What a scenario expects: the parsed form. Texts are borrowed from the scenario's
 * document and may hold references like @{update.version} (vars.h), which are
 * replaced when the expectation is judged. A NULL, or a -1 where a field says so,
 * means "nothing said about it".
 */
#ifndef HARNESS_EXPECT_H
#define HARNESS_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/schema.h"

/* All that are given must hold. */
struct text_match {
	const char *equals; /* the whole text; line feeds at the end do not count */
	const char *contains;
	const char *like;  /* some line, as a wildcard pattern */
	const char *regex; /* POSIX extended, anywhere in the text */
};

/* id -> version, "absent", or "@bundle": the version that bundle gives this id. */
struct kext_want {
	const char *id; /* or "@bundle": that bundle's id */
	const char *version;
};

struct kext_wants {
	struct kext_want *items;
	size_t n;
};

/* Which kernel is meant, also for "equal_to". */
enum kernel_which { KERNEL_SYSTEM, KERNEL_STAGED, KERNEL_BOOTED, KERNEL_WHICH_MAX };

struct kernel_expect {
	int exists; /* -1, 0, 1 */
	struct kext_wants kexts;
	unsigned equal_to;   /* 1 + enum kernel_which, 0: nothing said */
	unsigned same_id_as; /* the same for the KernelCache ID */
	int unchanged;	     /* -1, 0, 1: equal to the one before the first boot */
	const char *verify;  /* "ok", or a pattern for the reason of the refusal */
	const char *darwin;  /* pattern for the version of the kernel linked in it */
};

enum file_type { FILE_ANY, FILE_FILE, FILE_FOLDER, FILE_LINK };

struct file_expect {
	const char *path;
	bool absent;
	unsigned type;		/* enum file_type */
	const char *volume;	/* role of its volume: "System", "Data" */
	int64_t mode;		/* -1 */
	int64_t uid, gid, size; /* -1 */
	struct text_match *content;
	const char *sha256;
	const char *link;    /* target of the link */
	const char *same_as; /* path of a file with the same content */
};

enum console_since { SINCE_SHUTDOWN, SINCE_BOOT, SINCE_START };

struct console_line {
	const char *like;  /* wildcard pattern, or */
	const char *regex; /* POSIX extended */
};

struct console_lines {
	struct console_line *items;
	size_t n;
};

struct console_expect {
	unsigned since;		     /* enum console_since */
	struct console_lines lines;  /* in this order, others may stand between */
	struct console_lines absent; /* none of these */
};

struct field_want {
	const char *name, *like;
};

struct event_expect {
	const char *event;
	struct field_want *with;
	size_t n_with;
	bool absent;
	unsigned since; /* enum console_since */
};

struct nvram_want {
	const char *name;
	const char *hex; /* or "absent" */
};

/* The seal of the System volume, with the power off. */
struct seal_expect {
	const char *live, *snapshot; /* "yes", "no", "broken"; snapshot also "none" */
	const char *root;	     /* pattern: the snapshot that the next start roots from */
	int tagged;		     /* -1, 0, 1: the volume names it */
	int unchanged;		     /* -1, 0, 1: its root hash is that before the first boot */
	const char *verify;	     /* "ok", or a pattern of what is wrong */
	int64_t snapshots;	     /* how many there are; -1 */
};

enum judge_want { JUDGE_CLEAN, JUDGE_IGNORE };

struct expect {
	struct kernel_expect *kernel[KERNEL_WHICH_MAX];
	struct kext_wants running;
	struct file_expect *files;
	size_t n_files;
	struct console_expect *console;
	struct event_expect *events;
	size_t n_events;
	struct nvram_want *nvram;
	size_t n_nvram;
	struct seal_expect *seal;
	struct {
		unsigned apfsck, sevenzip; /* enum judge_want */
	} judges;
};

/* Rows of the "expect" map, and of the maps inside it. */
extern const struct schema_key expect_keys[];
extern const struct schema_key kernel_expect_keys[];
extern const struct schema_key file_expect_keys[];
extern const struct schema_key console_expect_keys[];
extern const struct schema_key event_expect_keys[];
extern const struct schema_key seal_expect_keys[];
extern const struct schema_key judge_keys[];
extern const struct schema_key text_match_keys[];

/* SCHEMA_CUSTOM readers; @field is a struct expect * / struct text_match *. */
int expect_read(struct binder *b, const struct ynode *n, void *field, struct err *e);
int text_match_read(struct binder *b, const struct ynode *n, void *field, struct err *e);

#endif
