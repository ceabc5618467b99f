/*
 * The countries of ISO 3166-1: continent, and a place that stands for all who live there;
 * see mr_countries.h. For large countries that is where most people are, not the middle of
 * the map: half of Siberia is nearer to Tokyo than Moscow is.
 *
 * Called by whatever turns a country into a region.
 */
#include "core/mr_countries.h"

#include <string.h>

/* X(code, continent, latitude, longitude), in the order of the codes. */
#define MR_COUNTRY_LIST(X) \
	X("AD", EU, 42.5, 1.6) \
	X("AE", AS, 24.0, 54.0) \
	X("AF", AS, 33.9, 67.7) \
	X("AG", NA, 17.1, -61.8) \
	X("AI", NA, 18.2, -63.1) \
	X("AL", EU, 41.2, 20.2) \
	X("AM", AS, 40.1, 45.0) \
	X("AO", AF, -11.2, 17.9) \
	X("AQ", AN, -82.9, -135.0) \
	X("AR", SA, -33.5, -61.5) \
	X("AS", OC, -14.3, -170.7) \
	X("AT", EU, 47.5, 14.6) \
	X("AU", OC, -32.5, 146.0) \
	X("AW", NA, 12.5, -70.0) \
	X("AX", EU, 60.2, 20.0) \
	X("AZ", AS, 40.1, 47.6) \
	X("BA", EU, 43.9, 17.7) \
	X("BB", NA, 13.2, -59.5) \
	X("BD", AS, 23.7, 90.4) \
	X("BE", EU, 50.5, 4.5) \
	X("BF", AF, 12.2, -1.6) \
	X("BG", EU, 42.7, 25.5) \
	X("BH", AS, 26.1, 50.6) \
	X("BI", AF, -3.4, 29.9) \
	X("BJ", AF, 9.3, 2.3) \
	X("BL", NA, 17.9, -62.8) \
	X("BM", NA, 32.3, -64.8) \
	X("BN", AS, 4.5, 114.7) \
	X("BO", SA, -16.3, -63.6) \
	X("BQ", NA, 12.2, -68.3) \
	X("BR", SA, -19.0, -46.0) \
	X("BS", NA, 25.0, -77.4) \
	X("BT", AS, 27.5, 90.4) \
	X("BV", AN, -54.4, 3.4) \
	X("BW", AF, -22.3, 24.7) \
	X("BY", EU, 53.7, 28.0) \
	X("BZ", NA, 17.2, -88.5) \
	X("CA", NA, 47.0, -83.0) \
	X("CC", AS, -12.2, 96.9) \
	X("CD", AF, -4.0, 21.8) \
	X("CF", AF, 6.6, 20.9) \
	X("CG", AF, -0.2, 15.8) \
	X("CH", EU, 46.8, 8.2) \
	X("CI", AF, 7.5, -5.5) \
	X("CK", OC, -21.2, -159.8) \
	X("CL", SA, -34.0, -71.0) \
	X("CM", AF, 7.4, 12.4) \
	X("CN", AS, 33.0, 113.0) \
	X("CO", SA, 4.6, -74.3) \
	X("CR", NA, 9.7, -83.8) \
	X("CU", NA, 21.5, -77.8) \
	X("CV", AF, 16.0, -24.0) \
	X("CW", NA, 12.2, -69.0) \
	X("CX", AS, -10.4, 105.7) \
	X("CY", EU, 35.1, 33.4) \
	X("CZ", EU, 49.8, 15.5) \
	X("DE", EU, 51.2, 10.5) \
	X("DJ", AF, 11.8, 42.6) \
	X("DK", EU, 56.3, 9.5) \
	X("DM", NA, 15.4, -61.4) \
	X("DO", NA, 18.7, -70.2) \
	X("DZ", AF, 35.5, 3.0) \
	X("EC", SA, -1.8, -78.2) \
	X("EE", EU, 58.6, 25.0) \
	X("EG", AF, 30.0, 31.2) \
	X("EH", AF, 24.2, -12.9) \
	X("ER", AF, 15.2, 39.8) \
	X("ES", EU, 40.5, -3.7) \
	X("ET", AF, 9.1, 40.5) \
	X("FI", EU, 61.9, 25.3) \
	X("FJ", OC, -17.7, 178.0) \
	X("FK", SA, -51.8, -59.5) \
	X("FM", OC, 7.4, 150.6) \
	X("FO", EU, 61.9, -6.9) \
	X("FR", EU, 46.2, 2.2) \
	X("GA", AF, -0.8, 11.6) \
	X("GB", EU, 54.0, -2.5) \
	X("GD", NA, 12.1, -61.7) \
	X("GE", AS, 42.3, 43.4) \
	X("GF", SA, 3.9, -53.1) \
	X("GG", EU, 49.5, -2.6) \
	X("GH", AF, 7.9, -1.0) \
	X("GI", EU, 36.1, -5.3) \
	X("GL", NA, 64.2, -51.7) \
	X("GM", AF, 13.4, -15.3) \
	X("GN", AF, 9.9, -9.7) \
	X("GP", NA, 16.2, -61.6) \
	X("GQ", AF, 1.7, 10.3) \
	X("GR", EU, 39.1, 21.8) \
	X("GS", AN, -54.4, -36.6) \
	X("GT", NA, 15.8, -90.2) \
	X("GU", OC, 13.4, 144.8) \
	X("GW", AF, 11.8, -15.2) \
	X("GY", SA, 4.9, -58.9) \
	X("HK", AS, 22.4, 114.1) \
	X("HM", AN, -53.1, 73.5) \
	X("HN", NA, 15.2, -86.2) \
	X("HR", EU, 45.1, 15.2) \
	X("HT", NA, 19.0, -72.3) \
	X("HU", EU, 47.2, 19.5) \
	X("ID", AS, -6.7, 109.0) \
	X("IE", EU, 53.4, -8.2) \
	X("IL", AS, 31.0, 34.9) \
	X("IM", EU, 54.2, -4.5) \
	X("IN", AS, 22.6, 79.8) \
	X("IO", AS, -6.3, 71.9) \
	X("IQ", AS, 33.2, 43.7) \
	X("IR", AS, 32.4, 53.7) \
	X("IS", EU, 65.0, -19.0) \
	X("IT", EU, 41.9, 12.6) \
	X("JE", EU, 49.2, -2.1) \
	X("JM", NA, 18.1, -77.3) \
	X("JO", AS, 30.6, 36.2) \
	X("JP", AS, 36.2, 138.3) \
	X("KE", AF, 0.0, 37.9) \
	X("KG", AS, 41.2, 74.8) \
	X("KH", AS, 12.6, 105.0) \
	X("KI", OC, 1.4, 173.0) \
	X("KM", AF, -11.9, 43.9) \
	X("KN", NA, 17.4, -62.8) \
	X("KP", AS, 40.3, 127.5) \
	X("KR", AS, 35.9, 127.8) \
	X("KW", AS, 29.3, 47.5) \
	X("KY", NA, 19.5, -80.6) \
	X("KZ", AS, 47.0, 71.0) \
	X("LA", AS, 19.9, 102.5) \
	X("LB", AS, 33.9, 35.9) \
	X("LC", NA, 13.9, -61.0) \
	X("LI", EU, 47.2, 9.6) \
	X("LK", AS, 7.9, 80.8) \
	X("LR", AF, 6.4, -9.4) \
	X("LS", AF, -29.6, 28.2) \
	X("LT", EU, 55.2, 23.9) \
	X("LU", EU, 49.8, 6.1) \
	X("LV", EU, 56.9, 24.6) \
	X("LY", AF, 32.0, 16.0) \
	X("MA", AF, 31.8, -7.1) \
	X("MC", EU, 43.7, 7.4) \
	X("MD", EU, 47.4, 28.4) \
	X("ME", EU, 42.7, 19.4) \
	X("MF", NA, 18.1, -63.1) \
	X("MG", AF, -18.8, 46.9) \
	X("MH", OC, 7.1, 171.2) \
	X("MK", EU, 41.6, 21.7) \
	X("ML", AF, 17.6, -4.0) \
	X("MM", AS, 21.9, 96.0) \
	X("MN", AS, 46.9, 103.8) \
	X("MO", AS, 22.2, 113.5) \
	X("MP", OC, 15.2, 145.8) \
	X("MQ", NA, 14.6, -61.0) \
	X("MR", AF, 21.0, -10.9) \
	X("MS", NA, 16.7, -62.2) \
	X("MT", EU, 35.9, 14.4) \
	X("MU", AF, -20.3, 57.6) \
	X("MV", AS, 3.2, 73.2) \
	X("MW", AF, -13.3, 34.3) \
	X("MX", NA, 23.6, -102.6) \
	X("MY", AS, 4.2, 102.0) \
	X("MZ", AF, -18.7, 35.5) \
	X("NA", AF, -23.0, 18.5) \
	X("NC", OC, -20.9, 165.6) \
	X("NE", AF, 17.6, 8.1) \
	X("NF", OC, -29.0, 168.0) \
	X("NG", AF, 9.1, 8.7) \
	X("NI", NA, 12.9, -85.2) \
	X("NL", EU, 52.1, 5.3) \
	X("NO", EU, 60.5, 9.5) \
	X("NP", AS, 28.4, 84.1) \
	X("NR", OC, -0.5, 166.9) \
	X("NU", OC, -19.1, -169.9) \
	X("NZ", OC, -40.9, 174.9) \
	X("OM", AS, 21.5, 55.9) \
	X("PA", NA, 8.5, -80.8) \
	X("PE", SA, -9.2, -75.0) \
	X("PF", OC, -17.7, -149.4) \
	X("PG", OC, -6.3, 144.0) \
	X("PH", AS, 12.9, 121.8) \
	X("PK", AS, 30.4, 69.3) \
	X("PL", EU, 51.9, 19.1) \
	X("PM", NA, 46.9, -56.3) \
	X("PN", OC, -24.7, -127.4) \
	X("PR", NA, 18.2, -66.6) \
	X("PS", AS, 31.9, 35.2) \
	X("PT", EU, 39.4, -8.2) \
	X("PW", OC, 7.5, 134.6) \
	X("PY", SA, -23.4, -58.4) \
	X("QA", AS, 25.4, 51.2) \
	X("RE", AF, -21.1, 55.5) \
	X("RO", EU, 45.9, 25.0) \
	X("RS", EU, 44.0, 21.0) \
	X("RU", EU, 55.0, 47.0) \
	X("RW", AF, -1.9, 29.9) \
	X("SA", AS, 23.9, 45.1) \
	X("SB", OC, -9.6, 160.2) \
	X("SC", AF, -4.7, 55.5) \
	X("SD", AF, 12.9, 30.2) \
	X("SE", EU, 58.7, 15.6) \
	X("SG", AS, 1.4, 103.8) \
	X("SH", AF, -15.9, -5.7) \
	X("SI", EU, 46.2, 15.0) \
	X("SJ", EU, 78.2, 15.6) \
	X("SK", EU, 48.7, 19.7) \
	X("SL", AF, 8.5, -11.8) \
	X("SM", EU, 43.9, 12.5) \
	X("SN", AF, 14.5, -14.5) \
	X("SO", AF, 5.2, 46.2) \
	X("SR", SA, 3.9, -56.0) \
	X("SS", AF, 6.9, 31.3) \
	X("ST", AF, 0.2, 6.6) \
	X("SV", NA, 13.8, -88.9) \
	X("SX", NA, 18.0, -63.1) \
	X("SY", AS, 34.8, 39.0) \
	X("SZ", AF, -26.5, 31.5) \
	X("TC", NA, 21.7, -71.8) \
	X("TD", AF, 15.5, 18.7) \
	X("TF", AN, -49.3, 69.3) \
	X("TG", AF, 8.6, 0.8) \
	X("TH", AS, 15.9, 101.0) \
	X("TJ", AS, 38.9, 71.3) \
	X("TK", OC, -9.0, -171.9) \
	X("TL", AS, -8.9, 125.7) \
	X("TM", AS, 39.0, 59.6) \
	X("TN", AF, 33.9, 9.5) \
	X("TO", OC, -21.2, -175.2) \
	X("TR", AS, 39.0, 35.2) \
	X("TT", NA, 10.7, -61.2) \
	X("TV", OC, -7.1, 177.6) \
	X("TW", AS, 23.7, 121.0) \
	X("TZ", AF, -6.4, 34.9) \
	X("UA", EU, 48.4, 31.2) \
	X("UG", AF, 1.4, 32.3) \
	X("UM", OC, 19.3, 166.6) \
	X("US", NA, 37.5, -92.3) \
	X("UY", SA, -32.5, -55.8) \
	X("UZ", AS, 41.4, 64.6) \
	X("VA", EU, 41.9, 12.5) \
	X("VC", NA, 13.0, -61.3) \
	X("VE", SA, 6.4, -66.6) \
	X("VG", NA, 18.4, -64.6) \
	X("VI", NA, 18.3, -64.9) \
	X("VN", AS, 14.1, 108.3) \
	X("VU", OC, -15.4, 166.9) \
	X("WF", OC, -13.8, -177.2) \
	X("WS", OC, -13.8, -172.1) \
	X("YE", AS, 15.6, 48.5) \
	X("YT", AF, -12.8, 45.2) \
	X("ZA", AF, -30.6, 22.9) \
	X("ZM", AF, -13.1, 27.8) \
	X("ZW", AF, -19.0, 29.2)

