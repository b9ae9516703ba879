/* SPDX-License-Identifier: MIT */
/* The policy's events in words, for the control channel. */
#ifndef SIM_CARRIER_SIP_EVENT_TEXT_H
#define SIM_CARRIER_SIP_EVENT_TEXT_H

#include <stddef.h>

#include "sim/carrier/sip/events.h"

/* "open-write", "unlink", "remount", ...; "unknown" for a number that is none. */
const char *sip_op_name(__u32 op);

/*
 * The path of a refusal inside its volume, "/Library/Apple/x", into @out of @size bytes;
 * it is "" when the event has none, and starts with "..." when it was cut.
 */
void sip_event_path(const struct sip_event *ev, char *out, size_t size);

#endif
