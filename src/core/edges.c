/*
 * Where the edges of CDNs are: codes of airports, as Fly.io, Cloudflare and Vercel name
 * theirs. Used only where nothing says where the client itself is. Called by
 * client_place.c.
 */
#include "core/mr_client_place.h"

/* X(code, latitude, longitude) */
#define MR_EDGE_LIST(X) \
	X("ams", 52.3, 4.8) \
	X("arn", 59.7, 17.9) \
	X("atl", 33.6, -84.4) \
	X("bne", -27.4, 153.1) \
	X("bog", 4.7, -74.1) \
	X("bom", 19.1, 72.9) \
	X("bos", 42.4, -71.0) \
	X("bru", 50.9, 4.5) \
	X("cai", 30.1, 31.4) \
	X("cdg", 49.0, 2.5) \
	X("cle", 41.4, -81.8) \
	X("cph", 55.6, 12.7) \
	X("cpt", -34.0, 18.6) \
	X("del", 28.6, 77.1) \
	X("den", 39.9, -104.7) \
	X("dfw", 32.9, -97.0) \
	X("doh", 25.3, 51.6) \
	X("dub", 53.4, -6.3) \
	X("dus", 51.3, 6.8) \
	X("dxb", 25.3, 55.4) \
	X("ewr", 40.7, -74.2) \
	X("eze", -34.8, -58.5) \
	X("fra", 50.0, 8.6) \
	X("gdl", 20.5, -103.3) \
	X("gig", -22.8, -43.2) \
	X("gru", -23.4, -46.5) \
	X("ham", 53.6, 10.0) \
	X("hel", 60.3, 25.0) \
	X("hkg", 22.3, 113.9) \
	X("hnd", 35.5, 139.8) \
	X("iad", 38.9, -77.5) \
	X("icn", 37.5, 126.5) \
	X("ist", 41.3, 28.7) \
	X("jnb", -26.1, 28.2) \
	X("kix", 34.4, 135.2) \
	X("kul", 2.7, 101.7) \
	X("lax", 33.9, -118.4) \
	X("lhr", 51.5, -0.5) \
	X("lim", -12.0, -77.1) \
	X("lis", 38.8, -9.1) \
	X("los", 6.6, 3.3) \
	X("maa", 13.0, 80.2) \
	X("mad", 40.5, -3.6) \
	X("man", 53.4, -2.3) \
	X("mel", -37.7, 144.8) \
	X("mex", 19.4, -99.1) \
	X("mia", 25.8, -80.3) \
	X("mrs", 43.4, 5.2) \
	X("muc", 48.4, 11.8) \
	X("mxp", 45.6, 8.7) \
	X("nbo", -1.3, 36.9) \
	X("nrt", 35.8, 140.4) \
	X("ord", 42.0, -87.9) \
	X("osl", 60.2, 11.1) \
	X("otp", 44.6, 26.1) \
	X("pdx", 45.6, -122.6) \
	X("per", -31.9, 116.0) \
	X("phx", 33.4, -112.0) \
	X("prg", 50.1, 14.3) \
	X("qro", 20.6, -100.2) \
	X("scl", -33.4, -70.8) \
	X("sea", 47.4, -122.3) \
	X("sfo", 37.6, -122.4) \
	X("sin", 1.4, 104.0) \
	X("sjc", 37.4, -121.9) \
	X("sof", 42.7, 23.4) \
	X("syd", -33.9, 151.2) \
	X("tlv", 32.0, 34.9) \
	X("tpe", 25.1, 121.2) \
	X("vie", 48.1, 16.6) \
	X("waw", 52.2, 21.0) \
	X("yul", 45.5, -73.7) \
	X("yvr", 49.2, -123.2) \
	X("yyz", 43.7, -79.6) \
	X("zrh", 47.5, 8.5)

#define ROW(code, latitude, longitude) {code, {latitude, longitude}},

static const struct
{
	char code[4];
	MrPlace place;
} edges[] = {MR_EDGE_LIST(ROW)};

bool
mr_edge_find(MrSlice code, MrPlace *place)
{
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		if (mr_slice_is(code, edges[i].code))
		{
			*place = edges[i].place;
			return true;
		}
	return false;
}
