// Express middleware of multiregion: asks the sidecar where a request belongs, and carries
// the token of a user's last write from request to request. docs/clients.md says how.
//   app.use(multiregion({ tenant: req => req.get('x-tenant'), redirect: true }))
//   req.multiregion.route         answer of /api/regions/route; null: no sidecar, serve it here
//   req.multiregion.wrote(token)  after a commit, before the response is sent
export function multiregion({ sidecar = 'http://127.0.0.1:3000', tenant = () => undefined, redirect = false,
	timeout = 500, name = 'multiregion_token', cookie = { httpOnly: true, sameSite: 'lax' } } = {}) {
	const pattern = new RegExp(`(?:^|; *)${name}=([\\w.-]{1,80})`);
	return async (req, res, next) => {
		const write = !['GET', 'HEAD', 'OPTIONS'].includes(req.method);
		const { cookie: cookies = '', authorization, ...headers } = req.headers;
		const token = req.get('x-multiregion-token') ?? pattern.exec(cookies)?.[1] ?? '';
		let route = null;
		try {
			const answer = await fetch(`${sidecar}/api/regions/route`, {
				method: 'POST', signal: AbortSignal.timeout(timeout),
				headers: { 'content-type': 'application/json', 'x-multiregion-token': token },
				body: JSON.stringify({ op: write ? 'write' : 'read', tenant: tenant(req), headers,
					peer: req.socket.remoteAddress?.replace(/^::ffff:/, '') }) });
			if (answer.ok) route = await answer.json();
		} catch { /* the sidecar does not answer: the request is served here all the same */ }
		const wrote = token => token && res.cookie(name, token, cookie).set('X-Multiregion-Token', token);
		req.multiregion = { route, token, wrote };
		if (!route) return next();
		if (token && !route.token) res.clearCookie(name, cookie); // of another cluster, or made up
		res.set('X-Multiregion-Served-By', `${route.currentRegion}/${route.nodeName}; reason=${route.reason}`);
		const elsewhere = !route.local && (write || route.regionKey === route.homeRegionKey);
		if (!redirect || !elsewhere || !route.apiEndpoint || req.query.multiregion_hop) return next();
		const hop = (req.originalUrl.includes('?') ? '&' : '?') + 'multiregion_hop=1';
		res.redirect(307, route.apiEndpoint.replace(/\/$/, '') + req.originalUrl + hop);
	};
}
