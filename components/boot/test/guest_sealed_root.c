/* SPDX-License-Identifier: MIT */
/* The server of the sealed root, in the carrier; the image is that of test_parts.c. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "components/boot/test/guest.h"
#include "sim/base/clock.h"
#include "sim/base/idtext.h"

#define VOL "/vol"

static char heard[4096];

static void keep_line(void *ctx, const char *line)
{
	(void)ctx;
	if (strlen(heard) + strlen(line) + 2 < sizeof(heard)) {
		strcat(heard, line);
		strcat(heard, "\n");
	}
}

void serve_live(struct sealed_root *s, bool verify)
{
	const struct sealed_root_options o = {
		.disk = "/dev/vda", .no_verify = !verify, .name = "disk3s1", .dir = VOL};

	mkdir(VOL, 0755);
	TRY(sealed_root_start(&o, s, e), "the live state is served");
}

int run_in(const char *root, unsigned uid, char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if ((root && (chroot(root) || chdir("/"))) || setgid(uid) || setuid(uid))
			_exit(202);
		execv(argv[0], argv);
		_exit(201);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 203;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 300 + WTERMSIG(status);
}

/* ---- starting ---- */

struct state {
	uint8_t hash[32];
	char snapshot[96];
	struct sealed_root_options o;
};

static void make_state(struct state *st, const char *root_hash)
{
	char *p =
		st->snapshot + sprintf(st->snapshot, "com.apple.os.update-%s", root_hash);

	while (p-- > st->snapshot + 20)
		*p = (char)toupper((unsigned char)*p);
	say_result(hex_parse(root_hash, st->hash, 32), "there is a root hash", "%s",
		   root_hash);
	st->o = (struct sealed_root_options){
		.disk = "/dev/vda",
		.snapshot = st->snapshot,
		.root_hash = st->hash,
		.name = "disk3s1",
		.dir = VOL,
		.log = keep_line,
	};
}

static void refuses(const struct sealed_root_options *o, int code, const char *name)
{
	struct sealed_root s = SEALED_ROOT_INIT;
	struct stat before, after;
	struct err e = ERR_INIT;
	int r;

	stat(VOL, &before);
	r = sealed_root_start(o, &s, &e);
	stat(VOL, &after);
	say_result(r == -code && before.st_dev == after.st_dev && s.pid == 0, name,
		   "%d %s", r, e.msg);
}

static void refusals(const struct state *good)
{
	struct state st = *good;

	st.o.root_hash = st.hash;
	st.hash[0] ^= 1;
	refuses(&st.o, E_BADHASH, "another root hash is not served");
	st.o = good->o;
	st.o.snapshot = "nothing";
	refuses(&st.o, E_NOTFOUND, "a snapshot that is not there is not served");
	st.o.disk = "/dev/nothing";
	refuses(&st.o, E_NOTFOUND, "a disk that is not there is not served");
}

/* ---- what is served ---- */

static void check_numbers(void)
{
	struct stat root, a, b;

	stat(VOL, &root);
	say_result(root.st_ino == 2, "the root is number 2", "%llu",
		   (unsigned long long)root.st_ino);
	lstat(VOL "/linked", &a);
	lstat(VOL "/Folder/AGAIN", &b);
	say_result(a.st_ino == b.st_ino && a.st_nlink == 2 && a.st_dev == root.st_dev,
		   "names without case, and hard links", "%#llx %#llx",
		   (unsigned long long)a.st_ino, (unsigned long long)b.st_ino);
}

