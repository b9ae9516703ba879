/* SPDX-License-Identifier: MIT */
#include "sim/formats/codesign/osstatus.h"

#include <stddef.h>

static const struct {
	enum cs_status status;
	const char *name, *text;
} rows[] = {
	{CS_OK, "errSecSuccess", "valid on disk"},
	{CS_UNIMPLEMENTED, "errSecCSUnimplemented", "unimplemented code signing feature"},
	{CS_STATIC_CODE_NOT_FOUND, "errSecCSStaticCodeNotFound",
	 "cannot find code object on disk"},
	{CS_UNSIGNED, "errSecCSUnsigned", "code object is not signed at all"},
	{CS_SIGNATURE_FAILED, "errSecCSSignatureFailed",
	 "invalid signature (code or signature have been modified)"},
	{CS_SIGNATURE_NOT_VERIFIABLE, "errSecCSSignatureNotVerifiable",
	 "the code cannot be read by the verifier (file system permissions etc.)"},
	{CS_SIGNATURE_UNSUPPORTED, "errSecCSSignatureUnsupported",
	 "unsupported type or version of signature"},
	{CS_BAD_DICTIONARY_FORMAT, "errSecCSBadDictionaryFormat",
	 "a required plist file or resource is malformed"},
	{CS_RESOURCES_NOT_SEALED, "errSecCSResourcesNotSealed",
	 "resources are present but not sealed by signature"},
	{CS_RESOURCES_NOT_FOUND, "errSecCSResourcesNotFound",
	 "code has no resources but signature indicates they must be present"},
	{CS_RESOURCES_INVALID, "errSecCSResourcesInvalid",
	 "the sealed resource directory is invalid"},
	{CS_BAD_RESOURCE, "errSecCSBadResource",
	 "a sealed resource is missing or invalid"},
	{CS_RESOURCE_RULES_INVALID, "errSecCSResourceRulesInvalid",
	 "invalid resource specification rule(s)"},
	{CS_REQ_INVALID, "errSecCSReqInvalid",
	 "invalid or corrupted code requirement(s)"},
	{CS_REQ_UNSUPPORTED, "errSecCSReqUnsupported",
	 "unsupported type or version of code requirement(s)"},
	{CS_REQ_FAILED, "errSecCSReqFailed",
	 "code failed to satisfy specified code requirement(s)"},
	{CS_BAD_OBJECT_FORMAT, "errSecCSBadObjectFormat",
	 "object file format unrecognized, invalid, or unsuitable"},
	{CS_INTERNAL_ERROR, "errSecCSInternalError",
	 "internal error in Code Signing subsystem"},
	{CS_SIGNATURE_INVALID, "errSecCSSignatureInvalid",
	 "invalid or unsupported format for signature"},
	{CS_INFO_PLIST_FAILED, "errSecCSInfoPlistFailed",
	 "invalid Info.plist (plist or signature have been modified)"},
	{CS_NO_MAIN_EXECUTABLE, "errSecCSNoMainExecutable",
	 "the code has no main executable file"},
	{CS_BAD_BUNDLE_FORMAT, "errSecCSBadBundleFormat",
	 "bundle format unrecognized, invalid, or unsuitable"},
	{CS_RESOURCE_DIRECTORY_FAILED, "errSecCSResourceDirectoryFailed",
	 "invalid resource directory (directory or signature have been modified)"},
	{CS_UNSIGNED_NESTED_CODE, "errSecCSUnsignedNestedCode",
	 "nested code is unsigned"},
	{CS_BAD_NESTED_CODE, "errSecCSBadNestedCode",
	 "nested code is modified or invalid"},
	{CS_RESOURCE_NOT_SUPPORTED, "errSecCSResourceNotSupported",
	 "unsupported resource found (something not a directory, file or symlink)"},
	{CS_REGULAR_FILE, "errSecCSRegularFile",
	 "the main executable or Info.plist must be a regular file (no symlinks, etc.)"},
	{CS_UNSEALED_APP_ROOT, "errSecCSUnsealedAppRoot",
	 "unsealed contents present in the bundle root"},
	{CS_WEAK_RESOURCE_RULES, "errSecCSWeakResourceRules",
	 "resource envelope is obsolete (custom omit rules)"},
	{CS_DS_STORE_SYMLINK, "errSecCSDSStoreSymlink",
	 ".DS_Store files cannot be a symlink"},
	{CS_BAD_MAIN_EXECUTABLE, "errSecCSBadMainExecutable",
	 "main executable failed strict validation"},
	{CS_WEAK_RESOURCE_ENVELOPE, "errSecCSWeakResourceEnvelope",
	 "resource envelope is obsolete (version 1 signature)"},
	{CS_TOO_BIG, "errSecCSTooBig", "code is too big for current signing format"},
	{CS_INVALID_SYMLINK, "errSecCSInvalidSymlink",
	 "invalid destination for symbolic link in bundle"},
	{CS_UNSUPPORTED_DIGEST, "errSecCSUnsupportedDigestAlgorithm",
	 "a requested signature digest algorithm is not supported"},
	{CS_BAD_TEAM_IDENTIFIER, "errSecCSBadTeamIdentifier",
	 "a Team Identifier is wrong or inappropriate"},
	{CS_TIMESTAMP_INVALID, "errSecTimestampInvalid", "The timestamp was not valid."},
	{CS_TIMESTAMP_NOT_TRUSTED, "errSecTimestampNotTrusted",
	 "The timestamp was not trusted."},
	{CS_TP_CERT_EXPIRED, "CSSMERR_TP_CERT_EXPIRED", "CSSMERR_TP_CERT_EXPIRED"},
	{CS_TP_CERT_NOT_VALID_YET, "CSSMERR_TP_CERT_NOT_VALID_YET",
	 "CSSMERR_TP_CERT_NOT_VALID_YET"},
	{CS_TP_NOT_TRUSTED, "CSSMERR_TP_NOT_TRUSTED", "CSSMERR_TP_NOT_TRUSTED"},
	{CS_TP_NO_EXTENDED_KEY_USAGE, "CSSMERR_APPLETP_CS_NO_EXTENDED_KEY_USAGE",
	 "CSSMERR_APPLETP_CS_NO_EXTENDED_KEY_USAGE"},
	{CS_TP_INVALID_EXTENDED_KEY_USAGE, "CSSMERR_APPLETP_INVALID_EXTENDED_KEY_USAGE",
	 "CSSMERR_APPLETP_INVALID_EXTENDED_KEY_USAGE"},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const char *cs_status_name(int status)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].status == status)
			return rows[i].name;
	return "OSStatus";
}

const char *cs_status_text(int status)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "unknown error";
}
