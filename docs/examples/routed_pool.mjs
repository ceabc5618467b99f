// A pool of node-postgres whose connections lead to the primary, wherever it is. The driver
// takes one host only, and cannot ask a server what it is: each new connection asks a sidecar.
import pg from 'pg';

// Where writes go (or reads, near the sidecar), by the first sidecar that answers.
export async function whereTo(op, sidecars) {
	let problem;
	for (const sidecar of sidecars) {
		try {
			const answer = await fetch(`${sidecar}/api/regions/route?op=${op}`, { signal: AbortSignal.timeout(500) });
			const route = await answer.json();
			if (answer.ok && route.host) return route;
			problem = new Error(route.sentence ?? route.message);
		} catch (error) {
			problem = error;
		}
	}
	throw problem;
}

// The order of commits, by their tokens: mr1.SYSTEM.TERM.TIMELINE.POSITION.CHECK.
function isNewer(token, other) {
	const [term, position, otherTerm, otherPosition] = [token, other].flatMap(
		text => text.split('.').filter((_, part) => part === 2 || part === 4).map(hex => BigInt(`0x${hex}`)));
	return term !== otherTerm ? term > otherTerm : position > otherPosition;
}

export class RoutedPool extends pg.Pool {
	constructor({ op = 'write', sidecars, patienceMillis = 15000, ...options }) {
		// The newest commit of any of our connections, told with each (multiregion.report_token).
		const note = token => { if (!this.token || isNewer(token, this.token)) this.token = token; };
		super({
			connectionTimeoutMillis: 2000, // of one attempt: a dead machine answers nothing
			query_timeout: 10000,          // of a statement: so does a frozen one
			keepAlive: true, keepAliveInitialDelayMillis: 5000,
			options: op === 'write' ? '-c multiregion.report_token=on' : '-c multiregion.read_consistency=session -c multiregion.wait_timeout=1s',
			...options,
			Client: class extends pg.Client {
				connect(callback) {
					this.on('error', () => {}); // lost between two statements: the next one says so
					const connected = whereTo(op, sidecars).then(({ host, port }) => {
						Object.assign(this, { host, port });
						this.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
							if (parameterName === 'multiregion.session_token' && parameterValue) note(this.token = parameterValue);
						});
						return super.connect();
					});
					return callback ? connected.then(() => callback(null), callback) : connected;
				}
			},
		});
		this.patienceMillis = patienceMillis;
		this.on('error', () => {}); // an idle connection was lost, and is out of the pool already
	}

	// Without a connection nothing was sent, so trying again is safe; a statement never is.
	async patiently() {
		for (const until = Date.now() + this.patienceMillis; ; ) {
			try {
				return await super.connect();
			} catch (error) {
				if (Date.now() >= until) throw error;
				await new Promise(resolve => setTimeout(resolve, 200));
			}
		}
	}

	connect(callback) {
		const client = this.patiently();
		return callback ? void client.then(client => callback(undefined, client, client.release), callback) : client;
	}
}
