/* SPDX-License-Identifier: MIT */
#ifndef SIM_BASE_JSON_TEXT_H
#define SIM_BASE_JSON_TEXT_H

#include <jansson.h>

/* @text as a JSON string, owned; bytes that are not UTF-8 become U+FFFD. */
json_t *json_text(const char *text);

#endif
