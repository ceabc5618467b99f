// node-postgres: two pools for the life of the process. SIDECARS=http://127.0.0.1:3000,...
import { RoutedPool } from './routed_pool.mjs';

const sidecars = process.env.SIDECARS.split(',');
const primary = new RoutedPool({ op: 'write', sidecars, max: 10 });
const near = new RoutedPool({ op: 'read', sidecars, max: 10 });

// Writes, and returns what the reader needs: its token came with the commit.
export async function write() {
	const client = await primary.connect();
	let failed = true;
	try {
		const { rows } = await client.query('INSERT INTO note DEFAULT VALUES RETURNING id');
		failed = false;
		return { id: rows[0].id, token: client.token };
	} finally {
		client.release(failed); // it may lead to a server that is the primary no more
	}
}

// Reads near by, not before the commit of the token is there; else on the primary.
export async function read(token) {
	const client = await near.connect();
	let failed = true;
	try {
		const { rows: [{ word }] } = await client.query("SELECT wait_for_token($1, '1 s') AS word", [token]);
		failed = word !== 'success' && word !== 'not in recovery';
		if (!failed) return (await client.query('SELECT max(id) AS newest FROM note')).rows[0].newest;
	} finally {
		client.release(failed);
	}
	return (await primary.query('SELECT max(id) AS newest FROM note')).rows[0].newest;
}
