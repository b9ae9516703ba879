/* SPDX-License-Identifier: MIT */
/*
 * IOCFSerialize: two walks over the list. The first finds which objects are equal and
 * how often each comes; the second writes an object that comes again once, with an ID.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "sim/formats/plist/pl.h"
#include "sim/formats/prelink/ioxml.h"

#define NO_ID UINT32_MAX

/* An object as the first walk saw it: equal objects have equal type and text. */
struct object {
	uint8_t type;
	char *text; /* owned: content in a form that compares */
	size_t len;
	unsigned uses;
	uint32_t id;
};

/* A node of the list, in the order of the walk. */
struct place {
	uint32_t object;
	uint32_t span; /* nodes from this one to the end of what it holds */
};

struct writer {
	struct object *obj;
	size_t n, cap;
	uint32_t *index; /* hash table: place in obj + 1 */
	size_t slots;
	struct place *place;
	uint32_t n_places, cap_places, next;
	uint32_t ids;
	struct buf *out;
};

static void release(struct writer *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->obj[i].text);
	free(w->obj);
	free(w->index);
	free(w->place);
}

static int no_memory(struct err *e)
{
	return err_set(e, E_NOMEM, "out of memory");
}

static uint64_t hash(uint8_t type, const char *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u ^ type; /* FNV-1a */

	while (len--)
		h = (h ^ (uint8_t)*p++) * 0x100000001b3;
	return h ^ h >> 29;
}

static int grow(struct writer *w, struct err *e)
{
	size_t cap = w->cap ? 2 * w->cap : 256, slots = 2 * cap;
	struct object *obj = realloc(w->obj, cap * sizeof(*obj));
	uint32_t *index;

	if (!obj)
		return no_memory(e);
	w->obj = obj;
	index = calloc(slots, sizeof(*index));
	if (!index)
		return no_memory(e);
	for (size_t i = 0; i < w->n; i++) {
		size_t at = hash(obj[i].type, obj[i].text, obj[i].len) & (slots - 1);

		while (index[at])
			at = (at + 1) & (slots - 1);
		index[at] = (uint32_t)i + 1;
	}
	free(w->index);
	w->index = index;
	w->slots = slots;
	w->cap = cap;
	return 0;
}

/* Number of the object with this content. Takes the memory of @text over. */
static int intern(struct writer *w, uint8_t type, struct buf *text, uint32_t *ret,
		  struct err *e)
{
	size_t len = text->len, at;
	int r = w->n == w->cap ? grow(w, e) : 0;

	if (r)
		return r;
	for (at = hash(type, (char *)text->data, len) & (w->slots - 1); w->index[at];
	     at = (at + 1) & (w->slots - 1)) {
		struct object *o = &w->obj[w->index[at] - 1];

		if (o->type == type && o->len == len &&
		    (!len || !memcmp(o->text, text->data, len))) {
			*ret = w->index[at] - 1;
			return 0;
		}
	}
	*ret = (uint32_t)w->n;
	w->index[at] = (uint32_t)w->n + 1;
	w->obj[w->n++] = (struct object){
		.type = type,
		.text = (char *)buf_steal(text, &len),
		.len = len,
		.id = NO_ID,
	};
	return 0;
}

static int new_place(struct writer *w, uint32_t *ret, struct err *e)
{
	if (w->n_places == IOXML_NODES_MAX)
		return err_set(e, E_OVERFLOW, "property list of more than %u objects",
			       IOXML_NODES_MAX);
	if (w->n_places == w->cap_places) {
		uint32_t cap = w->cap_places ? 2 * w->cap_places : 256;
		struct place *grown = realloc(w->place, cap * sizeof(*grown));

		if (!grown)
			return no_memory(e);
		w->place = grown;
		w->cap_places = cap;
	}
	*ret = w->n_places++;
	return 0;
}

static int unsupported(plist_type type, struct err *e)
{
	return err_set(e, E_UNSUPPORTED, "the kernel has no property list type for %s",
		       type == PLIST_DATE ? "a date" : "an object of that type");
}

static uint64_t number(plist_t node)
{
	uint64_t v = 0;
	double d = 0;

	if (plist_get_node_type(node) == PLIST_UINT) {
		plist_get_uint_val(node, &v);
		return v;
	}
	plist_get_real_val(node,
			   &d); /* CFNumberGetValue of an integer type cuts it off */
	return d > -9e18 && d < 9e18 ? (uint64_t)(int64_t)d : 0;
}

