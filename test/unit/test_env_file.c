/*
 * Settings files: what a line may look like, and what is refused with the line's
 * number and without its content.
 */
#include "adapters/mr_env_file.h"
#include "unit/mr_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static MrEnvReader reader;

static void
open_text(const char *text)
{
	mr_env_open(&reader, text, strlen(text));
}

static void
check_pair(int line, const char *name, const char *value)
{
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_PAIR);
	MR_CHECK_INT(reader.line, line);
	MR_CHECK_STRING(reader.name, name);
	MR_CHECK_STRING(reader.value, value);
}

static void
check_problem(const char *text)
{
	mr_unit_about("%s", text);
	open_text(text);
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_PROBLEM);
	MR_CHECK(reader.problem != NULL);
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_END);
}

MR_TEST(plain_values_end_at_a_comment)
{
	open_text("# first\n\nA=1\n B = two words  # note\nC=a#b\nD=#\nE=\nexport F=x\nexport=y");
	check_pair(3, "A", "1");
	check_pair(4, "B", "two words");
	check_pair(5, "C", "a#b");
	check_pair(6, "D", "");
	check_pair(7, "E", "");
	check_pair(8, "F", "x");
	check_pair(9, "export", "y");
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_END);
}

MR_TEST(quotes_keep_blanks_and_hashes)
{
	open_text("A='  $x \\n # '\nB=\"\\ta\\n\\\"\\\\\\$\" # note\nC=\"\"\n");
	check_pair(1, "A", "  $x \\n # ");
	check_pair(2, "B", "\ta\n\"\\$");
	check_pair(3, "C", "");
}

MR_TEST(windows_line_ends_and_a_mark_at_the_start_do_no_harm)
{
	open_text("\xEF\xBB\xBF"
			  "A=1\r\nB='2'\r\n");
	check_pair(1, "A", "1");
	check_pair(2, "B", "2");
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_END);
}

MR_TEST(urls_need_no_quotes)
{
	open_text("U=postgresql://a:b%20c@h:5432/d?sslmode=verify-full&x=1");
	check_pair(1, "U", "postgresql://a:b%20c@h:5432/d?sslmode=verify-full&x=1");
}

MR_TEST(bad_lines_are_problems_and_reading_goes_on)
{
	check_problem("just words");
	check_problem("=x");
	check_problem("1A=x");
	check_problem("A B=x");
	check_problem("A-B=x");
	check_problem("A='open");
	check_problem("A=\"open");
	check_problem("A=\"open\\");
	check_problem("A=\"\\x\"");
	check_problem("A='x' y");
	open_text("bad\nA=1");
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_PROBLEM);
	check_pair(2, "A", "1");
}

MR_TEST(a_nul_is_a_problem)
{
	mr_env_open(&reader, "A=x\0y\nB=1", 9);
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_PROBLEM);
	check_pair(2, "B", "1");
}

MR_TEST(what_does_not_fit_is_a_problem)
{
	char text[MR_ENV_VALUE_SIZE + MR_ENV_NAME_SIZE + 8];

	memset(text, 'A', sizeof(text));
	text[0] = 'N';
	text[1] = '=';
	text[2 + MR_ENV_VALUE_SIZE] = '\0';
	open_text(text);
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_PROBLEM);
	text[2 + MR_ENV_VALUE_SIZE - 1] = '\0';
	open_text(text);
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_PAIR);
	MR_CHECK_INT(strlen(reader.value), MR_ENV_VALUE_SIZE - 1);
	memset(text, 'A', MR_ENV_NAME_SIZE);
	memcpy(text + MR_ENV_NAME_SIZE, "=1", 3);
	open_text(text);
	MR_CHECK_INT(mr_env_next(&reader), MR_ENV_PROBLEM);
}

MR_TEST(names_are_letters_digits_and_underscores)
{
	MR_CHECK(mr_env_is_name("A_1b"));
	MR_CHECK(mr_env_is_name("_"));
	MR_CHECK(!mr_env_is_name(""));
	MR_CHECK(!mr_env_is_name("1A"));
	MR_CHECK(!mr_env_is_name("A-B"));
	MR_CHECK(!mr_env_is_name("A="));
}

MR_TEST(a_file_is_read_whole_with_its_mode)
{
	char path[] = "/tmp/multiregion-env-XXXXXX";
	int fd = mkstemp(path);
	size_t size = 0;
	unsigned int mode = 0;
	char *text;

	MR_REQUIRE(fd >= 0);
	MR_CHECK_INT(write(fd, "A=1\n", 4), 4);
	MR_CHECK_INT(fchmod(fd, 0640), 0);
	text = mr_env_file_read(path, &size, &mode);
	MR_CHECK(text != NULL && size == 4 && memcmp(text, "A=1\n", 4) == 0);
	MR_CHECK_INT(mode, 0640);
	free(text);
	MR_CHECK_INT(ftruncate(fd, MR_ENV_FILE_BYTES + 1), 0);
	MR_CHECK(mr_env_file_read(path, &size, &mode) == NULL);
	MR_CHECK_INT(errno, EFBIG);
	close(fd);
	unlink(path);
	MR_CHECK(mr_env_file_read(path, &size, &mode) == NULL);
	MR_CHECK_INT(errno, ENOENT);
}

MR_TEST(a_pipe_is_waited_for_but_not_for_ever)
{
	char folder[] = "/tmp/multiregion-env-XXXXXX";
	char path[64];
	size_t size = 1;
	unsigned int mode = 0;
	char *text;
	int fd;

	MR_REQUIRE(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/fifo", folder);
	MR_CHECK_INT(mkfifo(path, 0600), 0);
	text = mr_env_file_read(path, &size, &mode);
	MR_CHECK(text != NULL && size == 0);
	free(text);
	fd = open(path, O_RDWR);
	MR_REQUIRE(fd >= 0);
	MR_CHECK_INT(write(fd, "A=1\n", 4), 4);
	MR_CHECK(mr_env_file_read(path, &size, &mode) == NULL);
	MR_CHECK_INT(errno, ETIMEDOUT);
	close(fd);
	unlink(path);
	rmdir(folder);
}
