/*
 * Password files: ours replaced, others kept, nothing readable by others, no change
 * when nothing changed.
 */
#include "sidecar/mr_passfile.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sidecar/passfile.c"

static const MrPassEntry two[] = {
	{"db-a", "5432", "peer", "se:cr\\et"},
	{"::1", "5433", "peer", "x"},
};

static void
check_merge(const char *old, const char *expected)
{
	char *text = mr_passfile_merge(old, two, 2);

	MR_CHECK_STRING(text, expected);
	free(text);
}

MR_TEST(entries_are_escaped)
{
	check_merge("", "db-a:5432:*:peer:se\\:cr\\\\et\n\\:\\:1:5433:*:peer:x\n");
}

MR_TEST(lines_of_others_stay_and_ours_are_replaced)
{
	check_merge("# note\ndb-a:5432:*:peer:old\ndb-a:5432:*:other:kept\n*:*:*:*:any",
				"\\:\\:1:5433:*:peer:x\n"
				"# note\ndb-a:5432:*:peer:se\\:cr\\\\et\ndb-a:5432:*:other:kept\n*:*:*:*:any\n");
}

MR_TEST(the_order_of_entries_changes_nothing)
{
	static const char ordered[] = "\\:\\:1:5433:*:peer:x\ndb-a:5432:*:peer:se\\:cr\\\\et\n";

	check_merge(ordered, ordered);
}

MR_TEST(a_line_for_all_hosts_does_not_come_before_ours)
{
	check_merge("*:*:*:*:any\ndb-a:5432:*:peer:old\n",
				"db-a:5432:*:peer:se\\:cr\\\\et\n\\:\\:1:5433:*:peer:x\n*:*:*:*:any\n");
}

MR_TEST(a_line_that_stands_twice_stands_once_afterwards)
{
	check_merge("db-a:5432:*:peer:old\ndb-a:5432:*:peer:older\n",
				"\\:\\:1:5433:*:peer:x\ndb-a:5432:*:peer:se\\:cr\\\\et\n");
}

MR_TEST(the_file_is_private_and_written_only_when_it_changes)
{
	char folder[] = "/tmp/multiregion-pass-XXXXXX";
	char path[64];
	struct stat status;

	MR_REQUIRE(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/pass", folder);
	MR_CHECK_INT(mr_passfile_update(path, two, 2), MR_PASSFILE_WRITTEN);
	MR_REQUIRE(stat(path, &status) == 0);
	MR_CHECK_INT(status.st_mode & 07777, 0600);
	MR_CHECK_INT(mr_passfile_update(path, two, 2), MR_PASSFILE_UNCHANGED);
	MR_CHECK_INT(mr_passfile_update(path, two, 1), MR_PASSFILE_UNCHANGED);
	MR_CHECK_INT(chmod(path, 0644), 0);
	MR_CHECK_INT(mr_passfile_update(path, two, 2), MR_PASSFILE_WRITTEN);
	MR_CHECK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
	unlink(path);
	rmdir(folder);
	MR_CHECK_INT(mr_passfile_update(path, two, 2), MR_PASSFILE_FAILED);
}
