/*
 * Placeholders of hook commands: what they become, and what is left alone.
 */
#include "core/mr_placeholders.h"
#include "unit/mr_unit.h"

#include <string.h>

static const MrPlaceholder list[] = {{'e', "EPOCH"}, {'f', "FROM"}};

static const char *
expanded(const char *command)
{
	static char out[64];

	return mr_placeholders_expand(command, list, 2, out, sizeof(out)) ? out : NULL;
}

MR_TEST(a_placeholder_becomes_a_reference_and_never_a_value)
{
	MR_CHECK_STRING(expanded("cut %f \"%f\" '%e'"), "cut ${FROM} \"${FROM}\" '${EPOCH}'");
	MR_CHECK_STRING(expanded("%e%f"), "${EPOCH}${FROM}");
	MR_CHECK_STRING(expanded("%ex"), "${EPOCH}x");
}

MR_TEST(everything_else_stays_as_it_is)
{
	MR_CHECK_STRING(expanded(""), "");
	MR_CHECK_STRING(expanded("date +%Y %"), "date +%Y %");
	MR_CHECK_STRING(expanded("100%% %%e %%%e"), "100% %e %${EPOCH}");
}

MR_TEST(what_does_not_fit_is_refused)
{
	char out[9];

	MR_CHECK(mr_placeholders_expand("%e", list, 2, out, 9));
	MR_CHECK(!mr_placeholders_expand("%e", list, 2, out, 8));
	MR_CHECK(!mr_placeholders_expand("%e.", list, 2, out, 9));
	MR_CHECK(!mr_placeholders_expand("123456789", list, 2, out, 9));
	MR_CHECK(mr_placeholders_expand("12345678", list, 2, out, 9));
	MR_CHECK(!mr_placeholders_expand("", list, 2, out, 0));
}
