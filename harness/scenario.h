/* SPDX-License-Identifier: MIT */
/*
 * A scenario file: what it says, checked against the tables of the language.
 * docs/scenarios.md is the reference; `kextlab help language` prints these tables.
 */
#ifndef HARNESS_SCENARIO_H
#define HARNESS_SCENARIO_H

#include "harness/expect.h"
#include "harness/step.h"
#include "images/disk.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

/* Of one scenario. */
#define STEPS_MAX    200u
#define VARIANTS_MAX 32u

/* A name for a kext bundle: `update: fixtures/ExampleFilter-2.0.kext`. */
struct scn_bundle {
	const char *name;
	const char *path; /* host path, relative to the scenario file's folder */
	const struct ynode *at;
};

/* A kext that the disk has, linked into its kernel, before the first boot. */
struct scn_kext {
	const char *bundle; /* "@name", or a path */
	const char *to;	    /* folder on the Mac; NULL: /Library/Extensions */
	const struct ynode *at;
};

/* What --set, --release, --sip and a variant may change. */
struct scn_settings {
	const struct release *release;
	const struct machine_model *machine;
	const char *system; /* host folder of a real Mac's; "" or NULL: stand-ins */
	uint32_t csr;	  /* csr-active-config; on Apple silicon in the LocalPolicy */
	unsigned security; /* enum sb_level: the LocalPolicy's on Apple silicon */
	int64_t clock_ns; /* of the first boot; INT64_MIN: a day after the release */
	double time_factor;
	uint64_t timeout_s; /* for the whole run */
	struct {
		const char *system_name;
		unsigned order; /* enum volume_order */
		uint64_t sleepimage_mib;
	} volumes;
	struct {
		const char *user, *passphrase;
	} filevault;
	struct scn_bundle *bundles;
	size_t n_bundles;
	struct scn_kext *kexts;
	size_t n_kexts;
	/* Bundles that the user approved before; approved_at NULL: all there are. */
	struct text_list approved;
	const struct ynode *approved_at;
};

struct scn_variant {
	const struct ynode *at; /* bound over the scenario's settings by plan_make */
	const char *name, *summary;
	struct expect *expect; /* holds in addition to the scenario's; may be NULL */
};

/*
 * A negative control: what is taken away, and what must fail then. A scenario that
 * still passes without its cause proves nothing.
 */
struct scn_control {
	const struct ynode *at;
	const char *name;
	const char *variant;	     /* NULL: the first */
	const struct ynode *set;     /* map of settings, or NULL */
	struct text_list without;    /* ids of steps to leave out */
	const struct ynode *replace; /* map id -> arguments of that step, or NULL */
	struct text_list fails;	     /* prefixes of checks; each must fail */
};

struct scenario {
	struct ydoc doc;
	const char *file;   /* as opened */
	const char *folder; /* of the file */
	const char *name, *summary, *source;
	struct text_list tags;
	bool show_boot;
	struct scn_settings settings;
	struct step *steps;
	size_t n_steps;
	struct expect *expect; /* after the last power-off; may be NULL */
	struct scn_variant *variants;
	size_t n_variants; /* 0: the scenario itself is the only one */
	struct scn_control *controls;
	size_t n_controls;
};

extern const struct schema_key scenario_keys[];
extern const struct schema_key settings_keys[];
extern const struct schema_key variant_keys[];
extern const struct schema_key control_keys[];
extern const struct schema_key volumes_keys[];
extern const struct schema_key filevault_keys[];
extern const struct schema_key scn_kext_keys[];

/* Free with scenario_free. E_SCHEMA with file:line:column; E_NOTFOUND, E_IO. */
int scenario_load(const char *path, struct scenario **ret, struct err *e) MUST_CHECK;
int scenario_parse(const char *file, const void *text, size_t len, struct scenario **ret,
		   struct err *e) MUST_CHECK;
void scenario_free(struct scenario *s);

/* "on", "enabled", "off", "disabled" or a hexadecimal number. E_INVAL. */
int scenario_parse_sip(const char *text, uint32_t *ret_csr, struct err *e) MUST_CHECK;

#endif
