"""An application behind the middleware: notes, written on the primary and read near by, where
each user sees what he has written. SIDECAR=http://127.0.0.1:3000 gunicorn wsgi_app"""
import json, os, threading
from psycopg_pool import ConnectionPool
from multiregion_wsgi import MultiRegion

pools, lock = {}, threading.Lock()

def pool_of(route):
    """A pool for each node that the sidecar has ever named; libpq's variables say the rest."""
    where = 'host={host} port={port}'.format(**route) if route and route['host'] else ''
    with lock:
        if where not in pools:
            pools[where] = ConnectionPool(where, min_size=0, max_size=10, timeout=3, kwargs={
                'connect_timeout': 2, 'tcp_user_timeout': 2000, 'autocommit': True})
        return pools[where]

def notes(environ, start_response):
    multiregion = environ['multiregion']
    with pool_of(multiregion['route']).connection() as connection:
        if environ['REQUEST_METHOD'] == 'POST':
            newest = connection.execute('INSERT INTO note DEFAULT VALUES RETURNING id').fetchone()[0]
            # libpq was told it with the commit, if the role has multiregion.report_token = on
            multiregion['wrote'](connection.execute('SELECT session_token()').fetchone()[0])
        else:
            newest = connection.execute('SELECT max(id) FROM note').fetchone()[0]
    body = json.dumps({'newest': newest}).encode()
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(body)))])
    return [body]

application = MultiRegion(notes, sidecar=os.environ['SIDECAR'], redirect=True,
                          tenant=lambda environ: environ.get('HTTP_X_TENANT'))
