/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/version.h"

#include <stdbool.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>

#define DIGITS_MAX       4 /* of major, minor, revision */
#define LEVEL_DIGITS_MAX 3
#define LEVEL_MAX        255

#define STAGE_CANDIDATE 7
#define STAGE_RELEASE   9

static const int64_t scale_of_number[] = {1000000000000, 100000000, 10000};
static const int64_t scale_of_stage = 1000;

/* In the order of trial: "fc" before "f". */
static const struct {
	const char *text;
	int value;
} stages[] = {
	{"d", 1}, {"a", 3}, {"b", 5}, {"fc", STAGE_CANDIDATE}, {"f", STAGE_CANDIDATE}};

static bool is_end(char c)
{
	return c == '\0' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Read up to @max digits at *p; their count. */
static int read_number(const char **p, int max, int64_t *ret)
{
	int n = 0;

	*ret = 0;
	for (; n < max && is_digit(**p); n++)
		*ret = *ret * 10 + *(*p)++ - '0';
	return n;
}

/*
 * major[.minor[.revision]] at *p. True when a stage or the end may follow. The shape of
 * the kernel's reader shows through: a number may be missing behind its point, and after
 * the point behind a revision of four digits, which it takes without another look.
 */
static bool read_numbers(const char **p, int64_t *value)
{
	for (size_t i = 0; i < 3; i++) {
		int64_t number;
		int digits = read_number(p, DIGITS_MAX, &number);

		if (i == 0 && !digits)
			return false;
		*value += number * scale_of_number[i];
		if (**p != '.')
			return true;
		if (i == 2 && digits < DIGITS_MAX)
			return false;
		(*p)++;
	}
	return true;
}

static bool read_stage(const char **p, int *ret)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		size_t n = strlen(stages[i].text);

		if (strncmp(*p, stages[i].text, n))
			continue;
		*p += n;
		*ret = stages[i].value;
		return true;
	}
	return false;
}

int64_t kext_version_parse(const char *text)
{
	const char *p = text;
	int64_t value = 0, level;
	int stage, digits;

	if (!text || !read_numbers(&p, &value))
		return KEXT_VERSION_INVALID;
	if (is_end(*p))
		return value + STAGE_RELEASE * scale_of_stage;
	if (!read_stage(&p, &stage))
		return KEXT_VERSION_INVALID;
	digits = read_number(&p, LEVEL_DIGITS_MAX, &level);
	if (!digits || level > LEVEL_MAX || !is_end(*p))
		return KEXT_VERSION_INVALID;
	if (stage == STAGE_CANDIDATE && level == 0)
		return KEXT_VERSION_INVALID;
	return value + stage * scale_of_stage + level;
}

int64_t kext_version_parse_user(const char *text)
{
	if (!text || strlen(text) >= KEXT_VERSION_MAX)
		return KEXT_VERSION_INVALID;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p > 0x7f)
			return KEXT_VERSION_INVALID;
	return kext_version_parse(text);
}

static char stage_letter(int stage)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (stages[i].value == stage)
			return stages[i].text[0];
	return '?';
}

const char *kext_version_render(int64_t version, char out[KEXT_VERSION_MAX])
{
	int numbers[3], stage, level, n;

	if (version < 0)
		return strcpy(out, "(invalid)");
	if (version == 0)
		return strcpy(out, "(missing)");
	for (size_t i = 0; i < 3; i++) {
		numbers[i] = (int)(version / scale_of_number[i] % 10000);
	}
	stage = (int)(version % 10000 / scale_of_stage);
	level = (int)(version % scale_of_stage);
	n = snprintf(out, KEXT_VERSION_MAX, "%d.%d", numbers[0], numbers[1]);
	if (numbers[2])
		n += snprintf(out + n, KEXT_VERSION_MAX - (size_t)n, ".%d", numbers[2]);
	if (stage != STAGE_RELEASE)
		snprintf(out + n, KEXT_VERSION_MAX - (size_t)n, "%c%d",
			 stage_letter(stage), level);
	return out;
}
