/* SPDX-License-Identifier: MIT */
/* The kextlab command: a table of commands, and what they share. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cmd.h"
#include "sim/base/nearest.h"

#define VERSION "0.1"

const struct command commands[] = {
	{"run", "run scenarios",
	 "NAME|PATTERN|NAME/VARIANT|FILE.yaml ...\n"
	 "  --all            all of scenarios/\n"
	 "  --tag TAG        those that have the tag (!TAG: have it not); may be "
	 "repeated\n"
	 "  --release NAME   another macOS release\n"
	 "  --sip on|off|0xN System Integrity Protection\n"
	 "  --machine NAME   another machine\n"
	 "  --kext PATH      the update to install, instead of the scenario's\n"
	 "  --system DIR     kernel and Apple's kexts from a real Mac: docs/own-system.md\n"
	 "  --set KEY=VALUE  change a setting: --set volumes.order=clean\n"
	 "  --without STEP   leave out a step, by its id or number\n"
	 "  --controls       run the negative controls: each must make its checks fail\n"
	 "  --control NAME   run this one\n"
	 "  --repeat N       N times\n"
	 "  -j, --jobs N     N runs at a time\n"
	 "  --keep           keep the disk of a run that passes\n"
	 "  --json           results on standard output as JSON\n"
	 "  --junit FILE     results as JUnit XML\n"
	 "  --tap FILE       results as TAP 13\n"
	 "  --quiet          no progress\n"
	 "Each run leaves build/runs/SCENARIO/RUN/; `latest` is the newest.\n"
	 "KEXTLAB_TIMEOUT_SCALE=F multiplies all time-outs.\n",
	 cmd_run},
	{"list", "list scenarios",
	 "[NAME|PATTERN ...]\n  --tag TAG        those that have the tag\n"
	 "  --json           as JSON\n",
	 cmd_list},
	{"show", "show what a scenario would do, with everything decided",
	 "NAME|FILE.yaml ...\n  --release NAME, --sip VALUE, --set KEY=VALUE as for run\n"
	 "  --json           as JSON\n",
	 cmd_show},
	{"lint", "check scenario files", "FILE.yaml ...\n", cmd_lint},
	{"image", "look into disks, and build them",
	 "ACTION ...\n"
	 "  info DISK                  container and volumes\n"
	 "  ls DISK [PLACE]            a folder\n"
	 "  cat DISK PLACE             a file\n"
	 "  tree DISK [PLACE]          everything below, with hashes\n"
	 "  extract DISK PLACE FOLDER  copy to the host\n"
	 "  check DISK                 judge the prelinked kernels on it\n"
	 "  build --release NAME [--name NAME] [--order clean|upgraded] [--kext "
	 "PATH]...\n"
	 "        [--filevault USER:PASSPHRASE] [--system DIR] FILE\n"
	 "  mount [--volume V] [--snapshot NAME|--live] [--no-verify] [--allow-other]\n"
	 "        [--foreground] [--log FILE] DISK FOLDER\n"
	 "                             a volume as a folder of the host, read-only, by "
	 "FUSE;\n"
	 "                             what the Mac would root from, checked against its "
	 "seal\n"
	 "  unmount FOLDER             end that\n"
	 "PLACE is VOLUME:/path or VOLUME /path; VOLUME a name, a role or a UUID.\n",
	 cmd_image},
	{"seal", "sealed volumes: make, show, verify, explain, break, fix",
	 "ACTION ...\n"
	 "  make TREE -o IMAGE         a new container with TREE as a sealed system volume\n"
	 "       [--name NAME]         of the volume; [--case-sensitive] [--no-snapshot]\n"
	 "       [--time SECONDS]      of all files, since 1970: part of what is sealed. Else\n"
	 "                             $SOURCE_DATE_EPOCH, or the time of the folder TREE\n"
	 "  show IMAGE                 the seals of the system's volume, and their signature\n"
	 "  verify IMAGE [--full]      does the seal hold? --full: every node, every file\n"
	 "         [--root-hash HEX]   against this root hash instead of the stored one\n"
	 "  explain IMAGE PATH         the hashes from a file's blocks up to the root\n"
	 "  break IMAGE KIND [PATH [OFFSET]]\n"
	 "                             damage it, in place. KIND: data PATH [OFFSET], slack\n"
	 "                             PATH, node [PATH], root-hash, flag, signature\n"
	 "  fix IMAGE [--dry-run]      root from the last sealed snapshot again; take the mark\n"
	 "                             of a broken seal away if nothing has changed\n"
	 "      [--revert]             take the live state back to the snapshot\n"
	 "IMAGE is a disk or a bare container, raw or qcow2, whoever wrote it.\n"
	 "  --volume V                 its name, role, UUID or device: not the system's\n"
	 "  --snapshot NAME|XID        this state; --live: the live one. Without them what\n"
	 "                             a Mac roots from (show: all)\n"
	 "  --json                     as JSON\n"
	 "Exit status of verify and fix: 0 the seal holds, 1 it does not.\n",
	 cmd_seal},
	{"kext", "kernel extensions: sign them, look at signatures",
	 "ACTION ...\n"
	 "  check BUNDLE               every finding in Apple's words, what it is linked "
	 "from, and\n"
	 "                             one line of verdict\n"
	 "       [--release R]         the Mac's, 10.15.1 without this option\n"
	 "       [--sip on|off]        System Integrity Protection, on without this option\n"
	 "       [--repository FOLDER] more kexts that may be needed; can be repeated\n"
	 "       [--permissions]       judge owner and permissions as they are here; else "
	 "they\n"
	 "                             are taken as an installer sets them\n"
	 "       [--system DIR]        kernel and Apple's kexts of a real Mac, not stand-ins\n"
	 "       [--anchors FOLDER]    certificates (*.cer, DER) that count as Apple's\n"
	 "       [--json]              exit status: 0 it goes in, 1 it does not\n"
	 "  sign BUNDLE [--identity ID] [--output FOLDER]\n"
	 "                             in place, or a copy in FOLDER. ID: developer-id-kext\n"
	 "                             (without this option), developer-id, expired, "
	 "other-ca,\n"
	 "                             apple, adhoc: all of the laboratory's own authority\n"
	 "       [--time SECONDS]      of signing, since 1970. Else $SOURCE_DATE_EPOCH, or "
	 "now\n"
	 "       [--options FLAG,...]  as codesign's: expires, hard, kill, ...\n"
	 "       [--entitlements FILE] a property list that becomes part of it\n"
	 "  signature BUNDLE [-R REQUIREMENT]\n"
	 "                             what its signature says, and whether it is good\n"
	 "            [--anchors FOLDER]  certificates (*.cer, DER) that count as Apple's\n"
	 "  identities [--anchor FILE] who can sign; FILE gets the certificate, DER, that a Mac\n"
	 "                             of the laboratory takes for Apple's\n"
	 "  --json                     as JSON\n"
	 "Exit status of signature: 0 good, 1 not.\n",
	 cmd_kext},
	{"kernel", "kernel files: build, show, compare, take apart",
	 "ACTION ...\n"
	 "  build --kernel K --extensions DIR... -o OUT\n"
	 "                             link kexts into a prelinked kernel, as kextcache does\n"
	 "        --release NAME       instead of --kernel: the stand-in kernel of kextlab\n"
	 "                             for that release, its KPIs and families\n"
	 "        --system DIR         instead: kernel and extensions of a real Mac, of which\n"
	 "                             goes in what a start demands and what links\n"
	 "        [--omit]             leave out, with a message, kexts that are not valid,\n"
	 "                             lack a library or do not link\n"
	 "        [--compression lzvn|lzss|none] [--all-personalities]\n"
	 "  show FILE                  header, segments, kexts with versions, addresses, what\n"
	 "                             they need; KernelCache ID; would it boot?\n"
	 "  diff FILE FILE             kexts that came, went or changed; KernelCache ID; kernel\n"
	 "  extract FILE -o FOLDER     the kernel, and each kext as a bundle\n"
	 "DIR is a folder of kexts, or one X.kext. Kexts are recorded in /Library/Extensions,\n"
	 "or in /System/Library/Extensions when DIR ends so. FILE is a kernel, a prelinked\n"
	 "kernel (fat or not, lzss, lzvn or plain) or a kernel collection, also in Image4.\n"
	 "  --json                     as JSON (not for extract)\n"
	 "Exit status: build 1 when something was left out, show 1 when it would not boot, diff\n"
	 "1 when they differ.\n",
	 cmd_kernel},
	{"doctor", "is everything here that a run needs?",
	 "\n  --json           as JSON\n", cmd_doctor},
	{"help", "explain a command, or the scenario language", "[COMMAND|language]\n",
	 cmd_help},
	{NULL, NULL, NULL, NULL},
};

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static void print_commands(FILE *out)
{
	fprintf(out, "usage: kextlab COMMAND ...\n\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-8s %s\n", c->name, c->summary);
	fprintf(out,
		"\nkextlab COMMAND --help explains a command.\n"
		"Exit status: 0 passed, 1 a scenario failed, 2 usage or a bad scenario,\n"
		"3 infrastructure, 4 nothing selected, 124 timed out, 130 stopped.\n");
}

static int unknown_command(const char *name)
{
	const char *names[sizeof(commands) / sizeof(commands[0])];
	char hint[NEAREST_HINT_MAX];
	size_t n = 0;

	for (const struct command *c = commands; c->name; c++)
		names[n++] = c->name;
	fprintf(stderr, "kextlab: unknown command '%s'%s\n", name,
		nearest_hint(name, names, n, hint));
	return EXIT_USAGE;
}

static void print_command(FILE *out, const struct command *c)
{
	fprintf(out, "usage: kextlab %s %s", c->name, c->usage);
}

int cmd_usage_error(const char *name, const char *fmt, ...)
{
	const struct command *c = find_command(name);
	va_list ap;

	fprintf(stderr, "kextlab %s: ", name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (c)
		print_command(stderr, c);
	return EXIT_USAGE;
}

int cmd_error(const struct err *e)
{
	fprintf(stderr, "kextlab: %s\n", e->msg);
	switch (e->code) {
	case E_SCHEMA:
	case E_INVAL:
	case E_CORRUPT:
	case E_BADHASH:
	case E_UNSUPPORTED:
	case E_NOTFOUND:
	case E_EXISTS:
		return EXIT_USAGE;
	case E_TIMEOUT:
		return 124;
	case E_CANCELED:
		return 130;
	default:
		return EXIT_INFRA;
	}
}

int cmd_selection_error(const struct err *e)
{
	int status = cmd_error(e);

	return e->code == E_NOTFOUND ? EXIT_NOTHING : status;
}

int cmd_print_json(json_t *j)
{
	int bad = !j || json_dumpf(j, stdout, JSON_INDENT(2)) ||
		  fputc('\n', stdout) == EOF || fflush(stdout);

	json_decref(j);
	return bad ? EXIT_INFRA : EXIT_PASSED;
}

static int print_language(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int r = language_reference(&b, &e);

	if (!r)
		fputs(buf_str(&b), stdout);
	buf_release(&b);
	return r ? cmd_error(&e) : EXIT_PASSED;
}

int cmd_help(const struct app *app, int argc, char **argv)
{
	const struct command *c;

	(void)app;
	if (argc < 2) {
		print_commands(stdout);
		return EXIT_PASSED;
	}
	if (!strcmp(argv[1], "language"))
		return print_language();
	c = find_command(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	print_command(stdout, c);
	return EXIT_PASSED;
}

static bool is_tree(const char *dir)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/scenarios", dir);
	if (access(path, X_OK))
		return false;
	snprintf(path, sizeof(path), "%s/build", dir);
	return !access(path, X_OK);
}

/* Is @dir the current folder? Then paths can be short. */
static bool is_here(const char *dir)
{
	struct stat a, b;

	return !stat(dir, &a) && !stat(".", &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * The tree this program was built in, wherever it is called from: a folder above the
 * program that has scenarios/ and build/. The current folder for one that was copied
 * away.
 */
static void find_tree(struct app *app)
{
	static char own[PATH_MAX], root[PATH_MAX], build[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	app->source_dir = ".";
	app->build_dir = "build";
	app->program = "build/kextlab";
	own[n > 0 ? n : 0] = 0;
	memcpy(root, own, sizeof(root));
	do {
		slash = strrchr(root, '/');
		if (!slash || slash == root)
			return;
		*slash = 0;
	} while (!is_tree(root));
	if (is_here(root))
		return;
	if (snprintf(build, sizeof(build), "%s/build", root) >= (int)sizeof(build))
		return;
	app->source_dir = root;
	app->build_dir = build;
	app->program = own;
}

static int set_scale(struct app *app)
{
	const char *text = getenv("KEXTLAB_TIMEOUT_SCALE");
	char *end;

	app->timeout_scale = 1;
	if (!text || !*text)
		return 0;
	app->timeout_scale = strtod(text, &end);
	if (*end || !(app->timeout_scale > 0 && app->timeout_scale <= 1000)) {
		fprintf(stderr, "kextlab: KEXTLAB_TIMEOUT_SCALE=%s: expected 0 to 1000\n",
			text);
		return EXIT_USAGE;
	}
	return 0;
}

/* With one of them closed, the next file that is opened would get what is printed. */
static bool open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* What could not be written was not said. Who reads a pipe may stop when he has enough.
 */
static int finish(int status)
{
	struct stat st;
	bool lost = fflush(stdout) || ferror(stdout);

	if (!lost || fstat(STDOUT_FILENO, &st) || S_ISFIFO(st.st_mode))
		return status;
	fprintf(stderr, "kextlab: standard output could not be written\n");
	return status ? status : EXIT_INFRA;
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct app app;

	if (!open_standard_files())
		return EXIT_INFRA;
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("kextlab " VERSION);
		return EXIT_PASSED;
	}
	c = find_command(strcmp(argv[1], "--help") ? argv[1] : "help");
	if (!c)
		return unknown_command(argv[1]);
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--help")) {
			print_command(stdout, c);
			return EXIT_PASSED;
		}
	find_tree(&app);
	if (set_scale(&app))
		return EXIT_USAGE;
	return finish(c->run(&app, argc - 1, argv + 1));
}