/* Content of a node that is no container. */
static int leaf_text(plist_t node, plist_type type, struct buf *text, struct err *e)
{
	uint64_t len = 0, v;
	const char *p;
	uint8_t flag = 0;

	switch (type) {
	case PLIST_STRING:
		p = plist_get_string_ptr(node, &len);
		return buf_append(text, p, len, e);
	case PLIST_DATA:
		p = plist_get_data_ptr(node, &len);
		return buf_append(text, p, len, e);
	case PLIST_UINT:
	case PLIST_REAL:
		v = number(node);
		return buf_append(text, &v, sizeof(v), e);
	case PLIST_BOOLEAN:
		plist_get_bool_val(node, &flag);
		return buf_append(text, &flag, 1, e);
	default:
		return unsupported(type, e);
	}
}

static int visit(struct writer *w, plist_t node, unsigned depth, uint32_t *ret,
		 struct err *e);

/* A container's content is the numbers of what it holds; keys are written out. */
static int visit_array(struct writer *w, plist_t node, unsigned depth, struct buf *text,
		       struct err *e)
{
	plist_array_iter it = NULL;
	plist_t item;
	int r = 0;

	plist_array_new_iter(node, &it);
	for (plist_array_next_item(node, it, &item); !r && item;
	     plist_array_next_item(node, it, &item)) {
		uint32_t child = 0;

		r = visit(w, item, depth + 1, &child, e);
		if (!r)
			r = buf_append(text, &child, sizeof(child), e);
	}
	free(it);
	return r;
}

static int visit_dict(struct writer *w, plist_t node, unsigned depth, struct buf *text,
		      struct err *e)
{
	struct pl_iter it;
	int r = 0;

	for (pl_each(&it, node); pl_next(&it);) {
		uint32_t child = 0;

		r = visit(w, it.value, depth + 1, &child, e);
		if (!r)
			r = buf_append(text, it.key, strlen(it.key) + 1, e);
		if (!r)
			r = buf_append(text, &child, sizeof(child), e);
		if (r) {
			pl_iter_release(&it);
			return r;
		}
	}
	return 0;
}

static int visit_content(struct writer *w, plist_t node, plist_type type, unsigned depth,
			 struct buf *text, struct err *e)
{
	if (type == PLIST_DICT)
		return visit_dict(w, node, depth, text, e);
	if (type == PLIST_ARRAY)
		return visit_array(w, node, depth, text, e);
	return leaf_text(node, type, text, e);
}

static int visit(struct writer *w, plist_t node, unsigned depth, uint32_t *ret,
		 struct err *e)
{
	plist_type type = plist_get_node_type(node);
	struct buf text = BUF_INIT;
	uint32_t place = 0;
	int r;

	if (depth > IOXML_DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "property list nested too deeply");
	r = new_place(w, &place, e);
	if (!r)
		r = visit_content(w, node, type, depth, &text, e);
	if (!r)
		r = intern(w, (uint8_t)(type == PLIST_REAL ? PLIST_UINT : type), &text,
			   ret, e);
	buf_release(&text);
	if (!r)
		w->place[place] = (struct place){*ret, w->n_places - place};
	return r;
}

/* How often each object will be written: what is inside a repeated one only once. */
static void count_uses(struct writer *w)
{
	for (uint32_t i = 0; i < w->n_places;) {
		struct object *o = &w->obj[w->place[i].object];

		i += ++o->uses > 1 ? w->place[i].span : 1;
	}
}

static int put(struct writer *w, const char *s, struct err *e)
{
	return buf_append(w->out, s, strlen(s), e);
}

