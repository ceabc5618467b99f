/*
 * Which node of the test cluster made a connection: found out from the kernel by
 * /proc, so that nothing under test has to say it. Linux only. Called by
 * connection.c, once for each connection.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "link/mr_link.h"

/* Inode of the socket 127.0.0.1:local_port -> 127.0.0.1:remote_port; 0 if gone. */
static unsigned long
inode_of(int local_port, int remote_port)
{
	FILE *table = fopen("/proc/net/tcp", "r");
	char line[512];
	unsigned long found = 0;

	if (table == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), table) != NULL)
	{
		unsigned int local;
		unsigned int remote;
		unsigned long inode;

		if (sscanf(line, " %*d: %*8x:%4x %*8x:%4x %*x %*x:%*x %*x:%*x %*x %*d %*d %lu", &local,
				   &remote, &inode) == 3 &&
			(int) local == local_port && (int) remote == remote_port)
			found = inode;
	}
	fclose(table);
	return found;
}

/* The node in whose directory the process works, or CLIENT. */
static int
node_of_process(const char *pid)
{
	char path[64];
	char directory[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%.20s/cwd", pid);
	length = readlink(path, directory, sizeof(directory) - 1);
	if (length < 0)
		return CLIENT;
	directory[length] = '\0';
	for (int i = 0; i < nnodes; i++)
	{
		size_t n = strlen(nodes[i].directory);

		if (strncmp(directory, nodes[i].directory, n) == 0 &&
			(directory[n] == '/' || directory[n] == '\0'))
			return i;
	}
	return CLIENT;
}

static bool
process_owns(const char *pid, unsigned long inode)
{
	char path[384];
	char wanted[64];
	char target[64];
	struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	if (fds == NULL)
		return false;
	while (!found && (entry = readdir(fds)) != NULL)
	{
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.255s", pid, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		if (length > 0)
		{
			target[length] = '\0';
			found = strcmp(target, wanted) == 0;
		}
	}
	closedir(fds);
	return found;
}

int
find_source(int peer_port, int listen_port)
{
	unsigned long inode = inode_of(peer_port, listen_port);
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int source = CLIENT;

	if (processes == NULL)
		die("/proc");
	while (inode != 0 && source == CLIENT && (entry = readdir(processes)) != NULL)
	{
		int node;

		if (!isdigit((unsigned char) entry->d_name[0]))
			continue;
		node = node_of_process(entry->d_name);
		if (node != CLIENT && process_owns(entry->d_name, inode))
			source = node;
	}
	closedir(processes);
	return source;
}
