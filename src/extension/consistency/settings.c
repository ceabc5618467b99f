/*
 * Settings of reading on standbys; docs/configuration.md has the same list.
 *
 * What a client sets for its session is here; a token is read when it is set, so that a
 * mistyped one is an error there. Called by mr_settings_define().
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "extension/consistency/mr_consistency.h"
#include "extension/mr_settings.h"
#include "extension/pg_compat.h"

int mr_read_consistency = MR_READ_EVENTUAL;
int mr_max_staleness_ms = 5000;
int mr_wait_timeout_ms = 5000;
int mr_on_timeout = MR_TIMEOUT_ERROR;
bool mr_report_token = false;
int mr_enforce_home_region = MR_ENFORCE_OFF;
char *mr_session_tenant = NULL;

static char *wait_for_text = NULL;
static char *session_token_text = NULL; /* never read: it is shown by show_session_token() */
static const MrToken *wait_for_token = NULL;

#define OPTION(symbol, word) {word, symbol, false},

static const struct config_enum_entry consistency_options[] = {
	MR_CONSISTENCY_LIST(OPTION){NULL, 0, false}};
static const struct config_enum_entry timeout_options[] = {
	MR_ON_TIMEOUT_LIST(OPTION){NULL, 0, false}};
static const struct config_enum_entry enforce_options[] = {MR_ENFORCE_LIST(OPTION){NULL, 0, false}};
static const struct config_enum_entry wakeup_options[] = {
	{"auto", MR_WAKEUP_AUTO, false}, {"poll", MR_WAKEUP_POLL, false}, {NULL, 0, false}};

const MrToken *
mr_wait_for_token(void)
{
	return wait_for_token;
}

static bool
check_wait_for(char **value, void **extra, GucSource source)
{
	MrToken *token;

	*extra = NULL;
	if ((*value)[0] == '\0')
		return true;
	token = MR_GUC_MALLOC(sizeof(MrToken));
	if (token == NULL)
		return false;
	*extra = token;
	if (mr_token_parse(*value, token))
		return true;
	GUC_check_errdetail("It is not a token as session_token() gives it, or it was cut short.");
	return false;
}

static void
assign_wait_for(const char *value, void *extra)
{
	wait_for_token = extra;
}

static const char *
show_session_token(void)
{
	const char *token = mr_session_commit_token();

	return token != NULL ? token : "";
}

static void
define_token_settings(void)
{
	DefineCustomBoolVariable("multiregion.report_token",
							 "Tells the client the token of each of its commits.",
							 "As the parameter multiregion.session_token, before the answer to "
							 "the COMMIT.",
							 &mr_report_token, false, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("multiregion.session_token", "Token of this session's last commit.",
							   NULL, &session_token_text, "", PGC_INTERNAL,
							   GUC_REPORT | GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE |
								   GUC_DISALLOW_IN_FILE,
							   NULL, NULL, show_session_token);
	DefineCustomStringVariable(
		"multiregion.wait_for", "Token that this session's reads must not miss.",
		"SET waits until it is reached.", &wait_for_text, "", PGC_USERSET,
		GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, check_wait_for, assign_wait_for, NULL);
}

static void
define_read_settings(void)
{
	DefineCustomEnumVariable("multiregion.read_consistency",
							 "What reads on a standby see at least.",
							 "eventual: what has arrived; session: the token of "
							 "multiregion.wait_for; global: all that was committed before the "
							 "statement; bounded: all but the last multiregion.max_staleness.",
							 &mr_read_consistency, MR_READ_EVENTUAL, consistency_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"multiregion.max_staleness", "What bounded reads may lack at most, in time.", NULL,
		&mr_max_staleness_ms, 5000, 1, INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("multiregion.wait_timeout", "Longest wait for replay.", NULL,
							&mr_wait_timeout_ms, 5000, 0, 3600000, PGC_USERSET, GUC_UNIT_MS, NULL,
							NULL, NULL);
	DefineCustomEnumVariable(
		"multiregion.on_timeout", "What happens when that wait has been in vain.",
		"error: the statement fails; stale: it reads what is there.", &mr_on_timeout,
		MR_TIMEOUT_ERROR, timeout_options, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("multiregion.replay_wakeup", "How waiting sessions learn of replay.",
							 "auto: they are woken; poll: they look every few milliseconds.",
							 &mr_replay_wakeup, MR_WAKEUP_AUTO, wakeup_options, PGC_SIGHUP, 0, NULL,
							 NULL, NULL);
}

static void
assign_tenant(const char *value, void *extra)
{
	mr_home_region_forget();
}

static void
define_home_settings(void)
{
	DefineCustomStringVariable("multiregion.tenant", "Tenant that this session works for.", NULL,
							   &mr_session_tenant, "", PGC_USERSET, 0, NULL, assign_tenant, NULL);
	DefineCustomEnumVariable(
		"multiregion.enforce_home_region", "What happens when that tenant's region is another one.",
		"off: nothing; warn: a warning in each transaction; error: its "
		"statements fail.",
		&mr_enforce_home_region, MR_ENFORCE_OFF, enforce_options, PGC_USERSET, 0, NULL, NULL, NULL);
}

void
mr_consistency_define_settings(void)
{
	define_token_settings();
	define_read_settings();
	define_home_settings();
}
