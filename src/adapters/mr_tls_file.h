/*
 * Until when a file of TLS is good: certificates, and lists of revoked ones, in PEM.
 */
#ifndef MR_TLS_FILE_H
#define MR_TLS_FILE_H

#include <stdbool.h>

/*
 * Whole days until the first of its certificates and revocation lists runs out; negative
 * when it has. False if the file cannot be read, or holds neither.
 */
extern bool mr_tls_file_days_left(const char *path, int *days);

#endif /* MR_TLS_FILE_H */
