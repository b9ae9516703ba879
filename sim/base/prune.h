/* SPDX-License-Identifier: MIT */
#ifndef SIM_BASE_PRUNE_H
#define SIM_BASE_PRUNE_H

#include <stddef.h>

/*
 * Keep a folder of a cache small: remove the files of @dir whose names end in @suffix,
 * except the @keep newest. Best effort: who has one open keeps it (it has no name any
 * more, that is all), and what cannot be removed stays.
 */
void prune_files(const char *dir, const char *suffix, size_t keep);

#endif
