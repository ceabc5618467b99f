"""An application behind the middleware: notes, written on the primary and read near by, where
each user sees what he has written. SIDECAR=http://127.0.0.1:3000 uvicorn asgi_app:application"""
import os
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from multiregion_asgi import MultiRegion

pools = {}

def pool_of(route):
    """A pool for each node that the sidecar has ever named; libpq's variables say the rest."""
    where = 'host={host} port={port}'.format(**route) if route and route['host'] else ''
    if where not in pools:
        pools[where] = AsyncConnectionPool(where, min_size=0, max_size=10, timeout=3, kwargs={
            'connect_timeout': 2, 'tcp_user_timeout': 2000, 'autocommit': True})
    return pools[where]

async def notes(request):
    multiregion = request.scope['multiregion']
    async with pool_of(multiregion['route']).connection() as connection:
        if request.method == 'POST':
            cursor = await connection.execute('INSERT INTO note DEFAULT VALUES RETURNING id')
            newest = (await cursor.fetchone())[0]
            multiregion['wrote']((await (await connection.execute('SELECT session_token()')).fetchone())[0])
        else:
            newest = (await (await connection.execute('SELECT max(id) FROM note')).fetchone())[0]
    return JSONResponse({'newest': newest})

application = MultiRegion(Starlette(routes=[Route('/notes', notes, methods=['GET', 'POST'])]), redirect=True,
                          sidecar=os.environ['SIDECAR'], tenant=lambda headers: headers.get('x-tenant', [None])[0])
