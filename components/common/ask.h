/* SPDX-License-Identifier: MIT */
/* A question to whoever sits before the tool. */
#ifndef COMPONENTS_COMMON_ASK_H
#define COMPONENTS_COMMON_ASK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Print @question and read a line into @answer of @size bytes, without its end. @out, a
 * struct buf with what the tool said so far, is printed before and emptied. False at the
 * end of the input.
 */
bool ask_on_terminal(void *out, const char *question, char *answer, size_t size);

#endif
