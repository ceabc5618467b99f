/*
 * Connection strings as users write them in DATABASE_URL_*: taken apart, so that the
 * password goes one way and everything else another.
 *
 * No message ever repeats a part of such a string: what does not parse may be a
 * password.
 */
#ifndef MR_CONNINFO_H
#define MR_CONNINFO_H

#include <stdbool.h>

#include "core/mr_limits.h"

#define MR_PASSWORD_SIZE 256

/* Which parts mr_conninfo_read() leaves out of the text; that no host is named is well. */
#define MR_CONNINFO_WITHOUT_USER 0x1
#define MR_CONNINFO_WITHOUT_DATABASE 0x2
#define MR_CONNINFO_WITHOUT_HOST 0x4

typedef struct MrConninfo
{
	char text[MR_CONNINFO_SIZE]; /* keyword = 'value' pairs, never with a password */
	char host[256];              /* name, address or socket directory */
	char hostaddr[MR_HOSTADDR_SIZE];
	char port[8]; /* "5432" if none was given */
	char user[MR_NAME_SIZE];
	char dbname[MR_NAME_SIZE];
	char password[MR_PASSWORD_SIZE]; /* empty if none was given */
} MrConninfo;

/*
 * Takes a URL or a keyword string apart. NULL when well, else a sentence that says why
 * it cannot be used: unparsable, several hosts, no host, an unescaped password, too long.
 */
extern const char *mr_conninfo_read(const char *url, unsigned int without, MrConninfo *out);

/*
 * How the sidecar itself reaches a member. From the member's own string come place and
 * protection; login, database, certificate, passfile and options are those of `own`, the way
 * to the local node, and of its TLS settings those that the member's string leaves open.
 * False if it cannot be built.
 */
extern bool mr_conninfo_of_member(const char *member, const MrConninfo *own, char *out,
								  size_t size);

/* Appends one keyword to a text; false if it does not fit. */
extern bool mr_conninfo_append(char *text, size_t size, const char *keyword, const char *value);

/* Whether the host is an address or a socket directory, not a name to be resolved. */
extern bool mr_conninfo_is_numeric(const char *host);

#endif /* MR_CONNINFO_H */
