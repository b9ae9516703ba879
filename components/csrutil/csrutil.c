/* SPDX-License-Identifier: MIT */
#include "components/csrutil/csrutil.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "components/csrutil/internal.h"
#include "sim/platform/csr.h"

#define NOT_RECOVERY                                                                     \
	"csrutil: failed to modify system integrity configuration. This tool needs to "  \
	"be executed from the Recovery OS.\n"
#define UNSUPPORTED                                                                      \
	"csrutil: requesting an unsupported configuration. This is likely to break in "  \
	"the future and leave your machine in an unknown state.\n"
#define SIP	      "System Integrity Protection"
#define AUTHENTICATED_ROOT CSR_ALLOW_UNAUTHENTICATED_ROOT

/* In the order of the listing. A set bit means that a protection is off. */
static const struct part {
	const char *label;
	const char *word; /* of --without; NULL: cannot be asked for */
	uint32_t flag;	   /* 0: nothing turns it off */
	bool says_enabled; /* when the bit is set: not a protection */
	bool since_11;	   /* with the authenticated root */
} parts[] = {
	{"Apple Internal", NULL, CSR_ALLOW_APPLE_INTERNAL, true, false},
	{"Kext Signing", "kext", CSR_ALLOW_UNTRUSTED_KEXTS, false, false},
	{"Filesystem Protections", "fs", CSR_ALLOW_UNRESTRICTED_FS, false, false},
	{"Debugging Restrictions", "debug", CSR_ALLOW_TASK_FOR_PID, false, false},
	{"DTrace Restrictions", "dtrace", CSR_ALLOW_UNRESTRICTED_DTRACE, false, false},
	{"NVRAM Protections", "nvram", CSR_ALLOW_UNRESTRICTED_NVRAM, false, false},
	{"BaseSystem Verification", "basesystem", CSR_ALLOW_ANY_RECOVERY_OS, false, false},
	{"Boot-arg Restrictions", NULL, CSR_ALLOW_UNRESTRICTED_NVRAM, false, true},
	{"Kernel Integrity Protections", NULL, 0, false, true},
	{"Authenticated Root Requirement", NULL, AUTHENTICATED_ROOT, false, true},
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

static bool has_authenticated_root(const struct session *s)
{
	return s->paths->flags & AUTHENTICATED_ROOT;
}

/* What `csrutil disable` sets. */
static uint32_t disable_flags(const struct session *s)
{
	return has_authenticated_root(s) ? CSR_DISABLE_BIG_SUR : CSR_DISABLE_CATALINA;
}

/* What is asked of SIP as such; the authenticated root is a matter of its own. */
static uint32_t sip_flags(void)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < N_PARTS; i++)
		flags |= parts[i].flag;
	return flags & ~(uint32_t)AUTHENTICATED_ROOT;
}

static int custom_text(const struct session *s, uint32_t config, struct buf *out,
		       struct err *e)
{
	int r = buf_printf(out, e,
			   "System Integrity Protection status: enabled (Custom "
			   "Configuration).\n\nConfiguration:\n");

	for (size_t i = 0; !r && i < N_PARTS; i++) {
		bool set = config & parts[i].flag;

		if (parts[i].since_11 && !has_authenticated_root(s))
			continue;
		r = buf_printf(out, e, "\t%s: %s\n", parts[i].label,
			       set == parts[i].says_enabled ? "enabled" : "disabled");
	}
	if (!r)
		r = buf_printf(
		    out, e,
		    "\nThis is an unsupported configuration, likely to break in the "
		    "future and leave your machine in an unknown state.\n");
	return r;
}

/* What `csrutil status` says of the flags @config. */
static int status_text(struct session *s, uint32_t config, struct err *e)
{
	/* As far as it comes through the booter. */
	uint32_t off = disable_flags(s) & sip_flags() & ~(uint32_t)CSR_ALLOW_APPLE_INTERNAL;

	if ((config & off) == off)
		return buf_printf(s->out, e, SIP " status: disabled.\n");
	if (!(config & sip_flags()))
		return buf_printf(s->out, e, SIP " status: enabled.\n");
	return custom_text(s, config, s->out, e);
}

static const struct csr_store *store_of(const struct session *s)
{
	return s->paths->apple_silicon ? &csr_in_policy : &csr_in_nvram;
}

/* In Recovery everything is allowed at the moment; what is asked for is the setting. */
static int read_config(struct session *s, uint32_t *ret, struct err *e)
{
	int r = csr_read(s->paths->csr_config, ret, e);

	if (!r && csr_allows(*ret, CSR_ALLOW_DEVICE_CONFIGURATION))
		r = store_of(s)->read(s, ret, e);
	return r;
}

static int run_status(struct session *s, int argc, char **argv, struct err *e)
{
	uint32_t config = 0;
	int r = read_config(s, &config, e);

	(void)argc;
	(void)argv;
	return r ? r : status_text(s, config, e);
}

