/* SPDX-License-Identifier: MIT */
/* -v of the kext tools (kext_tools_util.c setLogFilterForOpt). */
#ifndef COMPONENTS_COMMON_LOG_OPTION_H
#define COMPONENTS_COMMON_LOG_OPTION_H

#include <stdbool.h>

#include "sim/base/component_log.h"

/*
 * getopt has just seen -v, whose argument [0-6] may be absent: set @log's level, and go on
 * behind what belonged to it. @is_long: it was spelled -verbose.
 */
void log_option_verbose(struct component_log *log, int argc, char **argv, bool is_long);

#endif
