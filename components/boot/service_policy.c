/* SPDX-License-Identifier: MIT */
/* LocalPolicies, as bputil and csrutil ask for them (sim/platform/secureboot/policy.h). */
#include <errno.h>
#include <string.h>

#include "components/boot/secure_enclave.h"
#include "components/boot/service_impl.h"
#include "sim/base/json_text.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/filevault.h"
#include "sim/platform/paths.h"

/* ---- reading ---- */

static int add_digest(struct boot *b, json_t *reply, const char *name,
		      enum sep_command command)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	char text[LP_DIGEST_TEXT_MAX];

	if (sep_digest(&b->sep, command, digest) != SEP_OK)
		return 0;
	lp_digest_text(digest, text);
	return json_object_set_new(reply, name, json_string(text));
}

static json_t *fields_of(const struct local_policy *p)
{
	json_t *o = json_object();

	for (enum lp_field f = 0; f < LP_N_FIELDS; f++) {
		char name[FOURCC_TEXT_MAX], value[2 * LP_BYTES_MAX + 2];

		if (!p->v[f].present)
			continue;
		lp_value_text(p, f, value, sizeof(value));
		json_object_set_new(o, fourcc_text(lp_row(f)->name, name),
				    json_string(value));
	}
	return o;
}

/* What a person knows the system by. */
static int add_system(struct boot *b, const char *group, json_t *reply)
{
	const struct boot_volume *v = volumes_by_role(
		&b->volumes, b->machine->main_disk, APFS_ROLE_SYSTEM, group);

	return json_object_set_new(reply, "name", json_text(v ? v->name : "")) ||
	       json_object_set_new(reply, "filevault", json_boolean(v && v->filevault));
}

static int op_policy(struct boot *b, const struct request *q, struct err *e)
{
	const char *group = request_text(q, "group");
	struct sb_policy_files files;
	char path[LP_PATH_MAX];
	struct local_policy p;
	int r = secure_enclave_files(b, &files, e);

	if (!r)
		r = policy_read(&b->chip, &files, group, &p, path, NULL, e);
	if (r)
		return r;
	if (add_digest(b, q->reply, "lpnh", SEP_BLESSED_LP) ||
	    add_digest(b, q->reply, "rpnh", SEP_BLESSED_RP) ||
	    add_digest(b, q->reply, "ronh", SEP_BLESSED_RO) ||
	    json_object_set_new(q->reply, "environment", json_integer(b->sep.env)) ||
	    json_object_set_new(q->reply, "paired",
				json_boolean(sep_pairing(&b->sep, group) == SEP_OK)) ||
	    json_object_set_new(q->reply, "path",
				json_sprintf(PATH_ISC_PREBOOT "%s", path)) ||
	    add_system(b, group, q->reply) ||
	    json_object_set_new(q->reply, "policy", fields_of(&p)))
		return err_set(e, E_NOMEM, "out of memory");
	return 0;
}

/* ---- changing ---- */

struct changes {
	struct lp_change change[LP_N_FIELDS];
	struct policy_edit edit;
};

static void add_change(struct changes *c, enum lp_field f, bool present, uint64_t number)
{
	c->change[c->edit.n_changes++] = (struct lp_change){
		.field = f, .value = {.present = present, .number = number}};
}

static int add_level(struct changes *c, const char *name, struct err *e)
{
	if (!name[0])
		return 0;
	for (enum sb_level l = 0; l < SB_N_LEVELS; l++) {
		if (strcmp(sb_level_row(l)->name, name) != 0)
			continue;
		c->edit.from_scratch = true;
		c->edit.level = l;
		return 0;
	}
	return err_set(e, E_INVAL, "there is no level '%s'", name);
}

static int add_field(struct changes *c, const char *name, const json_t *value,
		     struct err *e)
{
	enum lp_field f = LP_N_FIELDS;

	if (strlen(name) == 4)
		f = lp_field_by_name(FOURCC(name[0], name[1], name[2], name[3]));
	if (f == LP_N_FIELDS)
		return err_set(e, E_INVAL, "a policy has no field '%s'", name);
	if (json_is_null(value))
		add_change(c, f, false, 0);
	else if (json_is_boolean(value) && lp_row(f)->kind == LP_BOOL)
		add_change(c, f, true, json_is_true(value));
	else if (json_is_integer(value) && lp_row(f)->kind == LP_NUMBER)
		add_change(c, f, true, (uint64_t)json_integer_value(value));
	else
		return err_set(e, E_INVAL, "field '%s' has another type", name);
	return 0;
}

static int add_fields(struct changes *c, json_t *set, struct err *e)
{
	const char *name;
	json_t *value;
	int r;

	if (json_object_size(set) > LP_N_FIELDS)
		return err_set(e, E_INVAL, "too many fields");
	json_object_foreach(set, name, value)
	{
		r = add_field(c, name, value, e);
		if (r)
			return r;
	}
	return 0;
}

/* Of an encrypted system its owner has to say who he is. */
static int check_owner(struct boot *b, const struct request *q, struct err *e)
{
	const struct volumes *vs = &b->volumes;
	bool ok = false;
	int r;

	if (!vs->crypto_users.len)
		return 0;
	r = filevault_check(vs->crypto_users.data, vs->crypto_users.len,
			    request_text(q, "password"), &ok, e);
	if (!r && !ok)
		r = refuse(e, EACCES, "wrong password");
	return r;
}

static int op_update(struct boot *b, const struct request *q, struct err *e)
{
	enum sep_status status = SEP_OK;
	struct changes c = {.edit = {.n_changes = 0}};
	struct sb_policy_files files;
	int r = secure_enclave_files(b, &files, e);

	c.edit.changes = c.change;
	if (!r)
		r = check_owner(b, q, e);
	if (!r)
		r = add_level(&c, request_text(q, "level"), e);
	if (!r)
		r = add_fields(&c, json_object_get(q->json, "set"), e);
	if (!r)
		r = policy_update(&b->sep, &files, request_text(q, "group"), &c.edit,
				  &status, e);
	if (json_object_set_new(q->reply, "sep", json_integer(status)))
		return err_set(e, E_NOMEM, "out of memory");
	return r;
}

const struct service_op service_policy_ops[] = {
	{"policy", op_policy, ANYBODY},
	{"policy_update", op_update, ROOT},
	{NULL, NULL, ROOT},
};
