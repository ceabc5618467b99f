"""WSGI middleware of multiregion: asks the sidecar where a request belongs, and carries the
token of a user's last write from request to request. docs/clients.md says how.
  environ['multiregion']['route']         answer of /api/regions/route; None: serve it here
  environ['multiregion']['wrote'](token)  after a commit, before start_response()"""
import json, re, urllib.request
from wsgiref.util import application_uri, request_uri
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

class MultiRegion:
    def __init__(self, application, sidecar='http://127.0.0.1:3000', tenant=lambda environ: None, redirect=False,
                 timeout=0.5, name='multiregion_token', cookie='HttpOnly; SameSite=Lax; Path=/'):
        self.application, self.url, self.tenant = application, sidecar + '/api/regions/route', tenant
        self.redirect, self.timeout, self.name, self.cookie = redirect, timeout, name, cookie

    def __call__(self, environ, start_response):
        write, more = environ['REQUEST_METHOD'] not in ('GET', 'HEAD', 'OPTIONS'), []
        found = re.search(rf'(?:^|; *){self.name}=([\w.-]{{1,80}})', environ.get('HTTP_COOKIE', ''))
        token = environ.get('HTTP_X_MULTIREGION_TOKEN') or (found[1] if found else '')
        headers = {name[5:].replace('_', '-'): value for name, value in environ.items()
                   if name.startswith('HTTP_') and name not in ('HTTP_COOKIE', 'HTTP_AUTHORIZATION')}
        question = json.dumps({'op': 'write' if write else 'read', 'tenant': self.tenant(environ),
                               'headers': headers, 'peer': environ.get('REMOTE_ADDR') or None}).encode()
        try:
            route = json.load(open_url(urllib.request.Request(self.url, question, {
                'Content-Type': 'application/json', 'X-Multiregion-Token': token}), timeout=self.timeout))
            more.append(('X-Multiregion-Served-By', '{currentRegion}/{nodeName}; reason={reason}'.format(**route)))
        except (OSError, ValueError):
            route = None  # the sidecar does not answer: the request is served here all the same
        if route and token and not route['token']:  # of another cluster, or made up
            more.append(('Set-Cookie', f'{self.name}=; Max-Age=0; {self.cookie}'))
        elsewhere = route and not route['local'] and (write or route['regionKey'] == route['homeRegionKey'])
        query = environ.get('QUERY_STRING', '')
        if self.redirect and elsewhere and route['apiEndpoint'] and 'multiregion_hop=' not in query:
            path = request_uri(environ)[len(application_uri({**environ, 'SCRIPT_NAME': ''})) - 1:]
            more.append(('Location', f"{route['apiEndpoint'].rstrip('/')}{path}{'&' if query else '?'}multiregion_hop=1"))
            start_response('307 Temporary Redirect', more + [('Content-Length', '0')])
            return []
        environ['multiregion'] = {'route': route, 'token': token, 'wrote': lambda token: token and more.extend([
            ('Set-Cookie', f'{self.name}={token}; {self.cookie}'), ('X-Multiregion-Token', token)])}
        return self.application(environ, lambda status, headers, *rest: start_response(status, headers + more, *rest))
