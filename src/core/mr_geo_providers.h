/*
 * The headers in which CDNs and platforms tell where a client is: once.
 *
 * A provider may use several names for one thing; the first that is there and says
 * something counts. Where the operator of a load balancer chooses the names (Google,
 * Azure, nginx), these are the ones that manuals use; multiregion.geo_headers changes them.
 */
#ifndef MR_GEO_PROVIDERS_H
#define MR_GEO_PROVIDERS_H

/* X(symbol, word). At most 32; appended at the end. */
#define MR_GEO_PROVIDER_LIST(X) \
	X(MR_GEO_CLOUDFLARE, "cloudflare") \
	X(MR_GEO_CLOUDFRONT, "cloudfront") \
	X(MR_GEO_FASTLY, "fastly") \
	X(MR_GEO_AKAMAI, "akamai") \
	X(MR_GEO_VERCEL, "vercel") \
	X(MR_GEO_NETLIFY, "netlify") \
	X(MR_GEO_FLY, "fly") \
	X(MR_GEO_GOOGLE, "google") \
	X(MR_GEO_APP_ENGINE, "app_engine") \
	X(MR_GEO_AZURE, "azure") \
	X(MR_GEO_NGINX, "nginx") \
	X(MR_GEO_CUSTOM, "custom")

/* What a header can tell. record: all in one; edge: code of the place that took the request. */
#define MR_GEO_FIELD_LIST(X) \
	X(MR_GEO_COUNTRY, "country") \
	X(MR_GEO_SUBDIVISION, "subdivision") \
	X(MR_GEO_CONTINENT, "continent") \
	X(MR_GEO_CITY, "city") \
	X(MR_GEO_LATITUDE, "latitude") \
	X(MR_GEO_LONGITUDE, "longitude") \
	X(MR_GEO_COORDINATES, "coordinates") \
	X(MR_GEO_TIME_ZONE, "time_zone") \
	X(MR_GEO_ADDRESS, "client_address") \
	X(MR_GEO_EDGE, "edge") \
	X(MR_GEO_RECORD, "record")

/*
 * How it is written. plain: as it is; port: an address and always a port; prefixed: a
 * subdivision with its country before it (USCA); code: fra, or fra1::iad1::x; ray: the code
 * behind the last hyphen; base64: JSON as Netlify's; pairs: a=b,c=d as Akamai's.
 */
#define MR_GEO_FORMAT_LIST(X) \
	X(MR_GEO_PLAIN, "plain") \
	X(MR_GEO_PERCENT, "percent") \
	X(MR_GEO_ESCAPED, "escaped") \
	X(MR_GEO_PREFIXED, "prefixed") \
	X(MR_GEO_PORT, "port") \
	X(MR_GEO_CODE, "code") \
	X(MR_GEO_RAY, "ray") \
	X(MR_GEO_BASE64, "base64") \
	X(MR_GEO_PAIRS, "pairs")

