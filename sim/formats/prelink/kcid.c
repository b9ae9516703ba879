/* SPDX-License-Identifier: MIT */
#include "sim/formats/prelink/kcid.h"

#include <string.h>

#include <openssl/evp.h>

#include "sim/base/bytes.h"
#include "sim/base/ckd.h"

#define TWO_GIB 0x80000000u

int prelink_load_base(const struct macho *kernel, uint64_t *ret, struct err *e)
{
	const struct macho_segment *text = macho_segment(kernel, "__TEXT");

	if (!text)
		return err_set(e, E_CORRUPT, "kernel has no __TEXT segment");
	if (ckd_round_up(ret, text->vmaddr + text->vmsize, MACHO_PAGE) ||
	    ckd_sub(ret, *ret, TWO_GIB))
		return err_set(e, E_CORRUPT, "Kext base load address underflow.");
	return 0;
}

static bool digest_item(EVP_MD_CTX *sha, const struct kcid_item *it)
{
	uint8_t addr[8];

	put_le64(addr, it->addr);
	return (!it->has_addr || EVP_DigestUpdate(sha, addr, sizeof(addr))) &&
	       (!it->has_uuid || EVP_DigestUpdate(sha, it->uuid, sizeof(it->uuid)));
}

int prelink_kcid(const struct macho *kernel, const struct kcid_item *item, size_t n,
		 uint8_t kcid[PRELINK_KCID_LEN], struct err *e)
{
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	bool ok = sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL);

	if (ok && kernel->has_uuid)
		ok = EVP_DigestUpdate(sha, kernel->uuid, sizeof(kernel->uuid));
	for (size_t i = 0; ok && i < n; i++)
		ok = digest_item(sha, &item[i]);
	ok = ok && EVP_DigestFinal_ex(sha, digest, NULL);
	EVP_MD_CTX_free(sha);
	if (!ok)
		return err_set(e, E_NOMEM, "SHA-256 failed");
	memcpy(kcid, digest, PRELINK_KCID_LEN);
	return 0;
}