int not_recovery(struct session *s, struct err *e)
{
	s->status = EXIT_FAILURE;
	return buf_printf(s->err_out, e, NOT_RECOVERY);
}

static int run_disable(struct session *s, int argc, char **argv, struct err *e)
{
	const struct csr_change c = {.mask = ~(uint32_t)AUTHENTICATED_ROOT,
				     .value = disable_flags(s),
				     .was = "disabled",
				     .what = SIP};

	(void)argc;
	(void)argv;
	return store_of(s)->change(s, &c, e);
}

static int run_clear(struct session *s, int argc, char **argv, struct err *e)
{
	const struct csr_change c = {.clear = true, .was = "cleared", .what = SIP};

	(void)argc;
	(void)argv;
	return store_of(s)->change(s, &c, e);
}

static int usage(struct session *s, struct err *e);

static const struct part *part_by_word(const char *word)
{
	for (size_t i = 0; i < N_PARTS; i++)
		if (parts[i].word && !strcmp(parts[i].word, word))
			return &parts[i];
	return NULL;
}

static int run_enable(struct session *s, int argc, char **argv, struct err *e)
{
	struct csr_change c = {.mask = ~(uint32_t)AUTHENTICATED_ROOT,
			       .was = "enabled",
			       .what = SIP};
	int r = 0;

	for (int i = 0; i < argc; i++) {
		const struct part *p;

		if (!strcmp(argv[i], "--no-internal"))
			continue; /* already the case: the bit is never set by enable */
		if (strcmp(argv[i], "--without") != 0 || ++i == argc ||
		    !(p = part_by_word(argv[i])))
			return usage(s, e);
		c.value |= p->flag;
	}
	if (c.value)
		r = buf_printf(s->out, e, UNSUPPORTED);
	return r ? r : store_of(s)->change(s, &c, e);
}

static int authenticated_root_status(struct session *s, struct err *e)
{
	uint32_t config = 0;
	int r = read_config(s, &config, e);

	return r ? r
		 : buf_printf(s->out, e, "Authenticated Root status: %s\n",
			      config & AUTHENTICATED_ROOT ? "disabled" : "enabled");
}

static int run_authenticated_root(struct session *s, int argc, char **argv,
				  struct err *e)
{
	struct csr_change c = {.mask = AUTHENTICATED_ROOT, .what = "Authenticated Root"};

	if (argc != 1 || !has_authenticated_root(s))
		return usage(s, e);
	if (!strcmp(argv[0], "status"))
		return authenticated_root_status(s, e);
	if (strcmp(argv[0], "enable") && strcmp(argv[0], "disable"))
		return usage(s, e);
	c.value = strcmp(argv[0], "disable") ? 0 : AUTHENTICATED_ROOT;
	c.was = c.value ? "disabled" : "enabled";
	return store_of(s)->change(s, &c, e);
}

static const struct {
	const char *name;
	int (*run)(struct session *s, int argc, char **argv, struct err *e);
	bool takes_options;
	bool since_11;
	const char *help;
} commands[] = {
	{"authenticated-root", run_authenticated_root, true, true,
	 "Enable, disable or display the requirement of an authenticated root."},
	{"clear", run_clear, false, false,
	 "Clear the existing configuration. Only available in Recovery OS."},
	{"disable", run_disable, false, false,
	 "Disable the protection on the machine. Only available in Recovery OS."},
	{"enable", run_enable, true, false,
	 "Enable the protection on the machine. Only available in Recovery OS."},
	{"status", run_status, false, false, "Display the current configuration."},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(struct session *s, struct err *e)
{
	int r = buf_printf(s->err_out, e,
			   "usage: csrutil <command>\n"
			   "Modify the System Integrity Protection configuration. All "
			   "configuration changes apply to the entire machine.\n"
			   "Available commands:\n");

	for (size_t i = 0; !r && i < N_COMMANDS; i++)
		if (!commands[i].since_11 || has_authenticated_root(s))
			r = buf_printf(s->err_out, e, "\n    %s\n        %s\n", commands[i].name,
			       commands[i].help);
	s->status = EXIT_FAILURE;
	return r;
}

static int dispatch(struct session *s, int argc, char **argv, struct err *e)
{
	for (size_t i = 0; argc > 0 && i < N_COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[0]) != 0)
			continue;
		if (argc > 1 && !commands[i].takes_options)
			break;
		return commands[i].run(s, argc - 1, argv + 1, e);
	}
	return usage(s, e);
}

int csrutil_run(const struct csrutil_paths *p, int argc, char **argv, struct buf *out,
		struct buf *err_out, int *ret_status, struct err *e)
{
	struct session s = {.paths = p, .out = out, .err_out = err_out};
	int r = dispatch(&s, argc, argv, e);

	*ret_status = s.status;
	if (!r)
		return 0;
	*ret_status = EXIT_FAILURE;
	return buf_printf(err_out, e, "csrutil: %s\n", e->msg);
}