static int read_all(const char *path)
{
	static char room[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	ssize_t n;

	if (fd < 0)
		return errno;
	while ((n = read(fd, room, sizeof(room))) > 0)
		;
	r = n < 0 ? errno : 0;
	close(fd);
	return r;
}

/* One block of /hurt was changed on the disk. */
static void check_damage(struct sealed_root *s)
{
	struct err e = ERR_INIT;
	char *first;
	int r[4];

	heard[0] = '\0';
	r[0] = read_all(VOL "/hurt");
	r[1] = read_all(VOL "/hurt");
	r[2] = read_all(VOL "/linked");
	r[3] = sealed_root_hear(s, &e);
	say_result(r[0] == EIO && r[1] == EIO, "a bad block is EIO", "%d %d", r[0], r[1]);
	say_result(r[2] == 0 && r[3] == 0, "nothing else stops", "%d %d", r[2], r[3]);
	first = strchr(heard, '\n');
	say_result(first && !first[1] &&
			   !strncmp(heard, "disk3s1 hash mismatch: stream ", 30),
		   "and one line of the log", "%s", heard);
}

static void check_programs(void)
{
	char *argv[] = {(char[]){"/bin/busybox"}, (char[]){"sh"}, (char[]){"-c"},
			(char[]){"exit 7"}, NULL};
	char *secret[] = {(char[]){"/bin/busybox"}, (char[]){"cat"}, (char[]){"/secret"},
			  NULL};
	char *writes[] = {(char[]){"/bin/busybox"}, (char[]){"touch"}, (char[]){"/new"},
			  NULL};
	char value[64];
	ssize_t n;

	say_result(run_in(VOL, 0, argv) == 7, "root executes a program", "%s", "");
	say_result(run_in(VOL, 501, argv) == 7, "others execute a program", "%s", "");
	say_result(run_in(VOL, 0, secret) == 0 && run_in(VOL, 501, secret) == 1,
		   "permissions count", "%s", "");
	say_result(run_in(VOL, 0, writes) == 1 && errno != 0, "nothing can be written",
		   "%s", "");
	n = getxattr(VOL "/linked", "osx.com.apple.rootless", value, sizeof(value));
	say_result(n == 4 && !memcmp(value, "Test", 4),
		   "attributes as by the kernel's driver", "%zd", n);
}

/* ---- its end ---- */

static void check_stop(const struct state *st)
{
	struct sealed_root s = SEALED_ROOT_INIT;
	struct err why = ERR_INIT;
	struct stat before, after;
	int fd, r;

	stat(VOL, &before);
	TRY(sealed_root_start(&st->o, &s, e), "it is started again");
	fd = open(VOL "/linked", O_RDONLY | O_CLOEXEC);
	r = sealed_root_stop(&s, &why);
	say_result(r == -E_BUSY && !sealed_root_hear(&s, &why) &&
			   !access(VOL "/linked", R_OK),
		   "what is in use goes on", "%d", r);
	close(fd);
	r = sealed_root_stop(&s, &why);
	stat(VOL, &after);
	say_result(!r && before.st_dev == after.st_dev && s.fd == -1, "it is unmounted",
		   "%d %s", r, r ? why.msg : "");
}

static void check_death(struct sealed_root *s)
{
	struct err why = ERR_INIT;
	int r = 0;

	kill(s->pid, SIGKILL);
	for (int i = 0; i < 1000 && !r; i++) {
		usleep(1000);
		r = sealed_root_hear(s, &why);
	}
	say_result(r == -E_INFRA && strstr(why.msg, "signal 9"), "its death is noticed",
		   "%s", why.msg);
	say_result(access(VOL "/tmp", R_OK) != 0, "and nothing new is served", "%d",
		   errno);
	TRY(sealed_root_stop(s, e), "what is left of it is unmounted");
}

void try_sealed_root(const char *root_hash)
{
	struct sealed_root s = SEALED_ROOT_INIT;
	int64_t begin;
	struct state st;

	mkdir(VOL, 0755);
	make_state(&st, root_hash);
	refusals(&st);
	begin = clock_ns();
	TRY(sealed_root_start(&st.o, &s, e), "the snapshot is served");
	say_note("serves after ms", "%.1f", (double)(clock_ns() - begin) / 1e6);
	check_numbers();
	check_damage(&s);
	check_programs();
	check_death(&s);
	check_stop(&st);
}