/* X(provider, field, format, header), in lower case. */
#define MR_GEO_HEADER_LIST(X) \
	X(CLOUDFLARE, COUNTRY, PLAIN, "cf-ipcountry") \
	X(CLOUDFLARE, SUBDIVISION, PLAIN, "cf-region-code") \
	X(CLOUDFLARE, CONTINENT, PLAIN, "cf-ipcontinent") \
	X(CLOUDFLARE, CITY, ESCAPED, "cf-ipcity") \
	X(CLOUDFLARE, LATITUDE, PLAIN, "cf-iplatitude") \
	X(CLOUDFLARE, LONGITUDE, PLAIN, "cf-iplongitude") \
	X(CLOUDFLARE, TIME_ZONE, PLAIN, "cf-timezone") \
	X(CLOUDFLARE, ADDRESS, PLAIN, "cf-connecting-ip") \
	X(CLOUDFLARE, EDGE, RAY, "cf-ray") \
	X(CLOUDFRONT, COUNTRY, PERCENT, "cloudfront-viewer-country") \
	X(CLOUDFRONT, SUBDIVISION, PERCENT, "cloudfront-viewer-country-region") \
	X(CLOUDFRONT, CITY, PERCENT, "cloudfront-viewer-city") \
	X(CLOUDFRONT, LATITUDE, PERCENT, "cloudfront-viewer-latitude") \
	X(CLOUDFRONT, LONGITUDE, PERCENT, "cloudfront-viewer-longitude") \
	X(CLOUDFRONT, TIME_ZONE, PERCENT, "cloudfront-viewer-time-zone") \
	X(CLOUDFRONT, ADDRESS, PORT, "cloudfront-viewer-address") \
	X(FASTLY, COUNTRY, PLAIN, "fastly-geo-country") \
	X(FASTLY, COUNTRY, PLAIN, "fastly-geoip-country-code") \
	X(FASTLY, COUNTRY, PLAIN, "x-fastly-country-code") \
	X(FASTLY, SUBDIVISION, PLAIN, "fastly-geo-region") \
	X(FASTLY, CONTINENT, PLAIN, "fastly-geo-continent") \
	X(FASTLY, CITY, PLAIN, "fastly-geo-city") \
	X(FASTLY, LATITUDE, PLAIN, "fastly-geo-latitude") \
	X(FASTLY, LONGITUDE, PLAIN, "fastly-geo-longitude") \
	X(FASTLY, ADDRESS, PLAIN, "fastly-client-ip") \
	X(AKAMAI, RECORD, PAIRS, "x-akamai-edgescape") \
	X(AKAMAI, ADDRESS, PLAIN, "true-client-ip") \
	X(VERCEL, COUNTRY, PLAIN, "x-vercel-ip-country") \
	X(VERCEL, SUBDIVISION, PLAIN, "x-vercel-ip-country-region") \
	X(VERCEL, CONTINENT, PLAIN, "x-vercel-ip-continent") \
	X(VERCEL, CITY, PERCENT, "x-vercel-ip-city") \
	X(VERCEL, LATITUDE, PLAIN, "x-vercel-ip-latitude") \
	X(VERCEL, LONGITUDE, PLAIN, "x-vercel-ip-longitude") \
	X(VERCEL, TIME_ZONE, PERCENT, "x-vercel-ip-timezone") \
	X(VERCEL, ADDRESS, PLAIN, "x-vercel-forwarded-for") \
	X(VERCEL, ADDRESS, PLAIN, "x-real-ip") \
	X(VERCEL, EDGE, CODE, "x-vercel-id") \
	X(NETLIFY, RECORD, BASE64, "x-nf-geo") \
	X(NETLIFY, COUNTRY, PLAIN, "x-country") \
	X(NETLIFY, ADDRESS, PLAIN, "x-nf-client-connection-ip") \
	X(FLY, EDGE, CODE, "fly-region") \
	X(FLY, ADDRESS, PLAIN, "fly-client-ip") \
	X(GOOGLE, COUNTRY, PLAIN, "x-client-region") \
	X(GOOGLE, SUBDIVISION, PREFIXED, "x-client-region-subdivision") \
	X(GOOGLE, CITY, PLAIN, "x-client-city") \
	X(GOOGLE, COORDINATES, PLAIN, "x-client-city-lat-long") \
	X(APP_ENGINE, COUNTRY, PLAIN, "x-appengine-country") \
	X(APP_ENGINE, SUBDIVISION, PLAIN, "x-appengine-region") \
	X(APP_ENGINE, CITY, PLAIN, "x-appengine-city") \
	X(APP_ENGINE, COORDINATES, PLAIN, "x-appengine-citylatlong") \
	X(APP_ENGINE, ADDRESS, PLAIN, "x-appengine-user-ip") \
	X(AZURE, COUNTRY, PLAIN, "x-azure-geo-country") \
	X(AZURE, ADDRESS, PLAIN, "x-azure-socketip") \
	X(NGINX, COUNTRY, PLAIN, "x-country-code") \
	X(NGINX, COUNTRY, PLAIN, "geoip-country-code") \
	X(NGINX, COUNTRY, PLAIN, "x-geo-country") \
	X(NGINX, SUBDIVISION, PLAIN, "x-region-code") \
	X(NGINX, SUBDIVISION, PLAIN, "geoip-region") \
	X(NGINX, CITY, PLAIN, "x-city") \
	X(NGINX, LATITUDE, PLAIN, "x-latitude") \
	X(NGINX, LONGITUDE, PLAIN, "x-longitude") \
	X(NGINX, COORDINATES, PLAIN, "x-client-lat-long") \
	X(NGINX, ADDRESS, PLAIN, "x-real-ip")

#define MR_GEO_ENUM(symbol, word) symbol,

typedef enum MrGeoProvider
{
	MR_GEO_PROVIDER_LIST(MR_GEO_ENUM) MR_GEO_PROVIDER_COUNT
} MrGeoProvider;
typedef enum MrGeoField
{
	MR_GEO_FIELD_LIST(MR_GEO_ENUM) MR_GEO_FIELD_COUNT
} MrGeoField;
typedef enum MrGeoFormat
{
	MR_GEO_FORMAT_LIST(MR_GEO_ENUM) MR_GEO_FORMAT_COUNT
} MrGeoFormat;

#endif /* MR_GEO_PROVIDERS_H */
