/*
 * What HAProxy is told and answers, and the table of tenants that changed.
 */
#include "sidecar/mr_haproxy_recent.h"
#include "sidecar/mr_haproxy_text.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/haproxy_recent.c"
#include "sidecar/haproxy_text.c"

MR_TEST(ids_that_no_map_can_hold_are_known)
{
	char longest[257];

	MR_CHECK(mr_haproxy_is_key("acme"));
	MR_CHECK(mr_haproxy_is_key("\xc3\xa4;\\\""));
	MR_CHECK(!mr_haproxy_is_key(""));
	MR_CHECK(!mr_haproxy_is_key("a b"));
	MR_CHECK(!mr_haproxy_is_key("a\nb"));
	MR_CHECK(!mr_haproxy_is_key("a\x7f"));
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	MR_CHECK(!mr_haproxy_is_key(longest));
	longest[255] = '\0';
	MR_CHECK(mr_haproxy_is_key(longest));
}

MR_TEST(words_of_commands_are_escaped)
{
	char out[16];

	MR_CHECK(mr_haproxy_escape("a;\\<b", out, sizeof(out)));
	MR_CHECK(strcmp(out, "a\\;\\\\\\<b") == 0);
	MR_CHECK(!mr_haproxy_escape("aaaaaaaaaaaaaaaa", out, sizeof(out)));
}

MR_TEST(answers_are_read)
{
	MrHaproxyMapState state;
	MrHaproxyServer server;
	uint64_t seen = 0;
	uint64_t wanted = 0;

	MR_CHECK(mr_haproxy_map_line("0 (/m/t.map) pattern loaded from file '/m/t.map' used by map at "
								 "file 'c' line 10. curr_ver=3 next_ver=4 entry_cnt=12",
								 "/m/t.map", &state));
	MR_CHECK_INT(state.version, 3);
	MR_CHECK_INT(state.entries, 12);
	MR_CHECK(!mr_haproxy_map_line("0 (/m/t.map2) x. curr_ver=3", "/m/t.map", &state));
	MR_CHECK(!mr_haproxy_map_line("# id (file) description", "file", &state));
	MR_CHECK(mr_haproxy_server_line("3 region_US 1 US_EAST 127.0.0.1 2 8 1 1 0 8", &server));
	MR_CHECK(strcmp(server.name, "US_EAST") == 0);
	MR_CHECK_INT(server.admin_state, 8);
	MR_CHECK(!mr_haproxy_server_line("# be_id be_name", &server));
	MR_CHECK(!mr_haproxy_server_line("1", &server));
	MR_CHECK_INT(mr_haproxy_number("Pid: 77", "Pid: "), 77);
	MR_CHECK_INT(mr_haproxy_number("Pid: x", "Pid: "), -1);
	/* The order of entries does not matter. */
	MR_CHECK(mr_haproxy_digest_line("0x55 b 2", &seen));
	MR_CHECK(mr_haproxy_digest_line("0x56 a 1,!", &seen));
	MR_CHECK(!mr_haproxy_digest_line("Unknown map", &seen));
	mr_haproxy_digest("a", "1,!", &wanted);
	MR_CHECK(seen != wanted);
	mr_haproxy_digest("b", "2", &wanted);
	MR_CHECK(seen == wanted);
}

MR_TEST(the_small_map_is_bounded_and_forgets_rounds)
{
	static MrHaproxyRecent recent;
	char key[16];
	int i;

	mr_haproxy_recent_init(&recent);
	MR_CHECK(mr_haproxy_recent_put(&recent, "a", "1", 1) == MR_HAPROXY_PUT_NEW);
	MR_CHECK(mr_haproxy_recent_put(&recent, "a", "1", 1) == MR_HAPROXY_PUT_SAME);
	MR_CHECK(mr_haproxy_recent_put(&recent, "b", "1", 1) == MR_HAPROXY_PUT_NEW);
	/* Seen again during the next round: whether that has it is not known. */
	MR_CHECK(mr_haproxy_recent_put(&recent, "a", "1", 2) == MR_HAPROXY_PUT_SAME);
	mr_haproxy_recent_forget(&recent, 2);
	MR_CHECK_INT((int) recent.count, 1);
	MR_CHECK(mr_haproxy_recent_put(&recent, "a", "2", 2) == MR_HAPROXY_PUT_CHANGED);
	for (i = 1; i < MR_HAPROXY_RECENT_MAX; i++)
	{
		snprintf(key, sizeof(key), "k%d", i);
		MR_CHECK(mr_haproxy_recent_put(&recent, key, "1", 2) == MR_HAPROXY_PUT_NEW);
	}
	MR_CHECK(mr_haproxy_recent_put(&recent, "z", "1", 2) == MR_HAPROXY_PUT_FULL);
	mr_haproxy_recent_forget(&recent, UINT64_MAX);
	MR_CHECK_INT((int) recent.count, 0);
}
