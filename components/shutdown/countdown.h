/* SPDX-License-Identifier: MIT */
/* From the command to the moment of the shutdown: wait, and warn the users. */
#ifndef COMPONENTS_SHUTDOWN_COUNTDOWN_H
#define COMPONENTS_SHUTDOWN_COUNTDOWN_H

#include "components/shutdown/shutdown.h"

/* Returns when the time has come; w->nologin is there then. */
void countdown_run(const struct shutdown_world *w, const struct shutdown_options *o);

#endif
