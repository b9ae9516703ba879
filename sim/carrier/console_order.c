/* SPDX-License-Identifier: MIT */
#include "sim/carrier/console_order.h"

#include <string.h>

static size_t pass_packet(struct console_order *o)
{
	char packet[CONSOLE_PACKET_MAX];
	size_t n = o->next(o->arg, packet, sizeof(packet));

	if (n)
		o->print(o->arg, packet, n);
	return n;
}

void console_order_write(struct console_order *o, uint64_t len)
{
	if (len <= o->ahead) {
		o->ahead -= len;
		return;
	}
	len -= o->ahead;
	o->ahead = 0;
	while (len) {
		size_t n = pass_packet(o);

		if (!n)
			return;
		if (n > len) {
			/* The packet of another write, whose event is still to come. */
			o->ahead = n - len;
			return;
		}
		len -= n;
	}
}

void console_order_line(struct console_order *o, const char *text)
{
	o->print(o->arg, text, strlen(text));
	o->print(o->arg, "\n", 1);
}

size_t console_order_unannounced(struct console_order *o)
{
	size_t n = pass_packet(o);

	o->ahead += n;
	return n;
}
