/* SPDX-License-Identifier: MIT */
#include "components/csrutil/csrutil.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "components/nvram/nvram_tool.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define NOT_RECOVERY                                                                     \
	"csrutil: failed to modify system integrity configuration. This tool needs to "  \
	"be executed from the Recovery OS.\n"
#define UNSUPPORTED                                                                      \
	"csrutil: requesting an unsupported configuration. This is likely to break in "  \
	"the future and leave your machine in an unknown state.\n"
#define RESTART "Please restart the machine for the changes to take effect.\n"

/* In the order of the listing. A set bit means that a protection is off. */
static const struct part {
	const char *label;
	const char *word; /* of --without; NULL: cannot be asked for */
	uint32_t flag;
	bool says_enabled; /* when the bit is set: not a protection */
} parts[] = {
	{"Apple Internal", NULL, CSR_ALLOW_APPLE_INTERNAL, true},
	{"Kext Signing", "kext", CSR_ALLOW_UNTRUSTED_KEXTS, false},
	{"Filesystem Protections", "fs", CSR_ALLOW_UNRESTRICTED_FS, false},
	{"Debugging Restrictions", "debug", CSR_ALLOW_TASK_FOR_PID, false},
	{"DTrace Restrictions", "dtrace", CSR_ALLOW_UNRESTRICTED_DTRACE, false},
	{"NVRAM Protections", "nvram", CSR_ALLOW_UNRESTRICTED_NVRAM, false},
	{"BaseSystem Verification", "basesystem", CSR_ALLOW_ANY_RECOVERY_OS, false},
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

/* What `csrutil disable` sets, as far as it comes through the booter. */
#define ALL_OFF (CSR_DISABLE_CATALINA & ~(uint32_t)CSR_ALLOW_APPLE_INTERNAL)

static uint32_t listed_flags(void)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < N_PARTS; i++)
		flags |= parts[i].flag;
	return flags;
}

static int custom_text(uint32_t config, struct buf *out, struct err *e)
{
	int r = buf_printf(out, e,
			   "System Integrity Protection status: enabled (Custom "
			   "Configuration).\n\nConfiguration:\n");

	for (size_t i = 0; !r && i < N_PARTS; i++) {
		bool set = config & parts[i].flag;

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
static int status_text(uint32_t config, struct buf *out, struct err *e)
{
	config &= listed_flags();
	if ((config & ALL_OFF) == ALL_OFF)
		return buf_printf(out, e,
				  "System Integrity Protection status: disabled.\n");
	if (!config)
		return buf_printf(out, e,
				  "System Integrity Protection status: enabled.\n");
	return custom_text(config, out, e);
}

struct session {
	const struct csrutil_paths *paths;
	struct buf *out, *err_out;
	int status;
};

/* In Recovery everything is allowed at the moment; what is asked for is the setting. */
static int read_setting(const struct session *s, uint32_t *ret, struct err *e)
{
	struct buf b = BUF_INIT;
	char path[4096];
	int r = nvram_path(path, sizeof(path), s->paths->nvram_dir, NVRAM_CSR_CONFIG, e);

	*ret = 0;
	if (!r)
		r = fsio_read(path, 64, &b, e);
	if (!r && b.len == 4)
		*ret = get_le32(b.data);
	buf_release(&b);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		r = 0;
	}
	return r;
}

static int run_status(struct session *s, int argc, char **argv, struct err *e)
{
	uint32_t config = 0;
	int r = csr_read(s->paths->csr_config, &config, e);

	(void)argc;
	(void)argv;
	if (!r && csr_allows(config, CSR_ALLOW_DEVICE_CONFIGURATION))
		r = read_setting(s, &config, e);
	return r ? r : status_text(config, s->out, e);
}

static int not_recovery(struct session *s, struct err *e)
{
	s->status = EXIT_FAILURE;
	return buf_printf(s->err_out, e, NOT_RECOVERY);
}

/* Write (or with @config NULL delete) the setting, and say so. */
static int change(struct session *s, const uint32_t *config, const char *done,
		  struct err *e)
{
	uint32_t effective = 0;
	uint8_t bytes[4];
	int r = csr_read(s->paths->csr_config, &effective, e);

	if (r)
		return r;
	if (!csr_allows(effective, CSR_ALLOW_DEVICE_CONFIGURATION))
		return not_recovery(s, e);
	if (config) {
		put_le32(bytes, *config);
		r = nvram_tool_write(s->paths->nvram_dir, NVRAM_CSR_CONFIG, bytes, 4, e);
	} else {
		r = nvram_tool_delete(s->paths->nvram_dir, NVRAM_CSR_CONFIG, e);
		if (r == -E_NOTFOUND)
			r = 0;
	}
	if (r == -E_PERM)
		return not_recovery(s, e);
	if (r)
		return r;
	return buf_printf(s->out, e,
			  "Successfully %s System Integrity Protection. " RESTART, done);
}

static int run_disable(struct session *s, int argc, char **argv, struct err *e)
{
	const uint32_t config = CSR_DISABLE_CATALINA;

	(void)argc;
	(void)argv;
	return change(s, &config, "disabled", e);
}

static int run_clear(struct session *s, int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return change(s, NULL, "cleared", e);
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
	uint32_t config = 0;
	int r = 0;

	for (int i = 0; i < argc; i++) {
		const struct part *p;

		if (!strcmp(argv[i], "--no-internal"))
			continue; /* already the case: the bit is never set by enable */
		if (strcmp(argv[i], "--without") != 0 || ++i == argc ||
		    !(p = part_by_word(argv[i])))
			return usage(s, e);
		config |= p->flag;
	}
	if (config)
		r = buf_printf(s->out, e, UNSUPPORTED);
	return r ? r : change(s, &config, "enabled", e);
}

static const struct {
	const char *name;
	int (*run)(struct session *s, int argc, char **argv, struct err *e);
	bool takes_options;
	const char *help;
} commands[] = {
	{"clear", run_clear, false,
	 "Clear the existing configuration. Only available in Recovery OS."},
	{"disable", run_disable, false,
	 "Disable the protection on the machine. Only available in Recovery OS."},
	{"enable", run_enable, true,
	 "Enable the protection on the machine. Only available in Recovery OS."},
	{"status", run_status, false, "Display the current configuration."},
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
