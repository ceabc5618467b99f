/*
 * The JSON object that a request carries. Strict: a member that nobody knows may be a
 * misspelled condition, and a change without its condition is another change.
 */
#ifndef MR_BODY_H
#define MR_BODY_H

#include "adapters/mr_json.h"
#include "sidecar/mr_server.h"

typedef struct MrBody
{
	MrRequest *request;
	MrJson json;
	MrJsonNode *root;
	bool refused; /* the request was answered */
} MrBody;

/* Whether the request says that its body is JSON. */
extern bool mr_body_is_json(const MrRequest *request);

/*
 * Reads the body, an object with these keys at most. False when the request was refused:
 * it is not said to be JSON, or is none. Ends with mr_body_close.
 */
extern bool mr_body_open(MrBody *body, MrRequest *request, const char *const *keys, size_t count);

/*
 * Each copies a member; what is absent or null leaves the value as it is, unless it is
 * required. Once one is not as it must be the request is refused, and nothing more happens.
 * Most return whether there was one.
 */
extern bool mr_body_string(MrBody *body, const char *key, bool required, char *out, size_t size);
extern bool mr_body_integer(MrBody *body, const char *key, int64_t *value);
extern bool mr_body_real(MrBody *body, const char *key, double *value);
extern void mr_body_boolean(MrBody *body, const char *key, bool *value);

/* The text of a member that is an object, from malloc; NULL if there is none. */
extern char *mr_body_object(MrBody *body, const char *key);

/* Frees what reading made; true when all was well and the request is still to be answered. */
extern bool mr_body_close(MrBody *body);

#endif /* MR_BODY_H */
