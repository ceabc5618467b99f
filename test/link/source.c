/*
 * Which node of the test cluster made a connection: found out from the kernel and
 * /proc, so that nothing under test has to say it. Linux only. Called by
 * connection.c, once for each connection.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/mr_link.h"

/*
 * Inode of the socket 127.0.0.1:local_port -> 127.0.0.1:remote_port; 0 if gone. Asks the
 * kernel for this one: /proc/net/tcp lists all, and takes long where thousands linger.
 */
static unsigned long
inode_of(int local_port, int remote_port)
{
	struct
	{
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {{0}, {0}};
	union
	{
		struct nlmsghdr head;
		char bytes[4096];
	} answer;
	unsigned long found = 0;
	int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (diag < 0)
		die("netlink");
	request.head.nlmsg_len = sizeof(request);
	request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request.head.nlmsg_flags = NLM_F_REQUEST;
	request.body.sdiag_family = AF_INET;
	request.body.sdiag_protocol = IPPROTO_TCP;
	request.body.idiag_states = UINT32_MAX;
	request.body.id.idiag_sport = htons((uint16_t) local_port);
	request.body.id.idiag_dport = htons((uint16_t) remote_port);
	request.body.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
	request.body.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
	request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (send(diag, &request, sizeof(request), 0) == (ssize_t) sizeof(request) &&
		recv(diag, &answer, sizeof(answer), 0) >=
			(ssize_t) NLMSG_LENGTH(sizeof(struct inet_diag_msg)) &&
		answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY)
		found = ((struct inet_diag_msg *) NLMSG_DATA(&answer.head))->idiag_inode;
	close(diag);
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
