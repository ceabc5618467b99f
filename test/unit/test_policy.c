/*
 * The policy list: what a person writes becomes the number that is stored, and back.
 */
#include "core/mr_policy.h"
#include "unit/mr_unit.h"

#include <string.h>

#define REFUSED INT64_MIN

static int64_t
parsed(const char *name, const char *text)
{
	const MrPolicySetting *setting = mr_policy_find(name);
	int64_t value = 0;

	if (setting == NULL || mr_policy_parse(setting, text, &value) != MR_POLICY_OK)
		return REFUSED;
	return value;
}

MR_TEST(every_setting_is_found_and_its_default_survives_the_way_to_text_and_back)
{
	const MrPolicySetting *setting;
	char text[MR_POLICY_VALUE_SIZE];
	int64_t value;
	int i;

	for (i = 0; (setting = mr_policy_at(i)) != NULL; i++)
	{
		mr_unit_about("%s", setting->name);
		MR_CHECK(mr_policy_find(setting->name) == setting);
		MR_CHECK(setting->initial >= setting->min && setting->initial <= setting->max);
		mr_policy_format(setting, setting->initial, text);
		MR_CHECK_INT(mr_policy_parse(setting, text, &value), MR_POLICY_OK);
		MR_CHECK_INT(value, setting->initial);
		mr_policy_format(setting, setting->max, text);
		MR_CHECK_INT(mr_policy_parse(setting, text, &value), MR_POLICY_OK);
		MR_CHECK_INT(value, setting->max);
	}
	MR_CHECK(i >= 13);
	MR_CHECK(mr_policy_at(-1) == NULL);
	MR_CHECK(mr_policy_find("nonsense") == NULL);
}

MR_TEST(units_are_understood)
{
	MR_CHECK_INT(parsed("lease", "3000"), 3000);
	MR_CHECK_INT(parsed("lease", "3s"), 3000);
	MR_CHECK_INT(parsed("lease", "2 s"), 2000);
	MR_CHECK_INT(parsed("lease", "1.5s"), 1500);
	MR_CHECK_INT(parsed("failback_delay", "5min"), 300000);
	MR_CHECK_INT(parsed("failback_delay", "1h"), 3600000);
	MR_CHECK_INT(parsed("failback_delay", "1d"), 86400000);
	MR_CHECK_INT(parsed("max_failover_lag", "16MB"), 16777216);
	MR_CHECK_INT(parsed("max_failover_lag", "0.5kB"), 512);
	MR_CHECK_INT(parsed("max_failover_lag", "1TB"), INT64_C(1) << 40);
	MR_CHECK_INT(parsed("max_failover_lag", "-1"), -1);
	MR_CHECK_INT(parsed("auto_failover", "off"), 0);
	MR_CHECK_INT(parsed("auto_failover", "TRUE"), 1);
	MR_CHECK_INT(parsed("on_stop", "any"), MR_ON_STOP_ANY);
	MR_CHECK_INT(parsed("durability", "Quorum"), MR_DURABILITY_QUORUM);
}

MR_TEST(garbage_is_refused)
{
	static const char *const texts[] = {"",
										" ",
										"s",
										"3 weeks",
										"3MB",
										"1e3",
										"0x10",
										"3s3",
										"--3",
										"1.",
										".5s",
										"1..5",
										"1.5",
										"3S",
										"NaN",
										"-",
										"+3",
										"3000;",
										"99999999999999999999",
										"1.00000000000000001s"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		mr_unit_about("'%s'", texts[i]);
		MR_CHECK_INT(parsed("lease", texts[i]), REFUSED);
	}
	MR_CHECK_INT(parsed("auto_failover", "2"), REFUSED);
	MR_CHECK_INT(parsed("auto_failover", "a word that is far longer than any word of ours"),
				 REFUSED);
	MR_CHECK_INT(parsed("on_stop", "everywhere"), REFUSED);
	MR_CHECK_INT(parsed("max_failover_lag", "9000000000TB"), REFUSED);
}

MR_TEST(values_out_of_range_are_told_from_garbage)
{
	const MrPolicySetting *lease = mr_policy_find("lease");
	int64_t value;

	MR_CHECK_INT(mr_policy_parse(lease, "199", &value), MR_POLICY_OUT_OF_RANGE);
	MR_CHECK_INT(mr_policy_parse(lease, "-5s", &value), MR_POLICY_OUT_OF_RANGE);
	MR_CHECK_INT(mr_policy_parse(lease, "1h", &value), MR_POLICY_OUT_OF_RANGE);
	MR_CHECK_INT(mr_policy_parse(lease, "words", &value), MR_POLICY_MALFORMED);
}

MR_TEST(a_policy_is_read_and_written_by_setting)
{
	MrConfig config;
	const MrPolicySetting *setting = mr_policy_find("heartbeat");

	mr_config_init(&config);
	MR_CHECK_INT(mr_policy_get(&config.policy, setting), 500);
	mr_policy_put(&config.policy, setting, 100);
	MR_CHECK_INT(config.policy.heartbeat_ms, 100);
}

MR_TEST(values_must_fit_each_other)
{
	MrConfig config;

	mr_config_init(&config);
	MR_CHECK(mr_policy_problem(&config.policy) == NULL);
	config.policy.heartbeat_ms = 1001;
	MR_CHECK(mr_policy_problem(&config.policy) != NULL);
}
