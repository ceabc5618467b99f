"""ASGI middleware of multiregion: asks the sidecar where a request belongs, and carries the
token of a user's last write from request to request. docs/clients.md says how.
  scope['multiregion']['route']         answer of /api/regions/route; None: serve it here
  scope['multiregion']['wrote'](token)  after a commit, before the response begins"""
import asyncio, json, re, urllib.request
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

class MultiRegion:
    def __init__(self, application, sidecar='http://127.0.0.1:3000', tenant=lambda headers: None, redirect=False,
                 timeout=0.5, name='multiregion_token', cookie='HttpOnly; SameSite=Lax; Path=/'):
        self.application, self.url, self.tenant = application, sidecar + '/api/regions/route', tenant
        self.redirect, self.timeout, self.name, self.cookie = redirect, timeout, name, cookie
    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http':
            return await self.application(scope, receive, send)
        write, headers, more, route = scope['method'] not in ('GET', 'HEAD', 'OPTIONS'), {}, [], None
        for name, value in scope['headers']:
            headers.setdefault(name.decode('latin-1'), []).append(value.decode('latin-1'))
        found = re.search(rf'(?:^|; *){self.name}=([\w.-]{{1,80}})', '; '.join(headers.pop('cookie', [])))
        token = (headers.get('x-multiregion-token') or [found[1] if found else ''])[0]
        question = {'op': 'write' if write else 'read', 'tenant': self.tenant(headers), 'peer': (scope['client'] or [None])[0],
                    'headers': {name: headers[name] for name in headers if name != 'authorization'}}
        request = urllib.request.Request(self.url, json.dumps(question).encode(), {
            'Content-Type': 'application/json', 'X-Multiregion-Token': token})
        try:
            route = json.loads(await asyncio.to_thread(lambda: open_url(request, timeout=self.timeout).read()))
            more.append((b'x-multiregion-served-by', '{currentRegion}/{nodeName}; reason={reason}'.format(**route).encode()))
            if token and not route['token']:  # of another cluster, or made up
                more.append((b'set-cookie', f'{self.name}=; Max-Age=0; {self.cookie}'.encode()))
        except (OSError, ValueError): pass  # no sidecar: the request is served here all the same
        elsewhere = route and not route['local'] and (write or route['regionKey'] == route['homeRegionKey'])
        if self.redirect and elsewhere and route['apiEndpoint'] and b'multiregion_hop=' not in scope['query_string']:
            more += [(b'content-length', b'0'), (b'location', route['apiEndpoint'].rstrip('/').encode() + (scope.get('raw_path')
                     or scope['path'].encode()) + (b'?' + scope['query_string'] + b'&multiregion_hop=1').replace(b'?&', b'?', 1))]
            await send({'type': 'http.response.start', 'status': 307, 'headers': more})
            return await send({'type': 'http.response.body'})
        scope['multiregion'] = {'route': route, 'token': token, 'wrote': lambda token: token and more.extend([
            (b'set-cookie', f'{self.name}={token}; {self.cookie}'.encode()), (b'x-multiregion-token', token.encode())])}
        await self.application(scope, receive, lambda message: send(
            {**message, 'headers': [*message.get('headers', []), *more]} if message['type'] == 'http.response.start' else message))
