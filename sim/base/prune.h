/* SPDX-License-Identifier: MIT */
#ifndef SIM_BASE_PRUNE_H
#define SIM_BASE_PRUNE_H

#include <stddef.h>
#include <time.h>

/*
 * Keep a folder of a cache small: remove the files of @dir whose names end in @suffix,
 * except the @keep newest and those that were changed in the last @min_age_s seconds:
 * somebody may be about to open them. Best effort: who has one open keeps it (it has no
 * name any more, that is all), and what cannot be removed stays.
 */
void prune_files(const char *dir, const char *suffix, size_t keep, time_t min_age_s);

#endif