/* Not of ISO 3166-1, but what everybody writes: Kosovo has no code of its own yet. */
#define MR_COUNTRY_USER_LIST(X) X("XK", EU, 42.6, 20.9)

#define ROW(code, continent, latitude, longitude) {code, #continent, {latitude, longitude}},

static const MrCountry countries[] = {MR_COUNTRY_LIST(ROW)};
static const MrCountry more_countries[] = {MR_COUNTRY_USER_LIST(ROW)};

#define COUNT ((int) (sizeof(countries) / sizeof(countries[0])))

static bool
is_letter(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* By halves. */
static const MrCountry *
search(const char *code)
{
	int low = 0;
	int high = COUNT;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = memcmp(code, countries[middle].code, 2);

		if (order == 0)
			return &countries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const MrCountry *
mr_country_find(MrSlice word)
{
	char code[2];
	const MrCountry *country;

	if (word.length != 2)
		return NULL;
	for (int i = 0; i < 2; i++)
	{
		code[i] = word.text[i];
		if (code[i] >= 'a' && code[i] <= 'z')
			code[i] = (char) (code[i] - ('a' - 'A'));
		if (!is_letter(code[i]))
			return NULL;
	}
	if (memcmp(code, "UK", 2) == 0)
		memcpy(code, "GB", 2);
	country = search(code);
	if (country == NULL && memcmp(code, more_countries[0].code, 2) == 0)
		country = &more_countries[0];
	return country;
}

const MrCountry *
mr_country_at(int number)
{
	return number >= 0 && number < COUNT ? &countries[number] : NULL;
}
