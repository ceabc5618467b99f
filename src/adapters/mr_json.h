/*
 * Writing JSON: a tree built node by node, then turned into text once.
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

/* Whether these bytes are text that JSON can hold: UTF-8 without a NUL. */
extern bool mr_json_is_text(const char *text, size_t length);

#endif /* MR_JSON_H */
