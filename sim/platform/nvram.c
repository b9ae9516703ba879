/* SPDX-License-Identifier: MIT */
#include "sim/platform/nvram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/nvram_bank.h"
#include "sim/platform/paths.h"

#define GUID_LEN 36

void nvram_init(struct nvram *nv)
{
	*nv = (struct nvram){.vars = NULL};
}

static void var_release(struct nvram_var *v)
{
	free(v->key);
	free(v->value);
}

void nvram_release(struct nvram *nv)
{
	for (size_t i = 0; i < nv->n; i++)
		var_release(&nv->vars[i]);
	free(nv->vars);
	nvram_init(nv);
}

bool nvram_key_valid(const char *key)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx:";
	size_t len = strlen(key);

	if (len <= GUID_LEN + 1 || len > NVRAM_KEY_MAX || strchr(key, '/'))
		return false;
	for (size_t i = 0; i <= GUID_LEN; i++)
		if (form[i] == 'x' ? !strchr("0123456789ABCDEF", key[i])
				   : key[i] != form[i])
			return false;
	return true;
}

static struct nvram_var *find(const struct nvram *nv, const char *key)
{
	for (size_t i = 0; i < nv->n; i++)
		if (!strcmp(nv->vars[i].key, key))
			return &nv->vars[i];
	return NULL;
}

const struct nvram_var *nvram_get(const struct nvram *nv, const char *key)
{
	return find(nv, key);
}

static void apple_key(char out[NVRAM_KEY_MAX + 2], const char *name)
{
	snprintf(out, NVRAM_KEY_MAX + 2, "%s:%s", NVRAM_APPLE_GUID, name);
}

const struct nvram_var *nvram_get_apple(const struct nvram *nv, const char *name)
{
	char key[NVRAM_KEY_MAX + 2];

	apple_key(key, name);
	return find(nv, key);
}

/* Bytes that the records take, with @key of @len bytes in place of what it replaces. */
static size_t stored_size(const struct nvram *nv, const char *key, size_t len)
{
	size_t sum = bank_record_size(strlen(key), len);

	for (size_t i = 0; i < nv->n; i++)
		if (strcmp(nv->vars[i].key, key) != 0)
			sum += bank_record_size(strlen(nv->vars[i].key), nv->vars[i].len);
	return sum;
}

static int append_var(struct nvram *nv, struct nvram_var v, struct err *e)
{
	struct nvram_var *vars = reallocarray(nv->vars, nv->n + 1, sizeof(*vars));

	if (!vars)
		return err_set(e, E_NOMEM, "out of memory");
	nv->vars = vars;
	vars[nv->n++] = v;
	return 0;
}

int nvram_set(struct nvram *nv, const char *key, const void *value, size_t len,
	      struct err *e)
{
	struct nvram_var *old = find(nv, key), v;

	if (!nvram_key_valid(key))
		return err_set(e, E_INVAL, "'%s' is not GUID:name", key);
	if (len > NVRAM_BANK_RECORDS_MAX || (!old && nv->n == NVRAM_MAX_VARS) ||
	    stored_size(nv, key, len) > NVRAM_BANK_RECORDS_MAX)
		return err_set(e, E_OVERFLOW,
			       "NVRAM is full: no room for %zu bytes of '%s'", len, key);
	v = (struct nvram_var){.key = strdup(key), .value = malloc(len + 1), .len = len};
	if (!v.key || !v.value) {
		var_release(&v);
		return err_set(e, E_NOMEM, "out of memory");
	}
	if (len)
		memcpy(v.value, value, len);
	v.value[len] = 0; /* a courtesy to readers of text */
	if (old) {
		var_release(old);
		*old = v;
		return 0;
	}
	if (append_var(nv, v, e)) {
		var_release(&v);
		return -E_NOMEM;
	}
	return 0;
}

int nvram_set_apple(struct nvram *nv, const char *name, const void *value, size_t len,
		    struct err *e)
{
	char key[NVRAM_KEY_MAX + 2];

	apple_key(key, name);
	return nvram_set(nv, key, value, len, e);
}

bool nvram_delete(struct nvram *nv, const char *key)
{
	struct nvram_var *v = find(nv, key);

	if (!v)
		return false;
	var_release(v);
	nv->n--;
	memmove(v, v + 1, (size_t)(nv->vars + nv->n - v) * sizeof(*v));
	return true;
}
