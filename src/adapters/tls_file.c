/*
 * Reads the dates of PEM files with OpenSSL; see mr_tls_file.h.
 *
 * Must leave OpenSSL's queue of errors empty: the TLS of the calling process looks at it.
 * Verifies nothing, and never looks at a key. Called by multiregion.check().
 */
#include "adapters/mr_tls_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Takes an end into account; false if it is no time. */
static bool
take_end(const ASN1_TIME *end, bool *found, int *days)
{
	int left;
	int seconds;

	/* from now; one that is over by less than a day is over, too */
	if (ASN1_TIME_diff(&left, &seconds, NULL, end) != 1)
		return false;
	if (seconds < 0)
		left--;
	if (!*found || left < *days)
		*days = left;
	*found = true;
	return true;
}

/* Each entry may hold a certificate, a revocation list, or something else. */
static bool
take_entries(const STACK_OF(X509_INFO) * entries, int *days)
{
	bool found = false;
	int i;

	for (i = 0; i < sk_X509_INFO_num(entries); i++)
	{
		const X509_INFO *entry = sk_X509_INFO_value(entries, i);

		if (entry->x509 != NULL && !take_end(X509_get0_notAfter(entry->x509), &found, days))
			return false;
		if (entry->crl != NULL && X509_CRL_get0_nextUpdate(entry->crl) != NULL &&
			!take_end(X509_CRL_get0_nextUpdate(entry->crl), &found, days))
			return false;
	}
	return found;
}

/* Asked for an encrypted entry; else OpenSSL would ask the terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void) buffer;
	(void) size;
	(void) writing;
	(void) arg;
	return 0;
}

bool
mr_tls_file_days_left(const char *path, int *days)
{
	BIO *file = BIO_new_file(path, "r");
	STACK_OF(X509_INFO) *entries = NULL;
	bool read = false;

	if (file != NULL)
		entries = PEM_X509_INFO_read_bio(file, NULL, no_passphrase, NULL);
	if (entries != NULL)
		read = take_entries(entries, days);
	sk_X509_INFO_pop_free(entries, X509_INFO_free);
	BIO_free(file);
	ERR_clear_error();
	return read;
}
