/*
 * The connection and the server of the tests of pg_peer.c; see mr_peer_fixture.h. Called by
 * test_pg_peer.c and test_pg_peer_again.c.
 */
#include "unit/mr_peer_fixture.h"

#include <stdio.h>
#include <string.h>

#include "unit/mr_scratch.h"

MrPgPeer peer;
MrFakeServer server;

void
mr_peer_begin(void)
{
	mr_scratch_begin();
	mr_fake_begin(&server);
	memset(&peer, 0, sizeof(peer));
}

void
mr_peer_end(void)
{
	mr_pg_peer_close(&peer);
	mr_fake_end(&server);
	mr_scratch_end();
}

MrPgPeerNews
mr_peer_settle(void)
{
	int idle = 0;

	while (idle < 5)
	{
		MrPgPeerNews news = mr_pg_peer_advance(&peer, START);

		if (news != MR_PG_NOTHING)
			return news;
		idle = mr_fake_receive(&server) ? 0 : idle + 1;
	}
	return MR_PG_NOTHING;
}

bool
mr_peer_connect_with(const char *more)
{
	char conninfo[256];

	snprintf(conninfo, sizeof(conninfo), "%s %s", server.conninfo, more);
	return mr_pg_peer_connect(&peer, conninfo, "", NULL, "nobody", "postgres", "app", START,
							  TIMEOUT);
}

bool
mr_peer_make_ready(void)
{
	if (!mr_peer_connect_with("") || mr_peer_settle() != MR_PG_NOTHING)
		return false;
	mr_fake_authentication(&server, 0);
	mr_fake_ready(&server);
	return mr_peer_settle() == MR_PG_CONNECTED && peer.state == MR_PG_READY;
}
