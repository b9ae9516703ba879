/* SPDX-License-Identifier: MIT */
#include "components/common/test/fake_kernel.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "sim/base/test.h"

#define GIVE_UP_MS 10000

static void serve(struct fake_kernel *k, int fd)
{
	struct err e = ERR_INIT;
	json_t *req = NULL;

	while (!packet_recv_file(fd, GIVE_UP_MS, &req, &k->file, &e)) {
		const char *op = json_string_value(json_object_get(req, "op"));
		json_t *reply = k->answer(k->ctx, op ? op : "", req);
		char *line = json_dumps(req, JSON_SORT_KEYS | JSON_COMPACT);

		(void)!buf_printf(&k->asked, NULL, "%s\n", line);
		free(line);
		(void)!packet_send(fd, reply, &e);
		json_decref(reply);
		json_decref(req);
		if (k->file >= 0)
			close(k->file);
	}
	close(fd);
}

/* shutdown(2) of the listener ends accept, and with it the thread. */
static void *run(void *arg)
{
	struct fake_kernel *k = arg;
	struct pollfd p = {.fd = k->listener, .events = POLLIN};

	for (;;) {
		int fd;

		if (poll(&p, 1, GIVE_UP_MS) <= 0)
			return NULL;
		fd = accept(k->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		serve(k, fd);
	}
}

void fake_kernel_start(struct fake_kernel *k)
{
	struct err e = ERR_INIT;

	snprintf(k->socket, sizeof(k->socket), "%s/kernel", test_tmpdir());
	ASSERT_OK(packet_listen(k->socket, &k->listener, &e), &e);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&k->thread, NULL, run, k), 0);
}

void fake_kernel_stop(struct fake_kernel *k)
{
	shutdown(k->listener, SHUT_RDWR);
	pthread_join(k->thread, NULL);
	close(k->listener);
	unlink(k->socket);
}

void fake_kernel_release(struct fake_kernel *k)
{
	buf_release(&k->asked);
}
