/* SPDX-License-Identifier: MIT */
/* The steps of a scenario: their table, arguments and parsed form. */
#ifndef HARNESS_STEP_H
#define HARNESS_STEP_H

#include "harness/expect.h"
#include "harness/machine.h"
#include "sim/platform/release.h"

struct engine;
struct step;

/* In which state of the machine a step makes sense, and which one it leaves. */
enum power_state { POWER_OFF, POWER_ON, POWER_ANY };

/*
 * One kind of step. run() does it: 0 when it was done (whatever the checks said),
 * E_TIMEOUT or E_INFRA when it could not be done.
 */
struct step_type {
	const char *name;
	const char *summary;
	const struct schema_key *keys;
	size_t args_size;
	const char *shorthand; /* key that is meant by `- touch: /path`; NULL: none */
	enum power_state needs, leaves; /* leaves POWER_ANY: as it was */
	unsigned timeout_s;		/* when the step says nothing */
	void (*init)(void *args);
	int (*check)(const struct ynode *n, const void *args, struct err *e);
	int (*run)(struct engine *en, const struct step *s, struct err *e);
};

/* Ends with a row whose name is NULL. */
extern const struct step_type step_types[];
extern const struct schema_key step_common_keys[];

struct step {
	const struct step_type *type;
	const struct ynode *at, *args_at; /* the item, and what stands behind its name */
	void *args; /* type->args_size bytes: one of the structs below, or struct expect
		     */
	const char *id;	       /* NULL: none */
	const char *note;      /* shown instead of the arguments; may be NULL */
	uint64_t timeout_s;    /* 0: the type's */
	struct text_list only; /* names of variants; empty: all */
	struct text_list machines, releases; /* their names; empty: all */
};

struct step_boot {
	unsigned mode; /* enum machine_mode */
	const char
		*refused; /* NULL, or pattern of the reason: the boot must be refused */
	const char *hold; /* NULL, or where the Mac stops until the power is cut */
};

struct step_power_cut {
	const char *held; /* NULL, or wait first until the Mac holds there */
};

struct step_install {
	const char *bundle; /* "@name" or path */
	const char *to;	    /* folder; NULL: /Library/Extensions */
	uint64_t uid, gid;
	int64_t mode; /* -1: as on the host; else of every file and folder */
};

struct step_run {
	struct text_list argv;
	const char *sh; /* instead of argv: for /bin/sh -c */
	const char *input;
	uint64_t uid;
	uint64_t status;
	struct text_match *out, *err;
};

struct step_path { /* touch, remove */
	const char *path;
	bool create;
};

struct step_write {
	const char *path, *content;
	int64_t mode;
};

struct step_wait {
	unsigned what; /* 1: kext-caches; 0: not given */
	const char *path, *gone, *console, *log;
	double seconds; /* of the Mac, scaled by the time factor; 0: not given */
};

struct step_reboot {
	unsigned mode;
};

struct step_sip {
	const char *to; /* enabled, disabled, 0x... */
};

struct step_allow_kext {
	const char *bundle;
	bool no_button; /* there must be none to click on */
};

struct step_csrutil {
	const char *verb;
};

struct step_upgrade {
	const struct release *release;
};

struct step_reinstall {
	const struct release *release; /* NULL: the one that is there */
};

struct step_volume { /* unlock, mount */
	const char *volume, *passphrase;
};

struct step_corrupt {
	const char *path;
	uint64_t at; /* offset; from the end when from_end */
	bool from_end;
	const char *bytes; /* hex */
	int64_t truncate;  /* -1, or the new size */
};

struct step_seal_break {
	unsigned kind; /* enum seal_break_kind */
	const char *path;
	uint64_t offset;
	bool live; /* the live state, not what the next start roots from */
};

struct step_seal_fix {
	bool revert; /* the live state goes back to the snapshot */
};

/*
 * Read one item of the list "steps" into @out; @b's arena holds the arguments. Unknown
 * steps and keys are E_SCHEMA.
 */
int step_read(struct binder *b, const struct ynode *n, struct step *out,
	      struct err *e) MUST_CHECK;

/* Bind the arguments @args (a map or shorthand) of a step of @s's type over a new set. */
int step_read_args(struct binder *b, const struct ynode *args, struct step *s,
		   struct err *e) MUST_CHECK;

/* SCHEMA_CUSTOM reader of a release's name; @field is a const struct release **. */
int release_read(struct binder *b, const struct ynode *n, void *field, struct err *e);

/* "install fixtures/ExampleFilter-2.0.kext": for people. */
void step_title(const struct step *s, char *out, size_t size);

#endif
