/*
 * Secrets by OpenSSL: see mr_secret.h. It must never keep, print or compare a secret
 * itself. Called by the sidecar's auth.c.
 */
#include "adapters/mr_secret.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

bool
mr_secret_make(MrSecret *secret, const char *text, size_t length)
{
	memset(secret, 0, sizeof(*secret));
	return EVP_Digest(text, length, secret->digest, NULL, EVP_sha256(), NULL) == 1;
}

bool
mr_secret_equal(const MrSecret *a, const MrSecret *b)
{
	static const MrSecret none;
	int is_made = CRYPTO_memcmp(a, &none, sizeof(none)) != 0;

	return (CRYPTO_memcmp(a, b, sizeof(*a)) == 0) & is_made;
}
