// An application behind the middleware: notes, written on the primary and read near by, where
// each user sees what he has written. node express_app.mjs PORT SIDECAR
import express from 'express';
import pg from 'pg';
import { multiregion } from './multiregion_express.mjs';

// A pool for each node that the sidecar has ever named; without it, for the first of PGHOST.
const pools = new Map();
function poolOf(route) {
	const [host, port] = route?.host ? [route.host, route.port] : [process.env.PGHOST, process.env.PGPORT].map(list => list?.split(',')[0]);
	const key = `${host}:${port}`;
	if (!pools.has(key)) {
		const pool = new pg.Pool({ host, port, max: 10, connectionTimeoutMillis: 2000, query_timeout: 5000, keepAlive: true });
		pool.on('error', () => {}); // an idle connection was lost: the pool has dropped it
		pool.on('connect', client => client.on('error', () => {})); // a lent one: its next statement says so
		pools.set(key, pool);
	}
	return pools.get(key);
}

const app = express();
app.use(multiregion({ sidecar: process.argv[3], tenant: req => req.get('x-tenant'), redirect: true }));
app.get('/notes', async (req, res) => {
	const { rows } = await poolOf(req.multiregion.route).query('SELECT max(id) AS newest FROM note');
	res.json(rows[0]);
});
app.post('/notes', async (req, res) => {
	const client = await poolOf(req.multiregion.route).connect();
	let broken = true;
	try {
		const { rows } = await client.query('INSERT INTO note DEFAULT VALUES RETURNING id');
		req.multiregion.wrote((await client.query('SELECT session_token() AS token')).rows[0].token);
		broken = false;
		res.json({ newest: rows[0].id });
	} finally {
		client.release(broken); // after an error the next one gets another connection
	}
});
app.listen(Number(process.argv[2]), '127.0.0.1');
