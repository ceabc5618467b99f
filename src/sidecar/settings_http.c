/*
 * Settings of the HTTP server that are neither numbers nor addresses. It must never open
 * what they name. Called by settings.c.
 */
#include "sidecar/mr_settings.h"

#include <string.h>

#include "sidecar/mr_cors.h"

#define ACCESS_WORD(symbol, word) [symbol] = word,

static const char *const access_words[MR_ACCESS_COUNT] = {MR_ACCESS_LIST(ACCESS_WORD)};

bool
mr_access_level_from_name(const char *word, MrAccessLevel *level)
{
	int i;

	for (i = 0; i < MR_ACCESS_COUNT; i++)
		if (strcmp(access_words[i], word) == 0)
		{
			*level = (MrAccessLevel) i;
			return true;
		}
	return false;
}

/* A path, or NULL. Relative ones would mean another file after a change of directory. */
static const char *
read_path(const MrSettings *settings, const char *name, MrProblems *problems)
{
	const char *path = mr_environment_get(&settings->environment, name);

	if (path != NULL && path[0] != '/')
		mr_problems_error(problems, "%s: \"%s\" is not an absolute path", name, path);
	return path;
}

static void
read_tls(MrSettings *settings, MrProblems *problems)
{
	const char *name = "MULTIREGION_HTTP_TLS_CLIENT_CERT";
	const char *text = mr_environment_get(&settings->environment, name);
	MrTlsFiles *tls = &settings->tls;

	tls->certificate = read_path(settings, "MULTIREGION_HTTP_TLS_CERT", problems);
	tls->key = read_path(settings, "MULTIREGION_HTTP_TLS_KEY", problems);
	tls->client_ca = read_path(settings, "MULTIREGION_HTTP_TLS_CLIENT_CA", problems);
	tls->client_crl = read_path(settings, "MULTIREGION_HTTP_TLS_CLIENT_CRL", problems);
	tls->client_required = text != NULL && strcmp(text, "required") == 0;
	if (text != NULL && !tls->client_required && strcmp(text, "optional") != 0)
		mr_problems_error(problems, "%s: \"%s\" is neither optional nor required", name, text);
	if ((tls->certificate == NULL) != (tls->key == NULL))
		mr_problems_error(problems, "MULTIREGION_HTTP_TLS_CERT and MULTIREGION_HTTP_TLS_KEY belong "
									"together");
	if (tls->client_crl != NULL && tls->client_ca == NULL)
		mr_problems_error(problems, "MULTIREGION_HTTP_TLS_CLIENT_CRL is of use only with "
									"MULTIREGION_HTTP_TLS_CLIENT_CA");
	if (tls->client_required && tls->client_ca == NULL)
		mr_problems_error(problems, "%s: MULTIREGION_HTTP_TLS_CLIENT_CA says whom to believe",
						  name);
}

void
mr_settings_read_http(MrSettings *settings, MrProblems *problems)
{
	const char *name = "MULTIREGION_CORS_ORIGINS";
	const char *text = mr_environment_get(&settings->environment, name);

	settings->cors_origins = text != NULL ? text : "";
	if (mr_cors_problem(settings->cors_origins) != NULL)
		mr_problems_error(problems, "%s: \"%s\" cannot be used. %s", name, text,
						  mr_cors_problem(settings->cors_origins));
	name = "MULTIREGION_ACCESS_LOG";
	text = mr_environment_get(&settings->environment, name);
	settings->access_log = MR_ACCESS_OFF;
	if (text != NULL && !mr_access_level_from_name(text, &settings->access_log))
		mr_problems_error(problems, "%s: \"%s\" is none of off, errors, all", name, text);
	read_tls(settings, problems);
}
