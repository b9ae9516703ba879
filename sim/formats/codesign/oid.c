/* SPDX-License-Identifier: MIT */
/* Object identifiers as requirements carry them: DER contents without tag and length. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "sim/formats/codesign/req.h"

#define OID_TEXT_MAX 256
#define OID_MAX	     128

int cs_oid_from_text(const char *text, struct buf *out, struct err *e)
{
	ASN1_OBJECT *o = OBJ_txt2obj(text, 1);
	int r = o && OBJ_length(o) <= OID_MAX
			? buf_append(out, OBJ_get0_data(o), OBJ_length(o), e)
			: err_set(e, E_INVAL, "'%s' is no object identifier", text);

	ASN1_OBJECT_free(o);
	ERR_clear_error();
	return r;
}

int cs_oid_to_text(struct span oid, struct buf *out, struct err *e)
{
	unsigned char der[OID_MAX + 3] = {V_ASN1_OBJECT, (unsigned char)oid.len};
	const unsigned char *p = der;
	char text[OID_TEXT_MAX];
	ASN1_OBJECT *o;
	int n = -1, r;

	if (!oid.len || oid.len > 127)
		return err_set(e, E_CORRUPT, "an object identifier of %zu bytes",
			       oid.len);
	memcpy(der + 2, oid.p, oid.len);
	o = d2i_ASN1_OBJECT(NULL, &p, (long)oid.len + 2);
	if (o)
		n = OBJ_obj2txt(text, sizeof(text), o, 1);
	r = n > 0 && n < (int)sizeof(text)
		    ? buf_printf(out, e, "%s", text)
		    : err_set(e, E_CORRUPT, "no object identifier");
	ASN1_OBJECT_free(o);
	ERR_clear_error();
	return r;
}
