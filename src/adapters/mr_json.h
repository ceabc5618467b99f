/*
 * JSON: a tree built node by node, then turned into text once; or read from a text, and
 * asked for its members.
 *
 * Only this adapter knows jansson. A failure (no memory) is remembered in MrJson and
 * shows at the end: whoever builds need not check each step, every function takes a
 * NULL node. Text that is not UTF-8 is repaired with U+FFFD, so that one odd byte in a
 * SQL_ASCII database cannot take a whole status page away.
 */
#ifndef MR_JSON_H
#define MR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct json_t MrJsonNode;

typedef struct MrJson
{
	MrJsonNode *root;
	bool failed;
} MrJson;

/* Starts a document; returns its root, an object. End with mr_json_end or mr_json_abandon. */
extern MrJsonNode *mr_json_begin(MrJson *json);

/*
 * Each appends a value: to an object under a key (an existing one is replaced, a key is
 * ASCII), to an array with key NULL. The container functions return the new node, which
 * the tree owns; NULL when the document has failed.
 */
extern MrJsonNode *mr_json_add_object(MrJson *json, MrJsonNode *parent, const char *key);
extern MrJsonNode *mr_json_add_array(MrJson *json, MrJsonNode *parent, const char *key);
extern void mr_json_add_string(MrJson *json, MrJsonNode *parent, const char *key,
							   const char *text); /* NULL gives null */
extern void mr_json_add_integer(MrJson *json, MrJsonNode *parent, const char *key, int64_t value);
extern void mr_json_add_real(MrJson *json, MrJsonNode *parent, const char *key,
							 double value); /* null unless finite */
extern void mr_json_add_boolean(MrJson *json, MrJsonNode *parent, const char *key, bool value);
extern void mr_json_add_null(MrJson *json, MrJsonNode *parent, const char *key);

/*
 * Ends the document: its compact text in the order of insertion, to be freed with
 * free(), or NULL when anything failed. The tree is gone afterwards.
 */
extern char *mr_json_end(MrJson *json);

/* Ends the document without a text. */
extern void mr_json_abandon(MrJson *json);

typedef enum MrJsonMember
{
	MR_JSON_FOUND,
	MR_JSON_ABSENT,  /* not there, or null */
	MR_JSON_OTHER,   /* of another type */
	MR_JSON_TOO_LONG /* a string that does not fit */
} MrJsonMember;

/*
 * Reads a document that is one object, without a key twice and without NUL. NULL when it is
 * none; either way it ends with mr_json_abandon.
 */
extern MrJsonNode *mr_json_read(MrJson *json, const char *text, size_t length);

/* A member of an object. What is not found leaves the value as it is. */
extern MrJsonMember mr_json_get_string(const MrJsonNode *object, const char *key, char *out,
									   size_t size);
extern MrJsonMember mr_json_get_integer(const MrJsonNode *object, const char *key, int64_t *value);
extern MrJsonMember mr_json_get_real(const MrJsonNode *object, const char *key, double *value);
extern MrJsonMember mr_json_get_boolean(const MrJsonNode *object, const char *key, bool *value);

/* A member that is an object itself; NULL when there is none. The tree owns it. */
extern const MrJsonNode *mr_json_get_object(const MrJsonNode *object, const char *key);

/* A member that is an array; NULL when there is none. */
extern const MrJsonNode *mr_json_get_array(const MrJsonNode *object, const char *key);

/* How many items an array has; 0 of none (NULL). */
extern size_t mr_json_count(const MrJsonNode *array);

/* An item of an array that is an object, or NULL; and one that is a string. */
extern const MrJsonNode *mr_json_object_at(const MrJsonNode *array, size_t index);
extern MrJsonMember mr_json_string_at(const MrJsonNode *array, size_t index, char *out,
									  size_t size);

/* The text of a member that is an object, from malloc. */
extern MrJsonMember mr_json_get_object_text(const MrJsonNode *object, const char *key, char **text);

/* Whether every key of an object is one of the list. */
extern bool mr_json_has_only(const MrJsonNode *object, const char *const *keys, size_t count);

/* Adds a document's text as it is, like what a column of type jsonb holds. */
extern void mr_json_add_text(MrJson *json, MrJsonNode *parent, const char *key, const char *text);

/* Whether these bytes are text that JSON can hold: UTF-8 without a NUL. */
extern bool mr_json_is_text(const char *text, size_t length);

#endif /* MR_JSON_H */