static int put_escaped(struct writer *w, const char *s, size_t len, struct err *e)
{
	static const char *const entity[256] = {
		['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;"};
	size_t done = 0;
	int r = 0;

	for (size_t i = 0; !r && i < len; i++) {
		const char *esc = entity[(uint8_t)s[i]];

		if (!esc)
			continue;
		r = buf_append(w->out, s + done, i - done, e);
		if (!r)
			r = put(w, esc, e);
		done = i + 1;
	}
	return r ? r : buf_append(w->out, s + done, len - done, e);
}

/*
 * Scanners of old booters looked for the end of a personality by its text and stopped
 * too early after these keys; Apple's writer puts a comment in between.
 */
static bool needs_comment(const char *key)
{
	static const char *const prefix[] = {"AppleLSIFusionFC", "AppleUSBXHCI",
					     "ICH8 ATA/100", "IOPCITunnelCompatible"};

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++)
		if (!strncmp(key, prefix[i], strlen(prefix[i])))
			return true;
	return false;
}

static int put_key(struct writer *w, const char *key, struct err *e)
{
	int r = put(w, "<key>", e);

	if (!r)
		r = put_escaped(w, key, strlen(key), e);
	if (!r)
		r = put(w, "</key>", e);
	if (!r && needs_comment(key))
		r = put(w, "<!-- \xf0\x9f\xa4\xa6 -->", e);
	return r;
}

static int put_base64(struct writer *w, const char *p, size_t len, struct err *e)
{
	size_t size = 4 * ((len + 2) / 3);
	int r;

	if (len > INT32_MAX / 2)
		return err_set(e, E_OVERFLOW, "data of %zu bytes", len);
	r = buf_reserve(w->out, size + 1, e);
	if (r)
		return r;
	EVP_EncodeBlock(w->out->data + w->out->len, (const uint8_t *)p, (int)len);
	w->out->len += size;
	return 0;
}

static int write_node(struct writer *w, plist_t node, struct err *e);

static int write_array(struct writer *w, plist_t node, struct err *e)
{
	plist_array_iter it = NULL;
	plist_t item;
	int r = 0;

	plist_array_new_iter(node, &it);
	for (plist_array_next_item(node, it, &item); !r && item;
	     plist_array_next_item(node, it, &item))
		r = write_node(w, item, e);
	free(it);
	return r;
}

static int write_dict(struct writer *w, plist_t node, struct err *e)
{
	struct pl_iter it;

	for (pl_each(&it, node); pl_next(&it);) {
		int r = put_key(w, it.key, e);

		if (!r)
			r = write_node(w, it.value, e);
		if (r) {
			pl_iter_release(&it);
			return r;
		}
	}
	return 0;
}

static int write_content(struct writer *w, plist_t node, const struct object *o,
			 struct err *e)
{
	switch (o->type) {
	case PLIST_DICT:
		return write_dict(w, node, e);
	case PLIST_ARRAY:
		return write_array(w, node, e);
	case PLIST_STRING:
		return put_escaped(w, o->text ? o->text : "", o->len, e);
	case PLIST_DATA:
		return put_base64(w, o->text, o->len, e);
	default:
		return buf_printf(w->out, e, "0x%llx", (unsigned long long)number(node));
	}
}

static const char *element_name(uint8_t type)
{
	switch (type) {
	case PLIST_DICT:
		return "dict";
	case PLIST_ARRAY:
		return "array";
	case PLIST_STRING:
		return "string";
	case PLIST_DATA:
		return "data";
	default:
		return "integer";
	}
}

static int open_element(struct writer *w, struct object *o, struct err *e)
{
	int r = buf_printf(w->out, e, "<%s", element_name(o->type));

	if (!r && o->uses > 1) {
		o->id = w->ids++;
		r = buf_printf(w->out, e, " ID=\"%u\"", o->id);
	}
	if (!r && o->type == PLIST_UINT)
		r = put(w, " size=\"64\"", e);
	return r ? r : put(w, ">", e);
}

static int write_node(struct writer *w, plist_t node, struct err *e)
{
	const struct place *p = &w->place[w->next];
	struct object *o = &w->obj[p->object];
	int r;

	w->next += o->id == NO_ID ? 1 : p->span;
	if (o->type == PLIST_BOOLEAN)
		return put(w, o->text[0] ? "<true/>" : "<false/>", e);
	if (o->id != NO_ID)
		return buf_printf(w->out, e, "<%s IDREF=\"%u\"/>", element_name(o->type),
				  o->id);
	r = open_element(w, o, e);
	if (!r)
		r = write_content(w, node, o, e);
	return r ? r : buf_printf(w->out, e, "</%s>", element_name(o->type));
}

int ioxml_write(plist_t root, struct buf *out, struct err *e)
{
	struct writer w = {.out = out};
	uint32_t top = 0;
	int r = visit(&w, root, 0, &top, e);

	if (!r) {
		count_uses(&w);
		r = write_node(&w, root, e);
	}
	if (!r)
		r = buf_append(out, "", 1, e);
	release(&w);
	return r;
}
