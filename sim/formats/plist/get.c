/* SPDX-License-Identifier: MIT */
/* Typed access to the values of a dictionary. */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/plist/pl.h"

static const struct {
	plist_type type;
	const char *name;
} type_names[] = {
	{PLIST_BOOLEAN, "a boolean"}, {PLIST_UINT, "an integer"},
	{PLIST_REAL, "a real"},	      {PLIST_STRING, "a string"},
	{PLIST_ARRAY, "an array"},    {PLIST_DICT, "a dictionary"},
	{PLIST_DATE, "a date"},	      {PLIST_DATA, "data"},
	{PLIST_KEY, "a key"},	      {PLIST_UID, "a UID"},
};

static const char *name_of_type(plist_type type)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return "something unknown";
}

const char *pl_type_name(plist_t node)
{
	return node ? name_of_type(plist_get_node_type(node)) : "nothing";
}

/* *ret: the value of @key if it is of @type, NULL if there is none. */
static int lookup(plist_t dict, const char *key, plist_type type, plist_t *ret,
		  struct err *e)
{
	plist_t v = plist_dict_get_item(dict, key);

	if (v && plist_get_node_type(v) != type)
		return err_set(e, E_CORRUPT, "key '%s': expected %s, found %s", key,
			       name_of_type(type), pl_type_name(v));
	*ret = v;
	return 0;
}

static int required(plist_t dict, const char *key, plist_type type, plist_t *ret,
		    struct err *e)
{
	int r = lookup(dict, key, type, ret, e);

	if (!r && !*ret)
		return err_set(e, E_NOTFOUND, "key '%s' is missing", key);
	return r;
}

const char *pl_str(plist_t node)
{
	uint64_t len = 0;
	const char *s;

	if (!node || plist_get_node_type(node) != PLIST_STRING)
		return NULL;
	s = plist_get_string_ptr(node, &len);
	return s && strlen(s) == len ? s : NULL;
}

int pl_opt_string(plist_t dict, const char *key, const char **ret, struct err *e)
{
	plist_t v;
	const char *s;
	int r = lookup(dict, key, PLIST_STRING, &v, e);

	if (r || !v)
		return r;
	s = pl_str(v);
	if (!s)
		return err_set(e, E_CORRUPT, "key '%s': a string with a NUL inside", key);
	*ret = s;
	return 0;
}

int pl_string(plist_t dict, const char *key, const char **ret, struct err *e)
{
	plist_t v;
	int r = required(dict, key, PLIST_STRING, &v, e);

	return r ? r : pl_opt_string(dict, key, ret, e);
}

static int opt_container(plist_t dict, const char *key, plist_type type, plist_t *ret,
			 struct err *e)
{
	plist_t v;
	int r = lookup(dict, key, type, &v, e);

	if (!r && v)
		*ret = v;
	return r;
}

int pl_dict(plist_t dict, const char *key, plist_t *ret, struct err *e)
{
	return required(dict, key, PLIST_DICT, ret, e);
}

int pl_array(plist_t dict, const char *key, plist_t *ret, struct err *e)
{
	return required(dict, key, PLIST_ARRAY, ret, e);
}

int pl_opt_dict(plist_t dict, const char *key, plist_t *ret, struct err *e)
{
	return opt_container(dict, key, PLIST_DICT, ret, e);
}

int pl_opt_array(plist_t dict, const char *key, plist_t *ret, struct err *e)
{
	return opt_container(dict, key, PLIST_ARRAY, ret, e);
}

static bool bool_value(plist_t node)
{
	uint8_t v = 0;

	plist_get_bool_val(node, &v);
	return v;
}

bool pl_true(plist_t node)
{
	return node && plist_get_node_type(node) == PLIST_BOOLEAN && bool_value(node);
}

int pl_bool(plist_t dict, const char *key, bool *ret, struct err *e)
{
	plist_t v;
	int r = required(dict, key, PLIST_BOOLEAN, &v, e);

	if (!r)
		*ret = bool_value(v);
	return r;
}

int pl_opt_bool(plist_t dict, const char *key, bool *ret, struct err *e)
{
	plist_t v;
	int r = lookup(dict, key, PLIST_BOOLEAN, &v, e);

	if (!r && v)
		*ret = bool_value(v);
	return r;
}

int pl_uint(plist_t dict, const char *key, uint64_t *ret, struct err *e)
{
	plist_t v;
	int r = required(dict, key, PLIST_UINT, &v, e);

	if (!r)
		plist_get_uint_val(v, ret);
	return r;
}

int pl_data(plist_t dict, const char *key, const uint8_t **ret, size_t *ret_len,
	    struct err *e)
{
	plist_t v;
	uint64_t len = 0;
	int r = required(dict, key, PLIST_DATA, &v, e);

	if (r)
		return r;
	*ret = (const uint8_t *)plist_get_data_ptr(v, &len);
	*ret_len = (size_t)len;
	return 0;
}

int pl_array_string(plist_t array, uint32_t i, const char **ret, struct err *e)
{
	plist_t v = plist_array_get_item(array, i);
	const char *s = pl_str(v);

	if (!s)
		return err_set(e, E_CORRUPT, "item %u: expected a string, found %s", i,
			       pl_type_name(v));
	*ret = s;
	return 0;
}

void pl_each(struct pl_iter *it, plist_t dict)
{
	*it = (struct pl_iter){.dict = dict};
	plist_dict_new_iter(dict, &it->it);
}

void pl_iter_release(struct pl_iter *it)
{
	free(it->name);
	free(it->it);
	*it = (struct pl_iter){0};
}

bool pl_next(struct pl_iter *it)
{
	free(it->name);
	it->name = NULL;
	it->value = NULL;
	if (it->it)
		plist_dict_next_item(it->dict, it->it, &it->name, &it->value);
	it->key = it->name;
	if (it->value)
		return true;
	pl_iter_release(it);
	return false;
}
